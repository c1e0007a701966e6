#!/usr/bin/env python3
"""Makes model.onnx: PyTorch's dynamic export of the sentence encoder, with its weights left in model.safetensors.

    pip install -r requirements-test.txt; python examples/minilm/export.py [model.onnx]

The graph is the exporter's own. Afterwards each initializer becomes ONNX external data, a slice of model.safetensors
that holds the same bytes, which this script checks, as it checks with ONNX Runtime that the result answers as PyTorch.
"""

import argparse
import json
import os
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx.external_data_helper import set_external_data
from transformers import BertModel

from wheel import model_folder

WEIGHTS = "model.safetensors"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LONGEST = 512  # positions that the encoder has embeddings for


class SentenceEncoder(torch.nn.Module):
    """BERT, then the mean over the tokens that the mask keeps, scaled to length 1."""

    def __init__(self, encoder: BertModel):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids, attention_mask, token_type_ids):
        tokens = self.encoder(input_ids, attention_mask, token_type_ids).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)


def example(batch: int, length: int) -> tuple[torch.Tensor, ...]:
    """Random tokens; row i is i tokens shorter than the first, as far as that leaves any."""
    random = torch.Generator().manual_seed(batch * 1000 + length)
    ids = torch.randint(1000, 30000, (batch, length), generator=random)
    lengths = (length - torch.arange(batch)).clamp(min=1)
    mask = (torch.arange(length) < lengths[:, None]).to(torch.int64)
    return ids * mask, mask, torch.zeros_like(ids)


def export(encoder: SentenceEncoder) -> onnx.ModelProto:
    """PyTorch's export. Unoptimized: the optimizer would fold each weight's transpose into a copy of the weight."""
    sizes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("sequence", min=1, max=LONGEST)}
    program = torch.onnx.export(
        encoder,
        example(2, 11),
        input_names=INPUTS,
        dynamic_shapes=(sizes,) * len(INPUTS),
        opset_version=18,
        dynamo=True,
        optimize=False,
    )
    # Named here: the exporter calls the result of torch.embedding so too, and does not notice when the two clash.
    for value in (value for node in program.model.graph for value in node.outputs):
        if value.name == "embedding":
            value.name = "word_embedding"
    program.model.graph.outputs[0].name = "embedding"
    return program.model_proto


def strip_metadata(model: onnx.ModelProto) -> None:
    """Drops the exporter's stack traces: they are nine tenths of the file and name the exporting machine's folders."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def safetensors_slices(file: bytes) -> dict[str, tuple[int, int]]:
    """Offset and length in the file of each tensor, by name. Format: safetensors README, "Format"."""
    (header,) = struct.unpack_from("<Q", file)
    index = json.loads(file[8 : 8 + header])
    index.pop("__metadata__", None)
    data = 8 + header
    ranges = {name: tensor["data_offsets"] for name, tensor in index.items()}
    return {name: (data + begin, end - begin) for name, (begin, end) in ranges.items()}


def point_into(model: onnx.ModelProto, weights: Path) -> None:
    """Makes each initializer external data: the slice of `weights` with its name, which must hold its bytes."""
    file = weights.read_bytes()
    slices = safetensors_slices(file)
    for tensor in model.graph.initializer:
        name = tensor.name.removeprefix("encoder.")
        offset, length = slices[name]
        if onnx.numpy_helper.to_array(tensor).tobytes() != file[offset : offset + length]:
            sys.exit(f"{weights}: tensor '{name}' holds other bytes than the exported '{tensor.name}'")
        set_external_data(tensor, location=WEIGHTS, offset=offset, length=length)
        tensor.ClearField("raw_data")


def check(path: Path, weights: Path, encoder: SentenceEncoder) -> float:
    """The largest difference between PyTorch and ONNX Runtime on the written model."""
    worst = 0.0
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        os.link(path, Path(folder, path.name))
        Path(folder, WEIGHTS).write_bytes(weights.read_bytes())
        session = onnxruntime.InferenceSession(Path(folder, path.name))
    for batch, length in ((1, 1), (1, 7), (3, 11), (5, 64), (1, LONGEST)):
        inputs = example(batch, length)
        (got,) = session.run(["embedding"], {name: value.numpy() for name, value in zip(INPUTS, inputs)})
        with torch.no_grad():
            worst = max(worst, float(np.abs(got - encoder(*inputs).numpy()).max()))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, default=Path(__file__).parent / "model.onnx")
    path = parser.parse_args().model.resolve()
    folder = model_folder()
    encoder = SentenceEncoder(BertModel.from_pretrained(folder, add_pooling_layer=False)).eval()
    model = export(encoder)
    strip_metadata(model)
    point_into(model, folder / WEIGHTS)
    path.write_bytes(model.SerializeToString(deterministic=True))
    worst = check(path, folder / WEIGHTS, encoder)
    print(f"{path}: {path.stat().st_size} bytes, at most {worst:.1e} from PyTorch")
    if worst > 2e-5:
        sys.exit("expects at most 2e-5")


if __name__ == "__main__":
    main()
