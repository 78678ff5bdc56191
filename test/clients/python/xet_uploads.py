"""
Uploads files of shared pieces, one commit each, as `HfApi.upload_file` does it with hf_xet, and goes on when one fails.
Appends to the file `notes` what came of each: {"repo", "path", "sha256"} or {"error"}.
"""

import hashlib
import json
import random
import sys

from huggingface_hub import HfApi

wanted = json.loads(sys.argv[1])
pieces = [random.Random(piece).randbytes(300_000) for piece in range(8)]
api = HfApi()
for number in range(wanted["count"]):
    own = random.Random(f"{wanted['seed']} {number}")
    content = b"".join(own.sample(pieces, 3)) + own.randbytes(200_000)
    repo = wanted["repos"][number % len(wanted["repos"])]
    path = f"{wanted['prefix']}/{number}.bin"
    try:
        api.upload_file(repo_id=repo, path_in_repo=path, path_or_fileobj=content)
        note = {"repo": repo, "path": path, "sha256": hashlib.sha256(content).hexdigest()}
    except Exception as error:  # noqa: BLE001 - the hub may be gone, or have collected what was about to be used
        note = {"error": f"{type(error).__name__}: {error}"}
    with open(wanted["notes"], "a") as notes:
        notes.write(json.dumps(note) + "\n")
print(json.dumps({}))
