"""Damage to the files of a store or of the vote ledger; healed as the manual says: stop, restore, start, sync."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from prowl.chaos.engine.probes import gone_trouble, level_trouble
from prowl.chaos.engine.scenario import Scene
from prowl.chaos.faults.tools.damage import Cell, Damage, Harm, NothingToDamageError, Part, When, harm, part_of, why_not
from prowl.chaos.faults.tools.data_copy import keep, put_back
from prowl.fixtures.cleanup.undo import Restore
from prowl.fixtures.clusters.cluster import ClusterError, EmbeddedCluster
from prowl.fixtures.waiting import wait_until

GROW_SECONDS = 30.0
MOST_RESTARTS = 3


@dataclass(frozen=True)
class StoreDamage:
    """Does one cell of the matrix to each node; the heal puts back the copy that was taken before, and starts.

    Its effect is proven by reading the files back, and nothing more: what the node makes of them (a start that ends
    with the store's name, a shorter chain, nothing at all) is for the scenario to see. Where a part is not there yet
    the node is restarted until it is: a young store lies wholly in its log, and only a start writes a table. A swap
    takes the older copy, restarts, and swaps once the part differs from it.
    """

    cell: Cell
    limit_seconds: float = 120.0  # a node that was put back must start and sync within it
    _harms: dict[str, Harm] = field(default_factory=dict, init=False, repr=False, compare=False)

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:  # noqa: ARG002 - files can be damaged everywhere
        """Return why the cell can't be."""
        return why_not(self.cell)

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words; what stops or restarts a node is written when it is done."""
        told = " ".join(scene.nodes)
        return f"corrupt {self.cell} in {told}", f"restore {told} : the copy of before"

    def inject(self, scene: Scene) -> None:
        """Copy, prepare, stop if the cell says so, and damage."""
        for name in scene.nodes:
            swap = self.cell.damage is Damage.SWAPPED
            older = keep(_data(scene, name), _copy(scene, name, "older")) if swap else None
            self._prepare(scene, name, older)
            before = keep(_data(scene, name), _copy(scene, name, "before"))
            scene.owe(Restore(str(_data(scene, name)), str(before)))
            if self.cell.when is When.STOPPED:
                scene.note(f"stop {name}")
                scene.cluster.terminate(name)
            part, place = self._part(scene, name), None
            if older is not None:
                place = part_of(older / self.cell.store, self.cell.part, scene.chance)
            self._harms[name] = harm(part, self.cell.damage, place, scene.chance)
            scene.note(f"damaged: {part}: {self._harms[name].words}")

    def missing(self, scene: Scene) -> str:
        """Proven by reading the files back; of a node that is to be stopped, also by its end."""
        troubles = [] if self.cell.when is When.RUNNING else [gone_trouble(scene.cluster, scene.nodes)]
        for name in scene.nodes:
            if name not in self._harms:
                troubles.append(f"no file of {name} was touched")
            else:
                troubles.append(self._harms[name].gone())
        return "; ".join(trouble for trouble in troubles if trouble)

    def heal(self, scene: Scene) -> None:
        """Stop what runs, put the copy back, start."""
        for name in scene.nodes:
            if name in self._harms:
                scene.cluster.terminate(name)
                put_back(_copy(scene, name, "before"), _data(scene, name))
                del self._harms[name]
            if not scene.cluster.is_running(name):
                scene.cluster.start_node(name)
            for what in ("before", "older"):
                shutil.rmtree(_copy(scene, name, what), ignore_errors=True)

    def left(self, scene: Scene) -> str:
        """Proven by the file, which is not as the damage left it, and by the nodes being level with the others."""
        stands = [f"{its.path} is still damaged" for its in self._harms.values() if not its.gone()]
        return "; ".join(stands) or level_trouble(scene.cluster, scene.nodes)

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
                scene.note(f"restart {name}")
                scene.cluster.terminate(name)
                scene.cluster.start_node(name)
            # What a start alone brings about is not waited for before there was one.
            waits = restarts or (self.cell.part in {Part.LOG, Part.FILE} and older is None)
            if wait_until(ready, GROW_SECONDS if waits else 0):
                return
        raise ClusterError(f"There is nothing to damage on {name} after {MOST_RESTARTS} restarts: {last}")


def _data(scene: Scene, name: str) -> Path:
    folder = scene.cluster.node(name).data_dir
    if folder is None:
        raise ClusterError(f"{name} has no data directory on this machine.")
    return folder


def _copy(scene: Scene, name: str, what: str) -> Path:
    return scene.cluster.folder_of(name) / f"copy-{what}"
