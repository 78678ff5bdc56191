"""Likes, storage, overviews and collections in the words of HfApi. Asserts what each call says; prints the collection."""

import json
import sys
import time

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

wanted = json.loads(sys.argv[1])
repo, endpoint, other_token = wanted["repo"], wanted["endpoint"], wanted["other"]
owner = repo.split("/")[0]
api, other = HfApi(), HfApi(token=other_token)
other_name = other.whoami()["name"]


def refused(status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except HfHubHTTPError as error:
        assert error.response.status_code == status, error
    else:
        raise AssertionError(f"{call} was let through")


# Likes: the client only unlikes, a page likes.
like = f"{endpoint}/api/models/{repo}/like"
httpx2.post(like, headers={"authorization": f"Bearer {other_token}"}).raise_for_status()
assert [user.username for user in api.list_repo_likers(repo)] == [other_name]
likes = api.list_liked_repos(other_name)
assert (likes.user, likes.total, likes.models) == (other_name, 1, [repo]), likes
assert api.model_info(repo).likes == 1
other.unlike(repo)
assert api.model_info(repo).likes == 0 and api.list_liked_repos(other_name).total == 0

# People.
follow = f"{endpoint}/api/users/{owner}/follow"
httpx2.post(follow, headers={"authorization": f"Bearer {other_token}"}).raise_for_status()
me = api.get_user_overview(owner)
assert me.username == owner and me.num_followers == 1 and [org.name for org in me.orgs] == ["acme"], me
assert me.num_models == len(list(api.list_models(author=owner))), me
assert [user.username for user in api.list_user_followers(owner)] == [other_name]
assert [user.username for user in api.list_user_following(other_name)] == [owner]
acme = api.get_organization_overview("acme")
assert acme.name == "acme" and acme.num_users == 1 and acme.num_followers == 0, acme
assert [user.username for user in api.list_organization_members("acme")] == [owner]
refused(404, api.get_user_overview, "nobody-of-that-name")

# Storage, which a job counts after the push.
for _ in range(100):
    stored = {line.id: line for line in api.list_user_repos()}
    if stored[repo].storage > 0:
        break
    time.sleep(0.1)
assert stored[repo].storage > 0 and stored[repo].visibility == "public", stored
assert abs(sum(line.storage_percent for line in stored.values()) - 100) < 0.001, stored
assert list(api.list_user_repos(namespace="acme")) == []
refused(403, lambda: list(other.list_user_repos(namespace="acme")))

# Tags, whatever there are.
assert isinstance(api.get_model_tags(), dict) and isinstance(api.get_dataset_tags(), dict)

# Collections.
made = api.create_collection("Good things", description="of all kinds", private=True)
assert made.owner["name"] == owner and made.url == f"{endpoint}/collections/{made.slug}", made
assert api.create_collection("Good things", exists_ok=True).slug == made.slug
refused(409, api.create_collection, "Good things")
refused(404, other.get_collection, made.slug)
added = api.add_collection_item(made.slug, repo, "model", note="the first")
assert [(item.item_id, item.note) for item in added.items] == [(repo, "the first")], added
refused(409, api.add_collection_item, made.slug, repo, "model")
assert api.add_collection_item(made.slug, repo, "model", exists_ok=True).slug == made.slug
refused(404, api.add_collection_item, made.slug, repo, "dataset")
shown = api.update_collection_metadata(made.slug, title="Better things", private=False, theme="green")
assert shown.slug != made.slug and shown.theme == "green" and not shown.private, shown
assert other.get_collection(made.slug).slug == shown.slug
refused(403, other.update_collection_metadata, shown.slug, title="Mine")
assert [found.slug for found in other.list_collections(owner=owner, item=f"models/{repo}")] == [shown.slug]
print(json.dumps({"slug": shown.slug}))
