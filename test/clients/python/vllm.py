"""What vLLM asks a hub for before it loads a model. Input: repo."""

import json
import os
import sys

from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download

repo = json.loads(sys.argv[1])["repo"]
commit = HfApi().model_info(repo).sha
files = HfApi().list_repo_files(repo, revision=commit)
assert json.load(open(hf_hub_download(repo, "config.json", revision=commit))) == {"model_type": "tiny"}
glob = HfFileSystem().glob(f"{repo}/*.safetensors")
folder = snapshot_download(repo, revision=commit, allow_patterns=["*.safetensors"])
weights = sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))
print(json.dumps({"glob": sorted(glob), "files": sorted(files), "weights": weights}))
