"""What a node makes of the damage that was done to it: it is started on what its disk holds, and looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prowl.chaos.engine.probes import level_trouble
from prowl.fixtures.clusters.protocol import GONE, Cluster
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.waiting import wait_until

SYNC_SECONDS = 60.0
LAST_LINES = 40
# What a line about a store speaks of; a stack trace and a program's version may come after it.
OF_A_STORE = re.compile(r"corrupt|damaged|leveldb|IO error", re.IGNORECASE)


@dataclass(frozen=True)
class Reaction:
    """Whether a node started, its exit code if it ended, whether it came level, and its own last word."""

    started: bool
    exit_code: int | None
    level: bool
    last_word: str

    def __str__(self) -> str:
        if not self.started:
            return f"refuses to start (exit code {self.exit_code}): {self.last_word}"
        return "starts and comes level with the others" if self.level else f"starts and stays behind: {self.last_word}"


def react(cluster: Cluster, name: str, limit_seconds: float = SYNC_SECONDS) -> Reaction:
    """Restart a node, or start one that is down, and return what came of it; it may be down afterwards."""
    if cluster.state(name) != GONE:
        cluster.terminate(name)
    try:
        cluster.start_node(name)
    except ClusterError:
        return Reaction(False, cluster.exit_code(name), False, _last_word(cluster.last_lines(name, LAST_LINES)))
    behind = ""

    def level() -> bool:
        nonlocal behind
        behind = level_trouble(cluster, (name,))
        return not behind

    reached = bool(wait_until(level, limit_seconds))
    return Reaction(True, cluster.exit_code(name), reached, behind)


def _last_word(lines: str) -> str:
    """Return the last line that speaks of a store; the last one of all if none does."""
    found = [line.strip() for line in lines.splitlines() if line.strip()]
    return next(
        (line for line in reversed(found) if OF_A_STORE.search(line)), found[-1] if found else "it says nothing"
    )
