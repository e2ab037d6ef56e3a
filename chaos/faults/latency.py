"""Latency with jitter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prowl.chaos.engine.probes import Exchange
from prowl.chaos.faults.toxics import LOOK_SECONDS, Degraded
from prowl.fixtures.clusters.spec import ClusterSpec


@dataclass(frozen=True)
class Latency(Degraded):
    """Delays every piece of data by ``ms``, give or take ``jitter_ms``, in both directions of a connection."""

    ms: int = 200
    jitter_ms: int = 50

    def words(self) -> str:
        """Return what is done, in words."""
        return f"latency {self.ms} ms jitter {self.jitter_ms} ms"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the delay could not be told from none, or from a cut."""
        if not 0 <= self.jitter_ms < self.ms <= 1000 * LOOK_SECONDS / 3:
            return f"a latency of {self.ms} ms give or take {self.jitter_ms} can't be proven by a probe"
        return super().unavailable(spec)

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return the toxics."""
        attributes = {"latency": self.ms, "jitter": self.jitter_ms}
        return [("latency", stream, attributes) for stream in ("upstream", "downstream")]

    def shows(self, through: Exchange) -> bool:
        """Whether the first byte came no sooner than a request and an answer that were both delayed."""
        return through.first_seconds is not None and through.first_seconds >= 2 * (self.ms - self.jitter_ms) / 1000
