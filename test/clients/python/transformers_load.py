"""Loads configuration and tokenizer as `transformers` does it. Prints what they say."""

import json
import os
import sys

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from transformers import AutoConfig, AutoTokenizer  # noqa: E402

wanted = json.loads(sys.argv[1])
config = AutoConfig.from_pretrained(wanted["repo"])
tokenizer = AutoTokenizer.from_pretrained(wanted["repo"])
print(
    json.dumps(
        {
            "model_type": config.model_type,
            "hidden_size": config.hidden_size,
            "layers": config.num_hidden_layers,
            "tokenizer": type(tokenizer).__name__,
            "ids": tokenizer("hello world")["input_ids"],
            "text": tokenizer.decode(tokenizer("Banyan runs anywhere.")["input_ids"], skip_special_tokens=True),
        }
    )
)
