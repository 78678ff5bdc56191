"""Writes a small data set as CSV and as Parquet below a folder: {"folder"}."""

import json
import pathlib
import sys

import pyarrow
import pyarrow.parquet

folder = pathlib.Path(json.loads(sys.argv[1])["folder"])
rows = [{"id": n, "text": f"row {n}, «quoted»", "score": n / 4} for n in range(200)]
(folder / "csv").mkdir(parents=True)
(folder / "parquet/data").mkdir(parents=True)
with open(folder / "csv/train.csv", "w", encoding="utf-8") as out:
    out.write("id,text,score\n")
    out.writelines(f'{row["id"]},"{row["text"]}",{row["score"]}\n' for row in rows)
for split, part in {"train": rows[:150], "test": rows[150:]}.items():
    table = pyarrow.Table.from_pylist(part)
    pyarrow.parquet.write_table(table, folder / f"parquet/data/{split}-00000-of-00001.parquet")
print("{}")
