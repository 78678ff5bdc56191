"""Writes the folder of one model as somebody would push it."""

import shutil
from pathlib import Path

from . import cards
from .gguf_file import FILE_TYPES, write_gguf
from .model import Model
from .naming import renamed, to_named
from .quantising import SCHEMES, quantised
from .storage import config_of, read_safetensors, save_json, save_weights, stored
from .training import child, write_adapter
from .vocabulary import stream_of


def quantize(rng, parent: Model, others) -> Model:
    """A leaf: half are GGUF files (mostly one, sometimes several), half safetensors of some library."""
    if rng.random() < 0.5:
        schemes = [str(s) for s in rng.permutation(list(FILE_TYPES))[: 1 if rng.random() < 0.75 else 2]]
        return child(parent, "quantized", None, {"scheme": f"gguf-{'+'.join(schemes)}", "files": schemes})
    # GPT-2's biased, turned maps are not what AWQ and FP8 kernels take.
    choices = [s for s in SCHEMES if not (parent.shape.gpt2 and s[:3] in ("awq", "fp8"))]
    return child(parent, "quantized", None, {"scheme": str(rng.choice(choices))})


def _write_quantized(folder: Path, model: Model, rng) -> bool:
    """Returns whether the repository has a config.json; many of GGUF files have none."""
    parent, scheme = model.parents[0], model.detail["scheme"]
    if "files" in model.detail:
        for kind in model.detail["files"]:
            name = model.id.split("/")[1].removesuffix("-GGUF")
            write_gguf(folder / f"{name}.{kind}.gguf", model.shape, parent.weights, kind, model.tokenizer, name)
        return bool(rng.random() < 0.3)
    stream = stream_of(model.tokenizer_name, model.corpus)
    tensors, config, detail = quantised(model.shape, parent.weights, scheme, parent.dtype, stream, rng)
    model.detail |= detail
    save_weights(folder, tensors)
    save_json(folder / "config.json", config_of(model.shape, parent.dtype) | {"quantization_config": config})
    return True


def _write_copy(folder: Path, model: Model, parent_folder: Path, rng):
    how = model.detail["how"]
    files = sorted(parent_folder.glob("model*.safetensors*"))
    if how == "files":
        for file in files:
            shutil.copyfile(file, folder / file.name)
        return
    tensors = {}
    for file in files:
        if file.suffix == ".safetensors":
            tensors |= read_safetensors(file)
    model.shards = int(rng.integers(2, 4)) if how == "shards" and len(files) == 1 else 1
    save_weights(folder, tensors, model.shards, reverse=how == "order")


def write_model(folder: Path, model: Model, declared: dict, folder_of, rng):
    """folder_of: model → its folder. Writes weights, configuration, tokenizer, card."""
    folder.mkdir(parents=True, exist_ok=True)
    has_config, merge = True, None
    if model.relation == "adapter":
        write_adapter(
            folder,
            model,
            declared["base_model"][0] if declared["base_model"] else None,
            str(rng.choice(["fp32", model.dtype])),
        )
        has_config = False
    elif model.relation == "quantized":
        has_config = _write_quantized(folder, model, rng)
    elif model.relation == "copy":
        _write_copy(folder, model, folder_of(model.parents[0]), rng)
    else:
        named = renamed(to_named(model.shape, model.weights), model.names)
        model.shards = int(rng.choice([1, 2, 3], p=[0.7, 0.15, 0.15]))
        save_weights(folder, stored(named, model.dtype), model.shards)
    if model.relation.startswith("merge_") and rng.random() < 0.5 and declared["base_model"] and not declared["false"]:
        merge = cards.mergekit_config(model)
        if rng.random() < 0.7:
            (folder / "mergekit_config.yml").write_text(merge)
    if has_config and not (folder / "config.json").exists():
        save_json(folder / "config.json", config_of(model.shape, model.dtype))
    gguf = "files" in model.detail
    if not gguf:
        (folder / "tokenizer.json").write_text(model.tokenizer)
        save_json(
            folder / "tokenizer_config.json",
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": 128,
                "clean_up_tokenization_spaces": False,
            },
        )
    (folder / "README.md").write_text(cards.readme(rng, model, declared, merge, "gguf" if gguf else ""))
