"""What happens after the first pull: a new version that has most of its bytes from the one before, and a restart on a volume that was kept."""

import os
import shutil
import socket
import statistics
import subprocess
import time
import urllib.error
from dataclasses import dataclass

from endpoint import Fault
from scenes import MIB, Shape
from tools import compare, opened, stop

MODEL = "update"
# 19 of them are the same in both versions: 95 %.
FILES = 20
READY_WITHIN = 20


@dataclass(frozen=True)
class Later:
    """Medians: seconds of a full pull, and of a new version; the part of its bytes that was sent; seconds to ready after a restart, and the
    requests for objects that it made."""
    full: float
    update: float
    sent: float
    ready: float
    requests: int


def prepare(source, mebibytes):
    size = max(mebibytes * MIB // FILES, 1)
    for index in range(FILES):
        source.write(MODEL, 1, f"file-{index:05}", size)
        if index < FILES - 1:
            source.share(MODEL, 1, f"file-{index:05}", 2)
    source.write(MODEL, 2, f"file-{FILES - 1:05}", size)


def measure(tools, source, folder, runs):
    target = os.path.join(folder, "target")
    size = size_of(source, 2)
    columns = []
    for _ in range(runs):
        full, _ = pull(tools, source, target, 2)
        clear(target)
        pull(tools, source, target, 1)
        update, sent = pull(tools, source, target, 2)
        ready, requests = restart(tools, target)
        clear(target)
        columns.append((full.wall, update.wall, sent / size, ready, requests))
    return Later(*(statistics.median(column) for column in zip(*columns)))


def pull(tools, source, target, version):
    """The measurement, and the bytes that were sent."""
    command = tools.aspired("counted", Shape(MODEL, FILES, 0), target, f"--versions={version}")
    result = tools.measured("aspired", command, size_of(source, version))
    compare(source.folder(MODEL, version), os.path.join(target, MODEL, str(version)))
    return result, sum(count for _, count in tools.endpoint.take_sent())


def size_of(source, version):
    return sum(entry.stat().st_size for entry in os.scandir(source.folder(MODEL, version)))


def restart(tools, target):
    """Seconds until a new agent on the volume says it is ready, and the requests for objects until a second later."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = tools.aspired("counted", Shape(MODEL, FILES, 0), target, "--versions=2", f"--http-listen=127.0.0.1:{port}")
    command.arguments[1] = "run"
    begun = time.monotonic()
    process = subprocess.Popen(
        command.arguments, env=tools.environment(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_ready(port):
            if process.poll() is not None or time.monotonic() > begun + READY_WITHIN:
                raise Fault(f"{' '.join(command.arguments)} is not ready on a volume that it filled")
            time.sleep(0.002)
        ready = time.monotonic() - begun
        time.sleep(1)
        return ready, len(tools.endpoint.take_sent())
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            stop(process)


def is_ready(port):
    try:
        with opened(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def clear(target):
    """The next run shall not pay for this one's pages."""
    shutil.rmtree(target)
    subprocess.run(["sync", "-f", os.path.dirname(target)], check=True)
