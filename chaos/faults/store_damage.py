"""Damage to the files of a store or of the vote ledger; healed as the manual says: stop, restore, start, sync."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import back_trouble, gone_trouble
from prowl.chaos.faults.tools.damage import Cell, Damage, Harm, NothingToDamageError, Part, When, harm, part_of, why_not
from prowl.chaos.faults.tools.data_copy import keep, put_back
from prowl.fixtures.cleanup.undo import PutBack
from prowl.fixtures.clusters.protocol import HasData, data_of
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Effects, Heal

GROW_SECONDS = 30.0
MOST_RESTARTS = 3
# Lies in a data directory that was damaged: where it is not there any more, somebody has put another one in its place.
MARK = ".prowl-damaged"


@dataclass
class Done:
    """The damages that were done, by node, and the nodes that were stopped for them."""

    harms: dict[str, Harm] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class StoreDamage:
    """Does one cell of the matrix to each node; the heal puts back the copy that was taken before, and starts.

    A node whose data directory an operator has put back meanwhile is left as it is.

    Its effect is proven by reading the files back, and nothing more: what the node makes of them (a start that ends
    with the store's name, a shorter chain, nothing at all) is for the scenario to see. Where a part is not there yet
    the node is restarted until it is: a young store lies wholly in its log, and only a start writes a table. A swap
    takes the older copy, restarts, and swaps once the part differs from it.
    """

    cell: Cell
    limit_seconds: float = 120.0  # a node that was put back must start and sync within it
    needs: ClassVar[tuple[type, ...]] = (HasData,)

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - files can be damaged everywhere
        """Return why the cell can't be."""
        return why_not(self.cell)

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes' stores change, and that a node is down from its stop on, if the cell says so."""
        named, left = " ".join(scene.nodes), self._damaged(scene)
        heal = Heal(f"restore {named} : the copy of before", restarted=left, surgery=left)
        down = tuple(scene.memory(Done).stopped)
        return Effects("store damage", f"corrupt {self.cell} in {named}", down=down, surgery=scene.nodes, heal=heal)

    def inject(self, scene: Scene) -> None:
        """Copy, prepare, stop if the cell says so, and damage."""
        scene.demand_free()
        done = scene.memory(Done)
        for name in scene.nodes:
            swap = self.cell.damage is Damage.SWAPPED
            older = keep(_data(scene, name), _copy(scene, name, "older")) if swap else None
            self._prepare(scene, name, older)
            before = keep(_data(scene, name), _copy(scene, name, "before"))
            scene.owe(PutBack(str(_data(scene, name)), str(before)))
            if self.cell.when is When.STOPPED:
                done.stopped.append(name)
                scene.tell(replace(self.effects(scene), words=f"stop {name}"))
                scene.cluster.terminate(name)
            part, place = self._part(scene, name), None
            if older is not None:
                place = part_of(older / self.cell.store, self.cell.part, scene.chance)
            (_data(scene, name) / MARK).touch()
            done.harms[name] = harm(part, self.cell.damage, place, scene.chance)
            scene.note(f"damaged: {part}: {done.harms[name].words}")

    def effect_trouble(self, scene: Scene) -> str:
        """Read the files back; of a node that is to be stopped, look also for its end."""
        harms = scene.memory(Done).harms
        troubles = [] if self.cell.when is When.RUNNING else [gone_trouble(scene.cluster, scene.nodes)]
        for name in scene.nodes:
            if name not in harms:
                troubles.append(f"no file of {name} was touched")
            else:
                troubles.append(harms[name].trouble())
        return "; ".join(trouble for trouble in troubles if trouble)

    def heal(self, scene: Scene) -> None:
        """Stop what runs, put the copy back, start."""
        done = scene.memory(Done)
        for name in self._damaged(scene):
            scene.cluster.terminate(name)
            put_back(_copy(scene, name, "before"), _data(scene, name))
        scene.start()
        done.stopped.clear()
        done.harms.clear()
        for name in scene.nodes:
            for what in ("before", "older"):
                shutil.rmtree(_copy(scene, name, what), ignore_errors=True)

    def heal_trouble(self, scene: Scene) -> str:
        """Look for a directory that was damaged, and for nodes that are not level with the others."""
        stands = [f"the data directory of {name} is still the damaged one" for name in self._damaged(scene)]
        return "; ".join(stands) or back_trouble(scene)

    def _damaged(self, scene: Scene) -> tuple[str, ...]:
        """Return the nodes whose data directory is the one that was damaged."""
        harms = scene.memory(Done).harms
        return tuple(name for name in scene.nodes if name in harms and (_data(scene, name) / MARK).exists())

    def _part(self, scene: Scene, name: str) -> Path:
        return part_of(_data(scene, name) / self.cell.store, self.cell.part, scene.chance)

    def _prepare(self, scene: Scene, name: str, older: Path | None) -> None:
        """Restart the node until the part is there and, for a swap, differs from its older copy."""
        last = "it was not looked for"

        def ready() -> bool:
            nonlocal last
            try:
                part = self._part(scene, name)
                if older is None or self.cell.part is Part.DIRECTORY:
                    return older is None or restarts > 0
                last = f"{part} is what it was before the restart"
                return part.read_bytes() != part_of(older / self.cell.store, self.cell.part, scene.chance).read_bytes()
            except (NothingToDamageError, FileNotFoundError) as error:
                last = str(error)
                return False

        for restarts in range(MOST_RESTARTS + 1):
            if restarts:
                scene.tell(replace(self.effects(scene), words=f"restart {name}", restarted=(name,)))
                scene.cluster.terminate(name)
                scene.cluster.start_node(name)
            # What a start alone brings about is not waited for before there was one.
            waits = restarts or (self.cell.part in {Part.LOG, Part.FILE} and older is None)
            if wait_until(ready, GROW_SECONDS if waits else 0):
                return
        raise ClusterError(f"There is nothing to damage on {name} after {MOST_RESTARTS} restarts: {last}")


def _data(scene: Scene, name: str) -> Path:
    return data_of(scene.cluster, name)


def _copy(scene: Scene, name: str, what: str) -> Path:
    return scene.cluster.folder_of(name) / f"copy-{what}"
