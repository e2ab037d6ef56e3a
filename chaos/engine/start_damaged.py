"""What an operator does who does not know of a damage: start the node. What it makes of it is the manual's symptom."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace

from prowl.chaos.engine.complaints import is_casual, lines_since
from prowl.chaos.engine.stage import Stage
from prowl.fixtures.clusters.protocol import GONE
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.reports.events import Event

SAYS_SO = re.compile(r"leveldb|corrupt|damaged|were lost|had lost", re.IGNORECASE)


@dataclass(frozen=True)
class StartDamaged:
    """Start each node on its damaged store, and stop what comes up.

    A node whose LevelDB notices the damage must end and name the store. Where LevelDB can't (a log that was cut short,
    a folder that is gone: ``ends`` False) it may start, but must say that something was lost. What came of it is a step
    of the timeline, which the invariant corrupt-store judges.
    """

    ends: bool = True
    words = "start on its damaged store"

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any node can be started
        """Return None."""
        return None

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Start, one after the other."""
        for name in nodes:
            log = stage.cluster.log_of(name)
            before = log.stat().st_size
            with suppress(ClusterError):  # it ended, or it hangs: which of the two its process tells
                stage.cluster.start_node(name)
            ended = stage.cluster.state(name) == GONE
            if not ended:
                stage.cluster.terminate(name)
            said = lines_since(log, before)
            says_so = any(SAYS_SO.search(line) for line in said if not is_casual(line))  # COC greets with "LevelDB"
            outcome = f"it {'ended' if ended else 'started'} and {'said so' if says_so else 'said nothing of it'}"
            right = says_so and (ended or not self.ends)
            row = Event(0.0, f"{self.words} {name} : {outcome}", step="symptom")
            stage.write(replace(row, confirmed=(name,)) if right else replace(row, unconfirmed=(name,)))
