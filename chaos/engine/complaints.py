"""What logs complain of since a moment: a node's own, and what the others say of it. A finding quotes it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prowl.fixtures.clusters.protocol import Cluster
from prowl.reports.redaction import printable

MOST_BYTES = 1_000_000
LONGEST = 300
LOUD = ("warn", "error", "fatal")
PLAIN = ""
REASONS = ("reason", "error")


@dataclass(frozen=True)
class Mark:
    """How long each node's log was at a moment, in bytes."""

    sizes: Mapping[str, int]

    @classmethod
    def of(cls, cluster: Cluster) -> Mark:
        """Return the mark of this moment."""
        return cls({name: _size(cluster.log_of(name)) for name in cluster.spec.names})

    def complaints(self, cluster: Cluster, name: str) -> str:
        """Return what the node complains of most since then, and the others most of the node; "" if of nothing."""
        address = str(cluster.node(name).address).lower()
        own = _most(lines_since(cluster.log_of(name), self.sizes[name]))
        of_it = [
            line
            for other in cluster.spec.names
            if other != name
            for line in lines_since(cluster.log_of(other), self.sizes[other])
            if address in line.lower() and _is_loud(line)
        ]
        others = _most(of_it)
        said = [f'its log: "{own}"'] if own else []
        said += [f'the others\' logs: "{others}"'] if others else []
        return "; ".join(said)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def lines_since(path: Path, begin: int) -> list[str]:
    """Return a log's lines from a byte on."""
    if not path.exists():
        return []
    with path.open("rb") as log:
        log.seek(begin)
        return log.read(MOST_BYTES).decode("utf-8", "replace").splitlines()


def _most(lines: list[str]) -> str:
    """Return the last words outside the log's own form, which end a process; else the newest of what is commonest.

    What a node itself calls a warning goes before a reason that it gives in passing.
    """
    said: dict[tuple[bool, str], str] = {}
    count: Counter[tuple[bool, str]] = Counter()
    for line in lines:
        message, words = _complaint(line)
        if words:
            kind = (message == PLAIN or _is_loud(line), message)
            count[kind] += 1
            said[kind] = words
    if (True, PLAIN) in said:
        return said[True, PLAIN]
    return said[max(count, key=lambda kind: (kind[0], count[kind]))] if count else ""


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _is_loud(line: str) -> bool:
    row = _row(line)
    return row is not None and row.get("level") in LOUD


def is_casual(line: str) -> bool:
    """Whether a line says by its own level that it complains of nothing."""
    return _row(line) is not None and not _is_loud(line)


def _complaint(line: str) -> tuple[str, str]:
    """Return what a line is about, and its words; no words for one that complains of nothing."""
    row = _row(line)
    if row is None:
        return PLAIN, printable(line.strip(), LONGEST)
    detailed = row.get("data")
    data = detailed if isinstance(detailed, dict) else {}
    reasons = [str(data[key]) for key in REASONS if key in data]
    if not reasons and row.get("level") not in LOUD:
        return "", ""
    detail = [str(data["detail"])] if "detail" in data else []
    message = str(row.get("message"))
    return message, printable(": ".join([message, *reasons, *detail]), LONGEST)
