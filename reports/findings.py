"""What a check says, the message that a stranger reads at 3 a.m., and results in the order in which they matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prowl.reports.verdicts import NotAsked, Result, Verdict

MOST_NODES_NAMED = 6
LEAST_SPENT = 5
# What matters first; an item of another chapter comes after these.
CHAPTERS = ("daily", "truth", "validators", "recovery", "gate", "upgrade", "alerts", "backup")
RECOVERED, ALLOWED = "recovered_seconds", "recovery_allowed_seconds"  # figures of a scenario
# on what a scenario spends its time: room for its nodes, their start, and so on
SPENT = ("wait", "start", "gate", "faults", "hold", "operator", "confirmation", "alerts", "recovery", "load")
WHOLE = "network"  # whose a result is that is no node's


@dataclass(frozen=True)
class Claim:
    """What a check looked for and what it saw; both are sentences or figures with their units."""

    expected: str
    observed: str
    drift: tuple[str, str] | None = None


class NotHeld(Exception):  # noqa: N818 - it is a verdict, not an error of the program
    """A check's verdict other than held; ``claim`` says what was expected and seen."""

    verdict = Verdict.UNKNOWN

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"expected {claim.expected}; observed {claim.observed}")
        self.claim = claim


class Unknown(NotHeld):
    """It could not be seen whether the promise holds."""


class Broken(NotHeld):
    """The promise does not hold."""

    verdict = Verdict.BROKEN


def message(result: Result) -> str:
    """Return the finding as a message of a few lines: what, where, the manual, expected, observed, next, again."""
    whose = result.node or result.scenario
    head = f"{result.verdict.upper()} {result.item}" + (
        f" on {whose}" if result.node else f" in {whose}" if whose else ""
    )
    if result.waiver is not None:
        head += f" (waived until {result.waiver.expires}: {result.waiver.reason})"
    rows = [
        ("manual", result.manual),
        ("expected", result.expected),
        ("observed", result.observed),
        ("drift", f"the manual says {result.drift.manual}; the node: {result.drift.node}" if result.drift else ""),
        *(("evidence", line) for line in result.evidence),
        ("next", result.next),
        ("again", result.again),
    ]
    return "\n".join([f"{head}: {result.promise}", *(f"  {name:<9} {text}" for name, text in rows if text)])


def ranked(results: Iterable[Result]) -> list[Result]:
    """Return results, the worst first: those that count before others, broken before unknown, the manual's order."""
    return sorted(results, key=lambda row: (not row.counts, -row.verdict.severity, *_place(row)))


def _place(row: Result) -> tuple[int, list[tuple[int, str]], list[tuple[int, str]]]:
    chapter = row.item.partition("/")[0]
    number = CHAPTERS.index(chapter) if chapter in CHAPTERS else len(CHAPTERS)
    return number, natural(row.item), natural(row.node or row.scenario or WHOLE)


def natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts node-2 before node-10."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"([0-9]{1,18})", text)]


def equal(results: Iterable[Result]) -> list[list[Result]]:
    """Return results in groups, each of one item and verdict: what is the same on several nodes is said once.

    The groups have the order of their first results. A scenario's result is alone.
    """
    groups: dict[object, list[Result]] = {}
    for row in results:
        key = (row.item, row.scenario, row.verdict, row.advisory, row.waiver, row.expected if row.node else None)
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def whose(rows: Iterable[Result]) -> str:
    """Return on which nodes, or in which scenario, results were found: " on node-1, node-2", or nothing."""
    rows = list(rows)
    scenarios = [row.scenario for row in rows if row.scenario]
    return f" in {scenarios[0]}" if scenarios else on(row.node or "" for row in rows)


def on(names: Iterable[str]) -> str:
    """Return " on node-1, node-2", shortened where they are many, or nothing where no node is named."""
    told = [name for name in dict.fromkeys(names) if name]
    if not told:
        return ""
    more = f" and {len(told) - MOST_NODES_NAMED} more" if len(told) > MOST_NODES_NAMED else ""
    return " on " + ", ".join(told[:MOST_NODES_NAMED]) + more


def not_asked_lines(rows: Iterable[NotAsked]) -> list[str]:
    """Return a line for each reason and the nodes that it concerns, with all items."""
    nodes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        nodes.setdefault((row.item, row.reason), []).append(row.node or "")
    items: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (item, reason), names in nodes.items():
        items.setdefault((reason, tuple(names)), []).append(item)
    return [f"{', '.join(listed)}{on(names)}: {reason}" for (reason, names), listed in items.items()]


def without_chance(text: str) -> str:
    """Return a text without what differs from node to node and from look to look: process numbers and times."""
    return re.sub(r" ?\(at \d\d:\d\d:\d\dZ\)", "", re.sub(r"\bprocess \d+ ", "the process ", text))


def measured(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Return what was measured of these results as a table: the heads, and for each result a cell a head.

    A recovery is shown with its share of what it may take.
    """
    names = sorted({name for row in results for name in row.figures} - {ALLOWED})
    heads = [name.removesuffix("_seconds").replace("_", " ") for name in names]
    return heads, [[_figure(row, name) for name in names] for row in results]


def _figure(result: Result, name: str) -> str:
    figure = result.figures.get(name)
    if figure is None:
        return ""
    allowed = result.figures.get(ALLOWED) if name == RECOVERED else None
    share = f" ({figure / allowed:.0%})" if allowed else ""
    return f"{figure:.1f} s{share}" if name.endswith("_seconds") else f"{figure:g}"


def spent(results: Iterable[Result]) -> list[str]:
    """Return on what the scenarios spent their time, the most first; [] if few were played."""
    played = [row for row in results if row.scenario is not None and row.figures]
    if len(played) < LEAST_SPENT:
        return []
    sums = {what: sum(row.figures.get(f"{what}_seconds", 0.0) for row in played) for what in SPENT}
    told = [
        f"{what} {seconds:.0f} s" for what, seconds in sorted(sums.items(), key=lambda one: -one[1]) if seconds >= 1
    ]
    return [f"  {len(played)} scenarios took {sum(row.seconds for row in played):.0f} s: {', '.join(told)}"]
