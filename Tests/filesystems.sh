#!/usr/bin/env bash
# The suites that touch a volume, on each kind of file system that this machine can mount. As root; the tests are built already.
# usage: Tests/filesystems.sh [KIND...]
set -euo pipefail
cd "$(dirname "$0")/.."

suites='VolumeTests|FileIOTests|EndToEndTests.(KilledCallTests|OneWriterTests|ReuseTests|VolumeFaultTests|PublishEventsTests|VerifyTests|SyncAfterTests|PruneSafetyTests|ModelFilesTests|PlanAndStatusTests)'
# They make their volumes in memory wherever that is possible.
in_memory='VolumeTests.(FaultTests|LostReplyTests|PowerLossTests)'
place=$(mktemp -d)
mounted=()
clean() {
  for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount -l "${mounted[i]}" || true; done
  rm -rf "$place"
}
trap clean EXIT
chmod 755 "$place"

mount_at() {
  local kind=$1 at=$2
  mkdir -p "$at"
  case $kind in
    tmpfs) mount -t tmpfs -o size=1g tmpfs "$at" ;;
    overlay)
      mount_at ext4 "$at.ext4"
      mkdir "$at.ext4/lower" "$at.ext4/upper" "$at.ext4/work"
      mount -t overlay -o "lowerdir=$at.ext4/lower,upperdir=$at.ext4/upper,workdir=$at.ext4/work" overlay "$at"
      ;;
    *)
      truncate -s 1g "$at.image"
      "mkfs.$kind" -q "$at.image"
      mount -o loop "$at.image" "$at"
      ;;
  esac
  mounted+=("$at")
  chmod 1777 "$at"
}

failed=0
for kind in "${@:-ext4 xfs btrfs tmpfs overlay}"; do
  for one in $kind; do
    if ! mount_at "$one" "$place/$one" >"$place/$one.log" 2>&1; then
      echo "$one: cannot be mounted here: $(tail -n 1 "$place/$one.log")"
      continue
    fi
    TMPDIR="$place/$one" swift test --skip-build --disable-xctest --experimental-maximum-parallelization-width 6 \
      --filter "$suites" --skip "$in_memory" >"$place/$one.log" 2>&1 || failed=1
    grep '✘' "$place/$one.log" || true
    echo "$one: $(grep 'Test run with' "$place/$one.log" | tail -n 1)"
  done
done
exit "$failed"
