"""The gate in front of an upgrade: go or no-go from a run's results, with the first reason first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from prowl.reports.findings import on
from prowl.reports.verdicts import NotAsked, Result, Verdict, Waiver

MOST_REASONS = 50
NOT_TRIED = "the upgrade itself was not tried"


@dataclass(frozen=True)
class Demands:
    """What a gate must have seen: its items, in the order in which a no-go is told, each on every one of the nodes.

    An item of the whole network is seen once. ``tried`` says which upgrade the gate tries in a cluster of its own ("":
    none, and it decides on readiness alone; with ``strict`` that is no-go).
    """

    order: Sequence[str]
    nodes: Sequence[str] = ()
    tried: str = ""
    strict: bool = False


@dataclass(frozen=True)
class Gate:
    """A decision: its sentence, every reason for a no-go, what was looked at, and what was waived."""

    go: bool
    sentence: str
    reasons: tuple[str, ...] = ()
    looked_at: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in ``report.json`` under ``run``."""
        return asdict(self)


def decide(
    demands: Demands, results: Iterable[Result], not_asked: Iterable[NotAsked], target: str, partial: bool = False
) -> Gate:
    """Decide by the items of the gate, in their order: all must be held or waived.

    Unknown, not asked, and an item that was left out (by -k, by --node, ...) are no-go as broken is.
    """
    mine = {item: place for place, item in enumerate(demands.order)}
    rows = sorted((row for row in results if row.item in mine), key=lambda row: mine[row.item])
    unasked = [row for row in not_asked if row.item in mine]
    faults: list[tuple[Result | NotAsked, str]] = []
    faults += [(row, f"is {row.verdict}: {row.observed}") for row in rows if row.verdict is not Verdict.HELD]
    faults += [(row, f"was not asked: {row.reason}") for row in unasked]
    waived = _grouped((row, f"{text} ({_until(row.waiver)})") for row, text in faults if row.waiver is not None)
    found = [(mine[item], text) for item, text in _grouped(each for each in faults if each[0].waiver is None)]
    found += [(mine[item], text) for item, text in _left_out(demands, [*rows, *unasked])]
    found += [(-1, "the run was cut short")] if partial else []
    found += [(len(mine), f"{NOT_TRIED} (--strict)")] if demands.strict and not demands.tried else []
    reasons = tuple(reason for _place, reason in sorted(found, key=lambda each: each[0]))
    excused = sum(row.waiver is not None for row, _text in faults)
    sentence = f"{_sentence(reasons, rows, excused, target)}; {demands.tried or NOT_TRIED}"
    return Gate(not reasons, sentence, reasons[:MOST_REASONS], _looked(rows), tuple(text for _item, text in waived))


def _grouped(pairs: Iterable[tuple[Result | NotAsked, str]]) -> list[tuple[str, str]]:
    """Return items with a sentence each; what is the same on several nodes is said once."""
    nodes: dict[tuple[str, str], list[str]] = {}
    for row, text in pairs:
        nodes.setdefault((row.item, text), []).append(row.node or "")
    return [(item, f"{item}{on(names)} {text}") for (item, text), names in nodes.items()]


def unfinished(demands: Demands, target: str) -> Gate:
    """Return the decision that stands until there is another: whoever finds it finds a gate that was ended."""
    reason = "the gate has not come to its end"
    return Gate(False, f"NO-GO for {target}: {reason}; {demands.tried or NOT_TRIED}", (reason,))


def _left_out(demands: Demands, seen: Iterable[Result | NotAsked]) -> Iterator[tuple[str, str]]:
    """Yield each item that was not seen, or not on all nodes, and a sentence about it."""
    where: dict[str, set[str | None]] = {item: set() for item in demands.order}
    for row in seen:
        where[row.item].add(row.node)
    for item, names in where.items():
        missing = [name for name in demands.nodes if name not in names]
        if not names:
            yield item, f"{item} was left out of this run"
        elif missing and None not in names:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            yield item, f"{item} on {missing[0]}{more} was left out of this run"


def _until(waiver: Waiver) -> str:
    return f"waived until {waiver.expires}: {waiver.reason}"


def _sentence(reasons: Sequence[str], rows: Sequence[Result], waived: int, target: str) -> str:
    if reasons:
        more = len(reasons) - 1
        others = f" (and {more} more reason{'s' if more > 1 else ''})" if more else ""
        return f"NO-GO for {target}: {reasons[0]}{others}"
    nodes = {row.node for row in rows if row.node}
    but = f", but for {waived} that are waived" if waived else ""
    return f"GO for {target}: {len(rows)} results on {len(nodes)} nodes are held{but}"


def _looked(rows: Iterable[Result]) -> tuple[str, ...]:
    """Return a line an item: on how many nodes it was looked at, and what was seen on the first."""
    items: dict[str, list[Result]] = {}
    for row in rows:
        items.setdefault(row.item, []).append(row)
    return tuple(
        f"{item}{f' on {len(group)} nodes' if group[0].node else ''}: {group[0].observed}"
        for item, group in items.items()
    )
