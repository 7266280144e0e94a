#!/usr/bin/env bash
# aspired in half a minute: an S3 endpoint over a folder, two versions of a model in it, the agent keeping a volume at
# the newest, a third version arriving. Everything happens in one temporary folder and on the loopback interface.
#
# Usage: demo.sh ASPIRED S3_FIXTURE
set -euo pipefail

aspired=$1
fixture=$2
work=$(mktemp -d)
pids=()

clean_up() {
  local status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
  if [ "$status" -ne 0 ]; then echo "demo: failed" >&2; fi
  exit "$status"
}
trap clean_up EXIT

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; }

# Waits until a command succeeds, ten seconds at most.
until_true() {
  for _ in $(seq 200); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.05
  done
  echo "demo: waited in vain for: $*" >&2
  return 1
}

# A SavedModel as TensorFlow lays it out: a MetaGraphDef with the tag "serve", and variables.
make_version() {
  local place=$work/bucket/models/mnist/$1
  mkdir -p "$place.part/variables"
  printf '\x08\x01\x12\x09\x0a\x07\x22\x05serve' > "$place.part/saved_model.pb"
  head -c 4194304 /dev/urandom > "$place.part/variables/variables.data-00000-of-00001"
  printf 'version %s' "$1" > "$place.part/variables/variables.index"
  mv "$place.part" "$place"
}

tree_of() { (cd "$work" && find "$1" -path '*/.aspired' -prune -o -printf '%p%y %s\n' | sed -E 's/d [0-9]+$/\//; s/f ([0-9]+)$/  \1 bytes/' | sort); }

mkdir -p "$work/bucket/models" "$work/models"
make_version 1
make_version 2

title "An S3 endpoint with two versions of the model mnist"
"$fixture" --root "$work/bucket" > "$work/fixture.out" &
pids+=($!)
until_true grep -q '^listening on ' "$work/fixture.out"
endpoint=$(sed -n '1s/^listening on //p' "$work/fixture.out")
export AWS_ENDPOINT_URL=$endpoint AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
tree_of bucket

title "What would be done"
show "aspired plan --root models --model mnist=s3://models/mnist"
"$aspired" plan --root "$work/models" --model 'mnist=s3://models/mnist?ready=none'

title "Once, as an init container would"
show "aspired once --root models --model mnist=s3://models/mnist"
"$aspired" once --log-format text --root "$work/models" --model 'mnist=s3://models/mnist?ready=none'
tree_of models

title "For ever, as a sidecar would"
show "aspired run --root models --model mnist=s3://models/mnist --poll-interval 500ms"
if command -v inotifywait >/dev/null; then
  inotifywait --monitor --quiet --event create,delete,modify,attrib,move --format '   event: %e %f' "$work/models/mnist" &
  pids+=($!)
fi
"$aspired" run --log-format text --root "$work/models" --model 'mnist=s3://models/mnist?ready=none' \
  --poll-interval 500ms --http-listen 127.0.0.1:0 2> >(tee "$work/run.err" >&2) &
agent=$!
pids+=("$agent")
until_true grep -q 'listening on' "$work/run.err"
address=$(sed -nE 's/.*listening on ([0-9.:]+).*/\1/p' "$work/run.err" | head -n 1)
until_true "$aspired" probe ready --http-listen "$address"

title "A third version arrives: it is published by one rename, then the second one goes by another"
make_version 3
until_true test -d "$work/models/mnist/3"
until_true test ! -e "$work/models/mnist/2"
tree_of models
cmp "$work/models/mnist/3/variables/variables.data-00000-of-00001" "$work/bucket/models/mnist/3/variables/variables.data-00000-of-00001"
echo "the bytes are those of the bucket"

title "What the volume holds"
show "aspired status --root models"
"$aspired" status --root "$work/models"

title "A clean stop"
kill -TERM "$agent"
wait "$agent"
echo "stopped with exit code 0; cleaning up"
