#!/usr/bin/env python3
"""Runs the release binary for long, with a new version each second, and fails where its memory or its open files grow, or where files are
left over: `run` over an S3 endpoint, some of whose files stay the same from version to version, and some requests fail.

Usage: soak.py ASPIRED S3_FIXTURE SECONDS [PLOT.svg]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from footprint import ENVIRONMENT, MIB, memory

SAMPLE_SECONDS = 5
# Until caches are full and all threads have started.
WARM_UP = 0.2
# Of the median of the first half after that, in the second half: allocators and the page cache of libraries breathe.
GROWTH_BYTES = 1.5 * MIB
GROWTH_FILES = 4
KEPT_IN_BUCKET = 5
PATIENCE_SECONDS = 60


def put(bucket, version):
    """A version of four files, two of them like those of the version before, by one rename."""
    part = os.path.join(os.path.dirname(bucket), f"part-{version}")
    os.makedirs(os.path.join(part, "variables"))
    os.makedirs(os.path.join(part, "assets"))
    for name, content in {
        "saved_model.pb": b"%d" % version * 500,
        "variables/variables.index": b"the same",
        "variables/variables.data-00000-of-00001": os.urandom(300_000),
        "assets/vocabulary.txt": b"the same in all\n" * 4_000,
    }.items():
        with open(os.path.join(part, name), "wb") as file:
            file.write(content)
    os.rename(part, os.path.join(bucket, str(version)))
    old = os.path.join(bucket, str(version - KEPT_IN_BUCKET))
    if os.path.isdir(old):
        shutil.rmtree(old)


def files_below(path):
    return sum(len(files) for _, _, files in os.walk(path))


def median(values):
    return sorted(values)[len(values) // 2]


def plot(path, samples):
    """Resident and anonymous memory, and open files, over the time."""
    width, height, left, gap = 900, 150, 70, 40
    rows = [("resident, MiB", 1), ("anonymous, MiB", 2), ("open files", 3)]
    end = samples[-1][0]
    drawn = []
    for number, (title, column) in enumerate(rows):
        top = 30 + number * (height + gap)
        highest = max(sample[column] for sample in samples) * 1.15
        points = " ".join(
            f"{left + (width - left - 20) * at / end:.1f},{top + height - height * sample[column] / highest:.1f}"
            for sample in samples for at in [sample[0]])
        drawn.append(f'<text x="{left}" y="{top - 8}" fill="#24292f">{title}: {samples[-1][column]:.1f} at the end</text>')
        drawn.append(f'<line x1="{left}" y1="{top + height}" x2="{width - 20}" y2="{top + height}" stroke="#d0d7de"/>')
        for share in (0, 0.5, 1):
            y = top + height - height * share / 1.15
            drawn.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#24292f">{highest / 1.15 * share:.0f}</text>')
        drawn.append(f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="1.2"/>')
    top = 30 + len(rows) * (height + gap)
    drawn.append(f'<text x="{left}" y="{top - 14}" fill="#24292f">0 to {end / 60:.0f} minutes, {samples[-1][4]} versions</text>')
    with open(path, "w") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}" '
            f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(drawn)
            + "\n</svg>\n")


def main(aspired, fixture, seconds, svg=None):
    place = tempfile.mkdtemp(prefix="aspired-soak.")
    bucket, root = os.path.join(place, "s3", "models", "m"), os.path.join(place, "volume")
    os.makedirs(bucket)
    version = 1
    put(bucket, version)
    # Now and then an answer fails, as stores' do.
    faults = [word for number in range(1, seconds // 20) for word in (
        "--fault", f"status=503/SlowDown,first={number * 150}", "--fault", f"drop,on=get,first={number * 90}")]
    server = subprocess.Popen([fixture, "--root", os.path.dirname(os.path.dirname(bucket)), *faults], stdout=subprocess.PIPE, text=True)
    endpoint = server.stdout.readline().removeprefix("listening on ").strip()
    log = open(os.path.join(place, "log"), "w+")
    agent = subprocess.Popen(
        [aspired, "run", "--root", root, "--http-listen=127.0.0.1:0", "--poll-interval=500ms", "--model=m=s3://models/m",
         "--log-level=warning"], env=ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint}, stderr=log)
    failures, samples = [], []
    try:
        start = time.monotonic()
        while (now := time.monotonic() - start) < seconds:
            if agent.poll() is not None:
                failures.append(f"it ended by itself: {agent.returncode}")
                break
            if now >= len(samples) * SAMPLE_SECONDS:
                taken = memory(agent.pid)
                samples.append((now, taken["Rss"] / MIB, taken["Anonymous"] / MIB, len(os.listdir(f"/proc/{agent.pid}/fd")), version))
            version += 1
            put(bucket, version)
            time.sleep(max(0, start + version - 1 - time.monotonic()))
        deadline = time.monotonic() + PATIENCE_SECONDS
        last = os.path.join(root, "m", str(version))
        while not (os.path.isdir(last) and os.listdir(os.path.join(root, "m")) == [str(version)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        if os.listdir(os.path.join(root, "m")) != [str(version)]:
            failures.append(f"the base path holds {os.listdir(os.path.join(root, 'm'))}, not {version}")
        while (files_below(os.path.join(root, ".aspired", "trash")) or files_below(os.path.join(root, ".aspired", "staging"))) \
                and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        agent.terminate()
        code = agent.wait()
        server.terminate()
        server.wait()
    if code != 0:
        failures.append(f"it ended with {code}")
    # The version, its manifest, and who held the volume last.
    left = files_below(root)
    if left > 4 + 3:
        failures.append(f"{left} files are left over below {root}")
    log.seek(0)
    warnings = sum(1 for _ in log)
    log.close()
    shutil.rmtree(place)

    steady = samples[int(len(samples) * WARM_UP):]
    early, late = steady[:len(steady) // 2], steady[len(steady) // 2:]
    print(f"{version} versions in {samples[-1][0] / 60:.0f} minutes; {warnings} warnings; {left} files at the end")
    print(f"{'':24} {'early':>8} {'late':>8} {'may grow':>8}")
    for name, column, limit in (
            ("resident, MiB", 1, GROWTH_BYTES / MIB), ("anonymous, MiB", 2, GROWTH_BYTES / MIB), ("open files", 3, GROWTH_FILES)):
        before, after = median([sample[column] for sample in early]), median([sample[column] for sample in late])
        print(f"{name:24} {before:8.1f} {after:8.1f} {limit:8.1f}")
        if after - before > limit:
            failures.append(f"{name}: from {before:.1f} to {after:.1f}")
    if svg:
        plot(svg, samples)
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
