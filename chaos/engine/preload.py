"""Stores that hold more than they need, so that a node has to sort and to compact while it works."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import plyvel

from prowl.chaos.engine.operations import row
from prowl.chaos.engine.stage import Stage, StepError
from prowl.fixtures.clusters.protocol import HasData, data_of, lack
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.reference.storage.store import CHAIN_STORE, STATE_STORE
from prowl.fixtures.waiting import wait_until

ENTRY_BYTES = 512
ENTRIES_AT_ONCE = 500
COMPACTED = "Compacted "  # in the LOG that LevelDB writes
COMPACTION_SECONDS = 30.0


@dataclass(frozen=True)
class Preload:
    """Stop nodes, write entries into both stores of each that nobody asks for, and start them all, side by side.

    The entries lie in the stores' logs, so that each node must sort them into tables at its start and compacts these
    while it works. StepError if a node was not seen to do so.
    """

    entries: int = 20_000

    @property
    def words(self) -> str:
        """Return what is done."""
        return f"write {self.entries} entries into the stores of"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the stores can't be written from here."""
        return lack(spec, (HasData,)) or None

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Stop, write, start, and look for the compactions."""
        row(stage, "preload", f"{self.words} {' '.join(nodes)}", restarted=nodes)
        stage.cluster.terminate(*nodes)
        for name in nodes:
            for store in (STATE_STORE, CHAIN_STORE):
                self._fill(data_of(stage.cluster, name) / store, stage.chance)
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(stage.cluster.start_node, nodes))
        logs = {name: data_of(stage.cluster, name) / CHAIN_STORE / "LOG" for name in nodes}

        def at_rest() -> list[str]:
            texts = {name: log.read_text(encoding="utf-8", errors="replace") for name, log in logs.items()}
            return [name for name, text in texts.items() if COMPACTED not in text]

        if not wait_until(lambda: not at_rest(), COMPACTION_SECONDS):
            raise StepError(f"{', '.join(at_rest())} did not compact its store within {COMPACTION_SECONDS:g} s")

    def _fill(self, store: Path, chance: random.Random) -> None:
        """Write the entries in one go; the write buffer holds all of them, so that no table is written here."""
        database = plyvel.DB(str(store), write_buffer_size=2 * self.entries * ENTRY_BYTES)
        try:
            for _ in range(self.entries // ENTRIES_AT_ONCE):
                with database.write_batch() as batch:  # one record of the log, which a start takes in one piece
                    for _ in range(ENTRIES_AT_ONCE):
                        batch.put(b"x:preload:%08d" % chance.randrange(10**8), chance.randbytes(ENTRY_BYTES))
        finally:
            database.close()
