"""The lines of the nodes' logs that matter, as they come: warnings, errors, and what tells of consensus or storage."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

MATTERS = re.compile(
    rb'"level": ?"(warn|error)"|equivocat|double.?vote|abstain|standing|reorg|fork|corrupt|recover|degraded|stall'
    rb"|snap.?sync|new round|round \d+ begins|Error:",
    re.IGNORECASE,
)
BYTES_A_LOOK = 65_536
LINES_A_LOOK = 20
LETTERS = 400


class LogTail:
    """Reads what was appended to each node's log since the last look; a look is bounded in bytes, lines and letters."""

    def __init__(self, log_of: Callable[[str], Path]) -> None:
        self._log_of = log_of
        self._at: dict[str, int] = {}

    def fresh(self, node: str) -> list[str]:
        """Return the new lines that matter; of more than a look holds, the newest, and a line that says so."""
        path = self._log_of(node)
        try:
            size = path.stat().st_size
            begin = self._at.get(node, 0)
            if size <= begin:
                self._at[node] = size
                return []
            begin = max(begin, size - BYTES_A_LOOK)
            with path.open("rb") as file:
                file.seek(begin)
                data = file.read(size - begin)
        except OSError:
            return []
        whole, newline, _rest = data.rpartition(b"\n")  # a line under way is for the next look
        self._at[node] = begin + len(whole) + len(newline)
        lines = [line for line in whole.split(b"\n") if MATTERS.search(line)]
        more = [f"({len(lines) - LINES_A_LOOK} more)"] if len(lines) > LINES_A_LOOK else []
        return more + [line.decode("utf-8", "replace")[:LETTERS] for line in lines[-LINES_A_LOOK:]]
