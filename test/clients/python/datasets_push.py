"""Pushes a data set with `push_to_hub`: the client's own commits, Parquet shards and card."""

import json
import os
import sys

os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

from datasets import Dataset, DatasetDict  # noqa: E402

wanted = json.loads(sys.argv[1])
rows = [{"id": n, "text": f"row {n}", "score": n / 4} for n in range(200)]
DatasetDict({"train": Dataset.from_list(rows[:150]), "test": Dataset.from_list(rows[150:])}).push_to_hub(
    wanted["repo"], private=wanted["private"]
)
print("{}")
