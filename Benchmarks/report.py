"""Tables, verdicts and the plot."""

import os
import statistics
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from endpoint import KINDS
from scenes import MIB
from tools import CHECKED, FLOOR, FLOORS, LIBCURL, PEERS

# In every row.
PEAK_MIB = 48
ANONYMOUS_MIB = 24


@dataclass
class Row:
    medium: str
    kind: str
    shape: object
    runs: dict = field(default_factory=dict)

    def add(self, tool, measurement):
        self.runs.setdefault(tool, []).append(measurement)

    def median(self, tool, what):
        return statistics.median(getattr(run, what) for run in self.runs[tool])

    def least(self, tool, what):
        return min(getattr(run, what) for run in self.runs[tool])

    def ratio(self, peer, what):
        """aspired's to the peer's."""
        return self.median("aspired", what) / self.median(peer, what)

    @property
    def peers(self):
        return [peer for peer in (*PEERS, *FLOORS) if peer in self.runs] if "aspired" in self.runs else []

    def title(self):
        return f"{KINDS[self.kind].title.split(':')[0]}, {self.shape.title}, {self.medium}"


@dataclass(frozen=True)
class Limit:
    """The most of a peer's that aspired may take, in one scene on a tmpfs. `None` where there is no limit."""
    kind: str
    shape: str
    against: tuple
    wall: float
    cpu: float
    # Whichever of the peers is best at it, instead of each.
    is_of_best: bool = False


LIMITS = (
    Limit("raw", "one", ("s5cmd",), 0.75, 0.75),
    Limit("raw", "eight", ("s5cmd",), 0.75, 0.75),
    Limit("tls", "eight", ("s5cmd",), 0.85, 0.85),
    Limit("s3", "one", ("s5cmd",), 0.30, 0.85),
    Limit("s3", "one", ("juicefs",), 0.80, 0.85),
    Limit("s3", "eight", PEERS, 0.85, 1.0, is_of_best=True),
    Limit("s3", "small", ("s5cmd",), 0.60, 0.40),
)
NEW_VERSION, NEW_VERSION_SENT, READY = 0.10, 0.05, 0.200
BANDWIDTH = 0.05
# Beside the objects' bytes nothing is counted, so this is only for the division of a size that is no multiple of the files.
ROUNDING = 0.0001

HEADINGS = ("tool", "wall s", "least", "of it sync", "MiB/s", "cpu s", "least", "peak MiB", "anonymous", "aspired/it: wall", "cpu")


def cells(row):
    for tool in row.runs:
        wall = row.median(tool, "wall")
        sync = row.median(tool, "sync")
        ratios = [f"{row.ratio(tool, what):.2f}" for what in ("wall", "cpu")] if tool in row.peers else ["", ""]
        yield [
            tool, f"{wall:.2f}", f"{row.least(tool, 'wall'):.2f}", f"{sync:.2f}" if sync else "", f"{row.shape.bytes / MIB / wall:,.0f}",
            f"{row.median(tool, 'cpu'):.2f}", f"{row.least(tool, 'cpu'):.2f}", f"{most(row, tool, 'peak'):.0f}",
            f"{most(row, tool, 'anonymous'):.0f}", *ratios,
        ]


def most(row, tool, what):
    return max(getattr(run, what) for run in row.runs[tool]) / MIB


def show(row):
    print(f"\n{row.title()}\n" + aligned([HEADINGS, *cells(row)]), flush=True)


def aligned(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in enumerate(zip(line, widths)))
        for line in lines)


def table(lines):
    head, *rest = lines
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *rest))


class Report:
    def __init__(self, rows, later, off, runs, workers, releases):
        self.rows = rows
        self.later = later
        self.off = off
        self.runs = runs
        self.workers = workers
        self.releases = list(releases)

    def verdicts(self):
        """Lines of what was asked, the limit, what was measured, whether it is met, and what those that do nothing more than what every
        copier has to do take of the peer's."""
        lines = [("scene", "against", "what", "at most", "measured", "", "the floor's")]
        for limit in LIMITS:
            row = next((row for row in self.rows if (row.medium, row.kind, row.shape.name) == ("tmpfs", limit.kind, limit.shape)), None)
            peers = [peer for peer in limit.against if row and peer in row.peers]
            for what in ("wall", "cpu"):
                if not peers:
                    continue
                allowed = getattr(limit, what)
                peer = min(peers, key=lambda peer: row.median(peer, what))
                against = f"the best ({peer})" if limit.is_of_best else peer
                lines.append(verdict(row.title(), against, what, allowed, row.ratio(peer, what), floors=floors(row, peer, what)))
        for what, named, limit in (("peak", "peak MiB", PEAK_MIB), ("anonymous", "anonymous MiB", ANONYMOUS_MIB)):
            peaks = [(most(row, "aspired", what), row.title()) for row in self.rows if "aspired" in row.runs]
            if peaks:
                peak, title = max(peaks)
                lines.append(verdict(f"every row; the most in: {title}", "", named, limit, peak))
        if self.later:
            shared = "a new version that shares 95 % of its bytes"
            lines.append(verdict(shared, "a full pull", "wall", NEW_VERSION, self.later.update / self.later.full))
            lines.append(verdict(shared, "its bytes", "sent", NEW_VERSION_SENT, self.later.sent, ROUNDING))
            restart = "a restart on a kept volume"
            lines.append(verdict(restart, "", "objects asked for", 0, self.later.requests))
            lines.append(verdict(restart, "", "seconds to ready", READY, self.later.ready))
        if self.off is not None:
            lines.append(verdict("--max-bandwidth, two models, any ten seconds", "the bandwidth", "off by", BANDWIDTH, self.off))
        return lines

    def verdicts_text(self):
        return "\nWhat it must show\n" + aligned(self.verdicts())

    def write(self, path):
        """Between the marks in the file, if it has them, else as a file of its own."""
        plot = os.path.splitext(path)[0] + ".svg"
        begin, end = "<!-- measured -->", "<!-- /measured -->"
        text = f"{begin}\n{self.markdown(os.path.basename(plot))}\n{end}"
        before, after = "# Performance\n\n", "\n"
        if os.path.exists(path):
            with open(path) as file:
                known = file.read()
            if begin in known and end in known:
                before, after = known.partition(begin)[0], known.partition(end)[2]
        with open(path, "w") as file:
            file.write(before + text + after)
        with open(plot, "w") as file:
            file.write(self.plot())

    def markdown(self, plot):
        kinds = {row.kind: KINDS[row.kind].title for row in self.rows}
        parts = [
            f"Medians of {self.runs} rounds on {os.cpu_count()} cores, which the server shares (nginx, {self.workers} workers on loopback: "
            f"{'; '.join(kinds.values())}). Each round runs every tool on the same files: {', '.join(self.releases)}. Before each run "
            "as much memory as its result takes, and more, is asked of the system and given back, the tool says its version, and the endpoint is "
            "asked for listings, so that none pays for what a virtual machine's host has taken back in between. s5cmd has its defaults; "
            "rclone eight streams of each large object, and as many objects at once as there are, up to 128; juicefs 16 threads, and 128 for the "
            "small objects. aspired verifies each object by what the endpoint offers, a CRC-64/NVME where no other is named, and syncs it; on a "
            "disk, `sync -f` follows the others, within their wall time. *floor* is no tool: it receives what it is told to and writes it, with no "
            "listing, signature, check or sync; *checked* computes a CRC-64/NVME of what it writes, too; *libcurl* is *floor* with libcurl, with "
            "headers as long as those of a signed request, and syncs the files. Processor time is the tool's own; what the kernel spends on "
            "writing back later is nobody's. "
            "*least* is the best round, peaks are of the worst. Ratios are aspired's to that tool's: below 1, aspired takes less.",
            f"![Wall and processor time of each tool]({plot})",
        ]
        for row in self.rows:
            parts += [f"**{row.title()}**", table([HEADINGS, *cells(row)])]
        parts += ["**What it must show**", table(self.verdicts())]
        return "\n\n".join(parts)

    def plot(self):
        return bars([row for row in self.rows if row.peers])


def verdict(scene, against, what, limit, measured, slack=0, floors=""):
    shown = f"{limit:g}" if isinstance(limit, int) else f"{limit:.2f}"
    # Whole numbers of bytes or requests have no use for decimals.
    value = f"{measured:.0f}" if isinstance(limit, int) else f"{measured:.2f}"
    return scene, against, what, shown, value, "met" if measured <= limit + slack else "NOT MET", floors


def floors(row, peer, what):
    ratios = {floor: row.median(floor, what) / row.median(peer, what) for floor in FLOORS if floor in row.runs}
    return ", ".join(f"{ratio:.2f}{'' if floor == FLOOR else ' ' + floor}" for floor, ratio in ratios.items())


COLOURS = {"aspired": "#1f6feb", "s5cmd": "#8c959f", "rclone": "#b08800", "juicefs": "#2da44e", FLOOR: "#d0d7de", CHECKED: "#bc8cff",
           LIBCURL: "#afb8c1"}
LABELS, PANEL, GAP, BAR = 330, 300, 90, 13


def bars(rows):
    """A group of bars for each row; wall time in one panel, processor time beside it."""
    panels = (("wall", "wall time, s"), ("cpu", "processor time, s"))
    width = LABELS + len(panels) * (PANEL + GAP)
    drawn, top = [], 60
    scale = {what: PANEL / max((row.median(tool, what) for row in rows for tool in row.runs), default=1) for what, _ in panels}
    for row in rows:
        drawn.append(text(LABELS - 12, top + BAR * len(row.runs) / 2 + 4, row.title(), "end"))
        for index, tool in enumerate(row.runs):
            for number, (what, _) in enumerate(panels):
                value = row.median(tool, what)
                left, length = LABELS + number * (PANEL + GAP), value * scale[what]
                drawn.append(
                    f'<rect x="{left}" y="{top + index * BAR}" width="{length:.1f}" height="{BAR - 2}" fill="{COLOURS[tool]}"/>'
                    + text(left + length + 5, top + index * BAR + 10, f"{value:.2f}"))
        top += BAR * max(len(row.runs), 1) + 14
    for number, (_, title) in enumerate(panels):
        drawn.append(text(LABELS + number * (PANEL + GAP), 48, title))
    for index, (tool, colour) in enumerate(COLOURS.items()):
        drawn.append(f'<rect x="{LABELS + index * 90}" y="14" width="11" height="11" fill="{colour}"/>' + text(LABELS + index * 90 + 16, 24, tool))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(drawn) + "\n</svg>\n")


def text(x, y, words, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#24292f">{escape(words)}</text>'
