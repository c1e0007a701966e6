"""The kernels that are measured: as ONNX models, as calls of PyTorch, as numbers of bytes and operations.

A kernel stands several times (`layers`) in one model, so that what a call of the model costs does not hide it; where
that is not wanted `layers` is 1. Cold is several models, or several sets of buffers (`sets`), that together are larger
than the caches.
"""

from __future__ import annotations

from attention import Attention, attention_cases
from convolutions import convolution_cases, pool_cases
from products import ROWS, Gemm, awkward_cases, gemm_cases, quantized_cases
from rows import copy_cases, row_cases


def target_cases():
    """One code beside another on a machine that runs both."""
    for mode in ("cold", "hot"):
        yield Gemm("targets", "768x3072", mode, ROWS, k=768, n=3072)
    yield Attention("targets", "attention", "hot", (16, 64, 128))


FAMILIES = {
    "gemm": gemm_cases,
    "awkward": awkward_cases,
    "attention": attention_cases,
    "rows": row_cases,
    "copies": copy_cases,
    "convolutions": convolution_cases,
    "pools": pool_cases,
    "quantized": quantized_cases,
    "targets": target_cases,
}
