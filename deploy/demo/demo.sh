#!/usr/bin/env bash
# aspired in half a minute: an S3 endpoint over a folder, two versions of a model in it, the agent keeping a volume at the
# newest, a third version arriving, then a list of models that is edited while it runs. Everything happens in one
# temporary folder and on the loopback interface.
#
# Usage: demo.sh ASPIRED S3_FIXTURE
set -euo pipefail

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

mkdir "$work/bin"
ln -s "$(realpath "$1")" "$work/bin/aspired"
ln -s "$(realpath "$2")" "$work/bin/s3-fixture"
export PATH=$work/bin:$PATH
cd "$work"
# Logs appear between the results, as in a terminal.
exec 2>&1

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
steps=0
step() {
  steps=$((steps + 1))
  printf '\n%s%s. %s%s\n' "$bold" "$steps" "$*" "$plain"
}
command_line() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }
show() {
  command_line "$@"
  "$@"
}

# Waits until a command succeeds, a minute at most: this machine may have other work.
until_true() {
  for _ in $(seq 1200); do
    if "$@" &> /dev/null; then return 0; fi
    sleep 0.05
  done
  echo "demo: waited in vain for: $*"
  return 1
}

# A SavedModel as TensorFlow lays it out: a MetaGraphDef with the tag "serve", and variables.
write_version() {
  local place=bucket/models/mnist/$1
  mkdir -p "$place.part/variables"
  printf '\x08\x01\x12\x09\x0a\x07\x22\x05serve' > "$place.part/saved_model.pb"
  head -c 4194304 /dev/urandom > "$place.part/variables/variables.data-00000-of-00001"
  printf 'version %s' "$1" > "$place.part/variables/variables.index"
  mv "$place.part" "$place"
}

tree_of() {
  find "$@" -path '*/.aspired' -prune -o -type d -printf '  %p/\n' -o -printf '  %p  %s bytes\n' | sort
}

mkdir -p bucket/models
write_version 1
write_version 2

step "An S3 endpoint, with two versions of the model mnist in the bucket models"
s3-fixture --root bucket > fixture.out &
pids+=($!)
until_true grep -q '^listening on ' fixture.out
endpoint=$(sed -n '1s/^listening on //p' fixture.out)
# The versions are whole: no need to wait until their objects are 10 s old, nor to ask them, as --ready auto would.
export AWS_ENDPOINT_URL=$endpoint AWS_REGION=us-east-1 ASPIRED_READY=none ASPIRED_LOG_FORMAT=text
export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
tree_of bucket

model=mnist=s3://models/mnist

# Starts "aspired run" and waits until it is ready. Each agent has a log of its own: what one before it had written must
# not be taken for its words.
start_agent() {
  local flags=(run --root volume "$@" --http-listen 127.0.0.1:0)
  command_line aspired "${flags[@]}"
  log=run.$steps.log
  aspired "${flags[@]}" 2> >(tee "$log") &
  agent=$!
  pids+=("$agent")
  until_true grep -qs 'listening on .* address=' "$log"
  until_true aspired probe ready --http-listen "$(sed -nE 's/.*listening on .* address=([0-9.:]+).*/\1/p' "$log")"
}
stop_agent() {
  kill -TERM "$agent"
  wait "$agent"
}

step "What would be done with an empty volume"
show aspired plan --root volume --model $model

step "Once, as an init container does it"
show aspired once --root volume --model $model
tree_of volume

step "Again: what is there is not fetched twice"
show aspired once --root volume --model $model
show aspired plan --root volume --model $model

step "For ever, as a sidecar does it; inotifywait watches the model's directory as a server would"
inotifywait --monitor --event create,delete,modify,attrib,move --format '  %e %f' volume/mnist > events 2> watch.out &
pids+=($!)
until_true grep -q 'Watches established' watch.out
start_agent --model $model --poll-interval 500ms

step "A third version arrives in the bucket"
write_version 3
until_true test -d volume/mnist/3
until_true test ! -e volume/mnist/2
until_true grep -q 'pruned mnist version 2' "$log"
until_true grep -q 'MOVED_FROM,ISDIR 2' events
echo "What the watcher saw: the new version came by one rename, then the old one went by another."
cat events
[ "$(cat events)" = $'  MOVED_TO,ISDIR 3\n  MOVED_FROM,ISDIR 2' ]
tree_of volume
diff -r bucket/models/mnist/3 volume/mnist/3
echo "The bytes are those of the bucket."

step "What the volume holds"
show aspired status --root volume

step "A clean stop"
command_line kill -TERM %aspired
stop_agent
echo "The agent ended with exit code 0."

# One model, as the server's own --model_config_file names it.
write_list() {
  printf 'model_config_list {\n  config {\n    name: "mnist"\n    base_path: "s3://models/mnist"\n    model_version_policy { %s }\n  }\n}\n' \
    "$1" > models.config.new
  mv models.config.new models.config
}
holds() { [ "$(cd volume/mnist && echo *)" = "$*" ]; }

step "TensorFlow Serving's own list of models, edited while aspired runs; the bucket is looked at once an hour"
write_list 'latest { num_versions: 1 }'
show cat models.config
start_agent --models-config models.config --poll-interval 1h
until_true holds 3

step "An edit adds a version: the two latest"
write_list 'latest { num_versions: 2 }'
until_true holds 2 3
until_true grep -q 'published mnist version 2' "$log"
tree_of volume

step "An edit rolls back to the first: of the two others one stays until it is in"
write_list 'specific { versions: 1 }'
until_true holds 1
until_true grep -q 'pruned mnist version 3' "$log"
tree_of volume
diff -r bucket/models/mnist/1 volume/mnist/1
stop_agent
echo "The agent ended with exit code 0. The demo's folder and processes are gone."
