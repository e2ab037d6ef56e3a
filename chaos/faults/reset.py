"""Connections that are reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prowl.chaos.engine.probes import Exchange
from prowl.chaos.faults.toxics import Degraded
from prowl.fixtures.clusters.addresses import Address
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.proxies.wishes import Wish

LEAST_SHARE = 0.2
TRIES = 12  # of the least share more than 99 % meet a reset in one of its two directions


@dataclass(frozen=True)
class Reset(Degraded):
    """Resets connections as soon as data comes: where it is every one, no answer gets through, and the edges are cut.

    ``share`` is of each direction's connections; where it is less than 1 the nodes are hindered.
    """

    share: float = 1.0

    @property
    def cuts(self) -> bool:  # type: ignore[override]
        """Whether no connection is left whole."""
        return self.share == 1

    def words(self) -> str:
        """Return what is done, in words."""
        return "cut by reset" if self.cuts else f"reset of {self.share:.0%} of the connections"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why no probe would meet it."""
        if not LEAST_SHARE <= self.share <= 1:
            return f"a share of {self.share} can't be proven by a probe"
        return super().unavailable(spec)

    def wish(self) -> Wish:
        """Return what it wishes of each edge."""
        return Wish(toxics=tuple(self.toxics()), share=self.share)

    def probe(self, end: Address) -> Exchange:
        """Ask until a connection is reset, but not for ever."""
        for _ in range(1 if self.cuts else TRIES):
            through = super().probe(end)
            if self.shows(through):
                break
        return through

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return the toxics."""
        return [("reset_peer", stream, {"timeout": 0}) for stream in ("upstream", "downstream")]

    def shows(self, through: Exchange) -> bool:
        """Whether the kernel told of a reset, before any answer."""
        return through.reset and not through.received
