#!/usr/bin/env python3
"""Times `aspired verify` beside `cat` of the same files to nowhere, which is what the disk can do: in pairs, from a cold page cache.

Usage: verify.py ASPIRED DISK    (DISK is a folder on a disk; as root, which may empty the page cache)
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
# One large file, and smaller ones.
FILES = [1024] + [64] * 16
RUNS = 5


def write(path, mebibytes):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(MIB))


def forget():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3\n")


def timed(command):
    """Seconds by the clock, of the processor, and the peak MiB of a command, from a cold cache."""
    forget()
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command[0]} failed: {status}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main(aspired, disk):
    place = tempfile.mkdtemp(prefix="verify.", dir=disk)
    try:
        for number, size in enumerate(FILES):
            write(f"{place}/source/m/1/part-{number}", size)
        root = f"{place}/volume"
        subprocess.run(
            [aspired, "once", "--root", root, "--model", f"m=file://{place}/source/m?ready=none"], check=True)
        paths = [f"{root}/m/1/part-{number}" for number in range(len(FILES))]
        commands = {"verify": [aspired, "verify", "--root", root], "cat": ["cat", *paths]}
        runs = {name: [] for name in commands}
        for turn in range(RUNS):
            for name in sorted(commands, reverse=turn % 2 == 1):
                runs[name].append(timed(commands[name]))
        total = sum(FILES)
        print(f"{total} MiB in {len(FILES)} files, medians of {RUNS} runs from a cold cache")
        medians = {name: [statistics.median(run[column] for run in runs[name]) for column in range(3)] for name in runs}
        for name, (wall, processor, peak) in medians.items():
            print(f"{name:8} {wall:6.2f} s  {total / wall:7.0f} MiB/s  processor {processor:5.2f} s  peak {peak:5.1f} MiB")
        print(f"verify takes {medians['verify'][0] / medians['cat'][0]:.2f} of the time of cat")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
