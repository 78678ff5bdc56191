"""Downloads one file, or all of a revision, as `huggingface_hub` does it. Prints {"path"} of what is in the cache."""

import json
import sys

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.utils._runtime import is_xet_available

wanted = json.loads(sys.argv[1])
repo = {"repo_id": wanted["repo"], "repo_type": wanted.get("type", "model"), "revision": wanted.get("revision")}
# Whether it is there is told by the environment; a broken hf_xet must not pass for a download without it.
assert is_xet_available() == wanted.get("xet", True)
if "file" in wanted:
    path = hf_hub_download(filename=wanted["file"], **repo)
else:
    path = snapshot_download(**repo)
print(json.dumps({"path": path}))
