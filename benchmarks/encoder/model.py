"""An encoder of BERT's architecture with random weights, exported by PyTorch with dynamic batch and length."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

SIZES = {
    "base": {},
    "small": {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536},
}


def export(size: str, path: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    model = BertModel(BertConfig(**SIZES[size]), add_pooling_layer=False).eval()

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.model(
                input_ids=input_ids,
                attention_mask=attention_mask,
                token_type_ids=token_type_ids,
            ).last_hidden_state

    ids = torch.ones(2, 11, dtype=torch.int64)
    batch, length = torch.export.Dim("batch", min=1), torch.export.Dim("length", min=1, max=512)
    shape = {0: batch, 1: length}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Encoder(),
            (ids, ids, ids),
            str(path),
            input_names=["input_ids", "attention_mask", "token_type_ids"],
            output_names=["hidden"],
            opset_version=18,
            dynamo=True,
            external_data=True,
            dynamic_shapes=(shape, shape, shape),
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("path", type=Path)
    arguments = parser.parse_args()
    export(arguments.size, arguments.path)
