"""Pushes a changed configuration and a tokenizer with `push_to_hub`. Prints nothing that matters beyond success."""

import json
import os
import sys

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from transformers import AutoConfig, AutoTokenizer  # noqa: E402

wanted = json.loads(sys.argv[1])
config = AutoConfig.from_pretrained(wanted["from"])
config.num_hidden_layers = 3
config.push_to_hub(wanted["to"])
AutoTokenizer.from_pretrained(wanted["from"]).push_to_hub(wanted["to"])
print("{}")
