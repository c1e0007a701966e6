"""A model that cannot be compiled gets one sentence, exit status 1, and leaves no file."""

import os
import shutil

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tools import run_tool


def value(name, *dims, element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, dims)


def model_of(nodes, inputs, outputs, initializers=(), opset=17):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def sum_with_weight(**kwargs):
    """y = x + w, with w as external data of 16 bytes in w.bin unless `kwargs` say otherwise."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, text in ({"location": "w.bin", "offset": "0", "length": "16"} | kwargs).items():
        if text is not None:
            weight.external_data.add(key=key, value=text)
    return model_of([helper.make_node("Add", ["x", "w"], ["y"])], [value("x", "N", 4)], [value("y", "N", 4)], [weight])


@pytest.fixture
def folder(tmp_path):
    """A folder with w.bin in it, and one that is not below it."""
    (tmp_path / "model").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for place in ("model", "elsewhere"):
        (tmp_path / place / "w.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    (tmp_path / "model" / "subfolder").mkdir()
    return tmp_path / "model"


def refuse(folder, model, *said, arguments=()):
    """Compiles `model`, bytes or a ModelProto, and expects an error that says each of `said`."""
    path = folder / "model.onnx"
    if model is not None:
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    before = sorted(os.listdir(folder))
    done = run_tool("dyn-compile", path, "-o", folder / "out.so", *arguments)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    for text in ("model.onnx", *said):
        assert text in done.stderr, done.stderr
    assert sorted(os.listdir(folder)) == before


def test_the_good_model_compiles(folder):
    (folder / "model.onnx").write_bytes(sum_with_weight().SerializeToString())
    done = run_tool("dyn-compile", folder / "model.onnx", "-o", folder / "out.so")
    assert done.returncode == 0, done.stderr


def test_missing_file(folder):
    refuse(folder, None, "o such file")


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a model at all\n", b"\x7fELF" + bytes(60)], ids=repr)
def test_other_content(folder, content):
    refuse(folder, content)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_truncated(folder, kept):
    whole = sum_with_weight().SerializeToString()
    refuse(folder, whole[: int(len(whole) * kept)])


def test_cycle(folder):
    nodes = [helper.make_node("Add", ["x", "b"], ["a"], "first"), helper.make_node("Abs", ["a"], ["b"], "second")]
    refuse(folder, model_of(nodes, [value("x", 4)], [value("b", 4)]))


def test_undefined_value(folder):
    nodes = [helper.make_node("Add", ["x", "ghost"], ["y"], "adder")]
    refuse(folder, model_of(nodes, [value("x", 4)], [value("y", 4)]), "adder", "ghost")


def test_all_missing_operators_at_once(folder):
    nodes = [
        helper.make_node("NotThere", ["x"], ["a"], "first"),
        helper.make_node("NorThis", ["a"], ["b"], "second"),
        helper.make_node("NotThere", ["b"], ["y"], "third"),
    ]
    refuse(folder, model_of(nodes, [value("x", 4)], [value("y", 4)]), "NotThere", "NorThis", "first", "second", "2")


def test_unsupported_opset(folder):
    nodes = [helper.make_node("Abs", ["x"], ["y"])]
    refuse(folder, model_of(nodes, [value("x", 4)], [value("y", 4)], opset=99), "99")


def test_unsupported_type(folder):
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    ends = [value(name, 4, element=TensorProto.COMPLEX64) for name in "xy"]
    refuse(folder, model_of(nodes, ends[:1], ends[1:]), "complex64")


def test_contradictory_shapes(folder):
    weight = numpy_helper.from_array(np.zeros((5, 3), np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], "product")]
    refuse(folder, model_of(nodes, [value("x", "N", 4)], [value("y", "N", 3)], [weight]), "product", "4", "5")


def test_contradictory_types(folder):
    nodes = [helper.make_node("Add", ["x", "z"], ["y"], "adder")]
    inputs = [value("x", "N"), value("z", "N", element=TensorProto.INT64)]
    refuse(folder, model_of(nodes, inputs, [value("y", "N")]), "adder")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"location": "gone.bin"}, "gone.bin"),
        ({"location": "../elsewhere/w.bin"}, "--weights-dir"),
        ({"location": "subfolder"}, "regular file"),
        ({"length": "17"}, "17"),
        ({"offset": "8"}, "w.bin"),
        ({"offset": "-4"}, "-4"),
        ({"offset": "9223372036854775807"}, "9223372036854775807"),
        ({"offset": "99999999999999999999999"}, "99999999999999999999999"),
        ({"length": "12"}, "12"),
        ({"location": None}, "location"),
    ],
    ids=lambda part: ",".join(f"{k}={v}" for k, v in part.items()) if isinstance(part, dict) else None,
)
def test_external_data(folder, change, said):
    refuse(folder, sum_with_weight(**change), "w", said)


def test_external_data_behind_a_link(folder):
    """Refused where a link leads out of the model's folder, unless --weights-dir names the place."""
    os.unlink(folder / "w.bin")
    (folder / "w.bin").symlink_to("../elsewhere/w.bin")
    refuse(folder, sum_with_weight(), "w.bin", "--weights-dir")
    done = run_tool(
        "dyn-compile", folder / "model.onnx", "-o", folder / "out.so", f"--weights-dir={folder.parent / 'elsewhere'}"
    )
    assert done.returncode == 0, done.stderr


def test_external_data_in_a_pipe(folder):
    os.unlink(folder / "w.bin")
    os.mkfifo(folder / "w.bin")
    refuse(folder, sum_with_weight(), "w.bin", "regular file")


def test_keeps_what_was_there(folder):
    """An error leaves an older artifact as it is."""
    (folder / "out.so").write_bytes(b"older")
    refuse(folder, b"no model")
    assert (folder / "out.so").read_bytes() == b"older"


def test_nowhere_to_write(folder):
    (folder / "model.onnx").write_bytes(sum_with_weight().SerializeToString())
    done = run_tool("dyn-compile", folder / "model.onnx", "-o", folder / "gone" / "out.so")
    assert done.returncode == 1
    assert "gone" in done.stderr


def test_wrong_usage(folder):
    shutil.copy(folder / "w.bin", folder / "model.onnx")
    assert run_tool("dyn-compile").returncode == 2
    assert run_tool("dyn-compile", "--no-such-option", folder / "model.onnx").returncode == 2
    done = run_tool("dyn-compile", folder / "model.onnx", "-o", folder / "out.so", "--target=pentium")
    assert done.returncode == 2
    assert "pentium" in done.stderr
