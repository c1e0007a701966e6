"""ONNX import: the size of every value in exported encoders, and models of any length of file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
import transformers

from encoders import EXPORTS, HEADS, HIDDEN, LONGEST, VOCABULARY, Export, export_module, random_inputs

BUILD = Path(os.environ.get("DYN_BUILD_DIR", Path(__file__).parents[2] / "build"))
TRANSLATE = BUILD / "bin" / "dyn-translate"


class LastHiddenState(torch.nn.Module):
    def __init__(self, config: transformers.PretrainedConfig, attention: str):
        super().__init__()
        torch.manual_seed(1)
        self.model = transformers.AutoModel.from_config(config, attn_implementation=attention)

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


class SentenceEmbedding(LastHiddenState):
    """The mean over the tokens that the mask keeps, of unit length."""

    def forward(self, input_ids, attention_mask):
        hidden = super().forward(input_ids, attention_mask)
        mask = attention_mask.unsqueeze(-1).expand(hidden.size()).float()
        mean = (hidden * mask).sum(1) / torch.clamp(mask.sum(1), min=1e-9)
        return torch.nn.functional.normalize(mean, p=2, dim=1)


SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "intermediate_size": 80,
    "max_position_embeddings": LONGEST,
}
# DistilBERT's names for the same.
DISTILBERT_SIZES = {
    "vocab_size": VOCABULARY,
    "dim": HIDDEN,
    "n_layers": 2,
    "n_heads": HEADS,
    "hidden_dim": 80,
    "max_position_embeddings": LONGEST,
}
ENCODERS = {
    "bert": (LastHiddenState, transformers.BertConfig, SIZES),
    "sentence": (SentenceEmbedding, transformers.BertConfig, SIZES),
    "distilbert": (LastHiddenState, transformers.DistilBertConfig, DISTILBERT_SIZES),
    # Its positions start after the padding token.
    "roberta": (LastHiddenState, transformers.RobertaConfig, SIZES | {"max_position_embeddings": LONGEST + 2}),
}


def import_onnx(path: Path) -> str:
    return subprocess.run([TRANSLATE, "--import-onnx", path], check=True, capture_output=True, text=True).stdout


def evaluate(size: str, symbols: dict[str, int]) -> int:
    """The value of a size as Dyn prints it."""
    size = size.replace("floordiv", "//").replace(" mod ", " % ")
    functions = {"min": min, "max": max, "broadcast": lambda a, b: b if a == 1 else a}
    return eval(size, {"__builtins__": {}}, functions | symbols)


def result_shapes(text: str) -> dict[str, list[str]]:
    """The shapes of the function's results, by the names of outputs."""
    results = text[text.index("func.func") :].split("->", 1)[1].split("\n", 1)[0]
    found = re.findall(r'!dyn\.tensor<\[([^\]]*)\], \w+> \{dyn\.name = "([^"]*)"\}', results)
    # No comma of a shape is inside of parentheses deeper than one level.
    return {name: re.findall(r"(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[^,()])+", shape) for shape, name in found}


@pytest.mark.parametrize("how", [*EXPORTS, Export("dynamo", 21, "sdpa")], ids=str)
@pytest.mark.parametrize("name", ENCODERS)
def test_sizes_of_every_value(tmp_path, name, how):
    """Every value of the graph becomes an output; its size is computed from the symbols and by running the model."""
    module, make_config, sizes = ENCODERS[name]
    config = make_config(**sizes)
    export_module(module(config, how.attention), config, how, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    values = [output for node in model.graph.node for output in node.output if output]
    declared = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=value) for value in values if value not in declared)
    onnx.save(model, tmp_path / "all.onnx")

    text = import_onnx(tmp_path / "all.onnx")
    assert "dyn.shape_of" not in text
    assert "?" not in text
    shapes = result_shapes(text)
    assert set(values) <= set(shapes)

    session = onnxruntime.InferenceSession(tmp_path / "all.onnx", providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    for batch, length in [(1, 1), (2, 7), (3, 1), (1, 64), (5, 13)]:
        arrays = session.run(None, random_inputs(batch, length))
        for output, array in zip(outputs, arrays, strict=True):
            inferred = [evaluate(size, {"B": batch, "S": length}) for size in shapes[output] if size.strip()]
            assert inferred == list(array.shape), f"{output} at B={batch}, S={length}"


def varint(value: int) -> bytes:
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def write_large_model(path: Path, rows: int) -> None:
    """A sum of rows of two weights, whose data are holes in the file: ONNX's own library cannot write 2 GiB."""
    columns = 1024
    nodes = [
        onnx.helper.make_node("Gather", ["w0", "x"], ["a"]),
        onnx.helper.make_node("Gather", ["w1", "x"], ["b"]),
        onnx.helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    inputs = [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.INT64, ["B"])]
    outputs = [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["B", columns])]
    graph = onnx.helper.make_graph(nodes, "large", inputs, outputs).SerializeToString()
    num_bytes = rows * columns * 4
    tensors = []
    for name in ("w0", "w1"):
        tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=[rows, columns])
        head = tensor.SerializeToString() + varint(9 << 3 | 2) + varint(num_bytes)
        tensors.append(varint(5 << 3 | 2) + varint(len(head) + num_bytes) + head)
    opset = onnx.helper.make_opsetid("", 17).SerializeToString()
    graph_bytes = len(graph) + sum(len(head) + num_bytes for head in tensors)
    with path.open("wb") as file:
        file.write(varint(1 << 3) + varint(8) + varint(8 << 3 | 2) + varint(len(opset)) + opset)
        file.write(varint(7 << 3 | 2) + varint(graph_bytes) + graph)
        for head in tensors:
            file.write(head)
            file.seek(num_bytes, 1)
        file.truncate(file.tell())


def import_peak_kib(path: Path) -> int:
    """The peak resident memory of an import, which a process of its own measures."""
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", script, TRANSLATE, "--import-onnx", path]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_models_larger_than_protobuf_can_parse(tmp_path):
    write_large_model(tmp_path / "small.onnx", 128)
    write_large_model(tmp_path / "large.onnx", 3 << 18)  # two weights of 3 GiB
    assert (tmp_path / "large.onnx").stat().st_size > 6 << 30
    text = import_onnx(tmp_path / "large.onnx")
    assert f"dyn.weight @w1 : !dyn.tensor<[{3 << 18}, 1024], f32>" in text
    # The weights are the same graph's, so they take no memory.
    assert import_peak_kib(tmp_path / "large.onnx") < 1.1 * import_peak_kib(tmp_path / "small.onnx")
