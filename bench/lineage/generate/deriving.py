"""Models that are computed from others without training: casts, cut and sparse models, merges."""

import numpy as np

from . import merging
from .architecture import rounded
from .model import Model
from .naming import from_named, to_named
from .training import child


def cast(rng, parent: Model, others) -> Model:
    dtype = str(rng.choice([d for d in ("fp32", "bf16", "fp16") if d != parent.dtype]))
    return child(parent, "cast", rounded(parent.weights, dtype), {"from": parent.dtype, "to": dtype}, dtype=dtype)


def copy(rng, parent: Model, others) -> Model:
    """The same values. detail.how: files (byte for byte), shards (other files), order (tensors in another order)."""
    return child(
        parent, "copy", parent.weights, {"how": str(rng.choice(["files", "shards", "order"]))}, shards=parent.shards
    )


def _layers(model: Model, keep: list[int]) -> dict[str, np.ndarray]:
    """The weights with the layers keep, in that order."""
    per_layer = [k for k in model.weights if k not in ("embed", "head", "pos", "norm", "norm_b")]
    return model.weights | {k: model.weights[k][keep] for k in per_layer}


def pruned_layers(rng, parent: Model, others) -> Model:
    n = parent.shape.layers
    gone = int(rng.integers(1, max(2, n // 2)))
    if rng.random() < 0.5:  # a run of deep layers, as most recipes do
        start = int(rng.integers(0, n - gone + 1))
        dropped = list(range(start, start + gone))
    else:
        dropped = sorted(int(i) for i in rng.choice(n, gone, replace=False))
    keep = [i for i in range(n) if i not in dropped]
    shape = parent.shape.but(layers=len(keep))
    return child(parent, "pruned_layers", _layers(parent, keep), {"kept": keep}, shape=shape)


def pruned_width(rng, parent: Model, others) -> Model:
    """The feed-forward neurons of the largest norm, in their order; the same number in each layer."""
    w, f = dict(parent.weights), parent.shape.ffn
    kept = f - 32 * int(rng.integers(1, max(2, f // 64)))
    norm = np.linalg.norm(w["up"], axis=2) * np.linalg.norm(w["down"], axis=1)
    rows = np.sort(np.argsort(-norm, axis=1)[:, :kept], axis=1)
    for name in ("gate", "up", "up_b"):
        if name in w:
            w[name] = np.stack([v[r] for v, r in zip(w[name], rows)])
    w["down"] = np.stack([v[:, r] for v, r in zip(w["down"], rows)])
    return child(parent, "pruned_width", w, {"ffn": kept}, shape=parent.shape.but(ffn=kept))


def sparse(rng, parent: Model, others) -> Model:
    """Zeros in the maps of every layer: the smallest half (or other share) of each, or two of every four in a row."""
    how = str(rng.choice(["magnitude", "2:4"]))
    share = float(rng.choice([0.3, 0.5, 0.5, 0.6])) if how == "magnitude" else 0.5
    w = dict(parent.weights)
    for name in ("q", "k", "v", "o", "gate", "up", "down"):
        if name not in w:
            continue
        size = np.abs(w[name])
        if how == "2:4":
            rank = np.argsort(np.argsort(size.reshape(*size.shape[:-1], -1, 4), axis=-1), axis=-1)
            mask = (rank >= 2).reshape(size.shape)
        else:
            mask = size > np.quantile(size, share, axis=(1, 2), keepdims=True)
        w[name] = (w[name] * mask).astype(np.float32)
    return child(parent, "sparse", w, {"how": how, "share": share})


def _merged(kind: str, parents: list[Model], named, dtype: str, detail: dict) -> Model:
    first = parents[0]
    weights = rounded(from_named(first.shape, named), dtype)
    made = child(first, kind, weights, detail, dtype=dtype, names="hf")
    made.parents = parents
    return made


def _dtypes(rng, parents: list[Model]) -> tuple[str, str]:
    """The dtype that is computed in, and the one that is stored."""
    computed = str(rng.choice([parents[0].dtype, "bf16", "fp16", "fp32"], p=[0.4, 0.3, 0.1, 0.2]))
    stored = str(rng.choice(["bf16", "fp16"])) if computed == "fp32" and rng.random() < 0.6 else computed
    return computed, stored


def _of(parents: list[Model]):
    return [to_named(p.shape, p.weights) for p in parents]


def _layer_of(name: str) -> int | None:
    return next((int(part) for part in name.split(".") if part.isdigit()), None)


def merge_linear(rng, parents: list[Model], base) -> Model:
    weights = (
        [round(float(rng.uniform(0.2, 1.0)), 2) for _ in parents]
        if rng.random() < 0.7
        else [0.5 if len(parents) == 2 else 1.0] * len(parents)
    )
    computed, dtype = _dtypes(rng, parents)
    named = merging.each(_of(parents), lambda _, ts: merging.linear(ts, weights, computed))
    return _merged("merge_linear", parents, named, dtype, {"weights": weights, "computed": computed})


def merge_slerp(rng, parents: list[Model], base) -> Model:
    computed, dtype = _dtypes(rng, parents)
    t = round(float(rng.uniform(0.25, 0.75)), 2)
    by_layer = {"attn": [0, 0.5, 0.3, 0.7, 1], "mlp": [1, 0.5, 0.7, 0.3, 0]} if rng.random() < 0.4 else {}
    n = parents[0].shape.layers

    def at(name: str) -> float:
        points = next((p for part, p in by_layer.items() if part in name), None)
        return merging.gradient(points, _layer_of(name), n) if points else 0.5 if by_layer else t

    tensors = _of(parents)
    named = merging.each(tensors, lambda name, ts: merging.slerp(ts[0], ts[1], at(name), computed))
    # Where all are straight, nothing tells it from a linear merge.
    share = float(np.mean([merging.straight(tensors[0][n], tensors[1][n]) for n in named]))
    return _merged("merge_slerp", parents, named, dtype, {"t": by_layer or t, "computed": computed, "straight": share})


def _task_vectors(rng, parents):
    weights = [round(float(rng.uniform(0.3, 1.0)), 2) for _ in parents]
    density = float(rng.choice([0.2, 0.33, 0.5, 0.53, 0.7]))
    computed, dtype = _dtypes(rng, parents)
    return weights, density, computed, dtype


def merge_ties(rng, parents: list[Model], base: Model) -> Model:
    weights, density, computed, dtype = _task_vectors(rng, parents)
    strength = float(rng.choice([1.0, 1.0, 0.8]))
    make = lambda _, ts: merging.ties(ts[-1], ts[:-1], weights, density, strength, computed)
    named = merging.each(_of([*parents, base]), make)
    detail = {"base": base.id, "weights": weights, "density": density, "lambda": strength, "computed": computed}
    return _merged("merge_ties", parents, named, dtype, detail)


def merge_dare(rng, parents: list[Model], base: Model) -> Model:
    weights, density, computed, dtype = _task_vectors(rng, parents)
    how = dict(signs=bool(rng.random() < 0.6), by_norm=bool(rng.random() < 0.5))
    make = lambda _, ts: merging.dare(ts[-1], ts[:-1], weights, density, computed, rng, **how)
    named = merging.each(_of([*parents, base]), make)
    detail = {
        "base": base.id,
        "weights": weights,
        "density": density,
        "method": "dare_ties" if how["signs"] else "dare_linear",
        "computed": computed,
    }
    return _merged("merge_dare", parents, named, dtype, detail | {"by_norm": how["by_norm"]})


def merge_passthrough(rng, parents: list[Model], base) -> Model:
    """Slices of layers of one or two models, one behind the other and overlapping."""
    first, last = parents[0], parents[-1]
    n = first.shape.layers
    overlap = int(rng.integers(1, n)) if n > 2 else 1
    end = int(rng.integers(max(1, overlap), n + 1)) if len(parents) == 1 or rng.random() < 0.7 else n
    slices = [(first, 0, end), (last, max(0, end - overlap), n)]
    rest = {k: v for k, v in first.weights.items() if k in ("embed", "head", "pos", "norm", "norm_b")}
    layers = {k: np.concatenate([m.weights[k][a:b] for m, a, b in slices]) for k in first.weights if k not in rest}
    dtype = first.dtype
    shape = first.shape.but(layers=sum(b - a for _, a, b in slices))
    # In mergekit what stands before the layers comes with the first slice, what stands behind them with the last.
    rest |= {k: last.weights[k] for k in ("norm", "norm_b", "head") if k in rest}
    made = child(
        first,
        "merge_passthrough",
        rounded(rest | layers, dtype),
        {"slices": [[m.id, a, b] for m, a, b in slices]},
        shape=shape,
        dtype=dtype,
        names="hf",
    )
    made.parents = parents
    return made


MERGES = {
    "merge_linear": merge_linear,
    "merge_slerp": merge_slerp,
    "merge_ties": merge_ties,
    "merge_dare": merge_dare,
    "merge_passthrough": merge_passthrough,
}
