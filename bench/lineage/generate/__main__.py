"""python -m generate --out DIR --seed N --models M [--roots R]: a hub of really trained model families, with the truth.

Writes DIR/hub.json, models in the order of upload, and DIR/models/NNNN, one folder a model as it would be pushed.
The same arguments give the same hub on the same machine.
"""

import argparse
import datetime
import os
import sys
import time
from pathlib import Path

# One core: several generators share a machine better than one that spreads. The second flag halves the time that
# compilation takes. Before JAX is imported.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false --xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import numpy as np

from . import deriving, training
from .cards import declare, name_of
from .model import Model
from .planning import deck, possible
from .repository import quantize, write_model
from .storage import save_json

MAKERS = {
    "finetune": training.finetune,
    "lora_merged": training.lora_merged,
    "adapter": training.adapter,
    "vocab_resized": training.vocab_resized,
    "laundered": training.laundered,
    "quantized": quantize,
    "copy": deriving.copy,
    "cast": deriving.cast,
    "pruned_layers": deriving.pruned_layers,
    "pruned_width": deriving.pruned_width,
    "sparse": deriving.sparse,
}


def make(rng, relation: str, parents: list[Model], base: Model | None, models: list[Model], form: int) -> Model:
    if relation == "root":
        return training.root(rng, models, form)
    if relation in deriving.MERGES:
        return deriving.MERGES[relation](rng, parents, base)
    return MAKERS[relation](rng, parents[0], models)


def entry(model: Model, declared: dict, created: datetime.datetime, folder: str) -> dict:
    truth = {"parents": [p.id for p in model.parents], "relation": model.relation, "detail": model.detail}
    stamp = created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": model.id, "created": stamp, "files_dir": folder, "truth": truth, "declared": declared}


def main():
    parser = argparse.ArgumentParser(
        prog="generate", description="A hub of really trained model families, with the truth."
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--models", type=int, required=True)
    parser.add_argument("--roots", type=int, help="independent trainings among them (one in 14)")
    args = parser.parse_args()
    roots = args.roots or max(3, round(args.models / 14))
    if not 1 <= roots <= args.models:
        parser.error(f"--roots {roots} does not fit into --models {args.models}")
    jax.config.update(
        "jax_compilation_cache_dir",
        os.environ.get("LINEAGE_JIT_CACHE", str(Path(__file__).parents[3] / ".cache/lineage-jit")),
    )
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)

    rng = np.random.default_rng(args.seed)
    waiting, models, hub = deck(rng, args.models, roots), [], []
    created = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.timezone.utc)
    forms, started = rng.integers(8), time.monotonic()
    folder_of = lambda m: args.out / f"models/{m.index:04d}"
    while waiting:
        # The first of what waits that the hub has parents for.
        tried = ((i, possible(rng, models, relation)) for i, relation in enumerate(waiting))
        place, found = next(((i, found) for i, found in tried if found), (None, None))
        if found is None:
            raise SystemExit(f"seed {args.seed}: no parents for {waiting}; try more --models or fewer --roots")
        relation = waiting.pop(place)
        index = len(models)
        own = np.random.default_rng([args.seed, index])
        model = make(own, relation, *found, models, int(forms) + index)
        model.index = index
        model.id = name_of(own, model, {m.id for m in models}, model.detail.get("scheme", ""))
        declared = declare(own, model, models)
        write_model(folder_of(model), model, declared, folder_of, own)
        for parent in model.parents:
            parent.children += 1
        created += datetime.timedelta(minutes=int(own.integers(5, 4000)))
        models.append(model)
        hub.append(entry(model, declared, created, f"models/{index:04d}"))
        save_json(args.out / "hub.json", hub)
        loss = f" loss {model.detail['loss']:.2f}" if "loss" in model.detail else ""
        print(
            f"{index + 1}/{args.models} {time.monotonic() - started:.0f}s {relation} {model.id}{loss}",
            file=sys.stderr,
            flush=True,
        )


main()
