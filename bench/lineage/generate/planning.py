"""Which relations a hub has, in which order, and who descends from whom."""

import numpy as np

from .deriving import MERGES
from .model import Model

# About what the reference of lineage recovery used: how many of 100 models that descend from another.
SHARES = {
    "finetune": 26,
    "lora_merged": 9,
    "adapter": 7,
    "quantized": 14,
    "copy": 5,
    "cast": 4,
    "merge_linear": 5,
    "merge_slerp": 4,
    "merge_ties": 4,
    "merge_dare": 4,
    "merge_passthrough": 3,
    "pruned_layers": 3,
    "pruned_width": 3,
    "sparse": 3,
    "vocab_resized": 4,
    "laundered": 7,
}
DEEPEST = 5
_POPULAR = {"copy": 0.15, "cast": 0.3, "laundered": 0.4, "sparse": 0.5}


def deck(rng, models: int, roots: int) -> list[str]:
    """The relation of each upload. Every relation has its share; a third of the roots come later than the first children."""
    left, total = models - roots, sum(SHARES.values())
    counts = {r: int(left * share / total) for r, share in SHARES.items()}
    rest = sorted(SHARES, key=lambda r: -((left * SHARES[r] / total) % 1))
    for relation in rest[: left - sum(counts.values())]:
        counts[relation] += 1
    cards = list(rng.permutation([r for r, n in counts.items() for _ in range(n)]))
    first = max(1, roots - roots // 3)
    for _ in range(roots - first):
        cards.insert(int(rng.integers(1, max(2, len(cards) // 2))), "root")
    return ["root"] * first + [str(c) for c in cards]


def _parents_allowed(models: list[Model]) -> list[Model]:
    return [m for m in models if m.weights is not None and m.depth < DEEPEST]


def _appeal(m: Model, now: int) -> float:
    """People build on roots, on what others build on, and on what is new."""
    appeal = (2.5 if not m.parents else 1.0) * (1 + m.children) ** 0.5 * (0.3 + np.exp((m.index - now) / 25))
    return appeal * _POPULAR.get(m.relation, 1.0)


def _one_family(rng, models: list[Model]) -> list[Model]:
    """The models of one family. Large families draw more, but no one of them all."""
    families = {}
    for m in models:
        families.setdefault(m.family, []).append(m)
    pull = np.array([len(members) ** 0.4 for members in families.values()])
    return list(families.values())[rng.choice(len(pull), p=pull / pull.sum())]


def pick_parent(rng, models: list[Model], relation: str) -> Model | None:
    allowed = _parents_allowed(models)
    if relation == "pruned_layers":
        allowed = [m for m in allowed if m.shape.layers > 2]
    if relation == "pruned_width":
        allowed = [m for m in allowed if m.shape.ffn >= 128]
    if relation == "laundered":
        allowed = [m for m in allowed if m.relation != "laundered"]
    if relation == "sparse":
        allowed = [m for m in allowed if m.relation != "sparse"]
    if not allowed:
        return None
    allowed = _one_family(rng, allowed)
    appeal = np.array([_appeal(m, len(models)) for m in allowed])
    return allowed[rng.choice(len(allowed), p=appeal / appeal.sum())]


def _differ(a: Model, b: Model) -> bool:
    return any(not np.array_equal(v, b.weights[k]) for k, v in a.weights.items())


def pick_merge(rng, models: list[Model], relation: str) -> tuple[list[Model], Model | None] | None:
    """Models of one family and shape, siblings or distant cousins, and for task vectors a common ancestor of that shape."""
    allowed = [m for m in _parents_allowed(models) if m.relation not in ("laundered", "copy", "cast")]
    if relation == "merge_passthrough" and rng.random() < 0.4:
        parent = pick_parent(rng, models, relation)
        return ([parent], None) if parent else None
    for _ in range(60):
        if len(allowed) < 2:
            return None
        family = _one_family(rng, allowed)
        a = family[rng.integers(len(family))]
        alike = [m for m in family if m is not a and m.shape == a.shape]
        near = [m for m in alike if any(p in a.parents for p in m.parents)]
        pool = near if near and rng.random() < 0.5 else alike
        if not pool:
            continue
        chosen = [a, pool[rng.integers(len(pool))]]
        if relation not in ("merge_slerp", "merge_passthrough") and len(pool) > 2 and rng.random() < 0.3:
            chosen.append(pool[rng.integers(len(pool))])
        if len({m.id for m in chosen}) < len(chosen) or not all(_differ(a, m) for m in chosen[1:]):
            continue
        if relation not in ("merge_ties", "merge_dare"):
            return chosen, None
        by_id, lines = {m.id: m for m in models}, [m.ancestors() for m in chosen]
        common = [i for i in lines[0] if all(i in line for line in lines) and i not in [m.id for m in chosen]]
        bases = [by_id[i] for i in common if by_id[i].shape == a.shape and by_id[i].weights is not None]
        if bases:
            return chosen, min(bases, key=lambda m: lines[0][m.id] + lines[1][m.id])
    return None


def possible(rng, models: list[Model], relation: str):
    """(parents, base) for the relation, or None where the hub has none yet."""
    if relation == "root":
        return [], None
    if relation in MERGES:
        return pick_merge(rng, models, relation)
    parent = pick_parent(rng, models, relation)
    return ([parent], None) if parent else None
