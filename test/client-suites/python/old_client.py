"""What people do with an old huggingface_hub: `python old_client.py`, with HF_ENDPOINT, HF_TOKEN and SUITES_OUTCOMES.

Each function is a test and writes one line of outcome. They run in this order, on one model that the first makes.
"""

import json
import os
import tempfile
import traceback
from pathlib import Path

import huggingface_hub
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    hf_hub_download,
    model_info,
    snapshot_download,
)
from huggingface_hub.utils import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

api = HfApi()
repo_id = f"__DUMMY_HUB_USER__/old-{huggingface_hub.__version__}"
weights = os.urandom(3_000_000)
place = Path(tempfile.mkdtemp())


def sign_in():
    assert api.whoami()["name"] == "__DUMMY_HUB_USER__"


def create_a_private_model():
    assert api.create_repo(repo_id, private=True).repo_id == repo_id
    api.create_repo(repo_id, private=True, exist_ok=True)


def upload_a_file():
    url = api.upload_file(path_or_fileobj=b"# Old\n", path_in_repo="README.md", repo_id=repo_id)
    assert url.startswith(f"{api.endpoint}/{repo_id}/")


def upload_a_folder():
    folder = place / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "sub" / "config.json").write_text("{}")
    api.upload_folder(folder_path=folder, repo_id=repo_id, commit_message="A folder")


def upload_a_large_folder():
    folder = place / "large"
    folder.mkdir()
    for number in range(3):
        (folder / f"shard-{number}.bin").write_bytes(weights[number:])
    api.upload_large_folder(repo_id=repo_id, folder_path=folder, repo_type="model", print_report=False)
    assert "shard-2.bin" in api.list_repo_files(repo_id)


def download_a_file_by_a_revision():
    path = hf_hub_download(repo_id, "model.safetensors", revision="main", cache_dir=place / "cache")
    assert Path(path).read_bytes() == weights
    commit = api.list_repo_commits(repo_id)[0].commit_id
    assert commit in hf_hub_download(repo_id, "README.md", revision=commit, cache_dir=place / "cache")


def download_to_a_folder():
    path = hf_hub_download(repo_id, "sub/config.json", local_dir=place / "local")
    assert Path(path).read_text() == "{}"


def download_a_snapshot():
    folder = snapshot_download(repo_id, allow_patterns=["*.json", "*.safetensors"], cache_dir=place / "snapshot")
    assert (Path(folder) / "model.safetensors").read_bytes() == weights
    assert not (Path(folder) / "README.md").exists()


def tell_of_a_model():
    info = model_info(repo_id, files_metadata=True)
    sizes = {sibling.rfilename: sibling.size for sibling in info.siblings}
    assert sizes["model.safetensors"] == len(weights) and info.private and info.sha
    assert [path.path for path in api.get_paths_info(repo_id, ["sub"])] == ["sub"]
    assert {"README.md", "sub"} <= {entry.path for entry in api.list_repo_tree(repo_id)}


def list_models():
    assert repo_id in [model.id for model in api.list_models(author="__DUMMY_HUB_USER__")]


def commit_adds_and_deletes():
    api.create_commit(
        repo_id,
        [CommitOperationAdd("a.txt", b"a"), CommitOperationDelete("sub/config.json")],
        commit_message="Both",
        commit_description="at once",
    )
    files = api.list_repo_files(repo_id)
    assert "a.txt" in files and "sub/config.json" not in files


def branch_and_tag():
    api.create_branch(repo_id, branch="old")
    api.create_tag(repo_id, tag="v1", tag_message="First")
    refs = api.list_repo_refs(repo_id)
    assert {branch.name for branch in refs.branches} == {"main", "old"} and refs.tags[0].name == "v1"
    api.upload_file(path_or_fileobj=b"on a branch", path_in_repo="b.txt", repo_id=repo_id, revision="old")
    assert api.file_exists(repo_id, "b.txt", revision="old") and not api.file_exists(repo_id, "b.txt")
    api.delete_branch(repo_id, branch="old")


def read_by_the_file_system():
    files = HfFileSystem()
    assert files.read_text(f"{repo_id}/README.md") == "# Old\n"
    with files.open(f"{repo_id}/model.safetensors", "rb") as opened:
        opened.seek(1_000_000)
        assert opened.read(10) == weights[1_000_000:1_000_010]


def name_what_is_missing():
    for error, call in (
        (RepositoryNotFoundError, lambda: api.model_info("__DUMMY_HUB_USER__/absent")),
        (RevisionNotFoundError, lambda: api.model_info(repo_id, revision="absent")),
        (EntryNotFoundError, lambda: hf_hub_download(repo_id, "absent", cache_dir=place / "cache")),
        (RepositoryNotFoundError, lambda: api.model_info(repo_id, token=False)),
    ):
        try:
            call()
        except error:
            continue
        raise AssertionError(f"no {error.__name__}")


def show_a_model_to_all():
    if hasattr(api, "update_repo_settings"):
        api.update_repo_settings(repo_id, private=False)
    assert not api.model_info(repo_id, token=False).private


def delete_a_model():
    api.delete_repo(repo_id)
    assert not api.repo_exists(repo_id)


TESTS = [
    sign_in,
    create_a_private_model,
    upload_a_file,
    upload_a_folder,
    upload_a_large_folder,
    download_a_file_by_a_revision,
    download_to_a_folder,
    download_a_snapshot,
    tell_of_a_model,
    list_models,
    commit_adds_and_deletes,
    branch_and_tag,
    read_by_the_file_system,
    name_what_is_missing,
    show_a_model_to_all,
    delete_a_model,
]

with open(os.environ["SUITES_OUTCOMES"], "a") as outcomes:
    for test in TESTS:
        said = {"id": f"huggingface_hub {huggingface_hub.__version__}::{test.__name__}", "outcome": "passed"}
        try:
            test()
        except Exception as error:
            traceback.print_exc()
            said |= {"outcome": "failed", "why": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        print(json.dumps(said), file=outcomes, flush=True)
