"""Byte-level BPE tokenizers, trained on the synthetic corpora, and token streams of fixed length."""

import json
from functools import lru_cache

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .corpora import text_of

STREAM = 40_000  # tokens; one length, or each corpus would compile the training anew

# name → vocabulary size, corpora that it is trained on, marks of begin and end.
TOKENIZERS = {
    "small": (512, ("markov-0", "grammar-0", "story-0", "arithmetic-0"), ("<s>", "</s>")),
    "large": (640, ("code-0", "table-0", "grammar-1", "story-1"), ("<|endoftext|>", "<|im_end|>")),
    "wide": (768, ("markov-1", "story-2", "code-1", "arithmetic-1"), ("<bos>", "<eos>")),
}


@lru_cache
def base_tokenizer(name: str) -> str:
    """The tokenizer.json of a trained tokenizer."""
    size, corpora, marks = TOKENIZERS[name]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(marks), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator((text_of(c) for c in corpora), trainer)
    if tokenizer.get_vocab_size() != size:
        raise ValueError(f"tokenizer {name}: {tokenizer.get_vocab_size()} tokens were learnt, {size} are needed")
    return tokenizer.to_str()


@lru_cache
def stream_of(name: str, corpus: str) -> np.ndarray:
    """STREAM token ids of a corpus, int32; short ones begin again."""
    ids = Tokenizer.from_str(base_tokenizer(name)).encode(text_of(corpus)).ids
    return np.resize(np.array(ids, np.int32), STREAM)


def with_added(tokenizer: str, tokens: list[str]) -> str:
    """tokenizer.json with more special tokens behind the last one."""
    grown = Tokenizer.from_str(tokenizer)
    grown.add_special_tokens(tokens)
    return grown.to_str()


def tokens_of(tokenizer: str, size: int) -> list[str]:
    """Token strings by id, filled up to size with the placeholders that llama.cpp's converter uses."""
    by_id = {i: t for t, i in Tokenizer.from_str(tokenizer).get_vocab(with_added_tokens=True).items()}
    return [by_id.get(i, f"[PAD{i}]") for i in range(size)]


def merges_of(tokenizer: str) -> list[str]:
    return [m if isinstance(m, str) else " ".join(m) for m in json.loads(tokenizer)["model"]["merges"]]
