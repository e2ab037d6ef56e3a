"""The three verdicts, their order, and the result that carries one.

``held < unknown < broken``: a thing that could not be seen is never held, and a broken promise outweighs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What is claimed of one promise."""

    HELD = "held"
    UNKNOWN = "unknown"
    BROKEN = "broken"

    @property
    def severity(self) -> int:
        """0 for held, 1 for unknown, 2 for broken."""
        return ("held", "unknown", "broken").index(self.value)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe of the verdicts; of none at all, *unknown*: nothing was seen."""
    return max(verdicts, key=lambda verdict: verdict.severity, default=Verdict.UNKNOWN)


@dataclass(frozen=True)
class Drift:
    """A promise that is kept at another address or name than the manual's."""

    manual: str
    node: str


@dataclass(frozen=True)
class Waiver:
    """An operator's word that a result is known and accepted until a day (ISO date)."""

    reason: str
    expires: str


@dataclass(frozen=True)
class Judgement:
    """What one invariant says of a timeline, or of one node of it: a row of ``prowl judge --json``.

    ``begin`` and ``end`` (``from`` and ``to`` in JSON) are seconds of the timeline: the stretch that decided, or all
    that was looked at. ``node`` is None where the judgement is the whole network's.
    """

    invariant: str
    promise: str
    verdict: Verdict
    node: str | None
    begin: float
    end: float
    observed: str

    def as_json(self) -> dict[str, Any]:
        """Return the row of ``prowl judge --json``."""
        return {
            "invariant": self.invariant,
            "promise": self.promise,
            "verdict": self.verdict.value,
            "node": self.node,
            "from": round(self.begin, 3),
            "to": round(self.end, 3),
            "observed": self.observed,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Judgement:
        """Read what :meth:`as_json` gave."""
        verdict, begin, end = Verdict(row["verdict"]), float(row["from"]), float(row["to"])
        return cls(row["invariant"], row["promise"], verdict, row["node"], begin, end, row["observed"])


@dataclass(frozen=True)
class Result:
    """One verdict of one run, as it stands in ``report.json`` under ``results``.

    ``item`` is the catalogue's id; ``node`` or ``scenario`` says whose it is; ``expected`` and ``observed`` are
    sentences; ``evidence`` holds lines or paths; ``judgements`` are what the invariants say of a scenario's timeline,
    ``figures`` what was measured of it (seconds, by name);
    ``manual``, ``next`` and ``again`` are the finding's other lines; ``cause`` names what it follows from, if that is
    seen; ``replay`` is the verdict of a second play with the same seed, which changes nothing.
    """

    item: str
    verdict: Verdict
    promise: str
    expected: str
    observed: str
    node: str | None = None
    scenario: str | None = None
    advisory: bool = False
    drift: Drift | None = None
    waiver: Waiver | None = None
    evidence: tuple[str, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    manual: str = ""
    next: str = ""
    again: str = ""
    cause: str = ""
    replay: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the row for ``report.json``, of plain values only: it also travels from xdist's workers."""
        parts = {"drift": self.drift, "waiver": self.waiver}
        plain = {name: vars(part) if part is not None else None for name, part in parts.items()}
        judgements = [row.as_json() for row in self.judgements]
        return {**vars(self), **plain, "verdict": self.verdict.value, "judgements": judgements}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Result:
        """Read a row of ``report.json``; keys that this version does not know are left out."""
        values = {name: row[name] for name in cls.__dataclass_fields__ if name in row}
        values["verdict"] = Verdict(values["verdict"])
        values["drift"] = Drift(**values["drift"]) if values.get("drift") else None
        values["waiver"] = Waiver(**values["waiver"]) if values.get("waiver") else None
        values["evidence"] = tuple(values.get("evidence", ()))
        values["judgements"] = tuple(Judgement.from_json(each) for each in values.get("judgements", ()))
        return cls(**values)

    @property
    def counts(self) -> bool:
        """Whether this result fails the run: not held, and neither waived nor advisory."""
        return self.verdict is not Verdict.HELD and not self.advisory and self.waiver is None


@dataclass(frozen=True)
class NotAsked:
    """An item that the target declares it does not offer, with the reason; a gate asks for a waiver of it."""

    item: str
    reason: str
    node: str | None = None
    waiver: Waiver | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row for ``report.json``, of plain values only."""
        return {**vars(self), "waiver": vars(self.waiver) if self.waiver is not None else None}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> NotAsked:
        """Read a row of ``report.json``."""
        waiver = row.get("waiver")
        return cls(row["item"], row["reason"], row.get("node"), Waiver(**waiver) if waiver else None)


@dataclass
class Totals:
    """How many results of a run stand where."""

    held: int = 0
    unknown: int = 0
    broken: int = 0
    advisory: int = 0
    waived: int = 0
    not_asked: int = field(default=0)

    @classmethod
    def of(cls, results: Iterable[Result], not_asked: Iterable[NotAsked] = ()) -> Totals:
        """Count; a result that is advisory or waived counts there and not under its verdict."""
        totals = cls(not_asked=sum(1 for _ in not_asked))
        for result in results:
            if result.waiver is not None:
                totals.waived += 1
            elif result.advisory and result.verdict is not Verdict.HELD:
                totals.advisory += 1
            else:
                setattr(totals, result.verdict.value, getattr(totals, result.verdict.value) + 1)
        return totals
