"""What Schemathesis cannot know of a hub: which names there are, and what bodies of git, of commits and of the CAS look like.

`run.ts` seeds what is named here. Most requests are about something that is there; some are left as Schemathesis made them.
"""

import base64
import json
import os
import random

import requests
import schemathesis
from hypothesis import strategies as st

HUB = os.environ["HUB_URL"]
TOKEN = os.environ["HF_TOKEN"]
COMMIT = os.environ["HUB_COMMIT"]
LARGE = os.environ["HUB_LARGE_SHA256"]
XET_HASH = os.environ["HUB_XET_HASH"]

KNOWN = {
    "namespace": ["ada", "acme", "nobody"],
    "name": ["seeded", "other", "absent"],
    "revision": ["main", "dev", "refs%2Fpr%2F1", COMMIT, "absent"],
    "rev": ["main", "dev"],
    "path": ["README.md", "folder/a.txt", "large.bin", "absent.txt"],
    "account": ["ada", "bob", "acme", "nobody"],
    "num": ["1", "2", "99"],
    "oid": [LARGE, "0" * 64],
    "file": [XET_HASH, "0" * 64],
    "prefix": ["default", "default-merkledb"],
}
CHOICE = random.Random(1)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Words of paths are those that there are, or nearly; Schemathesis makes wrong ones of its own beside them."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path" and parameter["name"] in KNOWN:
                    parameter["schema"] = {"type": "string", "enum": KNOWN[parameter["name"]]}
    # It knows no `\\p` of Unicode; what such a pattern refuses is left to it to find.
    for content in raw_schema["paths"]["/api/collections"]["post"]["requestBody"]["content"].values():
        content["schema"]["properties"]["title"].pop("pattern", None)


def _cas_token(kind):
    answer = requests.get(
        f"{HUB}/api/models/ada/seeded/xet-{kind}-token/main", headers={"authorization": f"Bearer {TOKEN}"}, timeout=10
    )
    return answer.json()["accessToken"]


CAS_TOKENS = {kind: _cas_token(kind) for kind in ("read", "write")}


@schemathesis.auth(refresh_interval=None, cache_by_key=lambda case, context: f"{case.method} {case.path}")
class Tokens:
    """For the hub the owner's; for the CAS one of its own. Some requests show none."""

    def get(self, case, context):
        is_cas = case.path.startswith(("/cas/", "/v1/"))
        return CAS_TOKENS["write" if case.method == "POST" else "read"] if is_cas else TOKEN

    def set(self, case, token, context):
        if CHOICE.random() < 0.9:
            case.headers["Authorization"] = f"Bearer {token}"


def _line(key, **value):
    return json.dumps({"key": key, "value": value})


def _commit(paths):
    header = _line("header", summary="Try", description="")
    lines = [
        _line("file", path=path, content=base64.b64encode(content).decode(), encoding="base64")
        for path, content in paths
    ]
    return "\n".join([header, *lines]).encode()


PATHS = st.sampled_from(["a.txt", "folder/b.txt", "README.md", "../x", "", ".git/config"])
COMMITS = st.lists(st.tuples(PATHS, st.binary(max_size=50)), max_size=5).map(_commit)


def _pkt_lines(lines):
    packets = b"".join(b"%04x" % (len(line) + 4) + line for line in lines)
    return packets + b"0000"


GIT_LINES = st.lists(
    st.sampled_from(
        [
            b"command=ls-refs\n",
            b"command=fetch\n",
            b"agent=git/2.39.5\n",
            f"want {COMMIT}\n".encode(),
            f"have {COMMIT}\n".encode(),
            b"done\n",
            f"{'0' * 40} {COMMIT} refs/heads/new\0report-status\n".encode(),
        ]
    ),
    max_size=6,
).map(_pkt_lines)

NOISE = st.binary(max_size=200)
schemathesis.openapi.media_type("application/x-ndjson", st.one_of(COMMITS, NOISE))
schemathesis.openapi.media_type("application/x-git-upload-pack-request", st.one_of(GIT_LINES, NOISE))
schemathesis.openapi.media_type("application/x-git-receive-pack-request", st.one_of(GIT_LINES, NOISE))
schemathesis.openapi.media_type("application/octet-stream", NOISE)


@schemathesis.serializer(
    "application/x-ndjson",
    "application/x-git-upload-pack-request",
    "application/x-git-receive-pack-request",
)
def raw(context, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()
