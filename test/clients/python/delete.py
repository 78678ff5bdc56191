"""Deletes repositories: {"repos": [[type, id]]}. Prints whether each is still there afterwards."""

import json
import sys

from huggingface_hub import HfApi

api = HfApi()
left = []
for kind, repo in json.loads(sys.argv[1])["repos"]:
    api.delete_repo(repo, repo_type=kind)
    api.delete_repo(repo, repo_type=kind, missing_ok=True)
    left.append(api.repo_exists(repo, repo_type=kind))
print(json.dumps(left))
