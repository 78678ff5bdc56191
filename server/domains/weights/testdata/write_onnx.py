"""Writes ONNX models with the onnx library, with what numpy_helper reads in their initialisers.

write_onnx.py FOLDER
"""

import json
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto as P
from onnx import helper, numpy_helper

folder = Path(sys.argv[1])
random = np.random.default_rng(3)
weight = random.normal(size=(6, 4)).astype(np.float32)

arrays = {
    "in_by_out": weight,
    "gemm_turned": weight.T.copy(),
    "gemm": weight,
    "left": weight.T.copy(),
    "half": weight.astype(np.float16),
    "brain": weight.astype(ml_dtypes.bfloat16),
    "double": weight.astype(np.float64),
    "eight": weight.astype(ml_dtypes.float8_e4m3fn),
    "quantised": random.integers(-128, 127, size=(6, 4)).astype(np.int8),
    "four": random.integers(-8, 7, size=(3, 5)).astype(ml_dtypes.int4),
    "mask": np.array([True, False]),
    "long": np.array([-1, 2**40]),
}
tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
# As numbers, not as bytes: `make_tensor` fills the field of the type.
listed = {
    "listed_float": (P.FLOAT, weight.flatten().tolist()),
    "listed_double": (P.DOUBLE, weight.flatten().tolist()),
    "listed_int8": (P.INT8, list(range(-12, 12))),
    "listed_half": (P.FLOAT16, weight.flatten().tolist()),
    "listed_long": (P.INT64, list(range(-12, 12))),
}
tensors += [helper.make_tensor(name, kind, [6, 4], values) for name, (kind, values) in listed.items()]
inner = helper.make_graph(
    [helper.make_node("Constant", [], ["inner_weight"], value=numpy_helper.from_array(weight * 2)),
     helper.make_node("MatMul", ["x", "inner_weight"], ["inner_out"])],
    "inner", [], [helper.make_tensor_value_info("inner_out", P.FLOAT, None)])
nodes = [
    helper.make_node("MatMul", ["x", "in_by_out"], ["a"]),
    helper.make_node("Gemm", ["x", "gemm_turned"], ["b"], transB=1),
    helper.make_node("Gemm", ["x", "gemm"], ["c"]),
    helper.make_node("MatMul", ["left", "y"], ["d"]),
    helper.make_node("DequantizeLinear", ["quantised", "scale"], ["dequantised"]),
    helper.make_node("MatMul", ["x", "dequantised"], ["e"]),
    helper.make_node("If", ["condition"], ["f"], then_branch=inner, else_branch=inner),
]
graph = helper.make_graph(nodes, "tiny", [helper.make_tensor_value_info("x", P.FLOAT, [None, 6])], [], tensors)
model = helper.make_model(graph)
onnx.save(model, folder / "model.onnx")
expected = {t.name: numpy_helper.to_array(t) for t in tensors}
(folder / "expected.json").write_text(json.dumps(
    {name: {"shape": a.shape, "values": a.astype(np.float32).flatten().tolist()} for name, a in expected.items()}))
onnx.save(model, folder / "outside.onnx", save_as_external_data=True, location="outside.onnx_data", size_threshold=64)
