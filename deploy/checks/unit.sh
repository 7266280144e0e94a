#!/usr/bin/env bash
# Checks deploy/systemd where no systemd runs: the unit's words, how exposed its process is, and that the program takes
# every variable that the unit and the example of its environment set.
#
# Usage: unit.sh ASPIRED
set -euo pipefail

aspired=$(realpath "$1")
cd "$(dirname "$0")/../systemd"
# Of 0 (allowed nothing) to 100.
highest_exposure=20
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep -hoP '^(Environment=)?\K(ASPIRED|AWS)_\w+=.*' aspired.service aspired.env | tr -d '"' > "$work/environment"
mapfile -t variables < "$work/environment"
if ! env -i "${variables[@]}" "$aspired" config > "$work/config"; then
  sed -n '/^FAULTS/,$p' "$work/config" >&2
  exit 1
fi
echo "systemd  aspired.env: ${#variables[@]} variables, as the program takes them"

if ! command -v systemd-analyze > /dev/null; then
  echo "systemd  aspired.service: skipped, there is no systemd-analyze (Debian: systemd)"
  exit 0
fi
# The program itself need not be installed here.
sed "s|^ExecStart=/usr/local/bin/aspired |ExecStart=$aspired |" aspired.service > "$work/aspired.service"
if ! faults=$(systemd-analyze verify "$work/aspired.service" 2>&1) || [ -n "$faults" ]; then
  echo "$faults" >&2
  exit 1
fi
systemd-analyze security --no-pager --offline=true --threshold="$highest_exposure" "$work/aspired.service" > "$work/security" ||
  { grep ✗ "$work/security" >&2; exit 1; }
echo "systemd  aspired.service: verified; $(sed -n 's/.*Overall exposure level for aspired.service: \([0-9.]*\).*/exposure \1 of 10/p' "$work/security")"
