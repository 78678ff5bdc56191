"""Merges tensor by tensor as mergekit makes them, in the dtype that it computes in.

Read in arcee-ai/mergekit: merge_methods/{linear,slerp,generalized_task_arithmetic}.py, sparsify.py.
"""

import numpy as np

from .architecture import DTYPES
from .naming import Named


def _rounding(dtype: str):
    return lambda x: np.asarray(x, np.float32).astype(DTYPES[dtype]).astype(np.float32)


def _weighted(r, tensors, weights):
    """sum(weight * tensor), each product rounded as torch does."""
    return r(sum(r(r(w) * r(t)) for w, t in zip(weights, tensors)))


def linear(tensors: list[np.ndarray], weights: list[float], dtype: str) -> np.ndarray:
    r = _rounding(dtype)
    return r(_weighted(r, tensors, weights) / r(sum(r(w) for w in weights)))


def straight(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether both directions are so near (cosine above 0.9995) that slerp takes a straight line."""
    return abs(_cosine(a, b)) > 0.9995


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a / max(np.linalg.norm(a), 1e-8) * (b / max(np.linalg.norm(b), 1e-8))).sum())


def slerp(a: np.ndarray, b: np.ndarray, t: float, dtype: str) -> np.ndarray:
    """Along the great circle between both directions, or straight."""
    r = _rounding(dtype)
    a, b = r(a), r(b)
    if straight(a, b):
        return r((1 - t) * a + t * b)
    angle = np.arccos(_cosine(a, b))
    return r(np.sin((1 - t) * angle) / np.sin(angle) * a + np.sin(t * angle) / np.sin(angle) * b)


def _largest(delta: np.ndarray, density: float) -> np.ndarray:
    kept = np.zeros(delta.size, bool)
    kept[np.argsort(-np.abs(delta), axis=None, kind="stable")[: max(1, int(density * delta.size))]] = True
    return delta * kept.reshape(delta.shape)


def _agreed(deltas: np.ndarray) -> np.ndarray:
    """Where each delta has the sign of the sum of all."""
    majority = np.where(deltas.sum(0) >= 0, 1, -1)
    return np.sign(deltas) == majority


def ties(
    base: np.ndarray, tensors: list[np.ndarray], weights: list[float], density: float, strength: float, dtype: str
) -> np.ndarray:
    """Keep the largest, agree on a sign, average what agrees."""
    r = _rounding(dtype)
    base = r(base)
    deltas = np.stack([r(w) * _largest(r(r(t) - base), density) for t, w in zip(tensors, weights)])
    mask = _agreed(r(deltas))
    divisor = r(np.stack([r(w) * m for w, m in zip(weights, mask)]).sum(0))
    mixed = r(r((r(deltas) * mask).sum(0)) / np.where(divisor == 0, 1, divisor))
    return r(base + r(mixed * strength))


def dare(base, tensors, weights, density: float, dtype: str, rng, *, signs: bool, by_norm: bool) -> np.ndarray:
    """Drop at random and rescale: to the L1 norm of before (mergekit today) or by 1/density (the paper, mergekit before)."""
    r = _rounding(dtype)
    base, deltas = r(base), []
    for tensor, weight in zip(tensors, weights):
        delta = r(r(tensor) - base)
        kept = delta * (rng.random(delta.shape) < density)
        left = np.abs(kept).sum()
        factor = (np.abs(delta).sum() / left if left > 1e-7 else 1.0) if by_norm else 1 / density
        deltas.append(r(r(weight) * r(kept * factor)))
    deltas = np.stack(deltas)
    return r(base + r((deltas * _agreed(deltas) if signs else deltas).sum(0)))


def gradient(points: list[float], layer: int | None, layers: int) -> float:
    """mergekit's value lists: interpolated over the layers; what is in no layer takes the last rule's plain value."""
    if layer is None:
        return 0.5
    return float(np.interp(layer / max(layers - 1, 1), np.linspace(0, 1, len(points)), points))


def each(named: list[Named], make) -> Named:
    """make(name, [the tensor of each model]) for every name of the first."""
    return {name: make(name, [n[name] for n in named]) for name in named[0]}
