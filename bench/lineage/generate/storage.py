"""Writes safetensors (one file or shards), configurations and tokenizers as a real repository has them."""

import json
from pathlib import Path

import ml_dtypes
import numpy as np

from .architecture import DTYPES, POSITIONS, Shape

_NAMES = {
    np.dtype(np.float32): "F32",
    np.dtype(np.float16): "F16",
    np.dtype(ml_dtypes.bfloat16): "BF16",
    np.dtype(ml_dtypes.float8_e4m3fn): "F8_E4M3",
    np.dtype(np.int8): "I8",
    np.dtype(np.uint8): "U8",
    np.dtype(np.int32): "I32",
    np.dtype(np.int64): "I64",
}
TORCH_NAMES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def save_safetensors(path: Path, tensors: dict[str, np.ndarray], reverse: bool = False):
    """Wide types first, then by name, as the library orders them (so that all are aligned). reverse: names from the end."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    order = sorted(tensors, reverse=reverse)
    order.sort(key=lambda n: -tensors[n].itemsize)
    for name in order:
        tensor = tensors[name]
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for name in order:
            file.write(np.ascontiguousarray(tensors[name]).tobytes())


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """What save_safetensors wrote."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__")
    dtypes = {name: dtype for dtype, name in _NAMES.items()}
    return {
        name: np.frombuffer(
            data[start + t["data_offsets"][0] : start + t["data_offsets"][1]], dtypes[t["dtype"]]
        ).reshape(t["shape"])
        for name, t in header.items()
    }


def save_weights(folder: Path, tensors: dict[str, np.ndarray], shards: int = 1, reverse: bool = False):
    """model.safetensors, or shards of about equal size with their index."""
    if shards == 1:
        return save_safetensors(folder / "model.safetensors", tensors, reverse)
    total = sum(t.nbytes for t in tensors.values())
    parts, seen = [{} for _ in range(shards)], 0
    for name, tensor in tensors.items():
        parts[min(seen * shards // total, shards - 1)][name] = tensor
        seen += tensor.nbytes
    parts = [p for p in parts if p]
    files = [f"model-{i + 1:05d}-of-{len(parts):05d}.safetensors" for i in range(len(parts))]
    for file, part in zip(files, parts):
        save_safetensors(folder / file, part)
    where = {name: file for file, part in zip(files, parts) for name in part}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    save_json(folder / "model.safetensors.index.json", index)


def stored(named: dict[str, np.ndarray], dtype: str) -> dict[str, np.ndarray]:
    return {n: t.astype(DTYPES[dtype]) for n, t in named.items()}


def save_json(path: Path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


_CLASSES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
}


def config_of(shape: Shape, dtype: str) -> dict:
    """config.json as transformers would write it for this shape."""
    common = {
        "architectures": [_CLASSES[shape.kind]],
        "bos_token_id": 0,
        "eos_token_id": 1,
        "model_type": shape.kind,
        "tie_word_embeddings": shape.tied,
    }
    common |= {
        "torch_dtype": TORCH_NAMES[dtype],
        "transformers_version": "4.51.3",
        "use_cache": True,
        "vocab_size": shape.vocab,
    }
    if shape.gpt2:
        return common | {
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "n_ctx": POSITIONS,
            "n_embd": shape.hidden,
            "n_head": shape.heads,
            "n_inner": shape.ffn,
            "n_layer": shape.layers,
            "n_positions": POSITIONS,
        }
    out = common | {
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.ffn,
        "max_position_embeddings": POSITIONS,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv,
        "rms_norm_eps": 1e-5,
        "rope_scaling": None,
        "rope_theta": shape.theta,
    }
    return out | (
        {"head_dim": shape.head_dim}
        if shape.kind in ("llama", "mistral") or shape.head_dim * shape.heads != shape.hidden
        else {}
    )
