"""Connections that are reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prowl.chaos.engine.probes import Exchange
from prowl.chaos.faults.toxics import Degraded


@dataclass(frozen=True)
class Reset(Degraded):
    """Resets every connection as soon as data comes: no answer ever gets through, so the edges count as cut."""

    cuts = True

    def words(self) -> str:
        """Return what is done, in words."""
        return "cut by reset"

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return the toxics."""
        return [("reset_peer", stream, {"timeout": 0}) for stream in ("upstream", "downstream")]

    def shows(self, through: Exchange) -> bool:
        """Whether the kernel told of a reset, before any answer."""
        return through.reset and not through.received
