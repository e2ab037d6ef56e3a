"""The invariants: pure judgements of a saved timeline, one file each.

A file of this folder that assigns an :class:`Invariant` to ``INVARIANT`` is one; nothing else has to be told about
it. ``judge`` runs them all and needs no cluster, so that a timeline can be judged again at any time.

    >>> from prowl.reports.timeline import read
    >>> judge(read(Path(".prowl/runs/.../timeline.jsonl")))  # doctest: +SKIP
    [Judgement(invariant='agreement', promise='...', verdict=<Verdict.HELD: 'held'>, node=None, ...), ...]
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from prowl.reports.timeline import Timeline
from prowl.reports.verdicts import Judgement, Verdict, worst

__all__ = ["Invariant", "Judgement", "Verdict", "as_json", "invariants", "judge", "worst"]

CRASHED = "the invariant itself failed"


@dataclass(frozen=True)
class Invariant:
    """A promise about every timeline, and the pure function that judges it.

    ``look`` returns a row for the network or one for each node; none where the timeline gave no occasion. A safety
    invariant always has a row.
    """

    name: str
    promise: str
    look: Callable[[Timeline], list[Judgement]]
    safety: bool = False

    def judge(self, timeline: Timeline) -> list[Judgement]:
        """Judge a timeline; an invariant that crashes says *unknown* and names the exception, and never raises."""
        try:
            rows = self.look(timeline)
        except Exception as error:  # noqa: BLE001 - a crashed oracle is a verdict: unknown
            return [self._unknown(timeline, f"{CRASHED}: {type(error).__name__}: {error}")]
        if self.safety and not rows:
            return [self._unknown(timeline, "nothing was seen that it could be judged by")]
        return [self._undisturbed(timeline, row) for row in rows]

    def _undisturbed(self, timeline: Timeline, row: Judgement) -> Judgement:
        """Return a row as it is, or as unknown where somebody else changed the proxies.

        What was broken before stays, and so does safety: no network may make BFT nodes disagree.
        """
        gap = timeline.altered
        if gap is None or (self.safety and timeline.header.bft):
            return row
        if row.verdict is Verdict.BROKEN and row.end < gap.t - gap.seconds:
            return row
        observed = f"{gap.why} (from {max(0.0, gap.t - gap.seconds):.1f} s on); {row.observed}"
        return replace(row, verdict=Verdict.UNKNOWN, observed=observed)

    def row(
        self, verdict: Verdict, begin: float, end: float, observed: str, node: str | None = None, promise: str = ""
    ) -> Judgement:
        """Return a row of this invariant; ``promise`` where only a part of it can be judged."""
        return Judgement(self.name, promise or self.promise, verdict, node, begin, end, observed)

    def _unknown(self, timeline: Timeline, observed: str) -> Judgement:
        return self.row(Verdict.UNKNOWN, timeline.begin, timeline.end, observed)


@cache
def invariants() -> tuple[Invariant, ...]:
    """Return every invariant of this folder: those of safety first, then by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    found = [module.INVARIANT for module in modules if isinstance(getattr(module, "INVARIANT", None), Invariant)]
    return tuple(sorted(found, key=lambda each: (not each.safety, each.name)))


def judge(timeline: Timeline, only: Collection[str] | None = None) -> list[Judgement]:
    """Judge a timeline by all invariants, or by those named; KeyError with the name of one that there is not."""
    if only is not None:
        names = {invariant.name for invariant in invariants()}
        for name in only:
            if name not in names:
                raise KeyError(f"There is no invariant called {name!r}; there are {', '.join(sorted(names))}.")
    chosen = [invariant for invariant in invariants() if only is None or invariant.name in only]
    return [row for invariant in chosen for row in invariant.judge(timeline)]


def as_json(rows: Iterable[Judgement]) -> dict[str, Any]:
    """Return what ``prowl judge --json`` prints."""
    return {"verdicts": [row.as_json() for row in rows]}
