"""Forward pass and training in JAX. One compiled step serves every model of a shape: steps, rates and masks are arguments."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .architecture import MODEL_KEYS, Shape, Weights

BATCH, LENGTH = 8, 48
RANK = 64  # every LoRA is trained in this many columns; those above its rank are zero and stay so
EPS = 1e-5


def _norm(shape: Shape, x, gain, bias):
    if shape.gpt2:
        x = x - x.mean(-1, keepdims=True)
    x = x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPS) * gain
    return x + bias if shape.gpt2 else x


def _rotate(x, theta: float):
    """Rotary embedding of [batch, time, heads, head_dim], pairs (i, i + head_dim/2) as in Hugging Face's llama."""
    half = x.shape[-1] // 2
    angles = jnp.arange(x.shape[1])[:, None] * theta ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def _layer(shape: Shape, x, w):
    b, t, _ = x.shape
    bias = lambda name: w.get(name, 0.0)
    y = _norm(shape, x, w["ln1"], bias("ln1_b"))
    q = (y @ w["q"].T + bias("q_b")).reshape(b, t, shape.heads, shape.head_dim)
    k = (y @ w["k"].T + bias("k_b")).reshape(b, t, shape.kv, shape.head_dim)
    v = (y @ w["v"].T + bias("v_b")).reshape(b, t, shape.kv, shape.head_dim)
    if not shape.gpt2:
        q, k = _rotate(q, shape.theta), _rotate(k, shape.theta)
    q = q.reshape(b, t, shape.kv, shape.heads // shape.kv, shape.head_dim)
    scores = jnp.einsum("btkgd,bskd->bkgts", q, k) / np.sqrt(shape.head_dim)
    scores = jnp.where(jnp.tril(jnp.ones((t, t), bool)), scores, -1e9)
    mixed = jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(scores), v).reshape(b, t, -1)
    x = x + mixed @ w["o"].T + bias("o_b")
    z = _norm(shape, x, w["ln2"], bias("ln2_b"))
    up = z @ w["up"].T + bias("up_b")
    inner = jax.nn.gelu(up) if shape.gpt2 else jax.nn.silu(z @ w["gate"].T) * up
    return x + inner @ w["down"].T + bias("down_b"), {"q": y, "o": mixed, "up": z, "down": inner}


def _run(shape: Shape, weights, tokens):
    """[batch, time] token ids → logits [batch, time, vocab], and what each linear map of each layer was given."""
    x = weights["embed"][tokens]
    if shape.gpt2:
        x = x + weights["pos"][: tokens.shape[1]]
    layers = {k: v for k, v in weights.items() if k not in MODEL_KEYS}
    x, inputs = jax.lax.scan(lambda x, w: _layer(shape, x, w), x, layers)
    x = _norm(shape, x, weights["norm"], weights.get("norm_b", 0.0))
    return x @ weights["embed" if shape.tied else "head"].T, inputs


def logits_of(shape: Shape, weights, tokens):
    return _run(shape, weights, tokens)[0]


forward = partial(jax.jit, static_argnums=0)(logits_of)
_inputs = partial(jax.jit, static_argnums=0)(lambda *args: _run(*args)[1])


def inputs_of(shape: Shape, weights: Weights, stream, seed: int) -> Weights:
    """What the maps q (also k, v), o, up (also gate) and down read on 12 x 96 tokens: [layers, 1152, in]."""
    starts = np.random.default_rng(seed).integers(0, len(stream) - 96, (12, 1))
    found = _inputs(*_padded(shape, weights), np.asarray(stream)[starts + np.arange(96)])
    return {name: np.asarray(x).reshape(shape.layers, -1, x.shape[-1]) for name, x in found.items()}


def modules(shape: Shape) -> dict[str, tuple[str, ...]]:
    """The linear modules that an adapter may sit on → the arrays whose rows they hold, in order."""
    if shape.gpt2:
        return {"qkv": ("q", "k", "v"), "o": ("o",), "up": ("up",), "down": ("down",)}
    if shape.kind == "phi3":
        return {"qkv": ("q", "k", "v"), "o": ("o",), "gate_up": ("gate", "up"), "down": ("down",)}
    return {name: (name,) for name in ("q", "k", "v", "o", "gate", "up", "down")}


def add_lora(shape: Shape, weights, lora, scale):
    """weights + scale * B A, module by module. lora: module → (A [layers, rank, in], B [layers, out, rank])."""
    out = dict(weights)
    for module, (a, b) in lora.items():
        delta, row = scale * (b @ a), 0
        for part in modules(shape)[module]:
            rows = weights[part].shape[1]
            out[part] = weights[part] + delta[:, row : row + rows]
            row += rows
    return out


def _cross_entropy(shape: Shape, weights, tokens, vocab):
    logits = logits_of(shape, weights, tokens[:, :-1])
    logits = jnp.where(jnp.arange(shape.vocab) < vocab, logits, -1e9)
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), tokens[:, 1:, None], -1).mean()


def _sample(stream, key):
    starts = jax.random.randint(key, (BATCH, 1), 0, stream.shape[0] - LENGTH - 1)
    return stream[starts + jnp.arange(LENGTH + 1)]


def _adam(loss, params, key, steps, warmup, rate, last, decay, speed):
    """Adam with decoupled decay on matrices, clipped at norm 1; the rate falls from rate to rate*last along a cosine."""
    zeros = jax.tree.map(jnp.zeros_like, params)

    def step(i, state):
        params, m, v, _ = state
        value, grads = jax.value_and_grad(loss)(params, jax.random.fold_in(key, i), i)
        length = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(grads)))
        grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / (length + 1e-9)), grads)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.98 * v + 0.02 * g * g, v, grads)
        cosine = last + (1 - last) * 0.5 * (1 + jnp.cos(jnp.pi * i / steps))
        now = rate * cosine * jnp.minimum(1.0, (i + 1) / (warmup + 1))

        def moved(p, m, v, s):
            direction = (m / (1 - 0.9 ** (i + 1))) / (jnp.sqrt(v / (1 - 0.98 ** (i + 1))) + 1e-8)
            return p - now * s * (direction + (decay if p.ndim > 1 else 0.0) * p)

        return jax.tree.map(moved, params, m, v, speed), m, v, value

    params, _, _, value = jax.lax.fori_loop(0, steps, step, (params, zeros, zeros, 0.0))
    return params, value


@partial(jax.jit, static_argnums=0)
def _train_all(shape, weights, stream, vocab, key, steps, warmup, rate, last, decay, speed):
    loss = lambda w, key, _: _cross_entropy(shape, w, _sample(stream, key), vocab)
    return _adam(loss, weights, key, steps, warmup, rate, last, decay, speed)


@partial(jax.jit, static_argnums=0)
def _train_lora(shape, weights, lora, scale, stream, vocab, key, steps, warmup, rate, last, decay, speed):
    loss = lambda lo, key, _: _cross_entropy(shape, add_lora(shape, weights, lo, scale), _sample(stream, key), vocab)
    return _adam(loss, lora, key, steps, warmup, rate, last, decay, speed)


@partial(jax.jit, static_argnums=0)
def _train_soft(shape, weights, tokens, targets, key, steps, warmup, rate, last, decay, speed):
    def loss(w, _, i):
        n = i % tokens.shape[0]
        logs = jax.nn.log_softmax(logits_of(shape, w, tokens[n])[..., : targets.shape[-1]])
        return -(targets[n] * logs).sum(-1).mean()

    return _adam(loss, weights, key, steps, warmup, rate, last, decay, speed)


def _padded(shape: Shape, weights: Weights) -> tuple[Shape, Weights]:
    """Vocabularies are trained at a multiple of 128 rows, so that a few added tokens need no new compilation."""
    rows = -shape.vocab % 128
    if rows == 0:
        return shape, weights
    grown = {k: np.pad(v, ((0, rows), (0, 0))) if k in ("embed", "head") else v for k, v in weights.items()}
    return shape.but(vocab=shape.vocab + rows), grown


def _unpadded(shape: Shape, weights) -> Weights:
    return {k: np.asarray(v)[: shape.vocab] if k in ("embed", "head") else np.asarray(v) for k, v in weights.items()}


def train(
    shape: Shape, weights: Weights, stream, seed: int, *, steps, rate, warmup=5, last=0.1, decay=0.0, frozen=None
):
    """Trains everything that is not frozen. frozen: array name → True, or a bool per layer. Returns weights, loss."""
    grown, params = _padded(shape, weights)
    speed = {k: np.ones((), np.float32) for k in params}
    for name, off in (frozen or {}).items():
        off = 1.0 - np.asarray(off, np.float32)
        speed[name] = off.reshape(off.shape + (1,) * (params[name].ndim - off.ndim)) if off.ndim else off
    # One form for all, or each pattern of frozen layers would be compiled anew.
    for name, value in params.items():
        if name not in MODEL_KEYS:
            speed[name] = np.broadcast_to(speed[name], (shape.layers,) + (1,) * (value.ndim - 1)).astype(np.float32)
    key = jax.random.key(seed)
    out, loss = _train_all(grown, params, stream, shape.vocab, key, steps, warmup, rate, last, decay, speed)
    return _unpadded(shape, out), float(loss)


def train_lora(shape: Shape, weights: Weights, stream, seed: int, *, rank, targets, scale, steps, rate, decay=0.0):
    """Returns {module: (A [layers, rank, in], B [layers, out, rank])} for the targeted modules, and the loss."""
    grown, params = _padded(shape, weights)
    rng = np.random.default_rng(seed)
    lora = {}
    for module, parts in modules(shape).items():
        width = params[parts[0]].shape[2]
        a = np.zeros((shape.layers, RANK, width), np.float32)
        if module in targets:  # as torch's kaiming_uniform_(a=sqrt(5)), which PEFT uses
            a[:, :rank] = rng.uniform(-1, 1, (shape.layers, rank, width)) / np.sqrt(width)
        b = np.zeros((shape.layers, sum(params[p].shape[1] for p in parts), RANK), np.float32)
        lora[module] = (a, b)
    speed = jax.tree.map(lambda _: np.ones((), np.float32), lora)
    key = jax.random.key(seed)
    args = (stream, shape.vocab, key, steps, 5, rate, 0.1, decay, speed)
    out, loss = _train_lora(grown, params, lora, scale, *args)
    return {m: (np.asarray(out[m][0])[:, :rank], np.asarray(out[m][1])[:, :, :rank]) for m in targets}, float(loss)


def distil(shape: Shape, weights: Weights, teacher: tuple[Shape, Weights], stream, seed: int, *, steps, rate):
    """Trains on the teacher's probabilities over 24 fixed batches. Both have one tokenizer."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, len(stream) - LENGTH, (24, BATCH, 1))
    tokens = np.asarray(stream)[starts + np.arange(LENGTH)]
    vocab = min(shape.vocab, teacher[0].vocab)
    tokens = np.minimum(tokens, vocab - 1)
    padded_shape, padded = _padded(*teacher)
    targets = np.stack([jax.nn.softmax(forward(padded_shape, padded, t)[..., :vocab]) for t in tokens])
    grown, params = _padded(shape, weights)
    speed = {k: np.ones((), np.float32) for k in params}
    args = (jax.random.key(seed), steps, 20, rate, 0.1, 0.0, speed)
    out, loss = _train_soft(grown, params, tokens, targets, *args)
    return _unpadded(shape, out), float(loss)
