#!/usr/bin/env bash
# Builds CChecksum for this processor and for arm64 and checks both, arm64 under qemu, x86-64 also as one with carry-less multiplication
# of 16 bytes at most, and as one without. run.sh FOLDER [bench]
set -euo pipefail
out=$1 mode=${2:-}
here=$(dirname "$0") code=$here/../../Sources/CChecksum
mkdir -p "$out"

build() { # COMPILER PROGRAM FLAGS…
  local compiler=$1 program=$2
  shift 2
  "$compiler" -std=gnu11 -O2 -Wall -Wextra -Werror "$@" -I"$code/include" "$here/check.c" "$code"/*.c -o "$program"
}

has() { grep -qw "$1" /proc/cpuinfo; }

case $(uname -m) in
  x86_64)
    native=table
    if has pclmulqdq; then native=pclmulqdq; fi
    if has pclmulqdq && has vpclmulqdq && has avx512f; then native=vpclmulqdq; fi
    ;;
  aarch64) native=table; if has pmull; then native=pmull; fi ;;
  *) native=table ;;
esac
build "${CC:-clang}" "$out/native"
"$out/native" "$native" "$mode"

if [ "$(uname -m)" = x86_64 ]; then
  build "${CC:-clang}" "$out/plain" -static
  qemu-x86_64 -cpu Westmere "$out/plain" pclmulqdq 2>&1 | sed 's/^/x86-64 without AVX-512: /'
  qemu-x86_64 -cpu core2duo "$out/plain" table 2>&1 | sed 's/^/x86-64 without: /'
fi
build aarch64-linux-gnu-gcc "$out/arm64" -static
qemu-aarch64 "$out/arm64" pmull | sed 's/^/arm64: /'
