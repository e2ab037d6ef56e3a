"""Connections that close late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prowl.chaos.engine.probes import Exchange
from prowl.chaos.faults.toxics import LOOK_SECONDS, Degraded
from prowl.fixtures.clusters.spec import ClusterSpec


@dataclass(frozen=True)
class SlowClose(Degraded):
    """Closes each connection ``ms`` after its target has closed it; the data comes in time."""

    ms: int = 500

    def words(self) -> str:
        """Return what is done, in words."""
        return f"slow-close {self.ms} ms"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the delay could not be seen."""
        if not 100 <= self.ms <= 1000 * LOOK_SECONDS / 2:
            return f"a close that is {self.ms} ms late can't be proven by a probe"
        return super().unavailable(spec)

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return the toxics."""
        return [("slow_close", stream, {"delay": self.ms}) for stream in ("upstream", "downstream")]

    def shows(self, through: Exchange) -> bool:
        """Whether an answer came in time and the connection ended so long after it was asked for.

        The end is counted from the request: the target closes after it, so that a delay that is there always shows.
        From the first byte it would not, for a starved probe reads that byte late and the delay looks shorter than it
        is. An answer that itself comes so late shows latency, not a slow close.
        """
        if through.first_seconds is None or through.end_seconds is None:
            return False
        return through.first_seconds < self.ms / 1000 <= through.end_seconds
