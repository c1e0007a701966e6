"""What holds for the sources themselves."""

import re
import subprocess

from tools import ROOT, run_tool

MODELS = r"bert|minilm|gpt|llama|mistral|qwen|gemma|whisper|resnet|t5\b"


def test_no_model_is_named_in_the_compiler():
    """A compiler for all models knows none by name."""
    files = subprocess.run(
        ["git", "ls-files", "include", "lib", "runtime", "tools"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert files
    named = [
        f"{file}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate((ROOT / file).read_text(errors="replace").splitlines(), 1)
        if re.search(rf"\b({MODELS})", line, re.IGNORECASE)
    ]
    assert not named, "\n".join(named)


def test_documented_operators_are_those_of_the_importer():
    listed = run_tool("dyn-translate", "--list-onnx-operators").stdout
    assert listed
    assert listed.strip() in (ROOT / "docs/Onnx.md").read_text(), "dyn-translate --list-onnx-operators says otherwise"
