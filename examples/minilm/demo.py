#!/usr/bin/env python3
"""Compiles the sentence encoder once and embeds a file of sentences with it, alone and in batches of every length.

    scripts/demo.sh    sets everything up and runs this

Every answer is compared with ONNX Runtime on the same model. Exit status 1 if one differs by more than the limit.
"""

import argparse
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import dyn
from wheel import model_folder

HERE = Path(__file__).resolve().parent
LIMIT = 2e-5  # on embeddings of length 1
LONGEST = 512  # positions that the encoder has embeddings for
BATCHES = (2, 3, 5, 8, 13)


def compile_model(compiler: Path, artifact: Path) -> float:
    """Runs dyn-compile; returns its seconds."""
    start = time.perf_counter()
    subprocess.run([compiler, HERE / "model.onnx", "-o", artifact], check=True)
    return time.perf_counter() - start


def load_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    return tokenizer


def tokenize(tokenizer: Tokenizer, sentences: list[str]) -> dict[str, np.ndarray]:
    """The model's inputs for one batch, padded to its longest sentence."""
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(sentences)
    tokenizer.no_padding()
    return {
        "input_ids": np.array([e.ids for e in encodings], np.int64),
        "attention_mask": np.array([e.attention_mask for e in encodings], np.int64),
        "token_type_ids": np.array([e.type_ids for e in encodings], np.int64),
    }


def in_batches(sentences: list[str]) -> list[list[str]]:
    """Neighbours in the list together, in batches of changing sizes."""
    batches, sizes, at = [], cycle(BATCHES), 0
    while at < len(sentences):
        size = next(sizes)
        batches.append(sentences[at : at + size])
        at += size
    return batches


def shorten(sentence: str) -> str:
    return sentence if len(sentence) <= 56 else sentence[:53] + "..."


def print_similar(sentences: list[str], embeddings: np.ndarray, count: int) -> None:
    """The pairs of different sentences with the largest cosine."""
    cosine = embeddings @ embeddings.T
    first, second = np.triu_indices(len(sentences), k=1)
    best = np.argsort(-cosine[first, second])[:count]
    print("\nmost similar pairs")
    for a, b in zip(first[best], second[best]):
        print(f"  {cosine[a, b]:.3f}  {shorten(sentences[a])}\n         {shorten(sentences[b])}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", type=Path, required=True, help="dyn-compile")
    parser.add_argument("--artifact", type=Path, required=True, help="the shared library to write")
    parser.add_argument("--sentences", type=Path, default=HERE / "sentences.txt", help="one sentence a line")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    compiles = [compile_model(arguments.compiler, arguments.artifact)]
    print(f"compiled model.onnx in {compiles[0]:.1f} s")
    model = dyn.load(arguments.artifact, threads=arguments.threads)
    reference = onnxruntime.InferenceSession(HERE / "model.onnx")
    tokenizer = load_tokenizer()
    sentences = list(filter(None, arguments.sentences.read_text(encoding="utf-8").splitlines()))

    print(f"\n{'tokens':>6} {'batch':>5} {'ms':>8} {'difference':>10}")
    alone, shapes, worst = [], set(), 0.0
    for batch in [[sentence] for sentence in sentences] + in_batches(sentences):
        inputs = tokenize(tokenizer, batch)
        start = time.perf_counter()
        embeddings = model(**inputs)["embedding"]
        milliseconds = 1000 * (time.perf_counter() - start)
        (expected,) = reference.run(["embedding"], inputs)
        # Not max(): a NaN has to fail.
        difference = np.abs(embeddings - expected).max()
        worst = difference if not difference <= worst else worst
        rows, tokens = inputs["input_ids"].shape
        shapes.add((rows, tokens))
        print(f"{tokens:>6} {rows:>5} {milliseconds:>8.2f} {difference:>10.1e}")
        if rows == 1:
            alone.append(embeddings[0])

    print_similar(sentences, np.stack(alone[: len(sentences)]), 6)
    print(f"\ncompiles: {len(compiles)}, distinct shapes: {len(shapes)}, largest difference: {worst:.1e}")
    if not worst <= LIMIT:
        print(f"demo.py: differs from ONNX Runtime by {worst:.1e}, expects at most {LIMIT:.0e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
