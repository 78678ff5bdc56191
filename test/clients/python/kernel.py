"""Pushes a kernel, tags a version of it, and reads it back as the `kernels` library does."""

import json
import sys
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import RemoteEntryNotFoundError, RevisionNotFoundError

asked = json.loads(sys.argv[1])
name, folder = asked["name"], Path(asked["folder"])
api = HfApi()


def refused(call, error):
    try:
        call()
    except error:
        return True
    return False


url = api.create_repo(name, repo_type="kernel")
(folder / "build").mkdir()
(folder / "build" / "kernel.py").write_text("print(1)")
commit = api.upload_folder(folder_path=folder, repo_id=url.repo_id, repo_type="kernel")
api.create_branch(url.repo_id, repo_type="kernel", branch="v1")
(folder / "build" / "kernel.py").write_text("print(2)")
api.upload_folder(folder_path=folder, repo_id=url.repo_id, repo_type="kernel")


def read(**of):
    return Path(hf_hub_download(url.repo_id, "build/kernel.py", repo_type="kernel", **of)).read_text()


whole = snapshot_download(url.repo_id, repo_type="kernel", allow_patterns="build/*")
info = api.kernel_info(url.repo_id)
head = api.list_repo_commits(url.repo_id, repo_type="kernel")[0].commit_id
print(
    json.dumps(
        {
            "url": str(url),
            "type": url.repo_type,
            "commitUrl": commit.commit_url,
            "files": sorted(api.list_repo_files(url.repo_id, repo_type="kernel")),
            "branches": sorted(ref.name for ref in api.list_repo_refs(url.repo_id, repo_type="kernel").branches),
            "read": [read(), read(revision="v1"), read(local_files_only=True)],
            "snapshot": sorted(str(path.relative_to(whole)) for path in Path(whole).rglob("*.py")),
            "info": [info.id, info.author, info.private, info.sha == head],
            "liked": info.likes,
            "refused": [
                refused(lambda: read(revision="v9"), RevisionNotFoundError),
                refused(
                    lambda: hf_hub_download(url.repo_id, "missing.md", repo_type="kernel"), RemoteEntryNotFoundError
                ),
            ],
        }
    )
)
