#!/usr/bin/env bash
# Builds Dyn and runs every test: style, lit, GoogleTest, Python end to end, and a consumer of the installed package.
#
# A part that fails does not keep the next from running. Reports lie in build/test-results; the last line sums them up,
# and the exit status is 0 only if nothing failed. clang-tidy takes longer than all of this: scripts/lint.sh runs it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

scripts/setup.sh --test || exit 1
python=.venv/bin/python
llvm=/usr/lib/llvm-22/bin
results=$PWD/build/test-results
scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT
rm -rf "${results}"
mkdir -p "${results}"

# part NAME COMMAND...: runs one part, as one test of its own unless it writes its JUnit report to $report.
part() {
  local name=$1 status=0 start=${SECONDS}
  shift
  echo "==== ${name}"
  report=${results}/${name//[^a-zA-Z0-9]/-}.xml
  export report
  "$@" || status=$?
  "${python}" scripts/report.py record "${report}" "${name}" "${status}"
  echo "---- ${name}: $((SECONDS - start)) s, exit status ${status}"
  return "${status}"
}

check_cpp_format() { git ls-files -z '*.c' '*.cpp' '*.h' | xargs -0 -r clang-format-22 --dry-run --Werror; }

check_python_style() { .venv/bin/ruff check --quiet && .venv/bin/ruff format --check --quiet; }

run_lit() { "${llvm}/lit" --succinct --verbose --xunit-xml-output "${report}" build/test build/unittests; }

run_pytest() { PYTHONPATH=python "${python}" -m pytest --quiet --junit-xml "${report}"; }

# quietly COMMAND...: shows what the command prints only if it fails.
quietly() { "$@" >"${scratch}/log" 2>&1 || { cat "${scratch}/log"; return 1; }; }

run_consumer() {
  cmake -S examples/consumer -B "${scratch}/consumer" -G Ninja -DCMAKE_PREFIX_PATH="${scratch}/dyn" \
    -DCMAKE_CXX_COMPILER=clang++-22 -DCMAKE_C_COMPILER=clang-22 -DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir &&
    cmake --build "${scratch}/consumer" && ctest --test-dir "${scratch}/consumer" --output-on-failure \
    --no-tests=error --output-junit "${report}"
}

part "C++ format" check_cpp_format
part "Python style" check_python_style
part "configure" quietly cmake --preset default
if part "build" ninja -C build; then
  part "lit and GoogleTest" run_lit
  part "pytest" run_pytest
  part "install" quietly cmake --install build --prefix "${scratch}/dyn" && part "consumer" run_consumer
fi
"${python}" scripts/report.py sum "${results}"
