"""Writes the files in quantized/, each a model of one or a few quantised matrices, with what its library reads in them.

Run once, with torch 2.15.0, bitsandbytes 0.50.2, peft 0.21.2, compressed-tensors 0.20.1, autoawq 0.2.9 (not installed
whole) and the unpacked wheel of auto-gptq 0.7.1. Not run by the tests: these libraries are large.

write_quantized.py FOLDER AUTO_GPTQ_FOLDER
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import bitsandbytes.functional as bnb
import torch
from safetensors.torch import save_file

folder, gptq_folder = Path(sys.argv[1]), Path(sys.argv[2])
folder.mkdir(exist_ok=True)
torch.manual_seed(5)
IN, OUT, GROUP = 64, 32, 32


def save(name, tensors, expected, settings=None):
    """Of each expected matrix some rows, as `NAME.f32` one after the other; `NAME.json` says which."""
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / f"{name}.safetensors")
    told, values = [], []
    for key, matrix in expected.items():
        rows = sorted({*range(min(9, len(matrix))), len(matrix) // 2, len(matrix) - 1})
        told.append({"name": key, "shape": list(matrix.shape), "rows": rows})
        values.append(matrix[rows].float().flatten())
    torch.cat(values).numpy().tofile(folder / f"{name}.f32")
    config = {"quantization_config": settings or {}}
    (folder / f"{name}.json").write_text(json.dumps({"config": config, "expected": told}) + "\n")


def rounded(weight, bits, g_idx):
    """Scales and zeros of each group, and the matrix that they and whole numbers of so many bits make, in half precision."""
    groups = int(g_idx.max()) + 1
    scales, zeros, made = torch.zeros(OUT, groups), torch.zeros(OUT, groups), torch.zeros_like(weight)
    for group in range(groups):
        columns = g_idx == group
        low, high = weight[:, columns].min(1).values, weight[:, columns].max(1).values
        scale = ((high - low) / (2**bits - 1)).half().float()
        zero = torch.round(-low / scale).clamp(1, 2**bits - 1)
        scales[:, group], zeros[:, group] = scale, zero
        whole = torch.round(weight[:, columns] / scale[:, None] + zero[:, None]).clamp(0, 2**bits - 1)
        made[:, columns] = scale[:, None] * (whole - zero[:, None])
    return scales, zeros, made


def module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


gptq = module("qlinear_cuda", gptq_folder / "nn_modules/qlinear/qlinear_cuda.py")
for bits in (2, 3, 4, 8):
    linear = torch.nn.Linear(IN, OUT, bias=False)
    # Groups in the order of the inputs, and for four bits as act-order has them.
    g_idx = torch.arange(IN, dtype=torch.int32) // GROUP
    if bits == 4:
        g_idx = g_idx[torch.randperm(IN)]
    scales, zeros, made = rounded(linear.weight.data, bits, g_idx)
    linear.weight.data = made
    packed = gptq.QuantLinear(bits, GROUP, IN, OUT, False, weight_dtype=torch.float32)
    packed.pack(linear, scales, zeros, g_idx)
    tensors = {f"layer.{k}": getattr(packed, k) for k in ("qweight", "qzeros", "scales", "g_idx")}
    tensors["layer.scales"] = tensors["layer.scales"].half()
    save(f"gptq{bits}", tensors, {"layer.weight": made}, {"quant_method": "gptq", "bits": bits, "group_size": GROUP})

awq = types.ModuleType("awq")
awq.__path__ = [str(Path(importlib.util.find_spec("awq").submodule_search_locations[0]))]
sys.modules["awq"] = awq
for part in ("modules", "modules.linear"):
    stub = types.ModuleType(f"awq.{part}")
    stub.__path__ = [f"{awq.__path__[0]}/{part.replace('.', '/')}"]
    sys.modules[f"awq.{part}"] = stub
from awq.modules.linear.gemm import WQLinear_GEMM  # noqa: E402

linear = torch.nn.Linear(IN, OUT, bias=False)
scales, zeros, made = rounded(linear.weight.data, 4, torch.arange(IN) // GROUP)
linear.weight.data = made
packed = WQLinear_GEMM.from_linear(linear, 4, GROUP, scales=scales.t(), zeros=zeros.t())
save("awq4", {f"layer.{k}": getattr(packed, k) for k in ("qweight", "qzeros", "scales")}, {"layer.weight": made},
     {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm"})

for kind in ("nf4", "fp4"):
    for nested in (False, True):
        # More than one block of maxima, of which 256 are quantised together.
        weight = torch.randn(96, 200)
        packed, state = bnb.quantize_4bit(weight, blocksize=64, quant_type=kind, compress_statistics=nested)
        tensors = {"layer.weight": packed, **{f"layer.weight.{k}": v for k, v in state.as_dict(packed=True).items()}}
        save(f"{kind}{'-nested' if nested else ''}", tensors, {"layer.weight": bnb.dequantize_4bit(packed, state)})

weight = torch.randn(OUT, IN).half()
whole, maxima, _ = bnb.int8_vectorwise_quant(weight)
save("bnb8", {"layer.weight": whole, "layer.SCB": maxima.float(), "layer.weight_format": torch.tensor(0, dtype=torch.uint8)},
     {"layer.weight": bnb.int8_vectorwise_dequant(whole, maxima)})

weight = torch.randn(200, 150)
eight = weight.to(torch.float8_e4m3fn)
blocks = torch.rand(2, 2)
spread = blocks.repeat_interleave(128, 0)[:200].repeat_interleave(128, 1)[:, :150]
values = eight.float() * spread
save("fp8-blocks", {"layer.weight": eight[:4], "layer.weight_scale_inv": blocks[:1], "other.weight": eight[:, :2], "other.weight_scale_inv": blocks[:, :1]},
     {"layer.weight": values[:4], "other.weight": eight[:, :2].float() * spread[:, :1]},
     {"quant_method": "fp8", "weight_block_size": [128, 128]})
save("fp8-tensor", {"layer.weight": eight[:8, :8], "layer.weight_scale": torch.tensor(0.25), "row.weight": eight[:8, :8], "row.weight_scale": torch.arange(8.0)[:, None]},
     {"layer.weight": eight[:8, :8].float() / 4, "row.weight": eight[:8, :8].float() * torch.arange(8.0)[:, None]},
     {"quant_method": "compressed-tensors"})

from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32  # noqa: E402

whole = torch.randint(-8, 8, (OUT, 40), dtype=torch.int8)
scales = torch.rand(OUT, 2).bfloat16()
save("packed4", {"layer.weight_packed": pack_to_int32(whole, 4), "layer.weight_scale": scales, "layer.weight_shape": torch.tensor([OUT, 40])},
     {"layer.weight": whole.float() * scales.float().repeat_interleave(20, 1)}, {"quant_method": "compressed-tensors"})

from peft import LoraConfig, get_peft_model  # noqa: E402

tiny = torch.nn.Sequential(torch.nn.Linear(6, 4))
adapted = get_peft_model(tiny, LoraConfig(r=2, target_modules=["0"]))
adapted.save_pretrained(folder / "adapter")
(folder / "adapter/README.md").unlink()
