"""
Downloads one file, or all of a revision, as `huggingface_hub` does it. Prints {"path"} of what is in the cache, or
{"paths"} when it is asked for several "revisions".
"""

import json
import sys

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.utils._runtime import is_xet_available

wanted = json.loads(sys.argv[1])
repo = {"repo_id": wanted["repo"], "repo_type": wanted.get("type", "model")}
# Whether it is there is told by the environment; a broken hf_xet must not pass for a download without it.
assert is_xet_available() == wanted.get("xet", True)
paths = []
for revision in wanted.get("revisions", [None]):
    if "file" in wanted:
        paths.append(hf_hub_download(filename=wanted["file"], revision=revision, **repo))
    else:
        paths.append(snapshot_download(revision=revision, **repo))
print(json.dumps({"paths": paths} if "revisions" in wanted else {"path": paths[0]}))
