"""What changed: what is newly not held, what is held again, and what still is not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prowl.reports.causes import findings
from prowl.reports.run import Report
from prowl.reports.verdicts import Result

MOST_NAMED = 4

Key = tuple[str, str]


@dataclass(frozen=True)
class Changes:
    """Results of a run beside what they were before: newly not held, held again, still not held."""

    new: tuple[Result, ...]
    fixed: tuple[Result, ...]
    still: tuple[Result, ...]

    def sentence(self, report: Report, since: str) -> str:
        """Return it in one sentence, each thing by the name of its cause, or of its item."""
        if not (self.new or self.fixed or self.still):
            return f"since {since}: nothing was broken or unknown, and nothing is"
        parts = [f"{len(self.new)} new ({_names(self.new, report)})" if self.new else "nothing new"]
        parts += [f"{len(self.fixed)} fixed ({_names(self.fixed, report)})"] if self.fixed else []
        parts += [f"{len(self.still)} still not held"] if self.still else []
        return f"since {since}: {', '.join(parts)}"


def _names(rows: Iterable[Result], report: Report) -> str:
    rows = list(rows)
    causes = {cause.name: cause for cause in report.causes}
    names = [each.cause.name if each.cause else each.head for each in findings(rows, list(causes.values()))]
    names += [row.item + (f" on {row.node}" if row.node else "") for row in rows if not row.counts]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def key(row: Result) -> Key:
    """Return by what a result is found again in another run."""
    return row.item, row.node or row.scenario or ""


def changes(results: Iterable[Result], before: Mapping[Key, bool]) -> Changes:
    """Compare results with whether each counted as not held before; what was never seen before is new."""
    rows = list(results)
    counting = [row for row in rows if row.counts]
    return Changes(
        tuple(row for row in counting if not before.get(key(row), False)),
        tuple(row for row in rows if not row.counts and before.get(key(row), False)),
        tuple(row for row in counting if before.get(key(row), False)),
    )


def difference(before: Report, after: Report) -> Changes:
    """Compare two runs."""
    return changes(after.results, {key(row): row.counts for row in before.results})
