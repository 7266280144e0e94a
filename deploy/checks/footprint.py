#!/usr/bin/env python3
"""Measures what the release binary takes of a machine, and fails where that is more than it may: its size, the peak of
memory of a `run` that pulls three models of which one has 2 GiB, the memory and processor time that it takes when idle, and the memory
of pulls that stretch it (pulls.py): many connections with TLS, many objects, and one in little memory.

Usage: footprint.py ASPIRED S3_FIXTURE DISK    (DISK is a folder on a disk; nginx and its Lua module from Debian, awscrt from PyPI)
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from pulls import Pulls

MIB = 1 << 20
LARGE = 2048 * MIB
# Bytes of each one's variables.
MODELS = {"mnist": 12_000_000, "resnet": 100_000_000, "bert": LARGE}
DATA = "variables/variables.data-00000-of-00001"
PATIENCE_SECONDS = 300
SETTLE_SECONDS = 20
BUSY_SECONDS = 5
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ASPIRED_READY": "none",
}


def sparse(path, size):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)


def memory(pid):
    """Bytes: Rss, Anonymous and the like of /proc/PID/smaps_rollup."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        fields = [line.split() for line in file.readlines()[1:]]
    return {name.rstrip(":"): int(value) * 1024 for name, value, _ in fields}


def peak(pid):
    """Bytes: the most that was resident at once so far."""
    with open(f"/proc/{pid}/status") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:")), 0)


def ticks(pid):
    """Of the processor, used by each thread."""
    used = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            name, _, fields = file.read().partition("(")[2].rpartition(")")
            used[f"{name} {thread}"] = sum(int(field) for field in fields.split()[11:13])
    return used


class Pull:
    """A `run` over three models, the last of which is one large object, and the endpoint that it pulls them from."""

    def __init__(self, aspired, fixture):
        roomy = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 2 * LARGE
        self.place = tempfile.mkdtemp(prefix="aspired-footprint.", dir="/dev/shm" if roomy else None)
        bucket = os.path.join(self.place, "bucket", "models")
        for model in MODELS:
            sparse(os.path.join(bucket, model, "1", "saved_model.pb"), 300_000)
            sparse(os.path.join(bucket, model, "1", DATA), MODELS[model])
        self.server = subprocess.Popen(
            [fixture, "--root", os.path.dirname(bucket), "--precompute"], stdout=subprocess.PIPE, text=True)
        endpoint = self.server.stdout.readline().removeprefix("listening on ").strip()
        self.root = os.path.join(self.place, "volume")
        self.log = os.path.join(self.place, "log")
        sources = [f"--model={model}=s3://models/{model}" for model in MODELS]
        with open(self.log, "wb") as log:
            self.agent = subprocess.Popen(
                [aspired, "run", "--root", self.root, "--http-listen=127.0.0.1:0", *sources],
                env=ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint}, stderr=log)

    def wait(self):
        """Until all is published."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(os.path.isdir(os.path.join(self.root, model, "1")) for model in MODELS):
            if self.agent.poll() is not None or time.monotonic() > deadline:
                with open(self.log) as log:
                    sys.exit(f"footprint: not all is published:\n{log.read()}")
            time.sleep(0.1)
        for model, size in MODELS.items():
            if os.path.getsize(os.path.join(self.root, model, "1", DATA)) != size:
                sys.exit(f"footprint: {model} is not whole")

    def end(self):
        for process in (self.agent, self.server):
            process.terminate()
            process.wait()
        shutil.rmtree(self.place)


def main(aspired, fixture, disk):
    pull = Pull(aspired, fixture)
    pid = pull.agent.pid
    try:
        pull.wait()
        most = peak(pid)
        time.sleep(SETTLE_SECONDS)
        before = ticks(pid)
        time.sleep(BUSY_SECONDS)
        after = ticks(pid)
        idle = memory(pid)
    finally:
        pull.end()
    pulls = Pulls(aspired, disk)
    try:
        stretched = pulls.rows()
    finally:
        pulls.end()
    busy = {thread: used - before.get(thread, 0) for thread, used in after.items() if used > before.get(thread, 0)}
    rows = [
        ("binary, static and stripped", os.path.getsize(aspired) / 1e6, 30, "MB"),
        ("run, pulling three models, one of 2 GiB: peak", most / MIB, 48, "MiB resident"),
        ("the same run, idle after it", idle["Rss"] / MIB, 28, "MiB resident"),
        ("", idle["Anonymous"] / MIB, 8, "MiB anonymous"),
        ("", sum(busy.values()), 2, f"ticks of CPU in {BUSY_SECONDS} s"),
        *stretched,
    ]
    print(f"{'':50} {'measured':>8} {'at most':>8}")
    for what, measured, limit, unit in rows:
        print(f"{what:50} {measured:8.1f} {limit:8} {unit}{'' if measured <= limit else '  TOO MUCH'}")
    print(f"({len(after)} threads{''.join(f'; {name} took {used} ticks' for name, used in busy.items())})")
    sys.exit(any(measured > limit for _, measured, limit, _ in rows))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(os.path.abspath, sys.argv[1:]))
