"""A client that asks more often than it may: it waits as long as the hub says, and gets what it asked for."""

import json
import logging
import sys

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import get_session, parse_ratelimit_headers

wanted = json.loads(sys.argv[1])
# As a proxy in front of the hub would send it.
api = HfApi(headers={"X-Forwarded-For": "203.0.113.7"})

first = get_session().get(f"{api.endpoint}/api/models", headers=api._build_hf_headers())
told = parse_ratelimit_headers(first.headers)
assert told.resource_type == "api" and told.remaining == wanted["quota"] - 1, told
assert (told.limit, told.window_seconds) == (wanted["quota"], wanted["window"]), told

warnings = []
handler = logging.Handler()
handler.emit = lambda record: warnings.append(record.getMessage())
logging.getLogger("huggingface_hub").addHandler(handler)
for _ in range(1000):
    assert list(api.list_models()) == []
    if warnings:
        break

# A call that the client does not repeat says why.
try:
    for _ in range(1000):
        api.whoami()
    raise AssertionError("not limited")
except HfHubHTTPError as error:
    assert error.response.status_code == 429 and int(error.response.headers["retry-after"]) <= wanted["window"]

print(json.dumps(warnings))
