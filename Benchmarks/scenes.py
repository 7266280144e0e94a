"""What is pulled: shapes of objects, made once, with everything that a store says of them."""

import base64
import hashlib
import os
import time
from dataclasses import dataclass

from endpoint import Fault

try:
    from awscrt.checksums import crc64nvme
except ImportError:
    crc64nvme = None

MIB = 1 << 20
# Of multipart ETags; endpoint.lua answers for parts of the same size.
PART = 8 * MIB


@dataclass(frozen=True)
class Shape:
    """Objects of one size: MODEL/1/file-N."""
    name: str
    count: int
    size: int

    @property
    def title(self):
        return f"{self.count:,} × {amount(self.size)}" if self.count > 1 else f"one object of {amount(self.size)}"

    @property
    def bytes(self):
        return self.count * self.size

    @property
    def is_of_small(self):
        """Many objects, each of which is one request."""
        return self.count > 16


def amount(size):
    for unit, name in ((1 << 30, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        if size % unit == 0:
            return f"{size // unit:,} {name}"
    return f"{size:,} bytes"


def shapes(mebibytes, small):
    return {
        "one": Shape("one", 1, mebibytes * MIB),
        "eight": Shape("eight", 8, mebibytes * MIB // 8),
        "small": Shape("small", small, 16 << 10),
    }


class Source:
    """The folder that nginx serves, as bucket `models`."""

    def __init__(self, place, has_md5):
        if crc64nvme is None:
            raise Fault("Python lacks awscrt: make tools, and run with .build/tools/bin/python3")
        self.place = place
        self.has_md5 = has_md5
        self.lines = []
        self.noise = os.urandom(PART)
        self.blocks = 0
        self.begun = int(time.time()) - 100_000

    def folder(self, model, version=1):
        return os.path.join(self.place, "www", "models", model, str(version))

    def add(self, shape):
        for index in range(shape.count):
            self.write(shape.name, 1, f"file-{index:05}", shape.size)

    def write(self, model, version, name, size):
        path = os.path.join(self.folder(model, version), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        crc, whole, parts = 0, hashlib.md5(), []
        with open(path, "wb") as file:
            for start in range(0, size, PART):
                block = self.block(min(PART, size - start))
                file.write(block)
                crc = crc64nvme(block, crc)
                if self.has_md5:
                    whole.update(block)
                    parts.append(hashlib.md5(block).digest())
        # nginx makes ETags of time and size: no two objects may share both, as no two would share an ETag in a store.
        modified = self.begun + len(self.lines)
        os.utime(path, (modified, modified))
        self.lines.append([
            f"{model}/{version}/{name}", str(size), time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(modified)),
            f"{modified:x}-{size:x}", whole.hexdigest(), f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}",
            base64.b64encode(crc.to_bytes(8, "big")).decode(),
        ])

    def block(self, size):
        """The same noise, but from another byte on each time: none is like another, and gigabytes are there soon."""
        self.blocks += 1
        start = self.blocks * 4099 % PART
        return self.noise[start:start + size] + self.noise[:max(start + size - PART, 0)]

    def share(self, model, version, name, other):
        """The same object in another version."""
        path = os.path.join(self.folder(model, other), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.link(os.path.join(self.folder(model, version), name), path)
        line = next(line for line in self.lines if line[0] == f"{model}/{version}/{name}")
        self.lines.append([f"{model}/{other}/{name}", *line[1:]])

    def close(self):
        with open(os.path.join(self.place, "objects.tsv"), "w") as file:
            file.writelines("\t".join(line) + "\n" for line in sorted(self.lines))
