"""Downloads what some patterns name."""

import json
import os
import sys

from huggingface_hub import snapshot_download

given = json.loads(sys.argv[1])
folder = snapshot_download(
    given["repo"], allow_patterns=given.get("allow"), ignore_patterns=given.get("ignore"), revision=given.get("revision")
)
found = [os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names]
print(json.dumps({"path": folder, "files": sorted(found)}))
