"""How exactly --max-bandwidth is kept: over ten seconds, by two models together."""

import os
import statistics
import subprocess
import time

from scenes import Shape
from versions import clear

MODELS = ("first", "second")
RATE = 25_000_000
# Of each model: twelve seconds at that rate.
SIZE = 150_000_000
WINDOW = 10
INTERVAL = 0.02


def prepare(source):
    for model in MODELS:
        source.add(Shape(model, 1, SIZE))


def measure(tools, folder, runs):
    """By how much of the rate the worst window of ten seconds is off; the median of the runs."""
    return statistics.median(run(tools, folder) for _ in range(runs))


def run(tools, folder):
    target = os.path.join(folder, "target")
    os.mkdir(target)
    first, second = MODELS
    command = tools.aspired(
        "raw", Shape(first, 1, SIZE), target, f"--model={second}=s3://models/{second}?ready=none", f"--max-bandwidth={RATE}")
    process = subprocess.Popen(
        command.arguments, env=tools.environment(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    samples = []
    while process.poll() is None:
        samples.append((time.monotonic(), written(process.pid)))
        time.sleep(INTERVAL)
    clear(target)
    return worst(samples)


def written(pid):
    """Bytes that went into files: a transfer's, a MiB at a time of each piece."""
    try:
        with open(f"/proc/{pid}/io") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("wchar:"))
    except (ProcessLookupError, StopIteration):
        return 0


def worst(samples):
    """Windows begin when the first bytes are there, and end before the last are."""
    samples = [(at, count) for at, count in samples if 1_000_000 < count < 2 * SIZE]
    off = []
    end = 0
    for at, count in samples:
        while end < len(samples) and samples[end][0] < at + WINDOW:
            end += 1
        if end == len(samples):
            break
        rate = (samples[end][1] - count) / (samples[end][0] - at)
        off.append(abs(rate / RATE - 1))
    return max(off, default=1)
