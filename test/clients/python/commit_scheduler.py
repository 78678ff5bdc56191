"""Lets a CommitScheduler push a folder that grows."""

import json
import sys
from pathlib import Path

from huggingface_hub import CommitScheduler, HfApi

given = json.loads(sys.argv[1])
folder = Path(given["folder"])
scheduler = CommitScheduler(repo_id=given["repo"], repo_type="dataset", folder_path=folder, path_in_repo="log", every=60)
for line in ("one", "two"):
    with scheduler.lock, (folder / "rows.jsonl").open("a") as file:
        file.write(json.dumps({"line": line}) + "\n")
    scheduler.trigger().result()
scheduler.stop()

api = HfApi()
path = api.hf_hub_download(given["repo"], "log/rows.jsonl", repo_type="dataset")
commits = api.list_repo_commits(given["repo"], repo_type="dataset")
print(json.dumps({"text": Path(path).read_text(), "titles": sorted({commit.title for commit in commits})}))
