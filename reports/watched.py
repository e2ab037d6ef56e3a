"""What a Prometheus saw of a network: rows of the timeline beside the samples, and the same as frozen values.

``{"t", "rule": "No New Blocks", "promise": "alerts/no-new-blocks", "for": 0, "range": 10.0, "limit": 0.0,
"severity": "critical", "scrape": 0.5, "evaluation": 0.5, "scale": 30}``
    An alert rule is watched from now on. ``promise`` is the manual's item that it is meant for ("" for another),
    ``for`` and ``range`` are what the *manual* says, in seconds, divided by ``scale``; so are the seconds between two
    scrapes and two evaluations. ``limit`` is the promise's threshold.
``{"t", "alert": "No New Blocks", "state": "pending" | "firing" | "inactive", "node": "node-2"}``
    The state of an alert changed, at the time of the evaluation that the store has. Without ``node``: of one that is
    not about a single node.
``{"t", "lacks": "up" | "page" | "evaluation", "seconds": 1.5, "node": "node-2"}``
    The store has nothing for so long until ``t``: no word whether the node answered (``up``), no metrics page of it
    though it answered others (``page``), no evaluation of rules.
``{"t", "watched": 63.2}``
    The store was read: it covers so many seconds before ``t``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Any

MARGIN = 0.75  # of a scrape's interval
KEYS = ("rule", "alert", "lacks", "watched")


class AlertState(StrEnum):
    """What an alert is."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True)
class WatchedRule:
    """A rule that was watched: the promise that it is meant for, and the times that this implies, in seconds."""

    t: float
    name: str
    promise: str
    for_seconds: float
    range_seconds: float
    scrape_seconds: float
    evaluation_seconds: float
    severity: str = ""
    limit: float = 0.0
    scale: float = 1.0

    @property
    def floor_seconds(self) -> float:
        """Return after how long the alert fires at the latest, if nothing is late.

        The condition is seen by the next scrape, that by the next evaluation; a range must be full of it; and ``for``
        ends with an evaluation.
        """
        waits = ceil(round(self.for_seconds / self.evaluation_seconds, 6)) * self.evaluation_seconds
        return self.scrape_seconds + self.evaluation_seconds + self.range_seconds + waits

    @property
    def clear_seconds(self) -> float:
        """Return after how long the alert is over at the latest, if nothing is late."""
        return self.scrape_seconds + self.evaluation_seconds

    @property
    def slack_seconds(self) -> float:
        """Return what is allowed besides: two scrapes."""
        return 2 * self.scrape_seconds


@dataclass(frozen=True)
class AlertChange:
    """The state that an alert has from ``t`` on; ``node`` is None for one that is not about a single node."""

    t: float
    name: str
    state: AlertState
    node: str | None = None


@dataclass(frozen=True)
class Lack:
    """The store has nothing of that kind for ``seconds`` until ``t``."""

    t: float
    kind: str
    seconds: float
    node: str | None = None

    @property
    def begin(self) -> float:
        """Return when it began."""
        return self.t - self.seconds


@dataclass(frozen=True)
class Watched:
    """What a Prometheus saw, from ``begin`` to ``end`` seconds; without rules, none has watched."""

    rules: tuple[WatchedRule, ...] = ()
    changes: tuple[AlertChange, ...] = ()
    lacks: tuple[Lack, ...] = ()
    begin: float = 0.0
    end: float = 0.0

    def lacking(self, kinds: Iterable[str], node: str | None, begin: float, end: float) -> tuple[Lack, ...]:
        """Return what lacks between two times of a node (None: of any) or of all.

        A lack reaches from a scrape that is there to the next that is; what is missing lies well between these.
        """
        margin = MARGIN * min((rule.scrape_seconds for rule in self.rules), default=0.0)
        return tuple(
            lack
            for lack in self.lacks
            if lack.kind in set(kinds)
            and (node is None or lack.node in (None, node))
            and lack.begin + margin < end
            and lack.t - margin > begin
        )


NEVER_WATCHED = Watched()


def rule_row(rule: WatchedRule) -> dict[str, Any]:
    """Return the row of a rule."""
    return {
        "t": round(rule.t, 3),
        "rule": rule.name,
        "promise": rule.promise,
        "for": rule.for_seconds,
        "range": rule.range_seconds,
        "limit": rule.limit,
        "severity": rule.severity,
        "scrape": rule.scrape_seconds,
        "evaluation": rule.evaluation_seconds,
        "scale": rule.scale,
    }


def change_row(change: AlertChange) -> dict[str, Any]:
    """Return the row of a change."""
    whose = {} if change.node is None else {"node": change.node}
    return {"t": round(change.t, 3), "alert": change.name, "state": change.state.value, **whose}


def lack_row(lack: Lack) -> dict[str, Any]:
    """Return the row of a lack."""
    whose = {} if lack.node is None else {"node": lack.node}
    return {"t": round(lack.t, 3), "lacks": lack.kind, "seconds": round(lack.seconds, 3), **whose}


def watched_of(rows: Iterable[dict[str, Any]]) -> Watched:
    """Read rows that have one of ``KEYS``; ValueError or TypeError, in words, for what can't be one."""
    rules, changes, lacks = [], [], []
    begin = end = 0.0
    for row in rows:
        missing = [key for key in _needed(row) if key not in row]
        if missing:
            raise ValueError(f"the row has no {missing[0]}")
        t = float(row["t"])
        if "rule" in row:
            rules.append(_rule(t, row))
        elif "alert" in row:
            if row.get("state") not in {each.value for each in AlertState}:
                raise ValueError(f"the state of an alert is {', '.join(AlertState)}")
            changes.append(AlertChange(t, str(row["alert"]), AlertState(row["state"]), _node(row)))
        elif "lacks" in row:
            lacks.append(Lack(t, str(row["lacks"]), float(row["seconds"]), _node(row)))
        else:
            begin, end = t - float(row["watched"]), t
    ordered = tuple(sorted(changes, key=lambda change: change.t))
    return Watched(tuple(rules), ordered, tuple(sorted(lacks, key=lambda lack: lack.t)), begin, end)


def _needed(row: dict[str, Any]) -> tuple[str, ...]:
    return ("scrape", "evaluation") if "rule" in row else ("seconds",) if "lacks" in row and "alert" not in row else ()


def _rule(t: float, row: dict[str, Any]) -> WatchedRule:
    scrape, evaluation = float(row["scrape"]), float(row["evaluation"])
    if scrape <= 0 or evaluation <= 0:
        raise ValueError("scrape and evaluation of a rule are numbers of seconds above 0")
    return WatchedRule(
        t,
        str(row["rule"]),
        str(row.get("promise", "")),
        float(row.get("for", 0.0)),
        float(row.get("range", 0.0)),
        scrape,
        evaluation,
        str(row.get("severity", "")),
        float(row.get("limit", 0.0)),
        float(row.get("scale", 1.0)),
    )


def _node(row: dict[str, Any]) -> str | None:
    node = row.get("node")
    return None if node is None else str(node)
