"""Makes the models that run.py measures: `models.py FOLDER LIBRARY [--small]`. Files that are there are kept.

large.safetensors       1.2 GiB in 200 weights of f32
upstream.mlirbc         2,487 operations of upstream's dialects, the weights inside as dense_resource
inside.mlirbc           a dyn module of as many operations, the weights inside
reference.mlir, .mlirbc the same, weights by reference to large.safetensors
huge.onnx               10,000 operations; huge.safetensors, 1,000 tensors of 100 MB, is a hole on disk
many.safetensors        100,000 weights
"""

import argparse
import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

LAYERS, HIDDEN = 24, 1024


def write_index(file, tensors: list[tuple[str, list[int]]]) -> None:
    """Writes the index of a safetensors file of f32."""
    index, offset = {}, 0
    for name, shape in tensors:
        size = 4 * int(np.prod(shape))
        index[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(index, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    file.write(struct.pack("<Q", len(text)) + text)


def large_weights(hidden: int) -> list[tuple[str, list[int]]]:
    """Those of BERT-large, with as many rows in the last one as make it 1.2 GiB."""
    weights = []
    for layer in range(LAYERS):
        weights += [(f"l{layer}.{name}", [hidden, hidden]) for name in "qkvo"]
        weights += [(f"l{layer}.up", [hidden, 4 * hidden]), (f"l{layer}.down", [4 * hidden, hidden])]
        weights += [(f"l{layer}.b1", [4 * hidden]), (f"l{layer}.b2", [hidden])]
    weights += [(f"x{i}", [hidden]) for i in range(7)]
    elements = int(1.2 * 2**30) // 4 * hidden**2 // HIDDEN**2
    rest = elements - sum(int(np.prod(shape)) for _, shape in weights)
    return [*weights, ("emb", [rest // hidden, hidden])]


def make_large(path: Path, hidden: int) -> None:
    random = np.random.default_rng(1)
    with path.open("wb") as file:
        weights = large_weights(hidden)
        write_index(file, weights)
        for _, shape in weights:
            random.standard_normal(shape, np.float32).tofile(file)


class Text:
    """A function body, line by line, with values numbered."""

    def __init__(self):
        self.lines, self.count = [], 0

    def add(self, line: str) -> str:
        self.count += 1
        self.lines.append(f"    %{self.count} = {line}")
        return f"%{self.count}"


def make_upstream_text(hidden: int) -> str:
    """Layers of matrix products and elementwise arithmetic, a function each, in upstream's dialects."""
    rows = 128
    narrow, wide = f"tensor<{rows}x{hidden}xf32>", f"tensor<{rows}x{4 * hidden}xf32>"
    functions = []
    for layer in range(LAYERS):
        text = Text()
        zero = text.add("arith.constant 0.0 : f32")

        def constant(name, shape, text=text, layer=layer):
            type_ = f"tensor<{'x'.join(map(str, shape))}xf32>"
            return text.add(f'arith.constant dense_resource<"l{layer}.{name}"> : {type_}'), type_

        def product(value, value_type, name, shape, result, text=text, zero=zero, constant=constant):
            weight, weight_type = constant(name, shape)
            empty = text.add(f"tensor.empty() : {result}")
            filled = text.add(f"linalg.fill ins({zero} : f32) outs({empty} : {result}) -> {result}")
            operands = f"ins({value}, {weight} : {value_type}, {weight_type}) outs({filled} : {result})"
            return text.add(f"linalg.matmul {operands} -> {result}")

        def bias(name, size, result, text=text, constant=constant):
            value, type_ = constant(name, [size])
            empty = text.add(f"tensor.empty() : {result}")
            text.count += 1
            text.lines.append(
                f"    %{text.count} = linalg.broadcast ins({value} : {type_}) outs({empty} : {result}) dimensions = [0]"
            )
            return f"%{text.count}"

        def binary(op, lhs, rhs, type_, text=text):
            return text.add(f"arith.{op} {lhs}, {rhs} : {type_}")

        square = [hidden, hidden]
        q, k, v = (product("%arg0", narrow, name, square, narrow) for name in "qkv")
        mixed = binary("addf", binary("mulf", q, k, narrow), v, narrow)
        attended = product(mixed, narrow, "o", square, narrow)
        residual = binary("addf", binary("addf", "%arg0", attended, narrow), bias("b2", hidden, narrow), narrow)
        up = product(residual, narrow, "up", [hidden, 4 * hidden], wide)
        shift = bias("b1", 4 * hidden, wide)
        up = binary("addf", up, shift, wide)
        for i in range(36):
            up = binary("mulf", up, up, wide) if i % 2 else binary("addf", up, shift, wide)
        down = product(up, wide, "down", [4 * hidden, hidden], narrow)
        result = binary("addf", residual, down, narrow)
        body = "\n".join(text.lines)
        functions.append(
            f"  func.func @layer{layer}(%arg0: {narrow}) -> {narrow} {{\n{body}\n    return {result} : {narrow}\n  }}"
        )
    text, value = Text(), "%arg0"
    for i in range(7):
        weight = text.add(f'arith.constant dense_resource<"x{i}"> : tensor<{hidden}xf32>')
        empty = text.add(f"tensor.empty() : {narrow}")
        wider = text.add(
            f"linalg.broadcast ins({weight} : tensor<{hidden}xf32>) outs({empty} : {narrow}) dimensions = [0]"
        )
        value = text.add(f"arith.addf {value}, {wider} : {narrow}")
    for layer in range(LAYERS):
        value = text.add(f"call @layer{layer}({value}) : ({narrow}) -> {narrow}")
    shape = "x".join(map(str, large_weights(hidden)[-1][1]))
    table = text.add(f'arith.constant dense_resource<"emb"> : tensor<{shape}xf32>')
    body = "\n".join(text.lines)
    types = f"{narrow}, tensor<{shape}xf32>"
    main = f"  func.func @main(%arg0: {narrow}) -> ({types}) {{\n{body}\n    return {value}, {table} : {types}\n  }}"
    return "module {\n" + "\n".join([*functions, main]) + "\n}\n"


def make_dyn_text(hidden: int) -> str:
    """The same arithmetic in dyn: one function, one symbol."""
    weights = dict(large_weights(hidden))
    narrow, wide = f"!dyn.tensor<[B, {hidden}], f32>", f"!dyn.tensor<[B, {4 * hidden}], f32>"

    def type_of(name):
        return f"!dyn.tensor<[{', '.join(map(str, weights[name]))}], f32>"

    lines = [
        f'  dyn.weight @{name} : {type_of(name)} = #dyn.external<"large.safetensors", "{name}">' for name in weights
    ]
    text = Text()

    def weight(name):
        return text.add(f"dyn.get_weight @{name} : {type_of(name)}")

    def binary(op, lhs, rhs, lhs_type, rhs_type, result):
        return text.add(f"dyn.{op} {lhs}, {rhs} : ({lhs_type}, {rhs_type}) -> {result}")

    value = "%arg0"
    for i in range(7):
        value = binary("add", value, weight(f"x{i}"), narrow, type_of(f"x{i}"), narrow)
    for layer in range(LAYERS):
        name = f"l{layer}."

        def product(lhs, lhs_type, key, result, name=name):
            return binary("matmul", lhs, weight(name + key), lhs_type, type_of(name + key), result)

        q, k, v = (product(value, narrow, key, narrow) for key in "qkv")
        mixed = binary("add", binary("mul", q, k, narrow, narrow, narrow), v, narrow, narrow, narrow)
        residual = binary("add", value, product(mixed, narrow, "o", narrow), narrow, narrow, narrow)
        residual = binary("add", residual, weight(name + "b2"), narrow, type_of(name + "b2"), narrow)
        up = product(residual, narrow, "up", wide)
        shift = weight(name + "b1")
        for i in range(75):
            if i % 2:
                up = binary("mul", up, up, wide, wide, wide)
            else:
                up = binary("add", up, shift, wide, type_of(name + "b1"), wide)
        value = binary("add", residual, product(up, wide, "down", narrow), narrow, narrow, narrow)
    table = weight("emb")
    types = f"{narrow}, {type_of('emb')}"
    lines.append(f"  func.func @main(%arg0: {narrow}) -> ({types}) {{")
    lines += text.lines
    lines.append(f"    return {value}, {table} : {types}\n  }}")
    return "module {\n" + "\n".join(lines) + "\n}\n"


def make_huge(folder: Path, tensors: int, size: int) -> None:
    """A chain of a product and nine cheap operations for each tensor; data are where the file has a hole."""
    names = [f"w{i}" for i in range(tensors)]
    with (folder / "huge.safetensors").open("wb") as file:
        write_index(file, [(name, [size, size]) for name in names])
        start = file.tell()
        file.truncate(start + tensors * 4 * size * size)
    nodes, initializers, value = [], [], "x"
    for i, name in enumerate(names):
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[size, size])
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": "huge.safetensors", "offset": start + i * 4 * size * size, "length": 4 * size * size}
        for key, entry in place.items():
            tensor.external_data.add(key=key, value=str(entry))
        initializers.append(tensor)
        for j, op in enumerate(["MatMul", *["Relu", "Add", "Tanh", "Mul", "Sigmoid", "Add", "Abs", "Mul", "Neg"]]):
            inputs = {"MatMul": [value, name], "Add": [value, "x"], "Mul": [value, value]}.get(op, [value])
            value = f"v{i}_{j}"
            nodes.append(helper.make_node(op, inputs, [value], name=f"n{i}/{op}{j}"))
    nodes[-1].output[0] = "y"
    graph = helper.make_graph(
        nodes,
        "huge",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", size])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "huge.onnx")


def make_many(path: Path, count: int) -> None:
    with path.open("wb") as file:
        write_index(file, [(f"layers.{i // 10}.block.weight_{i % 10}", [16]) for i in range(count)])
        np.arange(16 * count, dtype=np.float32).tofile(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--small", action="store_true", help="sizes divided by some 1000, to try the benchmark")
    arguments = parser.parse_args()
    folder, hidden = arguments.folder, 32 if arguments.small else HIDDEN

    def missing(name: str) -> bool:
        return not (folder / name).exists()

    if missing("large.safetensors"):
        make_large(folder / "large.safetensors", hidden)
    if missing("upstream.mlir"):
        (folder / "upstream.mlir").write_text(make_upstream_text(hidden))
    if missing("reference.mlir"):
        (folder / "reference.mlir").write_text(make_dyn_text(hidden))
    for source, target in (("upstream.mlir", "upstream.mlirbc"), ("reference.mlir", "inside.mlirbc")):
        if missing(target):
            command = [arguments.library, "embed", folder / source, folder / "large.safetensors", folder / target]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if missing("huge.onnx"):
        make_huge(folder, 1000, 50 if arguments.small else 5000)
    if missing("many.safetensors"):
        make_many(folder / "many.safetensors", 100_000)


if __name__ == "__main__":
    main()
