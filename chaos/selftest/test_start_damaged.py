"""What a node makes of its damaged store, told for the judge: it must end and say so, or at least say what it lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from prowl.chaos.engine.stage import Stage
from prowl.chaos.engine.start_damaged import StartDamaged
from prowl.fixtures.clusters.protocol import GONE, RUNNING
from prowl.fixtures.clusters.spec import ClusterError
from prowl.reports.events import Event

NAMED = "The store leveldb-chain is damaged: CURRENT"
GREETING = '{"level": "info", "message": "using persistent storage backend (LevelDB)"}'
WARNING = '{"level": "warn", "message": "LevelDB: the log ends in a broken record"}'
LOST = "this node once had block 9: blocks were lost"

STARTS, HANGS, ENDS = "starts", "hangs", "ends"


class Node:
    """A cluster of one node that starts, hangs at its start or ends there, and says this; and its stage."""

    def __init__(self, folder: Path, how: str, says: str) -> None:
        self.log, self.how, self.says = folder / "node.log", how, says
        self.log.write_text(f"long ago: {NAMED}\n")
        self.rows: list[Event] = []
        self.up = False

    @property
    def cluster(self) -> Any:
        return self

    def write(self, event: Event) -> None:
        self.rows.append(event)

    def log_of(self, _name: str) -> Path:
        return self.log

    def start_node(self, _name: str) -> None:
        self.log.write_text(self.log.read_text() + self.says)
        self.up = self.how != ENDS
        if self.how != STARTS:
            raise ClusterError("n1 ended at its start, or does not answer")

    def state(self, _name: str) -> str:
        return RUNNING if self.up else GONE

    def terminate(self, _name: str) -> None:
        self.up = False


@pytest.mark.parametrize(
    ("how", "says", "must_end", "right"),
    [
        (ENDS, NAMED, True, True),
        (ENDS, "out of memory", True, False),
        (STARTS, LOST, True, False),
        (HANGS, NAMED, True, False),
        (STARTS, LOST, False, True),
        (STARTS, "node started", False, False),  # what the log said before this start does not count
        (ENDS, NAMED, False, True),
        (STARTS, GREETING, False, False),  # what each start says, too
        (STARTS, WARNING, False, True),
    ],
)
def test_a_start_on_a_damaged_store(tmp_path: Path, how: str, says: str, must_end: bool, right: bool) -> None:
    node = Node(tmp_path, how, says)
    StartDamaged(must_end).do(cast(Stage, node), ("n1",))
    (row,) = node.rows
    assert (row.step, row.confirmed, row.unconfirmed) == ("symptom", ("n1",) * right, ("n1",) * (not right))
    assert not node.up, "what came up is stopped: the fault holds it down"
