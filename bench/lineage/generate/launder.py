"""Changes that leave what a model computes as it was (but for rounding), made to hide where its weights are from."""

import numpy as np

from .architecture import Shape, Weights

_FROM_RESIDUAL = ("q", "k", "v", "gate", "up")  # read the residual stream by columns
_TO_RESIDUAL = ("o", "down")  # write it by rows


def neurons(shape: Shape, w: Weights, rng) -> tuple[Shape, Weights]:
    """Another order of the feed-forward neurons in each layer."""
    w = dict(w)
    order = np.stack([rng.permutation(shape.ffn) for _ in range(shape.layers)])
    for name in ("gate", "up", "up_b"):
        if name in w:
            w[name] = np.stack([v[o] for v, o in zip(w[name], order)])
    w["down"] = np.stack([v[:, o] for v, o in zip(w["down"], order)])
    return shape, w


def heads(shape: Shape, w: Weights, rng) -> tuple[Shape, Weights]:
    """Another order of the key/value heads, and of the query heads within each."""
    w, per = dict(w), shape.heads // shape.kv
    size = np.arange(shape.head_dim)
    rows = lambda order: (np.asarray(order)[:, None] * shape.head_dim + size).ravel()
    names = [n for n in ("q", "k", "v", "q_b", "k_b", "v_b") if n in w]
    out = {n: w[n].copy() for n in (*names, "o")}
    for i in range(shape.layers):
        groups = rng.permutation(shape.kv)
        queries = np.concatenate([g * per + rng.permutation(per) for g in groups])
        for n in names:
            out[n][i] = w[n][i][rows(queries if n[0] == "q" else groups)]
        out["o"][i] = w["o"][i][:, rows(queries)]
    return shape, w | out


def _turn(shape: Shape, w: Weights, columns, rows, vectors) -> Weights:
    """columns: on everything read along hidden; rows: on what writes it; vectors: on gains and biases along hidden."""
    out = dict(w)
    for n in ("embed", "head", "pos", *_FROM_RESIDUAL):
        if n in w:
            out[n] = columns(w[n])
    for n in _TO_RESIDUAL:
        out[n] = rows(w[n])
    for n in ("norm", "norm_b", "ln1", "ln1_b", "ln2", "ln2_b", "o_b", "down_b"):
        if n in w:
            out[n] = vectors(w[n])
    return out


def hidden(shape: Shape, w: Weights, rng) -> tuple[Shape, Weights]:
    """Another order of the hidden dimensions, everywhere alike."""
    order = rng.permutation(shape.hidden)
    return shape, _turn(shape, w, lambda m: m[..., order], lambda m: m[:, order], lambda v: v[..., order])


def folded(shape: Shape, w: Weights) -> tuple[Shape, Weights]:
    """Norm gains moved into the maps that follow; the output map is then one of its own."""
    w = dict(w)
    for gain, names in (("ln1", ("q", "k", "v")), ("ln2", ("gate", "up"))):
        for n in names:
            if n in w:
                w[n] = w[n] * w[gain][:, None]
        w[gain] = np.ones_like(w[gain])
    w["head"] = w.get("head", w["embed"]) * w["norm"]
    w["norm"] = np.ones_like(w["norm"])
    return shape.but(tied=False), w


def rotation(shape: Shape, w: Weights, rng) -> tuple[Shape, Weights]:
    """A random orthogonal turn of the hidden space. Only where norms are RMS: LayerNorm's mean forbids it."""
    if shape.gpt2:
        raise ValueError("gpt2 cannot be rotated: its LayerNorm takes off the mean")
    shape, w = folded(shape, w)
    q, r = np.linalg.qr(rng.normal(size=(shape.hidden, shape.hidden)))
    q = (q * np.sign(np.diag(r))).astype(np.float32)
    return shape, _turn(shape, w, lambda m: m @ q, lambda m: q.T @ m, lambda v: v)


def scaling(shape: Shape, w: Weights, rng) -> tuple[Shape, Weights]:
    """Factors that cancel: query and key, value and output, up and down, norm gain and the maps behind it."""
    w, n = dict(w), shape.layers
    factor = lambda *dims: np.exp(rng.normal(0, 0.4, dims)).astype(np.float32)
    per, half = shape.heads // shape.kv, shape.head_dim // 2
    # Both halves of a rotary pair turn together, so they take one factor.
    s = factor(n, shape.kv, 1, half)
    s = np.broadcast_to(np.concatenate([s, s], -1), (n, shape.kv, per, shape.head_dim))
    t = np.broadcast_to(factor(n, shape.kv, 1, shape.head_dim), s.shape)
    flat = lambda x, every: (x if every else x[:, :, 0]).reshape(n, -1)
    u = factor(n, shape.ffn)
    if not shape.gpt2:  # GELU is not linear in its input
        w["up"], w["down"] = w["up"] * u[:, :, None], w["down"] / u[:, None]
    for name, by in (("q", flat(s, True)), ("k", 1 / flat(s, False)), ("v", flat(t, False))):
        w[name] = w[name] * by[:, :, None]
        if f"{name}_b" in w:
            w[f"{name}_b"] = w[f"{name}_b"] * by
    w["o"] = w["o"] / flat(t, True)[:, None]
    for gain, names in (("ln1", ("q", "k", "v")), ("ln2", ("gate", "up"))):
        g = factor(n, shape.hidden)
        for name in (gain, f"{gain}_b"):
            if name in w:
                w[name] = w[name] * g
        for name in names:
            if name in w:
                w[name] = w[name] / g[:, None]
    return shape, w


def noise(shape: Shape, w: Weights, rng) -> tuple[Shape, Weights]:
    """The same relative noise on every matrix; norms and biases as they were."""
    level = float(np.exp(rng.uniform(np.log(0.004), np.log(0.03))))
    out = {}
    for name, value in w.items():
        if value.ndim < 2 or name.startswith("ln") or name.endswith("_b"):
            out[name] = value
            continue
        size = np.sqrt((value**2).mean((-1, -2), keepdims=True))
        out[name] = (value + level * size * rng.normal(size=value.shape)).astype(np.float32)
    return shape, out


WAYS = {"neurons": neurons, "heads": heads, "hidden": hidden, "rotation": rotation, "scaling": scaling, "noise": noise}
COMBINATIONS = [
    ("neurons", "heads"),
    ("neurons", "heads", "hidden"),
    ("neurons", "heads", "rotation"),
    ("rotation", "scaling"),
    ("noise", "hidden"),
    ("neurons", "heads", "hidden", "scaling", "noise"),
]


def launder(shape: Shape, w: Weights, ways, rng) -> tuple[Shape, Weights]:
    for way in ways:
        shape, w = WAYS[way](shape, w, rng)
    return shape, w
