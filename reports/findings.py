"""What a check says, and the message that a stranger reads at 3 a.m."""

from __future__ import annotations

from dataclasses import dataclass

from prowl.reports.verdicts import Result, Verdict


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
