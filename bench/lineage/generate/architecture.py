"""Shapes of the tiny models, and the one form in which all of them are held in memory.

Weights are a dict of fp32 arrays that hold exactly the values that are stored (already rounded to the model's dtype).
Linear maps are [out, in]; what every layer has carries the layer as its first axis:

    embed [vocab, hidden]   head [vocab, hidden] (not when tied)   pos [positions, hidden] (gpt2)
    norm, norm_b [hidden]   ln1, ln1_b, ln2, ln2_b [layers, hidden]
    q [layers, heads*head_dim, hidden]   k, v [layers, kv*head_dim, hidden]   o [layers, hidden, heads*head_dim]
    gate, up [layers, ffn, hidden]   down [layers, hidden, ffn]   and the biases q_b k_b v_b o_b up_b down_b
"""

from dataclasses import dataclass, replace

import ml_dtypes
import numpy as np

Weights = dict[str, np.ndarray]

DTYPES = {"fp32": np.float32, "fp16": np.float16, "bf16": ml_dtypes.bfloat16}
POSITIONS = 128
MODEL_KEYS = ("embed", "pos", "head", "norm", "norm_b")


@dataclass(frozen=True)
class Shape:
    """kind is the naming and block form: llama, mistral, qwen2, phi3 (fused qkv and gate_up), gpt2 (Conv1D)."""

    kind: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv: int
    head_dim: int
    ffn: int
    tied: bool
    theta: float = 10000.0

    def but(self, **changes) -> "Shape":
        return replace(self, **changes)

    @property
    def gpt2(self) -> bool:
        return self.kind == "gpt2"


# hidden, layers, heads, kv, head_dim, ffn. Multiples of 32 throughout, since no GGUF block is narrower; 256 is a K block.
SHAPES = [
    Shape("llama", 0, 128, 5, 8, 4, 16, 256, False),
    Shape("qwen2", 0, 128, 4, 8, 2, 16, 320, True, 1e6),
    Shape("llama", 0, 96, 6, 6, 2, 16, 256, False, 5e5),
    Shape("gpt2", 0, 96, 5, 6, 6, 16, 384, True),
    Shape("phi3", 0, 128, 4, 4, 4, 32, 256, False),
    Shape("mistral", 0, 64, 8, 4, 2, 16, 192, False),
    Shape("qwen2", 0, 96, 6, 4, 2, 32, 224, False, 1e6),
    Shape("llama", 0, 256, 2, 8, 4, 32, 512, True),
]


def tensor_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Name → shape of every array of such a model."""
    n, h, f = shape.layers, shape.hidden, shape.ffn
    q, kv = shape.heads * shape.head_dim, shape.kv * shape.head_dim
    out = {"embed": (shape.vocab, h), "norm": (h,), "ln1": (n, h), "ln2": (n, h)}
    out |= {"q": (n, q, h), "k": (n, kv, h), "v": (n, kv, h), "o": (n, h, q), "up": (n, f, h), "down": (n, h, f)}
    if not shape.tied:
        out["head"] = (shape.vocab, h)
    if not shape.gpt2:
        out["gate"] = (n, f, h)
    if shape.gpt2 or shape.kind == "qwen2":
        out |= {"q_b": (n, q), "k_b": (n, kv), "v_b": (n, kv)}
    if shape.gpt2:
        out |= {"pos": (POSITIONS, h), "norm_b": (h,), "ln1_b": (n, h), "ln2_b": (n, h)}
        out |= {"o_b": (n, h), "up_b": (n, f), "down_b": (n, h)}
    return out


def initial(shape: Shape, rng: np.random.Generator, std: float) -> Weights:
    """Normal(0, std) matrices, output maps narrower by sqrt(2*layers) as GPT-2 has it; ones and zeros else."""
    weights = {}
    for name, dims in tensor_shapes(shape).items():
        if name.endswith("_b"):
            weights[name] = np.zeros(dims, np.float32)
        elif name in ("norm", "ln1", "ln2"):
            weights[name] = np.ones(dims, np.float32)
        else:
            scale = std / np.sqrt(2 * shape.layers) if name in ("o", "down") else std
            weights[name] = rng.normal(0, scale, dims).astype(np.float32)
    return weights


def rounded(weights: Weights, dtype: str) -> Weights:
    """The same weights as they read back after being stored as dtype."""
    return {k: v.astype(DTYPES[dtype]).astype(np.float32) for k, v in weights.items()}
