"""GGUF files as llama.cpp's convert_hf_to_gguf.py and llama-quantize make them (read at gguf 0.19)."""

from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

from .architecture import POSITIONS, Shape, Weights
from .vocabulary import merges_of, tokens_of

_ARCHITECTURE = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "phi3": "phi3", "gpt2": "gpt2"}
FILE_TYPES = {"Q8_0": 7, "Q4_0": 2, "Q5_0": 8, "Q4_K_M": 15, "Q6_K": 18}
_WIDE = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}  # what llama-quantize takes where a row is no multiple of 256


def permute(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of q or k from Hugging Face's order (halves) to llama.cpp's (pairs): LlamaModel.permute."""
    return rows.reshape(heads, 2, len(rows) // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def gguf_tensors(shape: Shape, w: Weights) -> dict[str, np.ndarray]:
    """fp32 tensors under llama.cpp's names, [out, in]."""
    out = {"token_embd.weight": w["embed"], "output_norm.weight": w["norm"]}
    if not shape.tied:
        out["output.weight"] = w["head"]
    if shape.gpt2:
        out |= {"position_embd.weight": w["pos"], "output_norm.bias": w["norm_b"]}
    names = [("attn_norm", ("ln1",)), ("ffn_norm", ("ln2",)), ("attn_output", ("o",)), ("ffn_down", ("down",))]
    fused = shape.gpt2 or shape.kind == "phi3"
    names += [("attn_qkv", ("q", "k", "v"))] if fused else [("attn_q", ("q",)), ("attn_k", ("k",)), ("attn_v", ("v",))]
    names += (
        [("ffn_up", ("gate", "up"))]
        if shape.kind == "phi3"
        else [("ffn_up", ("up",))] + ([] if shape.gpt2 else [("ffn_gate", ("gate",))])
    )
    for i in range(shape.layers):
        for name, parts in names:
            rows = [w[p][i] for p in parts]
            if _ARCHITECTURE[shape.kind] == "llama" and parts[0] in "qk":
                rows = [permute(rows[0], shape.heads if parts[0] == "q" else shape.kv)]
            out[f"blk.{i}.{name}.weight"] = np.concatenate(rows)
            if f"{parts[0]}_b" in w:
                out[f"blk.{i}.{name}.bias"] = np.concatenate([w[f"{p}_b"][i] for p in parts])
    return out


def _type_of(name: str, columns: int, scheme: str, shape: Shape) -> str:
    """The type of one matrix under a scheme of llama-quantize, by llama_tensor_get_type and its fallbacks."""
    kind = scheme.removesuffix("_M")
    output = "token_embd.weight" if shape.tied else "output.weight"
    if name == output and scheme != "Q8_0":
        kind = "Q6_K"
    elif scheme == "Q4_K_M" and ("attn_v." in name or "ffn_down." in name or "attn_qkv." in name):
        layer, n = int(name.split(".")[1]), shape.layers
        more = layer < n // 8 or layer >= 7 * n // 8 or (layer - n // 8) % 3 == 2
        if "attn_qkv." not in name and more:
            kind = "Q6_K"
        elif "attn_qkv." in name:
            kind = "Q5_K"
    if kind == "Q5_K":  # written as Q6_K: the one K type between that this module can make
        kind = "Q6_K"
    return _WIDE[kind] if kind in _WIDE and columns % 256 else kind


def _search(x, steps, quantise):
    """The candidate of least squared error per block. quantise(step) → (error, *values), each [blocks, …]."""
    best = quantise(steps[0])
    for step in steps[1:]:
        new = quantise(step)
        better = new[0] < best[0]
        best = tuple(np.where(better.reshape(-1, *[1] * (n.ndim - 1)), n, b) for n, b in zip(new, best))
    return best[1:]


def _scale_and_min(x: np.ndarray):
    """Blocks [n, 32] → scale, min of x ≈ scale*l - min with l in 0..15, min >= 0 (make_qkx2_quants with its weights)."""
    weight = np.sqrt((x * x).mean(1, keepdims=True)) + np.abs(x)
    low, high = np.minimum(x.min(1, keepdims=True), 0), x.max(1, keepdims=True)
    span = np.maximum(high - low, 1e-12)

    def at(step):
        level = np.clip(np.rint((15 + step) / span * (x - low)), 0, 15)
        sw, sl, sx = weight.sum(1), (weight * level).sum(1), (weight * x).sum(1)
        sl2, sxl = (weight * level * level).sum(1), (weight * level * x).sum(1)
        det = sw * sl2 - sl * sl
        safe = np.where(det > 0, det, 1)
        scale, base = (sw * sxl - sx * sl) / safe, (sl2 * sx - sl * sxl) / safe
        scale, base = np.where(base > 0, sxl / np.maximum(sl2, 1e-30), scale), np.minimum(base, 0)
        scale, base = np.where(det > 0, scale, span[:, 0] / 15), np.where(det > 0, base, low[:, 0])
        return (weight * (scale[:, None] * level + base[:, None] - x) ** 2).sum(1), scale, -base

    return _search(x, [0.0, *np.arange(-1, 1.01, 0.1)], at)


def _q4_k(x: np.ndarray) -> np.ndarray:
    """[n, 256] → [n, 144] bytes: fp16 d, fp16 dmin, 12 bytes of 6-bit scales and mins, 128 bytes of nibbles."""
    n = len(x)
    scale, low = (v.reshape(n, 8) for v in _scale_and_min(x.reshape(-1, 32)))
    scale = np.maximum(scale, 0)
    d = (scale.max(1) / 63).astype(np.float16)
    dmin = (low.max(1) / 63).astype(np.float16)
    over = lambda v, by: np.where(by[:, None] > 0, v / np.maximum(by.astype(np.float32), 1e-12)[:, None], 0)
    s = np.clip(np.rint(over(scale, d)), 0, 63).astype(np.uint8)
    m = np.clip(np.rint(over(low, dmin)), 0, 63).astype(np.uint8)
    real, base = d.astype(np.float32)[:, None] * s, dmin.astype(np.float32)[:, None] * m
    levels = (x.reshape(n, 8, 32) + base[..., None]) / np.where(real > 0, real, 1)[..., None]
    levels = np.clip(np.rint(levels), 0, 15).astype(np.uint8)
    packed = np.concatenate(
        [s[:, :4] | (s[:, 4:] >> 4 << 6), m[:, :4] | (m[:, 4:] >> 4 << 6), (s[:, 4:] & 15) | (m[:, 4:] & 15) << 4], 1
    )
    nibbles = (levels[:, 0::2] | levels[:, 1::2] << 4).reshape(n, 128)
    return np.concatenate([d[:, None].view(np.uint8), dmin[:, None].view(np.uint8), packed, nibbles], 1)


def _q6_k(x: np.ndarray) -> np.ndarray:
    """[n, 256] → [n, 210] bytes: 128 of low nibbles, 64 of high pairs, 16 int8 scales, fp16 d (make_qx_quants)."""
    n, blocks = len(x), x.reshape(-1, 16)
    peak = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    peak = np.where(np.abs(peak) < 1e-12, 1e-12, peak)

    def at(step):
        level = np.clip(np.rint(-(32 + 0.1 * step) / peak * blocks), -32, 31)
        weight = blocks * blocks
        scale = (weight * blocks * level).sum(1) / np.maximum((weight * level * level).sum(1), 1e-30)
        return (weight * (scale[:, None] * level - blocks) ** 2).sum(1), scale

    (scale,) = _search(blocks, [0, *range(-9, 10)], at)
    scale = scale.reshape(n, 16)
    top = np.take_along_axis(scale, np.abs(scale).argmax(1)[:, None], 1)[:, 0]
    d = (top / -128).astype(np.float16)
    real = d.astype(np.float32)[:, None]
    s = np.clip(np.rint(np.where(real != 0, scale / np.where(real != 0, real, 1), 0)), -128, 127)
    step = (real * s)[..., None]
    level = np.clip(np.rint(x.reshape(n, 16, 16) / np.where(step != 0, step, 1)), -32, 31) + 32
    level = np.where(step != 0, level, 32).astype(np.uint8).reshape(n, 2, 4, 32)
    low = np.stack(
        [level[:, :, 0] & 15 | (level[:, :, 2] & 15) << 4, level[:, :, 1] & 15 | (level[:, :, 3] & 15) << 4], 2
    )
    high = level[:, :, 0] >> 4 | level[:, :, 1] >> 4 << 2 | level[:, :, 2] >> 4 << 4 | level[:, :, 3] >> 4 << 6
    return np.concatenate(
        [low.reshape(n, 128), high.reshape(n, 64), s.astype(np.int8).view(np.uint8), d[:, None].view(np.uint8)], 1
    )


def quantise(x: np.ndarray, kind: str) -> np.ndarray:
    """[rows, columns] fp32 → [rows, bytes] of the type."""
    if kind in ("Q4_K", "Q6_K"):
        make = _q4_k if kind == "Q4_K" else _q6_k
        return np.ascontiguousarray(make(x.reshape(-1, 256).astype(np.float32))).reshape(len(x), -1)
    return gguf.quants.quantize(x, Type[kind])


def write_gguf(path: Path, shape: Shape, weights: Weights, scheme: str, tokenizer: str, name: str):
    """scheme: a key of FILE_TYPES."""
    writer = gguf.GGUFWriter(path, _ARCHITECTURE[shape.kind])
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[scheme])
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_quantization_version(2)
    if shape.gpt2:
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_head_count_kv(shape.kv)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_freq_base(shape.theta)
        writer.add_rope_dimension_count(shape.head_dim)
        writer.add_vocab_size(shape.vocab)
    tokens = tokens_of(tokenizer, shape.vocab)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if shape.kind == "qwen2" else "gpt-2" if shape.gpt2 else "llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if i < 2 else 1 for i in range(len(tokens))])
    writer.add_token_merges(merges_of(tokenizer))
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    for tensor, value in gguf_tensors(shape, weights).items():
        value = np.ascontiguousarray(value, np.float32)
        if value.ndim == 1 or tensor == "position_embd.weight":
            writer.add_tensor(tensor, value)
            continue
        kind = _type_of(tensor, value.shape[1], scheme, shape)
        writer.add_tensor(tensor, quantise(value, kind), raw_dtype=Type[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
