"""Writes the files in pytorch/ with torch 2.15.0, and tensors of them as write_quantized.py does. Not run by the tests: torch is large.

write_pytorch.py FOLDER
"""

import json
import os
import pickle
import sys
from pathlib import Path

import torch

folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
torch.manual_seed(1)
base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 4
state = {
    "plain.weight": base.clone(),
    "turned.weight": base.clone().t(),
    "sliced.weight": base.clone()[1:, 2:5],
    "every_second": base.clone()[:, ::2],
    "expanded": torch.tensor([1.5, 2.5]).unsqueeze(1).expand(2, 3),
    "shared.a": base,
    "shared.b": base,
    "conv.weight": torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2),
    "channels_last": torch.arange(16, dtype=torch.float32).reshape(1, 4, 2, 2).contiguous(memory_format=torch.channels_last),
    "parameter": torch.nn.Parameter(torch.tensor([1.0, -2.0])),
    "half": torch.tensor([0.1, 65504.0], dtype=torch.float16),
    "brain": torch.tensor([[0.1], [3e38]], dtype=torch.bfloat16),
    "double": torch.tensor([0.1], dtype=torch.float64),
    "eight": torch.tensor([0.1, -448.0], dtype=torch.float8_e4m3fn),
    "long": torch.tensor(7),
    "byte": torch.tensor([200], dtype=torch.uint8),
    "mask": torch.tensor([True, False]),
    "empty": torch.zeros(0, 3),
}
torch.save(state, folder / "pytorch_model.bin")
skipped = {"channels_last"}
expected = {
    name: {"shape": list(t.shape), "values": t.detach().to(torch.float32).flatten().tolist()}
    for name, t in state.items()
    if name not in skipped
}
(folder / "expected.json").write_text(json.dumps(expected) + "\n")

optimizer = {"state": {0: {"exp_avg": base.clone()}}, "param_groups": [{"lr": 0.1}]}
torch.save({"epoch": 1, "state_dict": {"layer.weight": base.clone()}, "optimizer": optimizer}, folder / "checkpoint.pth")
torch.save({"layer.weight": base.clone()}, folder / "legacy.bin", _use_new_zipfile_serialization=False)


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())
        self.scale = torch.tensor([2.0, 3.0])

    def forward(self, x):
        return self.encoder(x) * self.scale + torch.tensor([[0.5, 0.25]])


tiny = Tiny()
with torch.no_grad():
    tiny.encoder[0].weight.copy_(torch.arange(6).reshape(2, 3))
torch.jit.save(torch.jit.trace(tiny, torch.zeros(1, 3)), folder / "traced.jit")
torch.save(tiny.encoder, folder / "module.pt")


class Evil:
    def __reduce__(self):
        return os.system, ("echo unsafe",)


torch.save({"layer.weight": base.clone(), "evil": Evil()}, folder / "evil.bin")
(folder / "evil.pkl").write_bytes(pickle.dumps([1, Evil()], protocol=4))
(folder / "evil0.pkl").write_bytes(pickle.dumps([1, Evil()], protocol=0))
