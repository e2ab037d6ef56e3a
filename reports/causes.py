"""Causes: why several results are not held at once; and the findings of a run, each thing once, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from prowl.reports.findings import equal, ranked, whose
from prowl.reports.verdicts import Judgement, Result, Verdict, worst

MOST_NAMED = 3
MOST_THEN = 4


@dataclass(frozen=True)
class Cause:
    """What several results follow from; ``name`` is alike from day to day, ``sentence`` says what was seen of it.

    ``nodes`` are those that it is about, ``next`` is what to do, ``again`` the command that looks again.
    """

    name: str
    sentence: str
    next: str
    again: str
    nodes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the row of ``report.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Cause:
        """Read a row of ``report.json``; keys that this version does not know are left out."""
        words = {name: row[name] for name in cls.__dataclass_fields__ if name in row}
        return cls(**{**words, "nodes": tuple(words.get("nodes", ()))})


@dataclass(frozen=True)
class Finding:
    """One thing to look at: a cause with the results that follow from it, or equal results of several nodes.

    ``head`` says what it is about, ``observed`` what was seen; both are parts of one sentence.
    """

    verdict: Verdict
    head: str
    observed: str
    next: str
    again: str
    rows: tuple[Result, ...]
    cause: Cause | None = None

    @property
    def sentence(self) -> str:
        """Return the finding in one sentence."""
        return f"{self.head}: {self.observed}" if self.head else self.observed


def findings(results: Iterable[Result], causes: Sequence[Cause]) -> list[Finding]:
    """Return a finding for each cause and for each group of equal results that count, broken before unknown.

    Of one verdict, causes come first, those from which most follows before others.
    """
    counting = [row for row in ranked(results) if row.counts]
    by_cause = {cause.name: [row for row in counting if row.cause == cause.name] for cause in causes}
    found = [_of_cause(cause, by_cause[cause.name]) for cause in causes if by_cause[cause.name]]
    found.sort(key=lambda each: -len(each.rows))
    found += [_of_equal(rows) for rows in equal(row for row in counting if row.cause not in by_cause)]
    return sorted(found, key=lambda each: -each.verdict.severity)


def _of_cause(cause: Cause, rows: list[Result]) -> Finding:
    counts = {word: sum(row.verdict is word for row in rows) for word in (Verdict.BROKEN, Verdict.UNKNOWN)}
    counted = " and ".join(f"{count} {word}" for word, count in counts.items() if count)
    elsewhere = [row for row in rows if row.node not in cause.nodes]
    items = list(dict.fromkeys(row.item for row in elsewhere))
    also = f" (also {', '.join(items[:MOST_NAMED])}{_more(items)}{whose(elsewhere)})" if items and cause.nodes else ""
    sentence = f"{cause.sentence} -> {counted} follow{'s' if len(rows) == 1 else ''}{also}"
    return Finding(worst(row.verdict for row in rows), "", sentence, cause.next, cause.again, tuple(rows), cause)


def _more(items: Sequence[str]) -> str:
    return f" and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""


def _of_equal(rows: list[Result]) -> Finding:
    first = rows[0]
    again = first.again
    if len(rows) > 1 and first.node:
        again = again.replace(f" --node {first.node}", "")
    seen = list(dict.fromkeys(row.observed for row in rows))
    observed = story(first)
    if first.replay:
        again_held = first.replay == Verdict.HELD
        observed += f"; played again with the same seed it was {first.replay}{' (flaky)' if again_held else ''}"
    if len(seen) > 1:
        observed = f"{first.node}: {observed}; {len(seen) - 1} others alike"
    return Finding(first.verdict, f"{first.item}{whose(rows)}", observed, first.next, again, tuple(rows))


def story(result: Result) -> str:
    """Return what was seen: of a scenario that is not held, what was so first in time, and what came after it."""
    bad = [row for row in result.judgements if f"{row.invariant} {row.verdict}" in result.observed]
    if result.scenario is None or not bad:
        return result.observed
    since = [next(rows) for _name, rows in groupby(sorted(bad, key=lambda row: (row.invariant, row.begin)), _invariant)]
    since.sort(key=lambda row: (-row.verdict.severity, row.begin))
    first, *after = since
    nodes = {row.node: None for row in bad if row.invariant == first.invariant and row.node}
    on = f" on {', '.join(nodes)}" if nodes else ""
    then = ", ".join(
        f"{row.invariant}{'' if row.verdict is first.verdict else f' {row.verdict}'} since {row.begin:.0f} s"
        for row in after[:MOST_THEN]
    )
    observed = f"{first.invariant} {first.verdict}{on} since {first.begin:.1f} s: {first.observed}"
    return f"{observed}; then {then}" if then else observed


def _invariant(row: Judgement) -> str:
    return row.invariant
