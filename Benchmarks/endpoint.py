"""nginx as an S3 endpoint of several kinds, over the same files."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

# Debian keeps it where only root's PATH leads.
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
NEEDED_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")


class Fault(Exception):
    """What ends the benchmark, for the person who runs it."""


@dataclass(frozen=True)
class Kind:
    """How an endpoint answers, and what it offers to verify with."""
    title: str
    offer: str = "crc"
    is_tls: bool = False
    delay: float = 0
    # nginx paces each send by itself. A chunk of 1 MiB is 11 ms at this rate: smaller ones would be rounded, larger ones come in bursts.
    pace: str = ""
    is_counted: bool = False


KINDS = {
    "raw": Kind("raw loopback"),
    "tls": Kind("TLS 1.3", is_tls=True),
    "s3": Kind("S3-like: 30 ms to the first byte, 90 MB/s a connection", delay=0.03, pace="limit_rate 90m; sendfile_max_chunk 1m;"),
    "md5": Kind("raw loopback, MD5 ETags only", offer="md5"),
    "multipart": Kind("raw loopback, multipart ETags only (8 MiB parts)", offer="multipart"),
    "counted": Kind("raw loopback, with a log of what is sent", is_counted=True),
}

MAIN = """
daemon off; worker_processes {workers}; worker_rlimit_nofile 8192; pid {place}/nginx.pid; error_log {place}/error.log;
{modules}
events {{ worker_connections 2048; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000; default_type application/octet-stream;
  client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3; uwsgi_temp_path {place}/t4;
  scgi_temp_path {place}/t5;
  ssl_protocols TLSv1.3; ssl_certificate {place}/server.pem; ssl_certificate_key {place}/server.key; output_buffers 2 256k;
  log_format sent "$request_method $uri $body_bytes_sent";
  init_by_lua_block {{ endpoint = dofile("{lua}").load("{place}/objects.tsv") }}
  {servers}
}}
"""

SERVER = """
  server {{
    listen 127.0.0.1:{port} backlog=2048 {tls}; root {place}/www; {pace} {log}
    location ~ ^/models/?$ {{ content_by_lua_block {{ endpoint.list("{offer}", {delay}) }} }}
    location /models/ {{
      rewrite_by_lua_block {{ endpoint.before("{offer}", {delay}) }}
      header_filter_by_lua_block {{ endpoint.headers("{offer}") }}
    }}
  }}
"""


class Endpoint:
    """A running nginx: `place` has the files in www/models and what is said of them in objects.tsv."""

    def __init__(self, place, workers):
        self.place = place
        self.authority = os.path.join(place, "authority.pem")
        self.sent = os.path.join(place, "sent.log")
        make_certificates(place)
        # A port that was free may be another's before nginx has it.
        for is_last in (False, False, True):
            self.start(place, workers)
            try:
                self.wait()
                return
            except Fault:
                self.end()
                if is_last:
                    raise
            except BaseException:
                self.end()
                raise

    def start(self, place, workers):
        self.ports = dict(zip(KINDS, free_ports(len(KINDS))))
        configuration = os.path.join(place, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(MAIN.format(
                place=place, workers=workers, modules=" ".join(f"load_module {path};" for path in nginx_modules()),
                lua=os.path.join(os.path.dirname(os.path.abspath(__file__)), "endpoint.lua"),
                servers="".join(self.server(name, kind) for name, kind in KINDS.items())))
        self.process = subprocess.Popen([NGINX, "-e", f"{place}/error.log", "-c", configuration], stderr=subprocess.DEVNULL)

    def server(self, name, kind):
        return SERVER.format(
            port=self.ports[name], place=self.place, offer=kind.offer, delay=kind.delay or "nil", pace=kind.pace,
            tls="ssl" if kind.is_tls else "", log=f"access_log {self.sent} sent;" if kind.is_counted else "")

    def wait(self):
        deadline = time.monotonic() + 20
        for port in self.ports.values():
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Fault("nginx does not serve: " + self.errors())
                time.sleep(0.05)

    def errors(self):
        with open(os.path.join(self.place, "error.log"), errors="replace") as file:
            return file.read()[-2000:]

    def url(self, name):
        return f"http{'s' if KINDS[name].is_tls else ''}://127.0.0.1:{self.ports[name]}"

    def take_sent(self):
        """What the counted endpoint sent of objects since it was asked last: (method, bytes) of each request."""
        time.sleep(0.2)  # nginx writes a line when the client may already have all
        with open(self.sent, "r+") as file:
            lines = [line.split() for line in file]
            file.truncate(0)
        return [(method, int(count)) for method, uri, count in lines if uri.rstrip("/") != "/models"]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def nginx_modules():
    """The paths of those that are loaded."""
    if not NGINX:
        raise Fault("there is no nginx: on Debian, apt-get install nginx-light libnginx-mod-http-lua")
    built = subprocess.run([NGINX, "-V"], capture_output=True, text=True).stderr
    stated = re.search(r"--modules-path=(\S+)", built)
    paths = [os.path.join(stated.group(1) if stated else "/usr/lib/nginx/modules", name) for name in NEEDED_MODULES]
    for path in paths:
        if not os.path.exists(path):
            raise Fault(f"nginx lacks {path}: on Debian, apt-get install libnginx-mod-http-lua")
    return paths


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def make_certificates(place):
    """An authority of its own, and a certificate of it for the loopback address."""
    if not shutil.which("openssl"):
        raise Fault("there is no openssl: on Debian, apt-get install openssl")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    steps = [
        ["req", "-x509", *key, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2", "-subj", "/CN=Benchmark authority"],
        ["req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1"],
        ["x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2",
         "-extfile", "server.ext", "-out", "server.pem"],
    ]
    with open(os.path.join(place, "server.ext"), "w") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=critical,CA:FALSE\n")
    for step in steps:
        done = subprocess.run(["openssl", *step], cwd=place, capture_output=True, text=True)
        if done.returncode:
            raise Fault(f"openssl {step[0]} failed: {done.stderr}")
