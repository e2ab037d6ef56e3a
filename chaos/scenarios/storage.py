"""Failure Recovery, Storage Corruption.

A store is damaged, the newest backup is restored, and the node syncs and votes.
"""

from __future__ import annotations

from prowl.chaos.engine.operations import Backup, Restore
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import Do, During, Hold, Recover
from prowl.chaos.engine.targets import one
from prowl.chaos.faults.store_damage import StoreDamage
from prowl.chaos.faults.tools.damage import Cell, Damage, Part, Store, When

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "restore-latest",
        item="recovery/restore-latest",
        why="a damaged store is replaced by the newest backup, and the node syncs what it missed and votes again",
        steps=(
            Do(Backup()),
            During(
                StoreDamage(Cell(Store.CHAIN, Part.MANIFEST, Damage.TRUNCATED, When.STOPPED)),
                one,
                (Hold(), Do(Restore()), Recover()),
            ),
        ),
        also=("progress-with-quorum", "recovery"),
        shape=Shape(nodes=4),
    ),
)
