"""Pushes a folder, or single files, as `huggingface_hub` does it. Prints {"oid"}."""

import json
import sys

from huggingface_hub import HfApi

wanted = json.loads(sys.argv[1])
repo, kind = wanted["repo"], wanted.get("type", "model")
api = HfApi()
api.create_repo(repo, repo_type=kind, private=wanted.get("private"), exist_ok=True)
if "folder" in wanted:
    commit = api.upload_folder(repo_id=repo, repo_type=kind, folder_path=wanted["folder"])
for path, local in wanted.get("files", {}).items():
    commit = api.upload_file(repo_id=repo, repo_type=kind, path_in_repo=path, path_or_fileobj=local)
print(json.dumps({"oid": commit.oid}))
