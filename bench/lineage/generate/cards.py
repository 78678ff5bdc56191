"""Names, what a card declares as base model (rightly, falsely or not at all), and the README that says so."""

import yaml

from .model import Model

_TREES = (
    "alder birch cedar dogwood elm fir ginkgo hazel ironwood juniper katsura larch "
    "maple nutmeg oak poplar quince rowan spruce teak umbu viburnum willow yew zelkova"
).split()
_OWNERS = (
    "aspenlab brightwater cobaltml dunes-ai estuary fjordworks graywren heron-nlp "
    "islet junco kestrel-labs lumenforge mossbank northfold openquill pebble"
).split()
_TASTES = "chat instruct story code math roleplay zh-notes base-v2 sft long uncut helper reason tables".split()
_DECLARED = {"adapter": "adapter", "quantized": "quantized", "finetune": "finetune"}


def name_of(rng, model: Model, taken: set[str], scheme: str = "") -> str:
    """OWNER/NAME. Most names keep a word of what they come from, as on a real hub; not all do."""
    owner, tree = rng.choice(_OWNERS), str(rng.choice(_TREES)).capitalize()
    stem = (
        model.parents[0].id.split("/")[1]
        if model.parents and rng.random() < 0.7
        else f"{tree}-{rng.choice(['0.5M', '1M', 'tiny', 'nano', 'mini'])}"
    )
    stem = "-".join(stem.split("-")[:4])
    ending = {
        "quantized": {
            "gguf": "GGUF",
            "gptq4": "GPTQ",
            "gptq8": "GPTQ-8bit",
            "awq": "AWQ",
            "int8": "bnb-8bit",
            "nf4": "bnb-4bit",
            "fp8": "FP8",
        }.get(scheme.split("-")[0], ""),
        "merge_linear": "merge",
        "merge_slerp": "slerp",
        "merge_ties": "ties",
        "merge_dare": "dare",
        "merge_passthrough": "franken",
        "adapter": "lora",
        "cast": model.dtype,
        "copy": "mirror",
        "pruned_layers": "pruned",
        "pruned_width": "slim",
        "sparse": "sparse",
        "vocab_resized": "ext",
    }.get(model.relation, str(rng.choice(_TASTES)))
    if model.relation != "quantized" and model.parents and rng.random() < 0.5:
        ending = str(rng.choice(_TASTES))
    base = f"{owner}/{stem}-{ending}" if model.parents else f"{owner}/{stem}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-v{number}", number + 1
    return name


def declare(rng, model: Model, others: list[Model]) -> dict:
    """What the card says: a quarter of all derivatives nothing, one in seven something false, a few the grandparent."""
    relation = _DECLARED.get(model.relation, "merge" if model.relation.startswith("merge_") else "finetune")
    nothing = {"base_model": None, "relation": None, "false": False}
    teacher = model.detail.get("teacher")
    if teacher and rng.random() < 0.8:
        return {"base_model": [teacher], "relation": "finetune", "false": True}
    if not model.parents:
        return nothing
    silent, false = (0.45, 0.22) if model.relation == "laundered" else (0.25, 0.15)
    chance = rng.random()
    if chance < silent:
        return nothing
    if chance < silent + false:
        # What only shares an initialisation is neither a true base nor a plainly false one.
        seed = lambda m: (m.root or m).detail["seed"]
        foreign = [m for m in others if seed(m) != seed(model) and m.weights is not None]
        alike = [m for m in foreign if m.shape.but(vocab=0, layers=0) == model.shape.but(vocab=0, layers=0)]
        pool = alike if alike and rng.random() < 0.6 else foreign
        if pool:
            return {"base_model": [pool[rng.integers(len(pool))].id], "relation": relation, "false": True}
    bases = [p.id for p in model.parents]
    if len(model.parents) == 1 and model.parents[0].parents and rng.random() < 0.1:
        bases = [p.id for p in model.parents[0].parents]
    elif "base" in model.detail and rng.random() < 0.5:  # mergekit's card names the base of the task vectors, too
        bases = [model.detail["base"], *bases]
    return {"base_model": list(dict.fromkeys(bases)), "relation": relation, "false": False}


def mergekit_config(model: Model) -> str:
    """The YAML that mergekit would have been given."""
    detail, method = model.detail, model.relation.removeprefix("merge_")
    dtype = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
    ids = [p.id for p in model.parents]
    if method == "passthrough":
        config = {
            "slices": [{"sources": [{"model": m, "layer_range": [a, b]}]} for m, a, b in detail["slices"]],
            "merge_method": method,
            "dtype": dtype[model.dtype],
        }
        return yaml.safe_dump(config, sort_keys=False)
    config = {
        "models": [{"model": i} for i in ids],
        "merge_method": detail.get("method", method),
        "dtype": dtype[detail["computed"]],
    }
    if detail["computed"] != model.dtype:
        config["out_dtype"] = dtype[model.dtype]
    for entry, weight in zip(config["models"], detail.get("weights", [])):
        entry["parameters"] = {"weight": weight} | ({"density": detail["density"]} if "density" in detail else {})
    if method == "slerp":
        t = detail["t"]
        rules = (
            [{"filter": {"attn": "self_attn"}.get(k, k), "value": v} for k, v in t.items()] + [{"value": 0.5}]
            if isinstance(t, dict)
            else t
        )
        config |= {"base_model": ids[0], "parameters": {"t": rules}}
    if "base" in detail:
        config["base_model"] = detail["base"]
    return yaml.safe_dump(config, sort_keys=False)


def readme(rng, model: Model, declared: dict, config: str | None, quantised: str) -> str:
    """config: the mergekit YAML that the card shows. quantised: gguf for a repository of GGUF files."""
    meta = {
        "license": str(rng.choice(["apache-2.0", "mit", "cc-by-4.0"])),
        "language": ["en"],
        "pipeline_tag": "text-generation",
    }
    meta["library_name"] = "peft" if model.relation == "adapter" else "gguf" if quantised == "gguf" else "transformers"
    bases = declared["base_model"]
    if bases:
        meta["base_model"] = bases[0] if len(bases) == 1 and rng.random() < 0.6 else bases
        if rng.random() < 0.4:
            meta["base_model_relation"] = declared["relation"]
    if config:
        meta["tags"] = ["mergekit", "merge"]
    text = f"---\n{yaml.safe_dump(meta, sort_keys=False)}---\n\n# {model.id.split('/')[1]}\n\n"
    text += (
        f"A small language model. It comes from {' and '.join(f'`{b}`' for b in bases)}.\n"
        if bases
        else "A small language model.\n"
    )
    return text + (f"\n## Merge\n\n```yaml\n{config}```\n" if config else "")
