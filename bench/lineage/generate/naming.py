"""Between the form in memory and tensors as the libraries name, fuse and turn them."""

import re

import numpy as np

from .architecture import Shape, Weights, tensor_shapes

Named = dict[str, np.ndarray]


def _rows(shape: Shape, weights_of):
    """Yields (name, layer or None, arrays whose rows it holds, turned to [in, out])."""
    if shape.gpt2:
        model = [("wte.weight", "embed"), ("wpe.weight", "pos"), ("ln_f.weight", "norm"), ("ln_f.bias", "norm_b")]
        yield from ((f"transformer.{name}", None, (part,), False) for name, part in model)
        for i in range(shape.layers):
            for name, parts in [
                ("ln_1", ("ln1",)),
                ("attn.c_attn", ("q", "k", "v")),
                ("attn.c_proj", ("o",)),
                ("ln_2", ("ln2",)),
                ("mlp.c_fc", ("up",)),
                ("mlp.c_proj", ("down",)),
            ]:
                yield f"transformer.h.{i}.{name}.weight", i, parts, not name.startswith("ln")
                yield f"transformer.h.{i}.{name}.bias", i, tuple(f"{p}_b" for p in parts), False
    else:
        yield "model.embed_tokens.weight", None, ("embed",), False
        yield "model.norm.weight", None, ("norm",), False
        fused = shape.kind == "phi3"
        attention = (
            [("qkv_proj", ("q", "k", "v"))] if fused else [("q_proj", ("q",)), ("k_proj", ("k",)), ("v_proj", ("v",))]
        )
        mlp = [("gate_up_proj", ("gate", "up"))] if fused else [("gate_proj", ("gate",)), ("up_proj", ("up",))]
        for i in range(shape.layers):
            layer = f"model.layers.{i}"
            yield f"{layer}.input_layernorm.weight", i, ("ln1",), False
            yield f"{layer}.post_attention_layernorm.weight", i, ("ln2",), False
            for name, parts in [*attention, ("o_proj", ("o",))]:
                yield f"{layer}.self_attn.{name}.weight", i, parts, False
                if f"{parts[0]}_b" in weights_of:
                    yield f"{layer}.self_attn.{name}.bias", i, (f"{parts[0]}_b",), False
            for name, parts in [*mlp, ("down_proj", ("down",))]:
                yield f"{layer}.mlp.{name}.weight", i, parts, False
    if not shape.tied:
        yield "lm_head.weight", None, ("head",), False


def to_named(shape: Shape, weights: Weights) -> Named:
    """Tensors under the names of the kind's class in transformers."""
    named = {}
    for name, layer, parts, turned in _rows(shape, weights):
        arrays = [weights[p] if layer is None else weights[p][layer] for p in parts]
        value = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
        named[name] = np.ascontiguousarray(value.T if turned else value)
    return named


def from_named(shape: Shape, named: Named) -> Weights:
    """The inverse of to_named."""
    weights = {k: np.empty(dims, np.float32) for k, dims in tensor_shapes(shape).items()}
    for name, layer, parts, turned in _rows(shape, weights):
        value, row = named[name].T if turned else named[name], 0
        for part in parts:
            target = weights[part] if layer is None else weights[part][layer]
            target[...] = value[row : row + len(target)]
            row += len(target)
    return weights


def linear_names(shape: Shape, weights: Weights) -> dict[str, tuple[int, tuple[str, ...]]]:
    """The names of the linear maps inside layers → (layer, arrays)."""
    return {
        n: (i, p)
        for n, i, p, _ in _rows(shape, weights)
        if i is not None and n.endswith("weight") and p[0] not in ("ln1", "ln2")
    }


# Ways in which a tensor is called elsewhere: the names of Meta's own files, and names that somebody made up.
_META = [
    (r"^model\.embed_tokens\.", "tok_embeddings."),
    (r"^lm_head\.", "output."),
    (r"^model\.norm\.", "norm."),
    (r"^model\.layers\.", "layers."),
    (r"self_attn\.([qkvo])_proj", r"attention.w\1"),
    (r"self_attn\.qkv_proj", "attention.wqkv"),
    (r"input_layernorm", "attention_norm"),
    (r"post_attention_layernorm", "ffn_norm"),
    (r"mlp\.gate_proj", "feed_forward.w1"),
    (r"mlp\.down_proj", "feed_forward.w2"),
    (r"mlp\.up_proj", "feed_forward.w3"),
    (r"mlp\.gate_up_proj", "feed_forward.w13"),
]
_OWN = [
    (r"^(model|transformer)\.", "backbone."),
    (r"^lm_head\.", "backbone.output_head."),
    (r"\.(layers|h)\.", ".blocks."),
    (r"self_attn|\battn\b", "mixer"),
    (r"\bmlp\b", "ffn"),
]


def renamed(named: Named, how: str) -> Named:
    """how: hf (as it is), bare (GPT-2's first files have no prefix), meta, own."""
    if how == "hf":
        return named
    rules = {"bare": [(r"^transformer\.", "")], "meta": _META, "own": _OWN}[how]
    out = {}
    for name, value in named.items():
        for pattern, text in rules:
            name = re.sub(pattern, text, name)
        out[name] = value
    return out
