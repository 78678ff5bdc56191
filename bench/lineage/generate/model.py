"""A model of the generated hub, as the generator knows it."""

from dataclasses import dataclass, field

from .architecture import Shape, Weights


@dataclass
class Model:
    """weights are the values as they read back from the repository; None where nothing may be made of it (adapter, quantised)."""

    id: str
    relation: str
    parents: list["Model"]
    root: "Model | None"
    shape: Shape
    weights: Weights | None
    dtype: str
    tokenizer_name: str
    tokenizer: str
    corpus: str
    detail: dict = field(default_factory=dict)
    shards: int = 1
    names: str = "hf"
    lora: dict | None = None
    children: int = 0
    index: int = 0

    @property
    def depth(self) -> int:
        return 1 + max((p.depth for p in self.parents), default=-1)

    @property
    def family(self) -> str:
        return self.root.id if self.root else self.id

    def ancestors(self) -> dict[str, int]:
        """id → fewest steps up to it, itself included."""
        found = {self.id: 0}
        for parent in self.parents:
            for name, steps in parent.ancestors().items():
                found[name] = min(found.get(name, 99), steps + 1)
        return found
