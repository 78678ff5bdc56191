"""A repository's life in the words of HfApi. Asserts what each call says; prints what the outside can compare."""

import json
import sys

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.hf_api import RepoFile, RepoFolder

wanted = json.loads(sys.argv[1])
repo, endpoint = wanted["repo"], wanted["endpoint"]
api = HfApi()

# Who asks.
me = api.whoami()
assert me["type"] == "user" and me["name"] == repo.split("/")[0], me
assert [org["name"] for org in me["orgs"]] == ["acme"], me
assert me["auth"]["accessToken"]["role"] == "write", me

# A new repository.
url = api.create_repo(repo)
assert url == f"{endpoint}/{repo}" and url.repo_id == repo and url.repo_type == "model", url
assert api.create_repo(repo, exist_ok=True) == url
assert api.repo_exists(repo) and not api.repo_exists(f"{repo}-not")
assert api.list_repo_files(repo) == [".gitattributes"]
first = api.list_repo_commits(repo)
assert [commit.title for commit in first] == ["initial commit"], first
api.auth_check(repo)
api.auth_check(repo, write=True)

# One commit that adds a regular and a large file; it is told apart by what the server says at preupload.
commit = api.create_commit(
    repo,
    operations=[
        CommitOperationAdd("README.md", b"---\nlicense: mit\nlanguage: en\ntags:\n- trial\n---\n# Trial\n"),
        CommitOperationAdd("sub/dir/notes.txt", b"hello\n"),
        CommitOperationAdd("weights.bin", bytes(range(256)) * 400),
    ],
    commit_message="Add three files",
    commit_description="and say why",
)
assert commit.commit_url == f"{endpoint}/{repo}/commit/{commit.oid}", commit
assert commit.repo_url.repo_id == repo

info = api.model_info(repo, files_metadata=True)
assert info.id == repo and info.author == me["name"] and info.sha == commit.oid and info.private is False, info
assert info.card_data["license"] == "mit", info.card_data
assert "license:mit" in info.tags and "trial" in info.tags, info.tags
weights = next(sibling for sibling in info.siblings if sibling.rfilename == "weights.bin")
assert weights.size == 102400 and weights.lfs.size == 102400 and len(weights.lfs.sha256) == 64, weights
assert set(vars(api.model_info(repo, expand=["sha", "tags"]))) >= {"id", "sha", "tags"}

tree = list(api.list_repo_tree(repo, recursive=True, expand=True))
kinds = {entry.path: type(entry) for entry in tree}
assert kinds == {
    ".gitattributes": RepoFile,
    "README.md": RepoFile,
    "sub": RepoFolder,
    "sub/dir": RepoFolder,
    "sub/dir/notes.txt": RepoFile,
    "weights.bin": RepoFile,
}, kinds
notes = next(entry for entry in tree if entry.path == "sub/dir/notes.txt")
assert notes.size == 6 and notes.blob_id == "ce013625030ba8dba906f756967f9e9ca394464a", notes  # git hash-object
assert notes.last_commit.oid == commit.oid and notes.last_commit.title == "Add three files"
large = next(entry for entry in tree if entry.path == "weights.bin")
assert large.lfs.sha256 == weights.lfs.sha256 and large.size == 102400 and len(large.xet_hash) == 64, large
assert [entry.path for entry in api.list_repo_tree(repo, "sub")] == ["sub/dir"]
found = api.get_paths_info(repo, ["sub", "README.md", "absent"], expand=True)
assert sorted(entry.path for entry in found) == ["README.md", "sub"], found
assert api.file_exists(repo, "sub/dir/notes.txt") and not api.file_exists(repo, "sub/dir")
metadata = api.get_hf_file_metadata(url=f"{endpoint}/{repo}/resolve/main/weights.bin")
assert metadata.commit_hash == commit.oid and metadata.etag == large.lfs.sha256 and metadata.size == 102400, metadata

# Nothing changed: no commit.
same = api.upload_file(repo_id=repo, path_in_repo="weights.bin", path_or_fileobj=bytes(range(256)) * 400)
assert same.oid == commit.oid, same

# Branches and tags.
api.create_branch(repo, branch="trial/one")
api.create_branch(repo, branch="trial/one", exist_ok=True)
api.create_branch(repo, branch="start", revision=first[0].commit_id)
api.create_tag(repo, tag="v1", tag_message="The first")
branched = api.upload_file(
    repo_id=repo, path_in_repo="only-here.txt", path_or_fileobj=b"branch\n", revision="trial/one"
)
refs = api.list_repo_refs(repo)
assert {branch.name: branch.target_commit for branch in refs.branches} == {
    "main": commit.oid,
    "start": first[0].commit_id,
    "trial/one": branched.oid,
}, refs
assert [(tag.name, tag.ref) for tag in refs.tags] == [("v1", "refs/tags/v1")], refs
assert api.revision_exists(repo, "v1") and not api.revision_exists(repo, "v2")
assert api.file_exists(repo, "only-here.txt", revision="trial/one") and not api.file_exists(repo, "only-here.txt")
assert api.model_info(repo, revision="v1").sha == commit.oid
assert api.list_repo_files(repo, revision="start") == [".gitattributes"]

# History, newest first; deletes; a parent that is no longer the newest is refused.
removed = api.create_commit(
    repo,
    operations=[CommitOperationDelete("sub/"), CommitOperationAdd("new.txt", b"new\n")],
    commit_message="Remove a folder",
    parent_commit=commit.oid,
)
assert sorted(api.list_repo_files(repo)) == [".gitattributes", "README.md", "new.txt", "weights.bin"]
history = api.list_repo_commits(repo, formatted=True)
assert [entry.title for entry in history] == ["Remove a folder", "Add three files", "initial commit"], history
assert history[1].message == "and say why" and history[1].authors == [me["name"]], history[1]
api.delete_file("new.txt", repo)
assert not api.file_exists(repo, "new.txt")
try:
    api.create_commit(repo, operations=[CommitOperationAdd("late.txt", b"late")], commit_message="x", parent_commit=commit.oid)
    raise AssertionError("a stale parent was taken")
except Exception as error:  # noqa: BLE001
    assert "412" in str(error), error

# Found again by those who look for it.
assert repo in [model.id for model in api.list_models(author=me["name"])]
assert [model.id for model in api.list_models(search=repo.split("/")[1])] == [repo]
assert repo in [model.id for model in api.list_models(filter="license:mit", sort="last_modified", limit=5)]
assert list(api.list_models(filter="license:apache-2.0", author=me["name"])) == []

# Kept from others, and shown again.
api.update_repo_settings(repo, private=True)
assert api.model_info(repo).private is True
api.update_repo_settings(repo, private=False)

api.delete_tag(repo, tag="v1")
api.delete_branch(repo, branch="trial/one")
refs = api.list_repo_refs(repo)
assert sorted(branch.name for branch in refs.branches) == ["main", "start"] and refs.tags == [], refs
print(json.dumps({"head": api.model_info(repo).sha, "removed": removed.oid, "weights": weights.lfs.sha256}))
