"""Writes GGUF files with the library of llama.cpp, and beside each tensor NAME.f32 with what that library reads in it.

write_gguf.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter, quants
from tokenizers import Tokenizer, models

folder = Path(sys.argv[1])
random = np.random.default_rng(7)
ROWS, COLUMNS = 6, 512

# Where the half-precision numbers lie in a block of the types that the library does not write: random bytes need them real.
HALVES = {T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.IQ4_NL: [0], T.IQ4_XS: [0]}


def raw(kind):
    if kind not in HALVES:
        return quants.quantize(random.normal(size=(ROWS, COLUMNS)).astype(np.float32), kind)
    values, size = {T.IQ4_NL: (32, 18)}.get(kind, (256, {T.Q2_K: 84, T.Q3_K: 110, T.Q4_K: 144, T.Q5_K: 176, T.Q6_K: 210, T.IQ4_XS: 136}.get(kind)))
    blocks = random.integers(0, 256, size=(ROWS * COLUMNS // values, size), dtype=np.uint8)
    for at in HALVES[kind]:
        blocks[:, at : at + 2] = random.normal(size=(len(blocks), 1)).astype(np.float16).view(np.uint8)
    return blocks.reshape(ROWS, -1)


tokens = ["<unk>", "hello", "Ġworld", "猫", "<|end|>"]
tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens[:4])}, [], unk_token="<unk>"))
tokenizer.add_special_tokens(["<|end|>"])
tokenizer.save(str(folder / "tokenizer.json"))

writer = GGUFWriter(folder / "quants.gguf", "llama")
writer.add_tokenizer_model("gpt2")
writer.add_token_list([*tokens, "[PAD5]", "[PAD6]"])
kinds = [T.F32, T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.MXFP4, *HALVES]
for kind in kinds:
    data = raw(kind)
    quants.dequantize(data, kind).astype(np.float32).tofile(folder / f"{kind.name}.f32")
    writer.add_tensor(kind.name, data, raw_dtype=kind)
for kind, dtype in [(T.F64, np.float64), (T.I8, np.int8), (T.I16, np.int16), (T.I32, np.int32), (T.I64, np.int64)]:
    data = random.integers(-100, 100, size=(ROWS, COLUMNS)).astype(dtype)
    data.astype(np.float32).tofile(folder / f"{kind.name}.f32")
    writer.add_tensor(kind.name, data)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

split = GGUFWriter(folder / "split.gguf", "llama", split_max_tensors=2)
for n in range(5):
    split.add_tensor(f"blk.{n}.attn_q.weight", np.full((2, 3, 4), n, dtype=np.float32))
split.write_header_to_file()
split.write_kv_data_to_file()
split.write_tensors_to_file()
split.close()
