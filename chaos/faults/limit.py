"""Connections that end after so many bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prowl.chaos.engine.probes import Exchange
from prowl.chaos.faults.toxics import Degraded
from prowl.fixtures.clusters.spec import ClusterSpec

LEAST_ANSWER_BYTES = 100


@dataclass(frozen=True)
class Limit(Degraded):
    """Closes each connection after ``count`` bytes of answers, too few for any, so the edges count as cut."""

    count: int = 40
    cuts = True

    def words(self) -> str:
        """Return what is done, in words."""
        return f"cut after {self.count} bytes"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the limit could not be told from none."""
        if not 1 <= self.count < LEAST_ANSWER_BYTES:
            return f"a limit of {self.count} bytes can't be proven by a probe; 1 to {LEAST_ANSWER_BYTES - 1} can"
        return super().unavailable(spec)

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return the toxics."""
        return [("limit_data", "downstream", {"bytes": self.count})]

    def shows(self, through: Exchange) -> bool:
        """Whether an answer was cut short at the limit."""
        ended = through.end_seconds is not None or through.reset
        return ended and len(through.received) <= self.count
