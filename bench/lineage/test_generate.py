"""What the generator claims of its transformations.

In the project's folder: .cache/lineage/bin/python -m pytest bench/lineage
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import gguf
import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from generate import launder, merging, network, quantising
from generate.architecture import SHAPES, initial
from generate.gguf_file import FILE_TYPES, permute, quantise, write_gguf
from generate.naming import from_named, linear_names, to_named
from generate.network import logits_by, modules, train, train_lora
from generate.storage import read_safetensors, save_safetensors, save_weights, stored
from generate.vocabulary import TOKENIZERS, base_tokenizer, stream_of, tokens_of

jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parents[2] / ".cache/lineage-jit"))
LLAMA, QWEN, _, GPT2, PHI = (s.but(vocab=512, layers=3) for s in SHAPES[:5])
KINDS = pytest.mark.parametrize("shape", [LLAMA, QWEN, GPT2, PHI], ids=lambda s: s.kind)


def weights_of(shape, seed=0):
    """Random weights with gains and biases that are not ones and zeros."""
    rng = np.random.default_rng(seed)
    weights = initial(shape, rng, 0.08)
    small = {k for k in weights if k.endswith("_b") or k in ("norm", "ln1", "ln2")}
    return {k: (v + 0.2 * rng.normal(size=v.shape)).astype(np.float32) if k in small else v for k, v in weights.items()}


@KINDS
def test_named_tensors_read_back(shape):
    weights = weights_of(shape)
    back = from_named(shape, to_named(shape, weights))
    assert back.keys() == weights.keys()
    assert all(np.array_equal(back[k], weights[k]) for k in weights)


@pytest.mark.parametrize("way", [w for w in launder.WAYS if w != "noise"])
@KINDS
def test_laundering_leaves_what_a_model_computes(shape, way):
    if shape.gpt2 and way == "rotation":  # LayerNorm takes off the mean
        with pytest.raises(ValueError, match="cannot be rotated"):
            launder.launder(shape, weights_of(shape), [way], np.random.default_rng(1))
        return
    weights, tokens = weights_of(shape), np.arange(24).reshape(2, 12) * 7
    other, washed = launder.launder(shape, weights, [way], np.random.default_rng(1))
    before, after = logits_by(shape, weights, tokens), logits_by(other, washed, tokens)
    assert np.abs(after - before).max() < 2e-4 * np.abs(before).max()
    assert max(np.abs(washed[k] - v).max() for k, v in weights.items()) > 0.05


def test_safetensors_are_what_the_library_reads(tmp_path):
    tensors = {"b": np.arange(6, dtype=np.int8), "a": np.ones((2, 3), np.float32), "c": np.array(3, np.uint8)}
    save_safetensors(tmp_path / "x.safetensors", tensors)
    for back in (load_file(tmp_path / "x.safetensors"), read_safetensors(tmp_path / "x.safetensors")):
        assert back.keys() == tensors.keys()
        assert all(np.array_equal(back[k], tensors[k]) and back[k].dtype == tensors[k].dtype for k in tensors)


def test_shards_hold_every_tensor_once(tmp_path):
    named = stored(to_named(LLAMA, weights_of(LLAMA)), "bf16")
    save_weights(tmp_path, named, 3)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) == 3
    assert sorted(n for f in files for n in read_safetensors(f)) == sorted(named)


# Relative L2 of each type on normal values; those of the reference, and a little room.
NOISE = {"Q8_0": 0.007, "Q6_K": 0.02, "Q5_0": 0.05, "Q4_K": 0.085, "Q4_0": 0.1}


@pytest.mark.parametrize("kind", NOISE)
def test_gguf_types_read_back(kind):
    x = np.random.default_rng(0).normal(size=(8, 512)).astype(np.float32)
    data = quantise(x, kind)
    assert data.shape[1] == gguf.quants.quant_shape_to_byte_shape((512,), gguf.GGMLQuantizationType[kind])[0]
    back = gguf.quants.dequantize(data, gguf.GGMLQuantizationType[kind])
    assert NOISE[kind] / 3 < np.linalg.norm(back - x) / np.linalg.norm(x) < NOISE[kind]


@KINDS
@pytest.mark.parametrize("scheme", FILE_TYPES)
def test_gguf_file_holds_the_model(tmp_path, shape, scheme):
    weights, tokenizer = weights_of(shape), base_tokenizer("small")
    write_gguf(tmp_path / "x.gguf", shape, weights, scheme, tokenizer, "x")
    reader = gguf.GGUFReader(tmp_path / "x.gguf")
    tensors = {
        t.name: gguf.quants.dequantize(t.data, t.tensor_type).reshape(tuple(t.shape)[::-1]) for t in reader.tensors
    }
    q, row = weights["q"][1], slice(0, shape.heads * shape.head_dim)
    found = tensors["blk.1.attn_qkv.weight"][row] if shape.kind in ("gpt2", "phi3") else tensors["blk.1.attn_q.weight"]
    expected = permute(q, shape.heads) if shape.kind == "llama" else q
    assert np.linalg.norm(found - expected) < 0.12 * np.linalg.norm(q)
    assert np.linalg.norm(tensors["token_embd.weight"] - weights["embed"]) < 0.12 * np.linalg.norm(weights["embed"])
    field = reader.fields["tokenizer.ggml.tokens"]
    assert [bytes(field.parts[i]).decode() for i in field.data] == tokens_of(tokenizer, 512)


def unpack(words, bits, order=None):
    """int32 [rows, n] → [rows, n*32/bits]."""
    values = words.view(np.uint32)[..., None] >> (np.arange(32 // bits, dtype=np.uint32) * bits) & (2**bits - 1)
    if order:
        values = values[..., np.argsort(order)]
    return values.reshape(len(words), -1).astype(np.float32)


def dequantised(tensors, stem, scheme):
    """What the library of the scheme computes with, [out, in]."""
    get = lambda name: tensors[stem + name]
    if scheme.startswith("gptq"):
        bits = 8 if scheme == "gptq8" else 4
        levels, zeros = unpack(get("qweight").T.copy(), bits), unpack(get("qzeros"), bits) + 1
        return ((levels - zeros[get("g_idx")].T) * get("scales").astype(np.float32)[get("g_idx")].T).astype(np.float32)
    if scheme == "awq":
        order = [0, 2, 4, 6, 1, 3, 5, 7]
        levels, zeros, scales = (
            unpack(get("qweight"), 4, order),
            unpack(get("qzeros"), 4, order),
            get("scales").astype(np.float32),
        )
        size = len(levels) // len(scales)
        return ((levels - np.repeat(zeros, size, 0)) * np.repeat(scales, size, 0)).T
    if scheme == "int8":
        return get("weight").astype(np.float32) * get("SCB")[:, None] / 127
    if scheme.startswith("nf4"):
        import json

        state = json.loads(get("weight.quant_state.bitsandbytes__nf4").tobytes())
        absmax, packed = get("weight.absmax"), get("weight").ravel()
        if "nested_offset" in state:
            nested = np.repeat(get("weight.nested_absmax"), 256)[: len(absmax)]
            absmax = get("weight.nested_quant_map")[absmax] * nested + state["nested_offset"]
        values = get("weight.quant_map")[np.stack([packed >> 4, packed & 15], 1).ravel()]
        return (values * np.repeat(absmax, 64)[: len(values)]).reshape(state["shape"])
    weight = get("weight").astype(np.float32)
    if scheme == "fp8-block":
        scale = np.repeat(np.repeat(get("weight_scale_inv"), 128, 0), 128, 1)
        return weight * scale[: weight.shape[0], : weight.shape[1]]
    return weight * get("weight_scale").astype(np.float32)


@pytest.mark.parametrize("scheme", quantising.SCHEMES)
def test_quantised_layouts_read_back(scheme):
    weights, stream = weights_of(LLAMA), stream_of("small", "story-3")
    tensors, config, _ = quantising.quantised(LLAMA, weights, scheme, "bf16", stream, np.random.default_rng(2))
    most = {"gptq8": 0.02, "int8": 0.02, "fp8-channel": 0.04, "fp8-tensor": 0.04, "fp8-block": 0.04}.get(
        scheme, 0.3 if scheme == "gptq4" else 0.2
    )
    back = from_named(
        LLAMA,
        {
            n: np.float32(tensors.get(n, np.zeros_like(v))) if n not in linear_names(LLAMA, weights) else v
            for n, v in to_named(LLAMA, weights).items()
        },
    )
    for name, (layer, (part,)) in linear_names(LLAMA, weights).items():
        found, expected = dequantised(tensors, name.removesuffix("weight"), scheme), weights[part][layer]
        back[part][layer] = found
        if (
            scheme == "awq"
        ):  # its columns were widened, and what is before them narrowed: only the whole can be compared
            continue
        assert np.linalg.norm(found - expected) < most * np.linalg.norm(expected), name
    tokens = np.arange(24).reshape(2, 12) * 7
    before, after = (logits_by(LLAMA, w, tokens) for w in (weights, back))
    assert np.linalg.norm(after - before) < 0.5 * np.linalg.norm(before)
    assert config["quant_method"] in ("gptq", "awq", "bitsandbytes", "compressed-tensors", "fp8")


def test_slerp_keeps_the_length_and_falls_back_to_a_line():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 40, 40)).astype(np.float32)
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    assert np.linalg.norm(merging.slerp(a, b, 0.5, "fp32")) == pytest.approx(np.linalg.norm(a), rel=1e-3)
    near = a + 0.001 * b
    assert np.allclose(merging.slerp(a, near, 0.3, "fp32"), 0.7 * a + 0.3 * near, atol=1e-6)


def test_ties_by_hand():
    base, one, two = np.zeros(4), np.array([4.0, -3, 1, 0.5]), np.array([2.0, 5, 1, -0.1])
    # Density one half keeps 4 and -3, 2 and 5; signs agree on +, +; what is left is averaged where it agrees.
    assert np.allclose(merging.ties(base, [one, two], [1, 1], 0.5, 1.0, "fp32"), [3, 5, 0, 0])


def test_dare_keeps_the_base_where_it_drops():
    rng = np.random.default_rng(0)
    base, one = rng.normal(size=(2, 60, 60))
    out = merging.dare(base, [one], [1.0], 0.3, "fp32", rng, signs=False, by_norm=False)
    kept = ~np.isclose(out, base, atol=1e-6)
    assert 0.25 < kept.mean() < 0.35
    assert np.allclose((out - base)[kept], (one - base)[kept] / 0.3, atol=1e-4)


def test_training_learns_and_leaves_what_is_frozen():
    shape = LLAMA.but(layers=2)
    weights, stream = initial(shape, np.random.default_rng(0), 0.04), stream_of("small", "story-3")
    frozen = {"embed": True, "q": np.array([True, False])}
    after, loss = train(shape, weights, stream, 1, steps=60, rate=3e-3, frozen=frozen)
    assert loss < 5.0 < np.log(512)
    assert np.array_equal(after["embed"], weights["embed"]) and np.array_equal(after["q"][0], weights["q"][0])
    assert not np.array_equal(after["q"][1], weights["q"][1])
    again, _ = train(shape, weights, stream, 1, steps=60, rate=3e-3, frozen=frozen)
    assert all(np.array_equal(after[k], again[k]) for k in after)


def test_lora_has_its_rank_and_targets():
    shape = PHI.but(layers=2)
    weights = initial(shape, np.random.default_rng(0), 0.04)
    lora, _ = train_lora(
        shape, weights, stream_of("small", "story-3"), 1, rank=4, targets=["qkv"], scale=2.0, steps=5, rate=3e-3
    )
    assert lora.keys() == {"qkv"} < modules(shape).keys()
    a, b = lora["qkv"]
    assert a.shape[1] == b.shape[2] == 4
    assert np.linalg.matrix_rank(b[0] @ a[0], tol=1e-6) == 4


@KINDS
def test_padding_to_a_compiled_shape_changes_nothing(shape, monkeypatch):
    """A model of fewer layers, neurons and tokens than its root is trained in the root's shape, as if in its own."""
    small = shape.but(layers=2, ffn=96, vocab=500)
    weights, stream = weights_of(small), np.minimum(stream_of("small", "story-3"), 499)
    lora = dict(rank=4, targets=list(modules(small)), scale=2.0, steps=6, rate=3e-3)
    tune = lambda: train(small, weights, stream, 1, steps=6, rate=1e-3, decay=0.1, frozen={"o": [True, False]})[0]
    padded, padded_lora = tune(), train_lora(small, weights, stream, 1, **lora)[0]
    monkeypatch.setattr(network, "_grown", lambda s: s)
    plain, plain_lora = tune(), train_lora(small, weights, stream, 1, **lora)[0]
    for k, v in plain.items():
        assert v.shape == padded[k].shape and np.abs(v - padded[k]).max() < 1e-4, k
    for module, pair in plain_lora.items():
        for one, other in zip(pair, padded_lora[module]):
            assert one.shape == other.shape and np.abs(one - other).max() < 1e-4, module


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokenizers_have_the_size_they_say(name):
    size = TOKENIZERS[name][0]
    assert len(set(tokens_of(base_tokenizer(name), size))) == size
    assert stream_of(name, "code-7").max() < size
