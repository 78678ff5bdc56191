"""Reads one parquet file by `hf://`, as pandas and duckdb do it, and writes another."""

import json
import sys

import duckdb
import pandas
from huggingface_hub import HfFileSystem

repo = json.loads(sys.argv[1])["repo"]
fs = HfFileSystem()

rows = pandas.DataFrame({"id": range(1000), "text": [f"row {n}" for n in range(1000)]})
rows.to_parquet(f"hf://datasets/{repo}/data/train.parquet", row_group_size=100)

by_pandas = pandas.read_parquet(f"hf://datasets/{repo}/data/train.parquet", columns=["id"])
connection = duckdb.connect()
connection.register_filesystem(fs)
by_duckdb = connection.execute(
    f"select count(*), max(id), min(text) from read_parquet('hf://datasets/{repo}/data/*.parquet') where id >= 900"
).fetchone()

fs.cp_file(f"datasets/{repo}/data/train.parquet", f"datasets/{repo}/copy.parquet")
fs.rm(f"datasets/{repo}/data/train.parquet")
print(
    json.dumps(
        {
            "pandas": [len(by_pandas), int(by_pandas["id"].sum())],
            "duckdb": list(by_duckdb),
            "files": sorted(path.removeprefix(f"datasets/{repo}/") for path in fs.find(f"datasets/{repo}")),
            "end": fs.cat_file(f"datasets/{repo}/copy.parquet", start=-4).decode(),
        }
    )
)
