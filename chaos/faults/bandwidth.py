"""A limit of bandwidth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prowl.chaos.engine.probes import Exchange
from prowl.chaos.faults.toxics import Degraded
from prowl.fixtures.clusters.spec import ClusterSpec

FASTEST_KB = 16
MARGIN = 0.8


@dataclass(frozen=True)
class Bandwidth(Degraded):
    """Lets no more than ``kb_per_second`` through, in each direction of each connection."""

    kb_per_second: int = 8
    padding_bytes = 4000

    def words(self) -> str:
        """Return what is done, in words."""
        return f"bandwidth {self.kb_per_second} KB/s"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the limit could not be told from none, or from a cut."""
        if not 2 <= self.kb_per_second <= FASTEST_KB:
            return f"a limit of {self.kb_per_second} KB/s can't be proven by a probe; 2 to {FASTEST_KB} can"
        return super().unavailable(spec)

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return the toxics."""
        return [("bandwidth", stream, {"rate": self.kb_per_second}) for stream in ("upstream", "downstream")]

    def shows(self, through: Exchange) -> bool:
        """Whether a long request took about as long as its bytes need."""
        least = MARGIN * self.padding_bytes / 1000 / self.kb_per_second
        return through.first_seconds is not None and through.first_seconds >= least
