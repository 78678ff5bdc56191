"""
A pull request by somebody who may only read, talked about and merged by the owner, as `huggingface_hub` does it. Raises when
anything is not as it should be. Prints {"pr", "oid", "image", "events"}.
"""

import json
import sys
import warnings
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError

wanted = json.loads(sys.argv[1])
repo, folder = wanted["repo"], Path(wanted["folder"])
owner, reader = HfApi(token=wanted["owner"]), HfApi(token=wanted["reader"])
warnings.simplefilter("ignore")


def status_of(call, *given, **named):
    try:
        call(*given, **named)
    except HfHubHTTPError as error:
        return error.response.status_code, error.server_message
    return None


owner.create_repo(repo)
owner.upload_file(repo_id=repo, path_in_repo="old.txt", path_or_fileobj=b"old\n")

# A commit that opens it, with a file of each kind.
made = reader.create_commit(
    repo,
    [
        CommitOperationAdd("new.txt", b"by a reader\n"),
        CommitOperationAdd("weights.bin", folder / "weights.bin"),
        CommitOperationDelete("old.txt"),
    ],
    commit_message="Better weights",
    commit_description="They *are* better.",
    create_pr=True,
)
number, revision = made.pr_num, made.pr_revision
assert made.pr_url == f"{owner.endpoint}/{repo}/discussions/{number}", made.pr_url

# More of it, by its author and by the owner.
reader.upload_folder(
    repo_id=repo, folder_path=folder, path_in_repo="more", revision=revision, commit_message="More weights"
)
owner.upload_file(repo_id=repo, path_in_repo="owner.txt", path_or_fileobj=b"x", revision=revision)
assert status_of(reader.upload_file, repo_id=repo, path_in_repo="x", path_or_fileobj=b"x")[0] == 403
assert status_of(reader.merge_pull_request, repo, number)[0] == 403

details = owner.get_discussion_details(repo, number)
assert (details.status, details.author, details.target_branch) == ("open", "bob", "refs/heads/main"), details
assert details.conflicting_files == [] and "+by a reader" in details.diff and "-old" in details.diff, details.diff
assert details.events[0].content == "They *are* better." and details.events[0].rendered.startswith("<p>"), details.events[0]
assert [event.summary for event in details.events if event.type == "commit"][:2] == ["Better weights", "More weights"]
assert details.events[1].oid == made.oid
path = reader.hf_hub_download(repo, "more/weights.bin", revision=revision)
assert Path(path).read_bytes() == (folder / "weights.bin").read_bytes()

# What is said about it.
image = reader.upload_attachment(folder / "plot.png")
said = reader.comment_discussion(repo, number, f"![plot]({image})")
edited = reader.edit_discussion_comment(repo, number, said.id, "On second thought, no plot.")
assert edited.edited and edited.number_of_edits == 1 and edited.last_edited_by == "bob"
insult = reader.comment_discussion(repo, number, "An insult")
assert owner.hide_discussion_comment(repo, number, insult.id).hidden
renamed = owner.rename_discussion(repo, number, "The best weights")
assert (renamed.old_title, renamed.new_title) == ("Better weights", "The best weights")

# The same file on both sides.
owner.upload_file(repo_id=repo, path_in_repo="new.txt", path_or_fileobj=b"by the owner\n")
assert owner.get_discussion_details(repo, number).conflicting_files == ["new.txt"]
status, words = status_of(owner.merge_pull_request, repo, number)
assert status == 409 and "new.txt" in words, words
reader.upload_file(repo_id=repo, path_in_repo="new.txt", path_or_fileobj=b"by the owner\n", revision=revision)
owner.merge_pull_request(repo, number, comment="Thank you")
details = owner.get_discussion_details(repo, number)
assert details.status == "merged" and details.merge_commit_oid == owner.model_info(repo).sha
assert set(owner.list_repo_files(repo)) == {
    ".gitattributes", "new.txt", "owner.txt", "weights.bin", "more/weights.bin", "more/plot.png",
}  # fmt: skip
assert owner.list_repo_commits(repo)[0].title == f"The best weights (#{number})"

# A folder opens one by itself; a discussion is listed beside.
folder_pr = reader.upload_folder(repo_id=repo, folder_path=folder, path_in_repo="again", create_pr=True)
assert folder_pr.pr_num == number + 1
owner.create_discussion(repo, "Nothing in particular", description="Really")
owner.change_discussion_status(repo, number + 2, "closed", comment="Enough")
listed = [(one.num, one.is_pull_request, one.status) for one in owner.get_repo_discussions(repo)]
assert listed == [(3, False, "closed"), (2, True, listed[1][2]), (1, True, "merged")], listed
assert [ref.ref for ref in owner.list_repo_refs(repo, include_pull_requests=True).pull_requests] == [
    "refs/pr/1",
    "refs/pr/2",
]
print(
    json.dumps(
        {"pr": number, "oid": made.oid, "image": image, "events": [event.type for event in details.events]}
    )
)
