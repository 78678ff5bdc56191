"""Quantised weights in safetensors, laid out as GPTQ, AWQ, compressed-tensors, DeepSeek's FP8 and bitsandbytes store them."""

import json

import ml_dtypes
import numpy as np

from .architecture import Shape, Weights
from .naming import linear_names, to_named
from .network import inputs_of
from .storage import TORCH_NAMES, stored

_INPUT = {"q": "q", "k": "q", "v": "q", "o": "o", "gate": "up", "up": "up", "down": "down"}


def pack(values: np.ndarray, bits: int, order=None) -> np.ndarray:
    """[rows, n] unsigned → [rows, n*bits/32] int32, the first value in the lowest bits (or in order's places)."""
    per = 32 // bits
    words = values.astype(np.uint32).reshape(len(values), -1, per)
    if order:
        words = words[..., order]
    return np.bitwise_or.reduce(words << (np.arange(per, dtype=np.uint32) * bits), -1).view(np.int32)


def _group(w: np.ndarray, bits: int, symmetric: bool):
    """scale and zero of [out, group] weights, [out, 1] each."""
    top = 2**bits - 1
    if symmetric:
        scale = 2 * np.abs(w).max(1, keepdims=True) / top
        zero = np.full_like(scale, (top + 1) // 2)
    else:
        low, high = np.minimum(w.min(1, keepdims=True), 0), np.maximum(w.max(1, keepdims=True), 0)
        scale = (high - low) / top
        zero = np.rint(-low / np.maximum(scale, 1e-8))
    scale = np.maximum(scale, 1e-6).astype(np.float16).astype(np.float32)
    return scale, zero


def _gptq(w: np.ndarray, x: np.ndarray | None, bits: int, size: int, symmetric: bool, by_activity: bool):
    """One map [out, in] → GPTQ's tensors. x: calibration inputs [n, in]; None rounds to nearest instead."""
    w, columns = w.astype(np.float64).copy(), w.shape[1]
    order = np.arange(columns)
    if x is not None:
        hessian = 2 * x.T.astype(np.float64) @ x / len(x)
        if by_activity:
            order = np.argsort(-np.diag(hessian), kind="stable")
        w, hessian = w[:, order], hessian[np.ix_(order, order)]
        hessian[np.diag_indices(columns)] += 0.01 * np.mean(np.diag(hessian)) + 1e-8
        step = np.linalg.cholesky(np.linalg.inv(hessian)).T
    levels = np.empty(w.shape, np.uint8)
    scales, zeros = [], []
    for i in range(columns):
        if i % size == 0:
            scale, zero = _group(w[:, i : i + size], bits, symmetric)
            scales.append(scale[:, 0])
            zeros.append(zero[:, 0])
        q = np.clip(np.rint(w[:, i] / scale[:, 0]) + zero[:, 0], 0, 2**bits - 1)
        levels[:, i] = q
        if x is not None:  # the error goes to the columns still to come
            error = (w[:, i] - (q - zero[:, 0]) * scale[:, 0]) / step[i, i]
            w[:, i + 1 :] -= error[:, None] * step[i, i + 1 :]
    groups = np.empty(columns, np.int32)
    groups[order] = np.arange(columns) // size
    placed = np.empty_like(levels)
    placed[:, order] = levels
    return {
        "qweight": np.ascontiguousarray(pack(placed, bits).T),
        "qzeros": pack(np.stack(zeros) - 1, bits),  # AutoGPTQ's first format stores zero - 1
        "scales": np.stack(scales).astype(np.float16),
        "g_idx": groups,
    }


def _awq(w: np.ndarray, size: int):
    """One map [out, in] → the tensors of AutoAWQ's GEMM form: [in, out/8], eight outputs a word in the order 0 2 4 6 1 3 5 7."""
    parts = [_group(w[:, i : i + size], 4, False) for i in range(0, w.shape[1], size)]
    scales, zeros = np.stack([s[:, 0] for s, _ in parts]), np.stack([z[:, 0] for _, z in parts])
    levels = np.clip(np.rint(w.T / np.repeat(scales, size, 0)) + np.repeat(zeros, size, 0), 0, 15)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    return {"qweight": pack(levels, 4, order), "qzeros": pack(zeros, 4, order), "scales": scales.astype(np.float16)}


def _awq_scaled(shape: Shape, w: Weights, inputs: Weights) -> Weights:
    """AWQ's scaling: what is read with large inputs is widened by sqrt(mean |input|), and narrowed in the map or gain before."""
    w = {k: v.copy() for k, v in w.items()}
    for i in range(shape.layers):
        for before, source, readers in (
            ("ln1", "q", ("q", "k", "v")),
            ("ln2", "up", ("gate", "up")),
            ("up", "down", ("down",)),
        ):
            s = np.abs(inputs[source][i]).mean(0) ** 0.5 + 1e-4
            s = (s / np.sqrt(s.max() * s.min())).astype(np.float32)
            for name in readers:
                w[name][i] *= s
            w[before][i] /= s[:, None] if before == "up" else s
    return w


NF4 = np.array(
    [
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0,
    ],
    np.float32,
)


def dynamic_map() -> np.ndarray:
    """The 256 values of bitsandbytes' dynamic 8-bit type, in order."""
    values = [0.0, 1.0]
    for i in range(7):
        edges = np.linspace(0.1, 1, 2**i + 1)
        means = (edges[:-1] + edges[1:]) / 2 * 10.0 ** (i - 6)
        values += [*means, *-means]
    return np.sort(np.array(values, np.float32))


def _nearest(x: np.ndarray, code: np.ndarray) -> np.ndarray:
    return np.searchsorted((code[1:] + code[:-1]) / 2, x).astype(np.uint8)


def _nf4(w: np.ndarray, nested: bool, dtype: str):
    """One map → weight [n/2, 1] (high nibble first), absmax of 64 values each, and the state as bitsandbytes saves it."""
    blocks = np.pad(w.ravel(), (0, -w.size % 64)).reshape(-1, 64)
    absmax = np.abs(blocks).max(1)
    levels = _nearest(blocks / np.maximum(absmax, 1e-12)[:, None], NF4).ravel()[: w.size]
    state = {"quant_type": "nf4", "blocksize": 64, "dtype": TORCH_NAMES[dtype], "shape": list(w.shape)}
    out = {"": (levels[0::2] << 4 | levels[1::2])[:, None], ".absmax": absmax.astype(np.float32), ".quant_map": NF4}
    if nested:
        offset = float(absmax.mean())
        outer = np.pad(absmax - offset, (0, -len(absmax) % 256)).reshape(-1, 256)
        most = np.abs(outer).max(1)
        code = dynamic_map()
        out[".absmax"] = _nearest(outer / np.maximum(most, 1e-12)[:, None], code).ravel()[: len(absmax)]
        out |= {".nested_absmax": most.astype(np.float32), ".nested_quant_map": code}
        state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset}
    out[".quant_state.bitsandbytes__nf4"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    return out


def _int8(w: np.ndarray):
    most = np.maximum(np.abs(w).max(1), 1e-12)
    return {
        "weight": np.rint(w / most[:, None] * 127).astype(np.int8),
        "SCB": most.astype(np.float32),
        "weight_format": np.array(0, np.uint8),
    }


_FP8 = np.dtype(ml_dtypes.float8_e4m3fn)


def _fp8(w: np.ndarray, how: str):
    if how == "block":  # 128 x 128, the scale under weight_scale_inv
        rows, columns = -(-w.shape[0] // 128), -(-w.shape[1] // 128)
        whole = np.pad(w, ((0, rows * 128 - w.shape[0]), (0, columns * 128 - w.shape[1]))).reshape(
            rows, 128, columns, 128
        )
        scale = np.maximum(np.abs(whole).max((1, 3)), 1e-12) / 448
        spread = np.repeat(np.repeat(scale, 128, 0), 128, 1)[: w.shape[0], : w.shape[1]]
        return {"weight": (w / spread).astype(_FP8), "weight_scale_inv": scale.astype(np.float32)}
    most = np.abs(w).max(1, keepdims=True) if how == "channel" else np.abs(w).max(keepdims=True)[:1, 0]
    scale = (np.maximum(most, 1e-12) / 448).astype(ml_dtypes.bfloat16 if how == "channel" else np.float32)
    return {"weight": np.clip(w / scale.astype(np.float32), -448, 448).astype(_FP8), "weight_scale": scale}


SCHEMES = (
    "gptq4",
    "gptq4-nearest",
    "gptq8",
    "awq",
    "fp8-channel",
    "fp8-tensor",
    "fp8-block",
    "int8",
    "nf4",
    "nf4-nested",
)


def quantised(
    shape: Shape, w: Weights, scheme: str, dtype: str, stream, rng
) -> tuple[dict[str, np.ndarray], dict, dict]:
    """Tensors to store, the quantization_config, and what the truth says of it. dtype: of what is not quantised."""
    size = int(rng.choice([s for s in (32, 64, 128) if all(w[p].shape[-1] % s == 0 for p in ("q", "o", "down"))]))
    detail = {"scheme": scheme}
    needs_inputs = scheme in ("gptq4", "awq")
    inputs = inputs_of(shape, w, stream, int(rng.integers(2**31))) if needs_inputs else None
    if scheme == "awq":
        w = _awq_scaled(shape, w, inputs)
    symmetric, by_activity = bool(rng.random() < 0.7), bool(rng.random() < 0.3)
    dtype = "fp16" if scheme[:3] in ("gpt", "awq") else dtype
    named, maps = to_named(shape, w), linear_names(shape, w)
    out = {}
    for name, value in named.items():
        if name not in maps:
            out |= stored({name: value}, dtype)
            continue
        layer, parts = maps[name]
        matrix = value.T if shape.gpt2 else value  # the libraries hold Conv1D as Linear once it is quantised
        stem = name.removesuffix("weight")
        if scheme.startswith("gptq"):
            x = inputs[_INPUT[parts[0]]][layer] if scheme == "gptq4" else None
            found = _gptq(matrix, x, 8 if scheme == "gptq8" else 4, size, symmetric, by_activity and x is not None)
        elif scheme == "awq":
            found = _awq(matrix, size)
        elif scheme == "int8":
            found = _int8(matrix)
        elif scheme.startswith("nf4"):
            found = {f"weight{k}": v for k, v in _nf4(matrix, scheme == "nf4-nested", dtype).items()}
        else:
            found = _fp8(matrix, scheme.removeprefix("fp8-"))
        out |= {stem + k: v for k, v in found.items()}
    if scheme.startswith("gptq"):
        config = {
            "quant_method": "gptq",
            "bits": 8 if scheme == "gptq8" else 4,
            "group_size": size,
            "desc_act": by_activity and scheme == "gptq4",
            "sym": symmetric,
            "checkpoint_format": "gptq",
        }
    elif scheme == "awq":
        config = {
            "quant_method": "awq",
            "bits": 4,
            "group_size": size,
            "version": "gemm",
            "zero_point": True,
            "modules_to_not_convert": None,
        }
    elif scheme == "int8":
        config = {
            "quant_method": "bitsandbytes",
            "load_in_8bit": True,
            "load_in_4bit": False,
            "llm_int8_threshold": 6.0,
        }
    elif scheme.startswith("nf4"):
        config = {
            "quant_method": "bitsandbytes",
            "load_in_4bit": True,
            "load_in_8bit": False,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": scheme == "nf4-nested",
            "bnb_4bit_compute_dtype": TORCH_NAMES[dtype],
            "bnb_4bit_quant_storage": "uint8",
        }
    elif scheme == "fp8-block":
        config = {"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3", "weight_block_size": [128, 128]}
    else:
        weights = {
            "num_bits": 8,
            "type": "float",
            "strategy": scheme.removeprefix("fp8-"),
            "symmetric": True,
            "dynamic": False,
        }
        config = {
            "quant_method": "compressed-tensors",
            "format": "float-quantized",
            "ignore": ["lm_head"],
            "quantization_status": "compressed",
        }
        config["config_groups"] = {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None}}
    return out, config, detail
