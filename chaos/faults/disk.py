"""What the faults of a node's disk have in common: the node is moved onto a small disk of its own, and back."""

from __future__ import annotations

from collections.abc import Sequence

from prowl.chaos.engine.probes import level_trouble
from prowl.chaos.engine.scenario import Scene
from prowl.chaos.faults.tools.small_disk import SmallDisk
from prowl.fixtures.clusters.cluster import EmbeddedCluster
from prowl.fixtures.machine import no_mounts


class DiskFault:
    """Restarts each node on a small ext4 file system of its own and strikes that; the heal moves it back and starts it.

    A kind of it says in which words, what the strike is and how it shows, and what must be undone before the node can
    be stopped.
    """

    limit_seconds = 120.0  # two starts, and what the node missed meanwhile
    words: str

    def strike(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Do it to a node that runs on its small disk."""
        raise NotImplementedError

    def unseen(self, scene: Scene, name: str, disk: SmallDisk) -> str:
        """Return what of it is not to be seen."""
        raise NotImplementedError

    def relieve(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Undo what keeps the node from being stopped, or its files from being read."""

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:  # noqa: ARG002 - it is the machine that counts
        """Return why no small file system can be made."""
        return no_mounts()

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words: a note, and the restart on the old disk."""
        told = " ".join(scene.nodes)
        return f"{self.words} of {told}", f"restart {told} : on its own disk again"

    def inject(self, scene: Scene) -> None:
        """Move the nodes onto small disks and strike these."""
        for name in scene.nodes:
            scene.note(f"restart {name} : on a small disk")
            scene.cluster.terminate(name)
            SmallDisk.of(scene, name).move_onto(scene)
            scene.cluster.start_node(name)
        for name in scene.nodes:
            self.strike(scene, name, SmallDisk.of(scene, name))

    def missing(self, scene: Scene) -> str:
        """Proven on each disk."""
        for name in scene.nodes:
            disk = SmallDisk.of(scene, name)
            if not disk.is_mounted():
                return f"{name} has no small disk"
            trouble = self.unseen(scene, name, disk)
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
            if not scene.cluster.is_running(name):
                scene.cluster.start_node(name)

    def left(self, scene: Scene) -> str:
        """Proven by the kernel's table of mounts, and by the nodes being level with the others."""
        here = [name for name, disk in self._disks(scene) if disk.is_mounted()]
        return f"{', '.join(here)} has a small disk" if here else level_trouble(scene.cluster, scene.nodes)

    def _disks(self, scene: Scene) -> Sequence[tuple[str, SmallDisk]]:
        return [(name, SmallDisk.of(scene, name)) for name in scene.nodes]
