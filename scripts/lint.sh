#!/usr/bin/env bash
# Runs clang-tidy over the C++ files that differ from a commit, or over all of them.
#
#   scripts/lint.sh [COMMIT]   files that differ from COMMIT (default: HEAD), committed or not
#   scripts/lint.sh --all
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cmake --preset default >/dev/null
ninja -C build # Headers that TableGen writes have to be there.

if [[ "${1-}" == --all ]]; then
  mapfile -t files < <(git ls-files '*.cpp')
else
  mapfile -t files < <(git diff --name-only --diff-filter=d "${1:-HEAD}" -- '*.cpp')
fi
# What the build does not compile has no flags: examples are projects of their own.
mapfile -t files < <(printf '%s\n' "${files[@]}" | grep -Ev '^(examples|$)' || true)
((${#files[@]})) || { echo "lint.sh: no C++ file to check"; exit 0; }
run-clang-tidy-22 -quiet -p build -warnings-as-errors='*' "${files[@]/#/$PWD/}"
