#!/bin/bash
# How long a version takes to be published on a disk of 200 MB/s, with --sync before and after: ext4 on a loop device over memory, held
# back by the blkio controller (cgroup v1). As root.
#
#   Benchmarks/slow-disk.sh .build/aspired [MEBIBYTES] [BYTES_A_SECOND]
set -euo pipefail

aspired=$(realpath "$1")
size=${2:-1500}
rate=${3:-209715200}
throttle=/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device
[ -w "$throttle" ] || { echo "$throttle cannot be written: this needs root and cgroup v1" >&2; exit 1; }

scratch=$(mktemp -d)
device=
finish() {
  if mountpoint -q "$scratch/disk"; then umount "$scratch/disk"; fi
  if [ -n "$device" ]; then echo "$number 0" >"$throttle"; losetup -d "$device"; fi
  umount "$scratch/memory"
  rmdir "$scratch/disk" "$scratch/memory" "$scratch"
}
mkdir "$scratch/disk" "$scratch/memory"
mount -t tmpfs -o size=90% tmpfs "$scratch/memory"
trap finish EXIT

truncate -s "$((size * 2 + 500))M" "$scratch/memory/image"
device=$(losetup -f --show "$scratch/memory/image")
number=$(printf '%d:%d' "0x$(stat -c %t "$device")" "0x$(stat -c %T "$device")")
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$device"
mount "$device" "$scratch/disk"
# The image's memory is there before anything is measured.
head -c "$((size + 200))M" /dev/zero >"$scratch/disk/warm"
sync
rm "$scratch/disk/warm"
echo "$number $rate" >"$throttle"

model=$scratch/memory/source/m/1/variables
mkdir -p "$model"
for part in 0 1 2; do head -c "$((size / 3))M" /dev/urandom >"$model/variables.data-0000$part-of-00003"; done
for small in $(seq 50); do head -c 4000 /dev/urandom >"$model/small-$small"; done

seconds() { date +%s.%N; }
since() { printf '%.2f' "$(echo "$(seconds) - $1" | bc)"; }
for when in before after before after before after; do
  rm -rf "$scratch/disk/volume"
  sync
  start=$(seconds)
  "$aspired" once --sync "$when" --root "$scratch/disk/volume" --model "m=file://$scratch/memory/source/m?ready=none" 2>/dev/null
  published=$(since "$start")
  start=$(seconds)
  sync
  echo "--sync $when: published after $published s; what was not on the disk then took $(since "$start") s"
done
