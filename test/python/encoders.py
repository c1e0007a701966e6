"""Small encoders with random weights, as PyTorch's two exporters write them."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel, PretrainedConfig

VOCABULARY, LONGEST, HIDDEN, HEADS = 101, 64, 48, 4
INPUTS = ("input_ids", "attention_mask")


@dataclass(frozen=True)
class Export:
    """How a model is exported: by torch.export ("dynamo") or by tracing ("script")."""

    exporter: str
    opset: int
    attention: str

    def __str__(self):
        return f"{self.exporter}-{self.opset}-{self.attention}"


EXPORTS = (
    Export("dynamo", 18, "sdpa"),
    Export("dynamo", 20, "eager"),
    Export("script", 14, "eager"),
    Export("script", 17, "sdpa"),
)


class Encoder(torch.nn.Module):
    """BERT without its pooling, after layer normalization: elements of the output have variance 1."""

    def __init__(self, config: BertConfig, attention: str):
        super().__init__()
        torch.manual_seed(1)
        self.bert = BertModel._from_config(config, attn_implementation=attention, add_pooling_layer=False)
        # BERT's own initial weights are so small that attention is uniform and hardly any mistake would show.
        for name, parameter in self.bert.named_parameters():
            if parameter.dim() == 2 and "embeddings" not in name:
                torch.nn.init.normal_(parameter, std=1.5 * parameter.shape[1] ** -0.5)

    def forward(self, input_ids, attention_mask):
        return self.bert(input_ids, attention_mask).last_hidden_state


def small_config() -> BertConfig:
    return BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        intermediate_size=80,
        max_position_embeddings=LONGEST,
    )


def random_inputs(batch: int, length: int, vocabulary: int = VOCABULARY) -> dict[str, np.ndarray]:
    """Random tokens; each row keeps a random number of them, at least one."""
    random = np.random.default_rng([batch, length])
    kept = random.integers(1, length, size=(batch, 1), endpoint=True)
    return {
        "input_ids": random.integers(0, vocabulary, size=(batch, length)),
        "attention_mask": (np.arange(length) < kept).astype(np.int64),
    }


def export(config: BertConfig, how: Export, path: Path) -> None:
    """Writes the encoder with symbols B and S for its sizes."""
    export_module(Encoder(config, how.attention), config, how, path)


def export_module(model: torch.nn.Module, config: PretrainedConfig, how: Export, path: Path) -> None:
    """Writes a model of the encoder's inputs with symbols B and S for their sizes."""
    example = tuple(torch.from_numpy(value) for value in random_inputs(2, 7, config.vocab_size).values())
    arguments = {"input_names": list(INPUTS), "output_names": ["tokens"], "opset_version": how.opset}
    if how.exporter == "dynamo":
        sizes = {0: torch.export.Dim("B", min=1), 1: torch.export.Dim("S", min=1, max=config.max_position_embeddings)}
        arguments |= {"dynamo": True, "dynamic_shapes": (sizes, sizes), "verbose": False}
    else:
        sizes = {0: "B", 1: "S"}
        arguments |= {"dynamo": False, "dynamic_axes": dict.fromkeys((*INPUTS, "tokens"), sizes)}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.eval(), example, path, **arguments)
