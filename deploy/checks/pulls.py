"""Pulls that stretch the memory of the release binary, each a `once` from nginx as an S3 endpoint (Benchmarks/endpoint.py)."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from memorygroup import MemoryGroup

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Benchmarks"))

from endpoint import Endpoint  # noqa: E402
from scenes import MIB, Shape, Source  # noqa: E402
from tools import Tools, resident, stop  # noqa: E402

SMALL = Shape("small", 4_000, 16 << 10)
MANY = Shape("many", 100_000, 16)
LARGE = Shape("large", 1, 512 * MIB)
CONNECTIONS = 128
# A disk syncs 100,000 files for longer than memory does, and yet not for ever.
PATIENCE_SECONDS = 400
# Seen at once, or the pull says nothing: the last are opened when the first small objects are through.
MANY_CONNECTIONS = 96
GROUP_LIMIT = 64 * MIB


@dataclass
class Peak:
    """Bytes, and connections at once."""
    resident: int = 0
    anonymous: int = 0
    sockets: int = 0


class Pulls:
    """The endpoint, and where it is pulled to."""

    def __init__(self, aspired, disk):
        self.memory = temporary("/dev/shm" if is_roomy("/dev/shm") else None)
        self.disk = temporary(disk)
        source = Source(self.memory, has_md5=False)
        for shape in (SMALL, MANY, LARGE):
            source.add(shape)
        source.close()
        self.endpoint = Endpoint(self.memory, workers=2)
        self.tools = Tools({"aspired": aspired}, self.endpoint, self.memory)

    def rows(self):
        """What was measured, how much, what it may be at most, and in which unit."""
        # How many are open when one looks is a matter of luck on a busy machine.
        for _ in range(3):
            small = self.pull("tls", SMALL, self.memory)
            if small.sockets >= MANY_CONNECTIONS:
                break
        if small.sockets < MANY_CONNECTIONS:
            sys.exit(f"footprint: only {small.sockets} connections were open at once, of {CONNECTIONS}")
        many = self.pull("raw", MANY, self.memory)
        rows = [
            (f"once, {SMALL.title} by {CONNECTIONS} connections, TLS", small.resident / MIB, 48, "MiB resident"),
            ("", small.anonymous / MIB, 24, "MiB anonymous"),
            (f"once, {MANY.count:,} objects", many.resident / MIB, 48, "MiB resident"),
        ]
        group = MemoryGroup(GROUP_LIMIT)
        try:
            return rows + self.confined(group)
        finally:
            group.end()

    def confined(self, group):
        """A pull onto the disk, whose pages count against the limit, too."""
        what = f"once, {LARGE.title}, in {GROUP_LIMIT // MIB} MiB"
        if not group.path:
            print(f"{what}: skipped, no control group with a memory limit can be made here")
            return []
        kind = subprocess.run(["stat", "-f", "-c", "%T", self.disk], capture_output=True, text=True, check=True).stdout.strip()
        if kind in ("tmpfs", "ramfs"):
            print(f"{what}: skipped, {self.disk} is on no disk")
            return []
        peak = self.pull("raw", LARGE, self.disk, group)
        return [(what, peak.resident / MIB, 48, "MiB resident"), ("", group.kills(), 0, "killed for the limit")]

    def pull(self, kind, shape, place, group=None):
        target = os.path.join(place, "volume")
        os.mkdir(target)
        command = self.tools.aspired(kind, shape, target, f"--concurrency={CONNECTIONS}")
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                command.arguments, env=self.tools.environment(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=group.enter if group else None)
            peak = watch(process)
            if process.returncode != 0:
                hangs = process.returncode is None
                ending = f"had not ended after {PATIENCE_SECONDS} s; its threads: {threads(process)}" if hangs else f"ended with {process.returncode}"
                stop(process)
                log.seek(0)
                sys.exit(f"footprint: {' '.join(command.arguments)} {ending}: {log.read()[-2000:].decode()}")
        inside = os.path.join(target, command.inside)
        sizes = [entry.stat().st_size for entry in os.scandir(inside)]
        if (len(sizes), sum(sizes)) != (shape.count, shape.bytes):
            sys.exit(f"footprint: {inside} has {len(sizes)} files of {sum(sizes)} bytes")
        shutil.rmtree(target)
        return peak

    def end(self):
        self.endpoint.end()
        for place in (self.memory, self.disk):
            shutil.rmtree(place)


def watch(process):
    """Until it ends, or nobody waits for it any more."""
    peak = Peak()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        now_resident, now_anonymous = resident(process.pid)
        peak.resident = max(peak.resident, now_resident)
        peak.anonymous = max(peak.anonymous, now_anonymous)
        peak.sockets = max(peak.sockets, sockets(process.pid))
        time.sleep(0.005)
    return peak


def threads(process):
    """What each is about: its name, and what it waits for."""
    about = []
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{process.pid}/task/{thread}/comm") as name, \
                open(f"/proc/{process.pid}/task/{thread}/wchan") as wait:
            about.append(f"{name.read().strip()} in {wait.read()}")
    return ", ".join(about)


def sockets(pid):
    folder = f"/proc/{pid}/fd"
    count = 0
    try:
        for name in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{name}").startswith("socket:")
            except FileNotFoundError:
                continue
    except FileNotFoundError:
        pass
    return count


def is_roomy(place):
    return os.path.isdir(place) and shutil.disk_usage(place).free > 2 * (LARGE.bytes + MANY.count * 8192)


def temporary(parent):
    place = tempfile.mkdtemp(prefix="aspired-footprint.", dir=parent)
    os.chmod(place, 0o755)  # nginx reads as a user of its own
    return place
