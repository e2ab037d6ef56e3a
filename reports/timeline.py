"""The timeline: what was done and what was seen, one JSON line each, written as it happens.

The file's lines, in the order of ``t`` (seconds since the recording began):

``{"schema": 2, "kind": "header", ...}``
    First line of our own files; a recording without one is read with the defaults of :class:`Header`.
``{"t", "fault": N, "phase": ..., ...}``, ``{"t", "step": ..., ...}``, ``{"t", "event": "any text"}``
    What was done, and notes: see :mod:`prowl.reports.events`. ``t`` is when the action began. In files of schema 1, and
    in recordings without a header, every event is words, which :mod:`prowl.reports.recorded_words` reads.
``{"t", "node", ...}``
    One sample of one node: its metrics without the ``coc_`` prefix, ``latest: [height, hash, parent, finalized]``,
    ``fin: [height, hash]``, and what else a recorder saw (``rpc_height``, ``health``, ``miner``, ``stamp``,
    ``process`` (the kernel's word for what its process does), ``page_ms`` (how long the metrics page took, where
    that was over 50 ms), ``bft`` (what its BFT status says),
    ``voted: height`` of the newest block that the node is seen to have voted for, ``blocks: [[height, hash, parent,
    miner, stamp], ...]`` for the blocks since the sample before, ``twice: [address, ...]`` of whom the double votes are
    that the node has counted since then). A value that could not
    be read is left out, never 0. ``err`` without values (``process`` may stand beside it): the node did not
    answer.
    For those who look further: ``root`` (the latest block's state root), ``descriptors`` (files that its process has
    open), ``disk_bytes`` (what its stores hold).
``{"t", "load": {"accepted": [...], "included": [[hash, height], ...], "supply": [[height, "wei"], ...]}}``
    What became of the load since the row before: hashes of transactions that a node accepted; those found in a block,
    with its height; and the sum of all accounts at a height. ``"rivals": [[hash, ...], ...]`` are groups of accepted
    transactions of which a chain can hold exactly one, such as two with one nonce. With ``"final": true`` every one of
    them was asked for once more: what no row has found by then is in no block.
``{"t", "gap": seconds, "why": "..."}``
    The recorder itself was away until ``t`` for so long: its silence is not a node's. With ``node`` it could not look
    at that node alone (its rate limit refused the recorder, say). With ``"proxies": true`` somebody else had changed
    the proxies between the nodes: what the network did then, and what came of it, is not the run's doing.
``{"t", "node", "log": [...]}``
    Lines of a node's log, in older recordings: they are passed over.
``{"t", "rule", ...}``, ``{"t", "alert", "state", ...}``, ``{"t", "lacks", "seconds", ...}``, ``{"t", "watched"}``
    What a Prometheus saw, where one watched: see :mod:`prowl.reports.watched`. They are written once it was read, so
    their ``t`` may be earlier than that of lines before them.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from prowl.reports.events import Event, event_of
from prowl.reports.files import opened
from prowl.reports.recorded_words import translated
from prowl.reports.redaction import one_line, printable
from prowl.reports.samples import Sample, Samples, Track
from prowl.reports.timeline_lines import MOST_BYTES, TimelineError, is_time, rows, strange
from prowl.reports.timeline_size import too_large
from prowl.reports.watched import KEYS, NEVER_WATCHED, Watched, watched_of

__all__ = ["SCHEMA", "Gap", "Header", "Sample", "Timeline", "TimelineError", "TimelineWriter", "TransferCounts", "read"]

SCHEMA = 2
NO_SAMPLE = ("kind", "event", "fault", "step", "gap", "log", *KEYS)
WORDS_ONLY = 1  # up to this schema, what was done is told in words


@dataclass(frozen=True)
class Header:
    """What the judge must know besides the samples; the defaults are COC's documented time-outs, in seconds.

    ``stakes`` empty means that every node is a validator of the same stake; otherwise a node that is not in it has
    none. ``addresses`` gives a node's address as blocks name it in ``miner``. ``bft`` false: a longest-chain network,
    where blocks need no quorum. ``start_seconds``: how long a start may take until the node answers, which
    counts for no recovery. ``health_is_state`` false: ``health`` answers only that the process lives, and is not
    held against what is true of the network. ``also`` and ``breaks``: the invariants that the scenario names; where
    both are empty, all judge.
    """

    nodes: tuple[str, ...] = ()
    stakes: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    bft: bool = True
    health_is_state: bool = True
    round_timeout_seconds: float = 10.0
    dead_proposer_seconds: float = 65.0
    start_grace_seconds: float = 60.0
    heal_seconds: float = 125.0
    start_seconds: float = 0.0
    block_interval_seconds: float | None = None
    scenario: str = ""
    run: str = ""
    also: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gap:
    """The recorder saw nothing for ``seconds`` until ``t``; with ``node``, nothing of that one alone.

    ``proxies``: somebody else had changed the proxies between the nodes.
    """

    t: float
    seconds: float
    why: str
    node: str | None = None
    proxies: bool = False


@dataclass(frozen=True)
class TransferCounts:
    """What became of the load by ``t`` seconds, since the row before; ``final``: nothing more will be found.

    ``rivals`` are groups of accepted transactions of which a chain can hold exactly one; they are in ``accepted`` not.
    """

    t: float
    accepted: tuple[str, ...] = ()
    included: tuple[tuple[str, int], ...] = ()
    supply: tuple[tuple[int, int], ...] = ()
    rivals: tuple[tuple[str, ...], ...] = ()
    final: bool = False


@dataclass(frozen=True, eq=False)
class Timeline:
    """A whole recording: header, events, samples and gaps, each in the order of time; and what a Prometheus saw.

    Two are equal only if they are the same object, so that what is derived from one can be kept with it.
    """

    header: Header
    events: tuple[Event, ...]
    samples: Sequence[Sample]
    gaps: tuple[Gap, ...]
    transfers: tuple[TransferCounts, ...] = ()
    watched: Watched = NEVER_WATCHED

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes: the header's in its order, then others that were seen, sorted."""
        return (*self.header.nodes, *sorted(set(self._tracks) - set(self.header.nodes)))

    @cached_property
    def _tracks(self) -> dict[str, Track]:
        return (self.samples if isinstance(self.samples, Samples) else Samples(self.samples)).tracks

    @cached_property
    def begin(self) -> float:
        """Return the time of the first line in seconds; 0 for an empty recording."""
        firsts = [rows[0].t for rows in (self.events, self.gaps) if rows]
        return min([*firsts, *(track.times[0] for track in self._tracks.values())], default=0.0)

    @cached_property
    def end(self) -> float:
        """Return the time of the last line in seconds; 0 for an empty recording."""
        lasts = [rows[-1].t for rows in (self.events, self.gaps) if rows]
        return max([*lasts, *(track.times[-1] for track in self._tracks.values())], default=0.0)

    def of(self, node: str) -> Track:
        """Return the samples of one node."""
        return self._tracks.get(node) or Track(node)

    def starved_seconds(self, begin: float, end: float) -> float:
        """Return for how long, between two times, the recorder itself was away: what was slow then may be the machine.

        Gaps of one node alone do not count: the machine was well.
        """
        away = 0.0
        until = begin
        for gap in self._away:
            since = max(gap.t - gap.seconds, until)
            if since < min(gap.t, end):
                away += min(gap.t, end) - since
                until = min(gap.t, end)
        return away

    @cached_property
    def altered(self) -> Gap | None:
        """The first gap in which somebody else had changed the proxies."""
        return next((gap for gap in self.gaps if gap.proxies), None)

    @cached_property
    def _away(self) -> tuple[Gap, ...]:
        return tuple(sorted((gap for gap in self.gaps if gap.node is None), key=lambda gap: gap.t - gap.seconds))


class TimelineWriter:
    """Appends lines to a timeline file; each is flushed, so that a killed run leaves all but the line under way."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._line({"schema": SCHEMA, "kind": "header", **asdict(header)})

    def _line(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row, separators=(",", ":")) + "\n")
        self._file.flush()

    def event(self, event: Event) -> None:
        """Write what is being done, or a note."""
        self._line(event.as_row())

    def sample(self, t: float, node: str, values: dict[str, Any]) -> None:
        """Write what a node answered."""
        self._line({"t": round(t, 3), "node": node, **values})

    def error(self, t: float, node: str, error: str, process: str | None = None) -> None:
        """Write that a node did not answer, and what its process was seen to do."""
        seen = {} if process is None else {"process": process}
        self._line({"t": round(t, 3), "node": node, "err": error, **seen})

    def gap(self, t: float, seconds: float, why: str, node: str | None = None, *, proxies: bool = False) -> None:
        """Write that the recorder was away for so many seconds until now, or could not look at one node.

        ``proxies``: or that somebody else had changed the proxies.
        """
        whose = {**({} if node is None else {"node": node}), **({"proxies": True} if proxies else {})}
        self._line({"t": round(t, 3), "gap": round(seconds, 3), "why": why, **whose})

    def transfers(self, row: TransferCounts) -> None:
        """Write what became of the load."""
        supply = [[height, str(wei)] for height, wei in row.supply]
        body = {
            "accepted": row.accepted,
            "included": row.included,
            "supply": supply,
            "rivals": row.rivals,
            "final": row.final,
        }
        self._line({"t": round(row.t, 3), "load": {name: value for name, value in body.items() if value}})

    def watched(self, row: dict[str, Any]) -> None:
        """Write a row of what a Prometheus saw."""
        self._line(row)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> Timeline:
    """Read a timeline, packed with gzip or not; a last line that was cut short by a kill is left out.

    Raises TimelineError, with a sentence, for a file that can't be read, has no samples, or is of a newer schema.
    """
    try:
        with opened(path, MOST_BYTES) as packed:
            plain: gzip.GzipFile | BinaryIO = gzip.GzipFile(fileobj=packed) if path.suffix == ".gz" else packed
            return _read(one_line(str(path)), io.TextIOWrapper(plain, "utf-8", "replace", newline="\n"))
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or printable(error)
        raise TimelineError(f"The timeline {one_line(str(path))} can't be read: {why}.") from error


def _read(path: str, file: TextIO) -> Timeline:
    header: Header | None = None
    schema = WORDS_ONLY
    events: list[Event] = []
    samples = Samples()
    gaps: list[Gap] = []
    transfers: list[TransferCounts] = []
    seen: list[dict[str, Any]] = []
    for number, row in rows(path, file):
        try:
            if "node" in row and row.keys().isdisjoint(NO_SAMPLE):
                _add(samples, row)
            elif row.get("kind") == "header":
                header, schema = _header(path, row), int(row["schema"])
            elif any(key in row for key in KEYS):
                watched_of([row])
                seen.append(row)
            elif "event" in row:
                events.append(Event(float(row["t"]), str(row["event"])))
            elif "fault" in row or "step" in row:
                events.append(event_of(row))
            elif "gap" in row:
                gaps.append(_gap(row))
            elif "load" in row and "node" not in row:
                transfers.append(_transfers(row))
        except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise strange(number, path, error) from error
    samples.close()
    if not samples:
        raise TimelineError(f"The timeline {path} holds no sample of any node: there is nothing to judge.")
    timeline = Timeline(
        header or Header(),
        tuple(sorted(events, key=lambda event: event.t)),
        samples,
        tuple(sorted(gaps, key=lambda gap: gap.t)),
        tuple(sorted(transfers, key=lambda each: each.t)),
        watched_of(seen),
    )
    if schema <= WORDS_ONLY and not too_large(timeline):
        timeline = replace(timeline, events=translated(timeline.events, timeline.nodes))
    if said := too_large(timeline):
        raise TimelineError(f"The timeline {path} has {said}.")
    return timeline


def _add(samples: Samples, row: dict[str, Any]) -> None:
    error, process = row.pop("err", None), row.pop("process", None)
    t, node = float(row.pop("t")), str(row.pop("node"))
    samples.add(t, node, row, None if error is None else str(error), None if process is None else str(process))


def _transfers(row: dict[str, Any]) -> TransferCounts:
    body = row["load"]
    if not isinstance(body, dict) or not isinstance(body.get("final", False), bool):
        raise ValueError("load is an object with accepted, included, supply and final")
    included = tuple((str(name), int(height)) for name, height in body.get("included", ()))
    supply = tuple((int(height), int(wei)) for height, wei in body.get("supply", ()))
    accepted = tuple(str(name) for name in body.get("accepted", ()))
    rivals = tuple(tuple(str(name) for name in group) for group in body.get("rivals", ()))
    return TransferCounts(float(row["t"]), accepted, included, supply, rivals, body.get("final", False))


def _gap(row: dict[str, Any]) -> Gap:
    node = row.get("node")
    name, proxies = None if node is None else str(node), row.get("proxies") is True
    return Gap(float(row["t"]), float(row["gap"]), str(row.get("why", "")), name, proxies)


def _is_table(value: object, kind: type) -> bool:
    """Whether a value is an object whose values are all of a kind."""
    return isinstance(value, dict) and all(isinstance(each, kind) and each is not True for each in value.values())


def _header(path: str, row: dict[str, Any]) -> Header:
    schema = row.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise TimelineError(
            f"The timeline {path} is of schema {schema}; this version reads up to {SCHEMA}. "
            "Judge it with a newer Prowl."
        )
    values = {name: row[name] for name in Header.__dataclass_fields__ if name in row}
    values["nodes"] = tuple(str(node) for node in values.get("nodes", ()))
    if not _is_table(values.get("stakes", {}), int) or any(stake < 0 for stake in values.get("stakes", {}).values()):
        raise ValueError("stakes of the header is an object of node names and whole numbers")
    if not _is_table(values.get("addresses", {}), str):
        raise ValueError("addresses of the header is an object of node names and addresses")
    for name in ("bft", "health_is_state"):
        if not isinstance(values.get(name, True), bool):
            raise ValueError(f"{name} of the header is true or false")
    for name in (
        "round_timeout_seconds",
        "dead_proposer_seconds",
        "start_grace_seconds",
        "heal_seconds",
        "start_seconds",
    ):
        if name in values and not (is_time(values[name]) and values[name] >= 0):
            raise ValueError(f"{name} of the header is a number of seconds")
    for name in ("also", "breaks"):
        names = values.get(name, [])
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise ValueError(f"{name} of the header is a list of names of invariants")
        values[name] = tuple(names)
    interval = values.get("block_interval_seconds")
    if interval is not None and not (is_time(interval) and interval > 0):
        raise ValueError("block_interval_seconds of the header is a number of seconds above 0, or null")
    return Header(**values)
