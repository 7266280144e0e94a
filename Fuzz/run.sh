#!/usr/bin/env bash
# Runs each fuzzer for so many seconds, from its corpus on. What it finds ends the run and is kept in Fuzz/.build/found.
# Usage: Fuzz/run.sh SECONDS [FUZZER…]
set -euo pipefail
cd "$(dirname "$0")"
seconds=$1
shift
fuzzers=("$@")
[ "${#fuzzers[@]}" -gt 0 ] || fuzzers=(Corpus/*)

mkdir -p .build/found
for fuzzer in "${fuzzers[@]##*/}"; do
  grown=.build/corpus/$fuzzer
  log=.build/$fuzzer.log
  mkdir -p "$grown"
  if ! FUZZER=$fuzzer .build/debug/fuzz -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix=".build/found/$fuzzer-" "$grown" "Corpus/$fuzzer" 2> "$log"; then
    tail -40 "$log" >&2
    echo "fuzz: $fuzzer failed; its input is in Fuzz/.build/found" >&2
    exit 1
  fi
  awk -v fuzzer="$fuzzer" '/number_of_executed_units/ {runs = $2} / cov: / {for (i = 1; i < NF; i++) if ($i == "cov:") cover = $(i + 1)}
    END {printf "%-12s %9d inputs, %5d edges, nothing found\n", fuzzer, runs, cover}' "$log"
done
