"""What a timeline shows, as stretches of time: faults, silences, heights. It tells; it does not judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from prowl.reports.events import Event, Phase
from prowl.reports.timeline import Sample, Timeline

FRAME = "end"
PROOFS = {Phase.EFFECT, Phase.HEALED}


Span = tuple[float, float]


@dataclass(frozen=True)
class FaultStretch:
    """A stretch of ``begin`` to ``end`` seconds (None: not ended) with the events that made it; ``down`` its nodes.

    ``begin == end`` is a thing done or noted at an instant.
    """

    begin: float
    end: float | None
    text: str
    ended_by: str = ""
    down: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figures:
    """A node's part of a timeline in figures; ``stood_seconds`` is the longest time seen at one height."""

    node: str
    first: int | None
    last: int | None
    stood_seconds: float
    stood_at: int | None
    silent_seconds: float


def height_of(sample: Sample) -> int | None:
    """Return the height that a sample shows: of its newest block, else by RPC, else by the metric."""
    newest = sample.values.get("latest")
    seen = [newest[0] if isinstance(newest, list) and newest else None]
    seen += [sample.values.get("rpc_height"), sample.values.get("block_height")]
    for value in seen:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63:
            return int(value)  # NaN is not below anything
    return None


def faults_of(timeline: Timeline) -> list[FaultStretch]:
    """Return what was done to the cluster: each fault with its end, and whatever else is an instant."""
    found: list[FaultStretch] = []
    under_way: dict[int, tuple[Event, list[str]]] = {}  # by number: its first row, and whom it held down
    down: set[str] = set()  # whom faults hold down of whom no start was told yet
    for event in dict.fromkeys(timeline.events):
        over = event.over & under_way.keys()
        for number in sorted(over, key=lambda each: under_way[each][0].t):
            begun, held = under_way.pop(number)
            found.append(_fault(timeline, begun, held, event))
        run_again = down & {*event.started, *event.restarted, *event.resumed}
        down = {node for _begun, held in under_way.values() for node in held if node in down - run_again}
        if event.phase is Phase.INJECT and event.fault is not None:
            _begun, held = under_way.setdefault(event.fault, (event, []))
            held += [node for node in event.down if node not in held]
            down.update(event.down)
        elif not over | run_again and event.step != "launch" and event.words != FRAME and event.phase not in PROOFS:
            found.append(FaultStretch(event.t, event.t, event.words))
    found += [_fault(timeline, begun, held, None) for begun, held in under_way.values()]
    return sorted(found, key=lambda fault: fault.begin)


def _fault(timeline: Timeline, begun: Event, held: list[str], ended: Event | None) -> FaultStretch:
    down = tuple(node for node in timeline.nodes if node in held)
    return FaultStretch(begun.t, ended.t if ended else None, begun.words, ended.words if ended else "", down)


def silences_of(samples: Iterable[Sample]) -> list[Span]:
    """Return the stretches in which a node did not answer: from the first such sample to the next answer."""
    found: list[Span] = []
    since: float | None = None
    last = 0.0
    for sample in samples:
        last = sample.t
        if sample.answered and since is not None:
            found.append((since, sample.t))
            since = None
        elif not sample.answered and since is None:
            since = sample.t
    return found if since is None else [*found, (since, last)]


def steps_of(timeline: Timeline, node: str) -> list[tuple[float, int | None]]:
    """Return the changes of a node's height; None from where nothing was seen of it."""
    seen = [(sample.t, height_of(sample)) for sample in timeline.of(node)]
    seen += [(gap.t - gap.seconds, None) for gap in timeline.gaps if gap.node in (None, node)]
    seen.sort(key=lambda row: row[0])
    return [next(rows) for _height, rows in groupby(seen, key=lambda row: row[1])]


def figures_of(timeline: Timeline, node: str) -> Figures:
    """Return a node's part of a timeline in figures."""
    steps = steps_of(timeline, node)
    samples = timeline.of(node)
    seen = [height for _t, height in steps if height is not None]
    until = [*(t for t, _height in steps[1:]), samples[-1].t if samples else 0.0]
    stood = [(end - t, height) for (t, height), end in zip(steps, until, strict=False) if height is not None]
    seconds, at = max(stood, key=lambda row: row[0], default=(0.0, None))
    silent = sum(end - start for start, end in silences_of(samples))
    return Figures(node, seen[0] if seen else None, seen[-1] if seen else None, max(seconds, 0.0), at, silent)


def clip(text: str, most: int) -> str:
    """Return a text of at most so many letters, with an ellipsis where it was longer."""
    return text if len(text) <= most else text[: most - 1] + "…"
