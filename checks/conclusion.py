"""What a scenario concludes from its judged timeline and from its steps; its run and ``prowl judge`` ask here. Pure.

Safety (agreement, finality, linkage, ...) judges every scenario, named or not, and always has a row. A broken row of
the invariants in ``GUARDS`` breaks every scenario, too, but no row of them says nothing. What a literal names besides
is the liveness that it is about: if none of it got a row, the scenario says nothing about its promise. Nor does it
where the network was not seen to get into the state that its faults were to bring about (``REACHED``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from prowl.checks.invariants import Judgement, invariants
from prowl.reports.verdicts import Verdict, worst

GUARDS = ("equivocation", "no-progress-without-quorum", "state", "unharmed")
REACHED = "reached"


class Literal(Protocol):
    """What a scenario names, as its literal and the header of its timeline have it."""

    @property
    def also(self) -> tuple[str, ...]:
        """The liveness that it is about."""

    @property
    def breaks(self) -> tuple[str, ...]:
        """What may break; the first must."""


@dataclass(frozen=True)
class Conclusion:
    """The verdict, and what decided it, in short sentences."""

    verdict: Verdict
    reasons: tuple[str, ...]


def safety() -> tuple[str, ...]:
    """Return the names of the invariants that always judge."""
    return tuple(each.name for each in invariants() if each.safety)


def liveness() -> tuple[str, ...]:
    """Return the names of the invariants that a literal may name."""
    return tuple(each.name for each in invariants() if not each.safety and each.name not in {*GUARDS, REACHED})


def counted(scenario: Literal, rows: Sequence[Judgement]) -> list[Judgement]:
    """Return the rows that a scenario asks for; a guard's, unless they say nothing."""
    verdicts = _by_name(rows)
    guards = [name for name in GUARDS if verdicts.get(name) is not Verdict.UNKNOWN]
    names = {*safety(), *guards, REACHED, *scenario.also, *scenario.breaks}
    return [row for row in rows if row.invariant in names]


def conclude(scenario: Literal, rows: Sequence[Judgement], troubles: Iterable[str]) -> Conclusion:
    """Return what a scenario's rows come to; ``troubles`` are steps that did not come to their end."""
    failed = tuple(troubles)
    found = _negative(scenario, rows, failed) if scenario.breaks else _positive(scenario, rows)
    if failed and not scenario.breaks:
        others = [each for each in found.reasons if not any(each.partition(" s: ")[2] in words for words in failed)]
        found = Conclusion(worst([found.verdict, Verdict.UNKNOWN]), (*failed, *others))
    return found


def _by_name(rows: Sequence[Judgement]) -> dict[str, Verdict]:
    names = dict.fromkeys(row.invariant for row in rows)
    return {name: worst(row.verdict for row in rows if row.invariant == name) for name in names}


def _positive(scenario: Literal, rows: Sequence[Judgement]) -> Conclusion:
    verdicts = dict.fromkeys(safety(), Verdict.UNKNOWN) | _by_name(counted(scenario, rows))
    reasons = [_reason(name, verdict, rows) for name, verdict in verdicts.items() if verdict is not Verdict.HELD]
    if not verdicts.keys() & set(scenario.also):
        names = ", ".join(scenario.also)
        return Conclusion(
            worst([*verdicts.values(), Verdict.UNKNOWN]),
            (*reasons, f"nothing was seen that {names} could be judged by"),
        )
    return Conclusion(worst(verdicts.values()), tuple(reasons))


def _negative(scenario: Literal, rows: Sequence[Judgement], failed: tuple[str, ...]) -> Conclusion:
    """Held if the first invariant that is to break is broken, and no invariant outside the list is.

    That it held is a finding only where the faults had their effect.
    """
    verdicts = _by_name(rows)
    first = scenario.breaks[0]
    outside = [
        name
        for name in dict.fromkeys((*safety(), *GUARDS, *scenario.also))
        if name not in scenario.breaks and verdicts.get(name) is Verdict.BROKEN
    ]
    if outside:
        return Conclusion(Verdict.BROKEN, (*failed, *(_reason(name, Verdict.BROKEN, rows) for name in outside)))
    if failed:
        return Conclusion(Verdict.UNKNOWN, failed)
    seen = verdicts.get(first, Verdict.UNKNOWN)
    if seen is Verdict.BROKEN:
        return Conclusion(Verdict.HELD, (f"{_reason(first, seen, rows)}, as it must",))
    if verdicts.get(REACHED) is Verdict.UNKNOWN:
        first = REACHED
    elif seen is Verdict.HELD:
        return Conclusion(Verdict.BROKEN, (f"{first} was to break and held",))
    return Conclusion(Verdict.UNKNOWN, (_reason(first, Verdict.UNKNOWN, rows),))


def _reason(name: str, verdict: Verdict, rows: Sequence[Judgement]) -> str:
    """Say which invariant is not held, on which nodes, since when, and what was seen first."""
    bad = sorted((row for row in rows if row.invariant == name and row.verdict is verdict), key=lambda row: row.begin)
    if not bad:
        return f"{name} {verdict}: nothing was seen that it could be judged by"
    nodes = ", ".join(dict.fromkeys(row.node for row in bad if row.node))
    return f"{name} {verdict}{f' on {nodes}' if nodes else ''} since {bad[0].begin:.1f} s: {bad[0].observed}"
