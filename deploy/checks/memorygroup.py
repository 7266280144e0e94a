"""A control group with a memory limit, for a program to run in."""

import contextlib
import os

MOUNT = "/sys/fs/cgroup"


class MemoryGroup:
    """Below our own group, or below the topmost, where our own may have none: it must hold no process for that in version 2."""

    def __init__(self, limit):
        self.path = None
        for parent, limits, kills in places():
            path = os.path.join(parent, f"aspired-{os.getpid()}")
            try:
                os.mkdir(path)
            except OSError:
                continue
            try:
                write(os.path.join(path, limits), limit)
                self.path, self.kills_file = path, os.path.join(path, kills)
                return
            except OSError:
                os.rmdir(path)

    def enter(self):
        """For a child to call before it becomes the program."""
        write(os.path.join(self.path, "cgroup.procs"), os.getpid())

    def kills(self):
        """How many processes were killed for the limit."""
        with open(self.kills_file) as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))

    def end(self):
        if self.path:
            with contextlib.suppress(OSError):
                os.rmdir(self.path)


def places():
    """Where a group may be made, what its limit is called, and where kills are counted."""
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if "memory" in controllers.split(","):
                for own in (path, "/"):
                    yield f"{MOUNT}/memory{own}", "memory.limit_in_bytes", "memory.oom_control"
            elif not controllers:
                for own in (path, "/"):
                    yield MOUNT + own, "memory.max", "memory.events"


def write(path, value):
    # Never made anew: a group without the controller has no such file.
    with open(os.open(path, os.O_WRONLY), "w") as file:
        file.write(str(value))
