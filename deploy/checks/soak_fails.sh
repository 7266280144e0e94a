#!/usr/bin/env bash
# The soak must fail with a program that leaks memory and open files, and leaves files behind: it is run beside aspired, in one that
# does just that.
#
# Usage: soak_fails.sh ASPIRED S3_FIXTURE
set -euo pipefail

aspired=$(realpath "$1")
fixture=$(realpath "$2")
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/leaks" << PYTHON
#!/usr/bin/env python3
import signal
import subprocess
import sys

arguments = sys.argv[1:]
root = arguments[arguments.index("--root") + 1]
agent = subprocess.Popen(["$aspired", *arguments])
signal.signal(signal.SIGTERM, lambda *_: agent.terminate())
kept = []
while agent.poll() is None:
    kept.append((bytearray(b"leak" * 250_000), open("/dev/null"), open("/dev/null")))
    try:
        agent.wait(0.5)
    except subprocess.TimeoutExpired:
        pass
for number in range(5):
    open(f"{root}/left{number}", "w").close()
sys.exit(agent.returncode)
PYTHON
chmod +x "$work/leaks"

if ./soak.py "$work/leaks" "$fixture" 30 > "$work/out"; then
  cat "$work/out"
  echo "soak: what leaks passed" >&2
  exit 1
fi
for fault in 'FAILED: resident' 'FAILED: anonymous' 'FAILED: open files' 'FAILED: [0-9]* files are left over'; do
  grep "$fault" "$work/out" || { cat "$work/out"; echo "soak: not noticed: $fault" >&2; exit 1; }
done
echo "soak: what leaks is noticed"
