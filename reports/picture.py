"""The picture of a timeline: where each line, band and label stands. Geometry only; ``picture.html`` draws it.

Heights are step functions, so only their changes are drawn, and at most a few of them for each unit of width: the
size of a picture is bounded by its width and its nodes, not by the length of the recording.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from prowl.reports.events import Event
from prowl.reports.stretches import FaultStretch, Figures, Span, clip, faults_of, figures_of, silences_of, steps_of
from prowl.reports.timeline import Sample, Timeline

# All lengths are units of the picture's own grid, 1000 wide; text is 11 high.
WIDTH = 1000
PLOT_HEIGHT = 240
LETTER = 6.3
ROW = 15  # height of a label's row
FEW_NODES = 8  # so many lines have a colour and a label each; of more, those at the same height share a label
MOST_NODES = 100
MOST_LABEL_ROWS = 6
MOST_FAULTS = 100
MOST_STEPS = 500
LONGEST_NAME = 16
LONGEST_LABEL = 48
OFFSET = 2.0  # equal heights are drawn so far apart, all of them within:
MOST_OFFSET = 16.0
REST = "rest"  # the style of lines without a colour of their own

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Band:
    """A fault as drawn: shaded over its width, labelled in a row above the plot (-1: no room for a label)."""

    x: float
    width: float
    row: int
    label: str
    label_x: float
    anchor: str
    title: str


@dataclass(frozen=True)
class Line:
    """A node's heights: ``solid`` where it was seen, ``dotted`` where not; paths of SVG, shifted by ``offset``.

    ``steps`` are the changes themselves, ``time:height`` each (no height: not seen), for a reader with a cursor.
    """

    node: str
    style: str
    offset: float
    solid: str
    dotted: str
    steps: str


@dataclass(frozen=True)
class Label:
    """The name (or names) at the end of a line, at ``y``; a thin line leads to it from where the line ends."""

    text: str
    title: str
    style: str
    from_x: float
    from_y: float
    y: float


@dataclass(frozen=True)
class Lane:
    """A node's row below the plot: when it answered (a path), and stretches with their word."""

    node: str
    title: str
    style: str
    y: float
    answers: str
    silent: str
    words: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class Picture:
    """Everything of a picture, on a grid of ``WIDTH`` by ``height``."""

    summary: str
    height: int
    left: float
    right: float
    top: float
    bottom: float
    lanes_bottom: float
    lane_height: float
    bands: tuple[Band, ...]
    gaps: tuple[tuple[float, float], ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]
    lanes: tuple[Lane, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    begin: float
    seconds: float
    figures: tuple[Figures, ...]
    events: tuple[Event, ...]
    notes: tuple[str, ...]

    @property
    def width(self) -> int:
        """Return the width of the grid."""
        return WIDTH


def draw(timeline: Timeline) -> Picture:
    """Lay out the picture of a timeline."""
    every = tuple(dict.fromkeys(timeline.nodes))
    nodes = every[:MOST_NODES]
    notes = [f"The first {MOST_NODES} of {len(every)} nodes are drawn."] if len(every) > MOST_NODES else []
    faults = faults_of(timeline)
    if len(faults) > MOST_FAULTS:
        notes.append(f"The first {MOST_FAULTS} of {len(faults)} events are drawn.")
    figures = tuple(figures_of(timeline, node) for node in nodes)
    few = len(nodes) <= FEW_NODES
    name = min(max((len(node) for node in nodes), default=0), LONGEST_NAME)
    left = max(64.0, name * LETTER + 14)
    right = WIDTH - (name + 9 if few else LONGEST_NAME + 12) * LETTER - 24
    begin, seconds = timeline.begin, max(timeline.end - timeline.begin, 1e-3)

    def x_of(t: float) -> float:
        return left + (min(max(t, begin), begin + seconds) - begin) / seconds * (right - left)

    bands = _bands(faults[:MOST_FAULTS], timeline, x_of, right)
    top = 10.0 + ROW * (max((band.row for band in bands), default=-1) + 1)
    bottom = top + PLOT_HEIGHT
    steps = {node: steps_of(timeline, node) for node in nodes}
    heights = [height for rows in steps.values() for _t, height in rows if height is not None]
    low, high = (min(heights), max(heights)) if heights else (0, 1)
    y_ticks = ticks(low, max(high, low + 1), 6, whole=True)
    low, high = min(low, int(y_ticks[0])), max(high, int(y_ticks[-1]), low + 1)

    def y_of(height: float) -> float:
        return bottom - 8 - (height - low) / (high - low) * (PLOT_HEIGHT - 16)

    styles = _styles(nodes, faults, figures)
    lines: list[Line] = []
    ends: dict[str, tuple[float, float]] = {}
    offsets = _offsets(nodes, styles)
    for node in sorted(nodes, key=lambda name: styles[name] != REST):  # those with a colour lie on top
        solid, dotted, end = _paths(steps[node], timeline.of(node), x_of, y_of)
        lines.append(Line(node, styles[node], offsets[node], solid, dotted, _told(steps[node])))
        if end is not None:
            ends[node] = (end[0], end[1] - offsets[node])
    lane_height = 16.0 if few else 10.0
    lanes = tuple(
        _lane(timeline, node, styles[node], bottom + 30 + lane_height * (number + 0.5), x_of, faults)
        for number, node in enumerate(nodes)
    )
    lanes_bottom = bottom + 26 + lane_height * len(nodes)
    return Picture(
        summary=_summary(timeline, figures, faults),
        height=round(lanes_bottom + 14),
        left=round(left, 1),
        right=round(right, 1),
        top=top,
        bottom=bottom,
        lanes_bottom=lanes_bottom,
        lane_height=lane_height,
        bands=tuple(bands),
        gaps=_merged(((gap.t - gap.seconds, gap.t) for gap in timeline.gaps if gap.node is None), x_of),
        lines=tuple(lines),
        labels=_labels(ends, {row.node: row for row in figures}, styles, top, bottom),
        lanes=lanes,
        x_ticks=tuple((round(x_of(t), 1), f"{t:g} s") for t in ticks(begin, begin + seconds, 10) if t >= begin),
        y_ticks=tuple((round(y_of(h), 1), f"{h:.0f}") for h in y_ticks if low <= h <= high),
        begin=round(begin, 3),
        seconds=round(seconds, 3),
        figures=figures,
        events=timeline.events[:MOST_FAULTS],
        notes=tuple(notes),
    )


def ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Return at most so many round numbers in steps of 1, 2 or 5 times a power of ten, within the bounds."""
    rough = max((high - low) / most, 1 if whole else 1e-6)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, min(last, first + most) + 1)] or [low]


def _styles(nodes: tuple[str, ...], faults: list[FaultStretch], figures: tuple[Figures, ...]) -> dict[str, str]:
    """Give each line its colour; where there are many nodes, only those that something happened to."""
    if len(nodes) > FEW_NODES:
        struck = {node for fault in faults for node in fault.down}
        struck |= {row.node for row in figures if row.silent_seconds > 0}
    else:
        struck = set(nodes)
    coloured = [node for node in nodes if node in struck]
    return {node: f"c{coloured.index(node) % FEW_NODES}" if node in struck else REST for node in nodes}


def _offsets(nodes: tuple[str, ...], styles: dict[str, str]) -> dict[str, float]:
    """Return how far up each line is shifted, so that those with a colour do not cover each other."""
    coloured = [node for node in nodes if styles[node] != REST]
    spread = min(OFFSET, MOST_OFFSET / max(len(coloured), 1))
    middle = (len(coloured) - 1) / 2
    return {node: round((middle - coloured.index(node)) * spread, 1) if node in coloured else 0.0 for node in nodes}


def _bands(faults: list[FaultStretch], timeline: Timeline, x_of: Scale, right: float) -> list[Band]:
    bands: list[Band] = []
    rows: list[float] = []  # where the last label of each row ends
    for fault in faults:
        end = timeline.end if fault.end is None else fault.end
        x, width = x_of(fault.begin), max(x_of(end) - x_of(fault.begin), 0)
        label = _short(fault, timeline)
        title = f"{clip(fault.text, 200)} at {fault.begin:.1f} s"
        if fault.end is None:
            label, title = f"{label}, not ended", f"{title}, not ended in this timeline"
        elif fault.end > fault.begin:
            label = f"{label}, {fault.end - fault.begin:.0f} s"
            title = f"{title}, {clip(fault.ended_by, 200)} at {fault.end:.1f} s"
        room = len(label) * LETTER + 8
        start = x if x + room <= right else max(right - room, 0)
        free = next((number for number, taken in enumerate(rows) if taken <= start), len(rows))
        if free < MOST_LABEL_ROWS:
            rows[free : free + 1] = [max(start + room, x + width)]
        anchor = "start" if start == x else "end"
        label_x = x + 4 if anchor == "start" else right - 4
        row = free if free < MOST_LABEL_ROWS else -1
        bands.append(Band(round(x, 1), round(width, 1), row, label, round(label_x, 1), anchor, title))
    return bands


def _short(fault: FaultStretch, timeline: Timeline) -> str:
    """Return a fault's words; where they would be too many, the counts of its nodes."""
    if len(fault.text) <= LONGEST_LABEL:
        return fault.text
    verb = fault.text.split(" ", 1)[0]
    if fault.down:
        return f"{verb} {len(fault.down)} nodes"
    sides = [sum(word in timeline.nodes for word in side.split()) for side in fault.text.split("|")]
    if verb == "partition" and len(sides) > 1:
        return clip(f"partition {' | '.join(map(str, sides))} nodes", LONGEST_LABEL)
    return clip(fault.text, LONGEST_LABEL)


def _paths(
    steps: list[tuple[float, int | None]], samples: Sequence[Sample], x_of: Scale, y_of: Scale
) -> tuple[str, str, tuple[float, float] | None]:
    """Return the solid and the dotted path of a node's heights, and where they end."""
    solid: list[str] = []
    dotted: list[str] = []
    x = y = 0
    began = seen = False
    for at, rows in groupby(steps, key=lambda row: round(x_of(row[0]))):
        for height in _thinned([height for _t, height in rows]):
            if height is None:
                solid += [f"h{at - x}"] if seen and at > x else []
                x, seen = (at, False) if seen else (x, False)
                continue
            to = round(y_of(height))
            if seen:
                solid += [f"h{at - x}"] if at > x else []
                solid += [f"v{to - y}"] if to != y else []
            else:
                dotted += [f"M{x} {y}h{at - x}v{to - y}"] if began else []
                solid.append(f"M{at} {to}h0")
            x, y, began, seen = at, to, True, True
    if not began:
        return "", "", None
    end = max(round(x_of(samples[-1].t)), x)
    (solid if seen else dotted).append(f"h{end - x}" if seen else f"M{x} {y}h{end - x}")
    return "".join(solid), "".join(dotted), (end, y)


def _told(steps: list[tuple[float, int | None]]) -> str:
    """Return the changes of a height as a text; of very many, every second, third, ... of them."""
    every = steps[:: 1 + len(steps) // MOST_STEPS]
    return " ".join(f"{t:.1f}:{'' if height is None else height}" for t, height in every)


def _thinned(heights: list[int | None]) -> list[int | None]:
    """Return what is drawn of the heights within one unit of width: all if few, else lowest, highest and last."""
    if len(heights) <= 4:
        return heights
    seen = [height for height in heights if height is not None]
    return [min(seen), max(seen), seen[-1], *([None] if heights[-1] is None else [])]


def _merged(spans: Iterable[Span], x_of: Scale) -> tuple[tuple[float, float], ...]:
    """Return the spans as (x, width), at least 1 wide, those that touch as one."""
    found: list[list[int]] = []
    for start, end in sorted(spans):
        x = math.floor(x_of(start))
        to = max(math.ceil(x_of(end)), x + 1)
        if found and x <= found[-1][1]:
            found[-1][1] = max(found[-1][1], to)
        else:
            found.append([x, to])
    return tuple((x, to - x) for x, to in found)


def _lane(timeline: Timeline, node: str, style: str, y: float, x_of: Scale, faults: list[FaultStretch]) -> Lane:
    samples = timeline.of(node)
    silent = _merged(silences_of(samples), x_of)
    answers: list[str] = []
    if samples:
        at, end = math.floor(x_of(samples[0].t)), math.ceil(x_of(samples[-1].t))
        for x, width in silent:
            answers += [f"M{at} {y:g}H{x:g}"] if x > at else []
            at = max(at, int(x + width))
        answers += [f"M{at} {y:g}H{end}"] if end > at else []
    down = [
        (x_of(fault.begin), x_of(timeline.end if fault.end is None else fault.end))
        for fault in faults
        if node in fault.down
    ]
    words = []
    for x, width in silent:
        held_down = any(start - 2 <= x + width / 2 <= end + 2 for start, end in down)
        word = "down, no answer" if held_down else "no answer"
        if width > (len(word) + 2) * LETTER:
            words.append((round(x + width / 2, 1), (len(word) + 1) * LETTER, word))
    dotted = "".join(f"M{x:g} {y:g}h{width:g}" for x, width in silent)
    return Lane(clip(node, LONGEST_NAME), node, style, y, "".join(answers), dotted, tuple(words))


def _labels(
    ends: dict[str, tuple[float, float]],
    figures: dict[str, Figures],
    styles: dict[str, str],
    top: float,
    bottom: float,
) -> tuple[Label, ...]:
    """Place a label at the end of each line, or one for all lines that end side by side; none covers another."""
    nodes = sorted(ends, key=lambda node: ends[node][1])
    own = [node for node in nodes if styles[node] != REST]
    groups = [[node] for node in own] if len(own) <= FEW_NODES else []
    others = [node for node in nodes if [node] not in groups]
    groups += [list(rows) for _key, rows in groupby(others, key=lambda node: ends[node][1] // ROW)]
    groups.sort(key=lambda group: ends[group[0]][1])
    last = bottom - ROW * len(groups)
    labels: list[Label] = []
    above = top - ROW
    for number, group in enumerate(groups):
        from_y = sum(ends[node][1] for node in group) / len(group)
        above = min(max(from_y, above + ROW), last + ROW * (number + 1))
        heights = sorted(figures[node].last or 0 for node in group)
        span = f"{heights[0]}" if heights[0] == heights[-1] else f"{heights[0]} to {heights[-1]}"
        names = clip(group[0], LONGEST_NAME) if len(group) == 1 else f"{len(group)} nodes"
        style = styles[group[0]] if len(group) == 1 else REST
        from_x = max(ends[node][0] for node in group)
        title = clip(", ".join(group), 400)
        labels.append(Label(f"{names}: {span}", title, style, from_x, round(from_y, 1), round(above, 1)))
    return tuple(labels)


def _summary(timeline: Timeline, figures: tuple[Figures, ...], faults: list[FaultStretch]) -> str:
    seen = [row for row in figures if row.last is not None]
    sentences = [f"Heights of {len(figures)} nodes over {timeline.end - timeline.begin:.0f} s"]
    if seen:
        lowest, highest = min(row.first or 0 for row in seen), max(row.last or 0 for row in seen)
        sentences[0] += f", from {lowest} to {highest}"
    for fault in faults[:5]:
        end = f" to {fault.end:.0f} s" if fault.end is not None and fault.end > fault.begin else ""
        sentences.append(f"{clip(fault.text, LONGEST_LABEL)} at {fault.begin:.0f} s{end}")
    if len(faults) > 5:
        sentences.append(f"and {len(faults) - 5} more")
    return "; ".join(sentences) + "."
