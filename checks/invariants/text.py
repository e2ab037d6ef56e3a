"""Words that several invariants use."""

from __future__ import annotations

from collections.abc import Sequence


def short(name: str | None) -> str:
    """Return the beginning of a hash, as people compare it."""
    return "no hash" if name is None else f"{name[:10]}..."


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them."""
    return ", ".join(names) if names else "none"


def several(sentences: Sequence[str], most: int = 4) -> str:
    """Return sentences in a row, and how many there were beyond the first few."""
    more = f"; and {len(sentences) - most} more" if len(sentences) > most else ""
    return "; ".join(sentences[:most]) + more
