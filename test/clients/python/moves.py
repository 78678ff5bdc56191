"""What becomes of repositories that are moved, duplicated, squashed, and rid of large files, in the words of HfApi."""

import json
import sys
import time
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationCopy, HfApi, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils._runtime import is_xet_available

wanted = json.loads(sys.argv[1])
assert is_xet_available() == wanted["xet"]
repo, other, stranger = wanted["repo"], wanted["other"], HfApi(token=wanted["stranger"])
api = HfApi()


def content(repo_id, path, by=api, **place):
    return Path(by.hf_hub_download(repo_id, path, force_download=True, **place)).read_bytes()


def refused(call, *args, **more):
    try:
        call(*args, **more)
    except HfHubHTTPError as error:
        return error
    raise AssertionError("was not refused")


weights, more = bytes(range(256)) * 500, bytes(range(255, -1, -1)) * 700
api.create_repo(repo, private=True)
files = {"notes.txt": b"notes", "deep/weights.bin": weights}
api.create_commit(repo, [CommitOperationAdd(*file) for file in files.items()], commit_message="Two files")

# A new name; everything goes on under the old one.
moved = f"{repo}-moved"
api.move_repo(repo, moved)
assert api.model_info(repo).id == moved
assert api.repo_exists(repo)
assert content(repo, "notes.txt") == b"notes"
assert content(repo, "deep/weights.bin") == weights
assert sorted(api.list_repo_files(repo)) == [".gitattributes", "deep/weights.bin", "notes.txt"]
snapshot = Path(api.snapshot_download(repo))
assert (snapshot / "deep/weights.bin").read_bytes() == weights
api.upload_file(repo_id=repo, path_in_repo="more.bin", path_or_fileobj=more)
api.upload_file(repo_id=repo, path_in_repo="notes.txt", path_or_fileobj=b"more notes")
assert content(moved, "more.bin") == more and content(moved, "notes.txt") == b"more notes"
api.create_branch(repo, branch="side")
api.create_tag(repo, tag="v1", tag_message="the first")
assert [ref.name for ref in api.list_repo_refs(moved).tags] == ["v1"]
# Others are told of neither name.
for name in (repo, moved):
    assert isinstance(refused(stranger.model_info, name), RepositoryNotFoundError)
    address = hf_hub_url(name, "notes.txt")
    assert isinstance(refused(stranger.get_hf_file_metadata, url=address), RepositoryNotFoundError)
taken = refused(api.move_repo, moved, wanted["taken"])
assert f"A model repository called {wanted['taken']} already exists" in str(taken), taken
assert refused(api.move_repo, moved, f"{stranger.whoami()['name']}/x").response.status_code == 403

# There and back.
api.move_repo(moved, other)
assert api.model_info(repo).id == other and api.model_info(moved).id == other
api.move_repo(other, repo)
assert api.model_info(repo).id == repo and api.model_info(other).id == repo

# A duplicate, of which the files are there at once.
api.update_repo_settings(repo, visibility="public")
url = api.duplicate_repo(repo, other, private=True)
assert url.repo_id == other and url.files_copy_pending is False, url
assert api.duplicate_repo(repo, other, exist_ok=True) == url
assert refused(api.duplicate_repo, repo, other).response.status_code == 409
assert content(other, "deep/weights.bin") == weights and api.model_info(other).private
assert [branch.name for branch in api.list_repo_refs(other).branches] == ["main", "side"]
# It has the name now.
assert api.model_info(other).id == other
own = stranger.duplicate_repo(repo)
assert content(own.repo_id, "more.bin", stranger) == more, own

# One commit.
api.super_squash_history(other, commit_message="Squashed")
assert [commit.title for commit in api.list_repo_commits(other)] == ["Squashed"]
assert len(api.list_repo_commits(other, revision="side")) == 4
assert content(other, "deep/weights.bin") == weights

# Copies from one repository to another.
kind = {"repo_type": "dataset"}
api.create_repo(other, **kind)
source = {"src_repo_id": repo, "src_repo_type": "model"}
api.create_commit(
    other,
    [
        CommitOperationCopy("deep/weights.bin", "copied/w.bin", **source),
        CommitOperationCopy("notes.txt", "copied/n.txt", **source),
    ],
    commit_message="Copy",
    **kind,
)
assert content(other, "copied/w.bin", **kind) == weights
assert content(other, "copied/n.txt", **kind) == b"more notes"

# Large files are deleted for good; what others have stays theirs.
listed = {file.filename: file for file in api.list_lfs_files(other)}
assert sorted(listed) == ["deep/weights.bin", "more.bin"], listed
assert listed["more.bin"].size == len(more) and listed["more.bin"].ref == "refs/heads/main", listed
api.permanently_delete_lfs_files(other, [listed["deep/weights.bin"]])
assert [file.filename for file in api.list_lfs_files(other)] == ["more.bin"]
for attempt in range(100):
    if all("deep/weights.bin" not in api.list_repo_files(other, revision=ref) for ref in ("main", "side", "v1")):
        break
    time.sleep(0.1)
else:
    raise AssertionError("the deleted file is in the history yet")
try:
    content(other, "deep/weights.bin")
    raise AssertionError("a deleted file was served")
except EntryNotFoundError:
    pass
assert content(other, "more.bin") == more
assert content(repo, "deep/weights.bin") == weights
assert content(other, "copied/w.bin", **kind) == weights
print(json.dumps({"done": True}))
