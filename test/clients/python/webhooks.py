"""Webhooks in the words of HfApi, and their payloads as huggingface_hub reads them."""

import json
import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from huggingface_hub import HfApi, WebhookPayload, WebhookWatchedItem
from huggingface_hub.errors import HfHubHTTPError

wanted = json.loads(sys.argv[1])
api = HfApi()
came = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        came.put((self.headers["X-Webhook-Secret"], WebhookPayload.model_validate_json(body)))

    def log_message(self, *_):
        pass


receiver = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{receiver.server_port}/hook"


def next_event():
    secret, payload = came.get(timeout=30)
    assert secret == "my-secret", secret
    assert payload.webhook.id == made.id and payload.webhook.version == 3
    assert payload.repo.name == wanted["repo"] and payload.repo.type == "model"
    return f"{payload.event.action} {payload.event.scope}", payload


made = api.create_webhook(
    url=url,
    watched=[WebhookWatchedItem(type="user", name="somebody"), {"type": "model", "name": wanted["repo"]}],
    domains=["repo", "discussion"],
    secret="my-secret",
)
assert made.url == url and not made.disabled and made.domains == ["repo", "discussion"], made
assert [(item.type, item.name) for item in made.watched] == [("user", "somebody"), ("model", wanted["repo"])], made
assert made.secret != "my-secret", made
assert api.get_webhook(made.id) == made
assert [hook.id for hook in api.list_webhooks()] == [made.id]

api.create_repo(wanted["repo"], private=True)
first = dict([next_event(), next_event()])
assert set(first) == {"create repo", "update repo.content"}, first
assert first["create repo"].repo.private and first["create repo"].repo.url.api.endswith(f"/api/models/{wanted['repo']}")

commit = api.upload_file(path_or_fileobj=b"hi", path_in_repo="a.txt", repo_id=wanted["repo"])
event, payload = next_event()
assert event == "update repo.content", event
[moved] = payload.updatedRefs
assert (moved.ref, moved.newSha) == ("refs/heads/main", commit.oid), moved

asked = api.create_discussion(wanted["repo"], title="Why a?")
event, payload = next_event()
assert event == "create discussion" and payload.discussion.num == asked.num, event
assert (payload.discussion.title, payload.discussion.status) == ("Why a?", "open"), payload
said = api.comment_discussion(wanted["repo"], asked.num, comment="Because.")
event, payload = next_event()
assert event == "create discussion.comment" and payload.comment.content == "Because.", event
assert payload.comment.id == said.id and payload.comment.author.id == payload.discussion.author.id, payload

assert api.disable_webhook(made.id).disabled
api.create_branch(wanted["repo"], branch="quiet")
assert not api.enable_webhook(made.id).disabled
changed = api.update_webhook(made.id, url=url + "/two", domains=["repo"])
assert changed.url == url + "/two" and changed.domains == ["repo"] and len(changed.watched) == 2, changed

api.delete_repo(wanted["repo"])
event, payload = next_event()
assert event == "delete repo" and payload.repo.id == first["create repo"].repo.id, event

api.delete_webhook(made.id)
assert api.list_webhooks() == []
try:
    api.get_webhook(made.id)
    raise AssertionError("still there")
except HfHubHTTPError as error:
    assert error.response.status_code == 404, error

print(json.dumps({"left": came.qsize()}))
