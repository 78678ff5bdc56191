"""Forward pass and training in JAX. One compiled step serves every model of a shape: steps, rates and masks are arguments."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .architecture import MODEL_KEYS, SHAPES, Shape, Weights, tensor_shapes

BATCH, LENGTH = 8, 32
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


_forward = partial(jax.jit, static_argnums=0)(logits_of)
_inputs = partial(jax.jit, static_argnums=0)(lambda *args: _run(*args)[1])


def inputs_of(shape: Shape, weights: Weights, stream, seed: int) -> Weights:
    """What the maps q (also k, v), o, up (also gate) and down read on 12 x 96 tokens: [layers, 1152, in]."""
    starts = np.random.default_rng(seed).integers(0, len(stream) - 96, (12, 1))
    grown, real = _grown(shape), tensor_shapes(shape)
    tokens = np.asarray(stream)[starts + np.arange(96)]
    found = _inputs(grown, _padded(weights, tensor_shapes(grown)), tokens)
    return {
        n: np.asarray(x)[: shape.layers, ..., : real[n][2]].reshape(shape.layers, -1, real[n][2])
        for n, x in found.items()
    }


def logits_by(shape: Shape, weights: Weights, tokens) -> np.ndarray:
    """[batch, time] token ids → [batch, time, vocab]."""
    grown = _grown(shape)
    return np.asarray(_forward(grown, _padded(weights, tensor_shapes(grown)), tokens))[..., : shape.vocab]


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


def _grown(shape: Shape) -> Shape:
    """The shape that is compiled for: cut, lengthened and resized models share that of their root, or twice its layers."""
    of = next((s for s in SHAPES if (s.kind, s.hidden) == (shape.kind, shape.hidden)), shape)
    up = lambda n, unit: -(-n // unit) * unit
    return shape.but(layers=up(shape.layers, of.layers), ffn=up(shape.ffn, of.ffn), vocab=up(shape.vocab, 128))


def _padded(weights: Weights, dims: dict[str, tuple[int, ...]]) -> Weights:
    """Zeros behind each axis. A layer of zeros passes its input on; it and neurons of zeros have no gradient."""
    return {k: np.pad(v, [(0, n - m) for n, m in zip(dims[k], v.shape)]) for k, v in weights.items()}


def _cut(weights, dims: dict[str, tuple[int, ...]]) -> Weights:
    return {k: np.asarray(v)[tuple(slice(n) for n in dims[k])] for k, v in weights.items()}


def _speed(shape: Shape, grown: Shape, params: Weights, frozen: dict) -> Weights:
    """What each array's steps are multiplied by: 0 where frozen (True, or a bool per layer) and in layers of padding."""
    speed = {}
    for name, value in params.items():
        free = 1.0 - np.asarray(frozen.get(name, False), np.float32)
        if name not in MODEL_KEYS:
            free = np.pad(np.broadcast_to(free, (shape.layers,)), (0, grown.layers - shape.layers))
            free = free.reshape((grown.layers,) + (1,) * (value.ndim - 1))
        speed[name] = free
    return speed


def train(
    shape: Shape, weights: Weights, stream, seed: int, *, steps, rate, warmup=5, last=0.1, decay=0.0, frozen=None
):
    """Trains everything that is not frozen. frozen: array name → True, or a bool per layer. Returns weights, loss."""
    grown = _grown(shape)
    params = _padded(weights, tensor_shapes(grown))
    speed = _speed(shape, grown, params, frozen or {})
    key = jax.random.key(seed)
    out, loss = _train_all(grown, params, stream, shape.vocab, key, steps, warmup, rate, last, decay, speed)
    return _cut(out, tensor_shapes(shape)), float(loss)


def train_lora(shape: Shape, weights: Weights, stream, seed: int, *, rank, targets, scale, steps, rate, decay=0.0):
    """Returns {module: (A [layers, rank, in], B [layers, out, rank])} for the targeted modules, and the loss."""
    grown, rng = _grown(shape), np.random.default_rng(seed)
    real, dims = tensor_shapes(shape), tensor_shapes(grown)
    params, lora = _padded(weights, dims), {}
    for module, parts in modules(shape).items():
        width = real[parts[0]][2]
        a = np.zeros((grown.layers, RANK, dims[parts[0]][2]), np.float32)
        if module in targets:  # as torch's kaiming_uniform_(a=sqrt(5)), which PEFT uses
            a[: shape.layers, :rank, :width] = rng.uniform(-1, 1, (shape.layers, rank, width)) / np.sqrt(width)
        b = np.zeros((grown.layers, sum(dims[p][1] for p in parts), RANK), np.float32)
        lora[module] = (a, b)
    speed = jax.tree.map(lambda _: np.ones((), np.float32), lora)
    args = (stream, shape.vocab, jax.random.key(seed), steps, 5, rate, 0.1, decay, speed)
    out, loss = _train_lora(grown, params, lora, scale, *args)

    def cut(module):
        a, b = (np.asarray(x)[: shape.layers] for x in out[module])
        parts, ends = modules(shape)[module], np.cumsum([dims[p][1] for p in modules(shape)[module]])
        rows = [b[:, end - dims[p][1] :][:, : real[p][1], :rank] for p, end in zip(parts, ends)]
        return a[:, :rank, : real[parts[0]][2]], np.concatenate(rows, 1)

    return {module: cut(module) for module in targets}, float(loss)


def distil(shape: Shape, weights: Weights, teacher: tuple[Shape, Weights], stream, seed: int, *, steps, rate):
    """Trains on the teacher's probabilities over 24 fixed batches. Both have one tokenizer."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, len(stream) - LENGTH, (24, BATCH, 1))
    tokens = np.asarray(stream)[starts + np.arange(LENGTH)]
    vocab = min(shape.vocab, teacher[0].vocab)
    tokens = np.minimum(tokens, vocab - 1)
    targets = np.stack([jax.nn.softmax(logits_by(*teacher, t)[..., :vocab]) for t in tokens])
    grown = _grown(shape)
    params = _padded(weights, tensor_shapes(grown))
    args = (jax.random.key(seed), steps, 20, rate, 0.1, 0.0, _speed(shape, grown, params, {}))
    out, loss = _train_soft(grown, params, tokens, targets, *args)
    return _cut(out, tensor_shapes(shape)), float(loss)
