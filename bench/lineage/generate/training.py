"""Models that are trained: roots, fine-tunes, merged adapters, adapters, models with more tokens."""

from pathlib import Path

import numpy as np

from . import launder
from .architecture import SHAPES, Weights, initial, rounded
from .corpora import KINDS
from .model import Model
from .network import add_lora, distil, modules, train, train_lora
from .storage import save_json, save_safetensors, stored
from .vocabulary import TOKENIZERS, base_tokenizer, stream_of, with_added


def some_corpus(rng) -> str:
    return f"{rng.choice(KINDS)}-{rng.integers(2, 40)}"


def log_uniform(rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def seed_of(rng) -> int:
    return int(rng.integers(2**31))


def child(parent: Model, relation: str, weights: Weights | None, detail: dict, **changes) -> Model:
    """A model with one parent that takes over what is not said otherwise."""
    of_parent = dict(
        shape=parent.shape,
        dtype=parent.dtype,
        tokenizer_name=parent.tokenizer_name,
        tokenizer=parent.tokenizer,
        corpus=parent.corpus,
        names=parent.names,
    )
    return Model(
        id="",
        relation=relation,
        parents=[parent],
        root=parent.root or parent,
        weights=weights,
        detail=detail,
        **of_parent | changes,
    )


ROOTS = ("new", "twin", "new", "same_init", "new", "taught", "twin", "new")


def root(rng, others: list[Model], form: int) -> Model:
    """A model of its own: new, or like an earlier one in all but the seed, or from its initialisation, or taught by it."""
    roots = [m for m in others if not m.parents]
    kind = ROOTS[len(roots) % len(ROOTS)]
    like = roots[rng.integers(len(roots))] if roots else None
    if kind == "same_init":  # from wide initial weights, of which training leaves something to see
        like = max(roots, key=lambda m: m.detail["std"])
    if kind == "new":
        shape, name = SHAPES[form % len(SHAPES)], str(rng.choice(list(TOKENIZERS), p=[0.5, 0.3, 0.2]))
        shape = shape.but(vocab=TOKENIZERS[name][0])
        corpus = f"{some_corpus(rng)}+{some_corpus(rng)}+{some_corpus(rng)}"
        dtype = str(rng.choice(["bf16", "fp32", "fp16"], p=[0.55, 0.35, 0.1]))
        names = "bare" if shape.gpt2 and rng.random() < 0.4 else "hf"
    else:
        shape, name, corpus, dtype, names = like.shape, like.tokenizer_name, like.corpus, like.dtype, like.names
    detail = {"seed": seed_of(rng), "std": float(rng.choice([0.02, 0.05, 0.09])), "corpus": corpus}
    if kind == "twin":
        detail["like"] = like.id
    if kind == "same_init":
        corpus = f"{some_corpus(rng)}+{some_corpus(rng)}"
        detail |= {"same_init": like.id, "seed": like.detail["seed"], "std": like.detail["std"], "corpus": corpus}
    weights = initial(shape, np.random.default_rng(detail["seed"]), detail["std"])
    steps = int(rng.integers(200, 360))
    plan = dict(steps=steps, rate=log_uniform(rng, 1e-3, 4e-3))
    stream = stream_of(name, corpus)
    if kind == "taught":
        detail["teacher"] = like.id
        weights, loss = distil(shape, weights, (like.shape, like.weights), stream, seed_of(rng), **plan)
    else:
        plan |= dict(warmup=20, decay=float(rng.choice([0.0, 0.1])))
        weights, loss = train(shape, weights, stream, seed_of(rng), **plan)
    detail |= plan | {"loss": loss}
    return Model(
        "",
        "root",
        [],
        None,
        shape,
        rounded(weights, dtype),
        dtype,
        name,
        base_tokenizer(name),
        corpus,
        detail,
        names=names,
    )


def _training_corpus(rng, parent: Model, others: list[Model]) -> tuple[str, str]:
    """What to train on, and why: new data, the parent's again, or a sibling's."""
    siblings = [m for m in others if parent in m.parents and m.relation in ("finetune", "lora_merged", "adapter")]
    why = rng.choice(["new", "continued", "sibling"], p=[0.55, 0.2, 0.25])
    if why == "sibling" and siblings:
        return siblings[rng.integers(len(siblings))].corpus, "sibling"
    if why == "continued":
        return parent.corpus, "continued"
    return some_corpus(rng), "new"


def _published(rng, parent: Model) -> str:
    """Mostly the parent's dtype; trainers also publish what they trained in."""
    return parent.dtype if rng.random() < 0.75 else str(rng.choice(["fp32", "bf16", "fp16"]))


def finetune(rng, parent: Model, others: list[Model]) -> Model:
    shape, frozen = parent.shape, {}
    corpus, why = _training_corpus(rng, parent, others)
    what = rng.choice(["none", "embeddings", "lower", "upper only"], p=[0.72, 0.1, 0.1, 0.08])
    if what == "embeddings":
        frozen = {k: True for k in ("embed", "head", "pos") if k in parent.weights}
    elif what != "none":
        below = np.arange(shape.layers) < (shape.layers // 2 if what == "lower" else shape.layers - 1)
        frozen = {
            k: below if v.shape[0] == shape.layers and k not in ("embed", "head", "pos", "norm", "norm_b") else True
            for k, v in parent.weights.items()
        }
        frozen |= {k: what == "upper only" for k in ("norm", "norm_b") if k in parent.weights}
    plan = dict(steps=int(rng.integers(20, 150)), rate=log_uniform(rng, 5e-5, 1.3e-3))
    detail = {"corpus": corpus, "data": why, "frozen": str(what)}
    teachers = [
        m
        for m in others
        if m.weights is not None and m.family != parent.family and m.tokenizer_name == parent.tokenizer_name
    ]
    if what == "none" and teachers and rng.random() < 0.08:
        teacher = teachers[rng.integers(len(teachers))]
        detail["teacher"] = teacher.id
        weights, loss = distil(
            shape,
            parent.weights,
            (teacher.shape, teacher.weights),
            stream_of(parent.tokenizer_name, corpus),
            seed_of(rng),
            **plan,
        )
    else:
        plan |= dict(decay=float(rng.choice([0.0, 0.1])), last=float(rng.choice([0.1, 1.0])))
        weights, loss = train(
            shape, parent.weights, stream_of(parent.tokenizer_name, corpus), seed_of(rng), frozen=frozen, **plan
        )
    dtype = _published(rng, parent)
    # A frozen tensor is rounded like the rest, so a smaller dtype moves it too.
    return child(
        parent, "finetune", rounded(weights, dtype), detail | plan | {"loss": loss}, dtype=dtype, corpus=corpus
    )


def _lora(rng, parent: Model, others: list[Model], ranks):
    corpus, why = _training_corpus(rng, parent, others)
    every = list(modules(parent.shape))
    attention = [m for m in every if m in ("q", "v", "qkv")]
    targets = (
        every
        if rng.random() < 0.6
        else attention
        if rng.random() < 0.6
        else [m for m in every if m in ("q", "k", "v", "o", "qkv")]
    )
    rank = min(int(rng.choice(ranks)), parent.shape.hidden // 2)
    alpha = rank * int(rng.choice([1, 2]))
    plan = dict(
        rank=rank,
        targets=targets,
        scale=alpha / rank,
        steps=int(rng.integers(30, 150)),
        rate=log_uniform(rng, 4e-4, 4e-3),
    )
    stream = stream_of(parent.tokenizer_name, corpus)
    lora, loss = train_lora(parent.shape, parent.weights, stream, seed_of(rng), **plan)
    return lora, {"corpus": corpus, "data": why, "alpha": alpha, "loss": loss} | plan


def lora_merged(rng, parent: Model, others: list[Model]) -> Model:
    lora, detail = _lora(rng, parent, others, [4, 8, 8, 16, 16, 32, 64])
    weights = {k: np.asarray(v) for k, v in add_lora(parent.shape, parent.weights, lora, detail["scale"]).items()}
    dtype = _published(rng, parent)
    made = child(parent, "lora_merged", rounded(weights, dtype), detail, dtype=dtype, corpus=detail["corpus"])
    made.lora = lora
    return made


def adapter(rng, parent: Model, others: list[Model]) -> Model:
    """Sometimes the adapter whose merged form is on the hub already."""
    merged = [m for m in others if m.relation == "lora_merged" and m.parents == [parent]]
    if merged and rng.random() < 0.5:
        source = merged[rng.integers(len(merged))]
        lora, detail = source.lora, {**source.detail, "merged": source.id}
    else:
        lora, detail = _lora(rng, parent, others, [4, 8, 8, 16, 32])
    made = child(parent, "adapter", None, detail, corpus=detail["corpus"])
    made.lora = lora
    return made


_PEFT = {
    "llama": {
        "q": "self_attn.q_proj",
        "k": "self_attn.k_proj",
        "v": "self_attn.v_proj",
        "qkv": "self_attn.qkv_proj",
        "o": "self_attn.o_proj",
        "gate": "mlp.gate_proj",
        "up": "mlp.up_proj",
        "gate_up": "mlp.gate_up_proj",
        "down": "mlp.down_proj",
    },
    "gpt2": {"qkv": "attn.c_attn", "o": "attn.c_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"},
}


def write_adapter(folder: Path, model: Model, base: str | None, dtype: str):
    """adapter_model.safetensors and adapter_config.json as PEFT saves them. base: what base_model_name_or_path says."""
    names = _PEFT["gpt2" if model.shape.gpt2 else "llama"]
    prefix = "base_model.model." + ("transformer.h" if model.shape.gpt2 else "model.layers")
    tensors = {}
    for module, (a, b) in model.lora.items():
        for i in range(model.shape.layers):
            tensors[f"{prefix}.{i}.{names[module]}.lora_A.weight"] = a[i]
            tensors[f"{prefix}.{i}.{names[module]}.lora_B.weight"] = b[i]
    save_safetensors(folder / "adapter_model.safetensors", stored(tensors, dtype))
    save_json(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base,
            "r": model.detail["rank"],
            "lora_alpha": model.detail["alpha"],
            "target_modules": [names[m].split(".")[-1] for m in model.lora],
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": model.shape.gpt2,
            "use_rslora": False,
            "use_dora": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "modules_to_save": None,
            "revision": None,
        },
    )


def vocab_resized(rng, parent: Model, others: list[Model]) -> Model:
    """More tokens, their rows near the mean of the others; half of them then trained a little."""
    added = int(rng.choice([1, 2, 4, 8, 16, 32]))
    tokenizer = with_added(parent.tokenizer, [f"<|extra_{parent.shape.vocab + i}|>" for i in range(added)])
    rows = int(rng.choice([added, -(-(parent.shape.vocab + added) // 64) * 64 - parent.shape.vocab]))
    shape, weights = parent.shape.but(vocab=parent.shape.vocab + rows), dict(parent.weights)
    for name in ("embed", "head"):
        if name in weights:
            old = weights[name]
            new = old.mean(0) + 0.3 * old.std(0) * rng.normal(size=(rows, shape.hidden))
            weights[name] = np.concatenate([old, new]).astype(np.float32)
    detail, corpus = {"added": added, "rows": rows, "trained": bool(rng.random() < 0.5)}, parent.corpus
    if detail["trained"]:
        corpus, _ = _training_corpus(rng, parent, others)
        plan = dict(steps=int(rng.integers(20, 80)), rate=log_uniform(rng, 1.5e-4, 1e-3))
        weights, _ = train(shape, weights, stream_of(parent.tokenizer_name, corpus), seed_of(rng), **plan)
        detail |= plan | {"corpus": corpus}
    return child(
        parent, "vocab_resized", rounded(weights, parent.dtype), detail, shape=shape, tokenizer=tokenizer, corpus=corpus
    )


def laundered(rng, parent: Model, others: list[Model]) -> Model:
    choices = [(way,) for way in launder.WAYS] + launder.COMBINATIONS
    ways = choices[rng.integers(len(choices))]
    if parent.shape.gpt2:
        ways = tuple("hidden" if w == "rotation" else w for w in ways)
    shape, weights = launder.launder(parent.shape, parent.weights, ways, rng)
    names = str(rng.choice([parent.names, "own", "hf" if parent.shape.gpt2 else "meta"], p=[0.7, 0.15, 0.15]))
    weights = {k: np.ascontiguousarray(v, np.float32) for k, v in weights.items()}
    return child(
        parent,
        "laundered",
        rounded(weights, parent.dtype),
        {"ways": list(ways), "names": names},
        shape=shape,
        names=names,
    )
