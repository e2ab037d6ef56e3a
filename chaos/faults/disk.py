"""What the faults of a node's disk have in common: the node is moved onto a small disk of its own, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import back_trouble
from prowl.chaos.faults.tools.small_disk import SmallDisk
from prowl.fixtures.clusters.protocol import HasData
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.machine import no_mounts
from prowl.reports.events import Effects, Heal


class DiskFault:
    """Restarts each node on a small ext4 file system of its own and strikes that; the heal moves it back and starts it.

    A kind of it says in which words, what the strike is and how it shows, and what must be undone before the node can
    be stopped.
    """

    limit_seconds = 120.0  # two starts, and what the node missed meanwhile
    needs: tuple[type, ...] = (HasData,)
    words: str

    def strike(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Do it to a node that runs on its small disk."""
        raise NotImplementedError

    def disk_trouble(self, scene: Scene, name: str, disk: SmallDisk) -> str:
        """Return what of it is not to be seen."""
        raise NotImplementedError

    def relieve(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Undo what keeps the node from being stopped, or its files from being read."""

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - it is the machine that counts
        """Return why no small file system can be made."""
        return no_mounts()

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are hindered; the heal restarts those that are on a small disk."""
        named = " ".join(scene.nodes)
        moved = tuple(name for name, disk in self._disks(scene) if disk.is_mounted())
        heal = Heal(f"restart {named} : on its own disk again", restarted=moved)
        return Effects(self.words, f"{self.words} of {named}", slow=scene.nodes, heal=heal)

    def inject(self, scene: Scene) -> None:
        """Move the nodes onto small disks and strike these."""
        scene.demand_free()
        for name in scene.nodes:
            scene.tell(replace(self.effects(scene), words=f"restart {name} : on a small disk", restarted=(name,)))
            scene.cluster.terminate(name)
            SmallDisk.of(scene, name).move_onto(scene)
            scene.cluster.start_node(name)
        for name in scene.nodes:
            self.strike(scene, name, SmallDisk.of(scene, name))

    def effect_trouble(self, scene: Scene) -> str:
        """Look at each disk."""
        for name in scene.nodes:
            disk = SmallDisk.of(scene, name)
            if not disk.is_mounted():
                return f"{name} has no small disk"
            trouble = self.disk_trouble(scene, name, disk)
            if trouble:
                return trouble
        return ""

    def heal(self, scene: Scene) -> None:
        """Relieve, stop, move back, start."""
        for name, disk in self._disks(scene):
            if disk.is_mounted():
                self.relieve(scene, name, disk)
                scene.cluster.terminate(name)
                disk.move_back()
        scene.start()

    def heal_trouble(self, scene: Scene) -> str:
        """Look at the kernel's table of mounts, and for nodes that are not level with the others."""
        here = [name for name, disk in self._disks(scene) if disk.is_mounted()]
        return f"{', '.join(here)} has a small disk" if here else back_trouble(scene)

    def _disks(self, scene: Scene) -> Sequence[tuple[str, SmallDisk]]:
        return [(name, SmallDisk.of(scene, name)) for name in scene.nodes]
