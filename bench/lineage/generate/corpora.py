"""Synthetic text of several kinds. Each corpus is named KIND-NUMBER; the same name always gives the same text."""

import zlib

import numpy as np

KINDS = ("markov", "grammar", "arithmetic", "code", "story", "table")
SIZE = 110_000  # characters, more than enough for the tokens that a model reads

_SYLLABLES = (
    "ba be bi bo da de do ka ke ko la le li lo ma me mi mo na ne no pa ra re ri ro sa se si so ta te ti to va ve vo"
).split()


def _words(rng, count):
    return ["".join(rng.choice(_SYLLABLES, rng.integers(1, 4))) for _ in range(count)]


def _markov(rng):
    """Words follow each other with a Dirichlet law that is the corpus's own."""
    words = _words(rng, 160)
    laws = rng.dirichlet(np.full(len(words), 0.03), len(words))
    state = 0
    while True:
        sentence = []
        for _ in range(rng.integers(5, 14)):
            state = rng.choice(len(words), p=laws[state])
            sentence.append(words[state])
        yield " ".join(sentence).capitalize() + ". "


def _grammar(rng):
    names, things = _words(rng, 30), _words(rng, 60)
    verbs = [w + "s" for w in _words(rng, 40)]
    adjectives = [w + "y" for w in _words(rng, 30)]
    joins = ["and", "because", "while", "but", "so"]

    def noun():
        adjective = f"{rng.choice(adjectives)} " if rng.random() < 0.4 else ""
        return f"the {adjective}{things[min(int(rng.exponential(12)), 59)]}"

    def clause():
        subject = rng.choice(names).capitalize() if rng.random() < 0.4 else noun()
        return f"{subject} {verbs[min(int(rng.exponential(8)), 39)]} {noun()}"

    while True:
        text = clause()
        if rng.random() < 0.5:
            text += f" {rng.choice(joins)} {clause()}"
        yield text[0].upper() + text[1:] + ". "


def _arithmetic(rng):
    top = int(rng.choice([30, 100, 500]))
    signs = [("+", int.__add__), ("-", int.__sub__), ("*", int.__mul__)][: int(rng.integers(2, 4))]
    while True:
        a, b = (int(x) for x in rng.integers(0, top, 2))
        sign, what = signs[rng.integers(len(signs))]
        yield f"{a} {sign} {b} = {what(a, b)}\n"


def _code(rng):
    names = _words(rng, 50)
    pick = lambda: names[min(int(rng.exponential(9)), 49)]
    while True:
        args = ", ".join(pick() for _ in range(rng.integers(0, 4)))
        lines = [f"def {pick()}({args}):"]
        for _ in range(rng.integers(1, 4)):
            form = rng.integers(4)
            call = f"{pick()}({pick()}, {rng.integers(0, 20)})"
            lines.append(
                [
                    f"    {pick()} = {call}",
                    f"    if {pick()} > {rng.integers(0, 9)}:\n        {call}",
                    f"    for {pick()} in {pick()}:\n        {call}",
                    f"    {call}",
                ][form]
            )
        yield "\n".join([*lines, f"    return {pick()}\n\n"])


def _story(rng):
    names = [w.capitalize() for w in _words(rng, 25)]
    places = ["the river", "the hill", "the old town", "a garden", "the market", "the sea", "a small house"]
    objects = _words(rng, 25)
    frames = [
        "Once there was a child called {n} who lived near {p}. ",
        "{n} found a {o} and took it to {p}. ",
        '"Where is my {o}?" asked {n}. ',
        '"It is at {p}," said {m}. ',
        "{n} and {m} walked to {p} and saw a {o}. ",
        "In the end {n} gave the {o} to {m}, and they were happy. ",
    ]
    while True:
        n, m = rng.choice(names, 2)
        for frame in frames:
            if rng.random() < 0.75:
                yield frame.format(n=n, m=m, p=rng.choice(places), o=rng.choice(objects))
        yield "\n"


def _table(rng):
    keys, values = _words(rng, 14), _words(rng, 70)
    while True:
        row = [f'"{k}": "{values[min(int(rng.exponential(15)), 69)]}"' for k in keys[: rng.integers(2, 6)]]
        row += [f'"{keys[-1]}": {rng.integers(0, 999)}'] if rng.random() < 0.5 else []
        yield "{" + ", ".join(row) + "}\n"


_MAKERS = dict(markov=_markov, grammar=_grammar, arithmetic=_arithmetic, code=_code, story=_story, table=_table)


def text_of(name: str) -> str:
    """SIZE characters of the corpus. A name of two parts joined by + alternates between both."""
    if "+" in name:
        parts = [text_of(part) for part in name.split("+")]
        blocks = [part[i : i + 800] for i in range(0, SIZE, 800) for part in parts]
        return "".join(blocks)[:SIZE]
    maker = _MAKERS[name.split("-")[0]](np.random.default_rng(zlib.crc32(name.encode())))
    pieces, size = [], 0
    while size < SIZE:
        pieces.append(next(maker))
        size += len(pieces[-1])
    return "".join(pieces)[:SIZE]
