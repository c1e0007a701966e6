"""ONNX's own node tests with their sizes made symbols."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

TEST_DATA = Path("/usr/share/libonnx-testdata/data/node")  # Debian's libonnx-testdata, ONNX 1.12

# Operands that list sizes, axes or positions: how many they list decides a rank, or which axes an operator acts on.
LISTS = {
    "ConstantOfShape": (0,),
    "CumSum": (1,),
    "Expand": (1,),
    "Pad": (1, 3),
    "ReduceSum": (1,),
    "Reshape": (1,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "Unsqueeze": (1,),
}


@dataclass
class NodeTest:
    """One of ONNX's tests: a model, and what it makes of its inputs."""

    name: str
    model: onnx.ModelProto
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: dict[str, np.ndarray] = field(default_factory=dict)


def operators(folder: Path) -> set[str]:
    """All operators of a test's model."""
    graph = onnx.load(folder / "model.onnx").graph
    return {node.op_type for node in graph.node}


def takes_tensors_only(folder: Path) -> bool:
    """Whether a test's model neither takes nor gives sequences or optionals."""
    graph = onnx.load(folder / "model.onnx").graph
    return all(v.type.WhichOneof("value") == "tensor_type" for v in (*graph.input, *graph.output))


def read_tensor(path: Path) -> np.ndarray:
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def load(folder: Path) -> NodeTest:
    model = onnx.load(folder / "model.onnx")
    test = NodeTest(folder.name, model)
    data = folder / "test_data_set_0"
    for kind, values, arrays in (
        ("input", model.graph.input, test.inputs),
        ("output", model.graph.output, test.outputs),
    ):
        for position, value in enumerate(values):
            array = read_tensor(data / f"{kind}_{position}.pb")
            # The files hold bf16, which NumPy does not know, as its bits; so does dyn-run, but as V2.
            is_bf16 = value.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16
            arrays[value.name] = array.view("V2") if is_bf16 else array
    return test


def list_operands(model: onnx.ModelProto) -> set[str]:
    """The model's inputs that are operands of LISTS."""
    found = {
        node.input[position]
        for node in model.graph.node
        for position in LISTS.get(node.op_type, ())
        if position < len(node.input)
    }
    return found & {value.name for value in model.graph.input}


def decides_rank(model: onnx.ModelProto, name: str, axis: int, rank: int) -> bool:
    """Whether a rank in the model depends on this dimension."""
    return axis == rank - 1 and any(n.op_type == "GatherND" and n.input[1] == name for n in model.graph.node)


def make_symbolic(model: onnx.ModelProto) -> None:
    """Each dimension of an input becomes a symbol of its own, but for lists; what is said of outputs is forgotten."""
    lists = list_operands(model)
    for number, value in enumerate(model.graph.input):
        if value.name in lists:
            continue
        dims = value.type.tensor_type.shape.dim
        for axis, dim in enumerate(dims):
            if not decides_rank(model, value.name, axis, len(dims)):
                dim.dim_param = f"D{number}_{axis}"
    for value in model.graph.output:
        for dim in value.type.tensor_type.shape.dim:
            dim.Clear()
    model.graph.ClearField("value_info")


def make_constant(test: NodeTest, names: set[str]) -> None:
    """Turns inputs into initializers."""
    graph = test.model.graph
    for name in sorted(names):
        graph.initializer.append(numpy_helper.from_array(test.inputs.pop(name), name))
    kept = [value for value in graph.input if value.name not in names]
    del graph.input[:]
    graph.input.extend(kept)
