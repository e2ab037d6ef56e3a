"""Cgroups of a fault's own, of version 1 or 2: made for one node, removed by the heal, on the ledger meanwhile."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prowl.chaos.engine.fault import Scene
from prowl.fixtures.cleanup.undo import Cgroup
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.machine import Hierarchy, hierarchy
from prowl.fixtures.waiting import wait_until

EMPTY_SECONDS = 10.0
PROCS = "cgroup.procs"


@dataclass(frozen=True)
class Group:
    """A group for one node and one controller; its name carries the tag by which the ledger owns it."""

    controller: str
    place: Hierarchy
    path: Path

    @classmethod
    def of(cls, scene: Scene, name: str, controller: str) -> Group:
        """Return the group of a node, made or not; ClusterError where the machine has no such controller."""
        place = hierarchy(controller)
        if place is None:
            raise ClusterError(f"This machine has no cgroup controller {controller}.")
        return cls(controller, place, place.root / f"prowl-{scene.cluster.ledger.tag}-{controller}-{name}")

    def make(self, scene: Scene) -> None:
        """Write it to the ledger and make it."""
        scene.owe(Cgroup(str(self.path)))
        self.path.mkdir(exist_ok=True)

    def write(self, version_1: str, version_2: str, value: str) -> None:
        """Write a value into the file that has this name in the interface of the machine's version."""
        (self.path / (version_1 if self.place.version == 1 else version_2)).write_text(value, encoding="ascii")

    def count(self, version_1: str, version_2: str, what: str) -> int:
        """Return a number out of a file of lines such as ``what 3``; 0 where the group or the line is not there."""
        with suppress(OSError):
            text = (self.path / (version_1 if self.place.version == 1 else version_2)).read_text(encoding="ascii")
            rows = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
            return int(rows.get(what, "0"))
        return 0

    def holds(self, pid: int) -> bool:
        """Whether the kernel says that a process is in it."""
        with suppress(OSError):
            return str(pid) in (self.path / PROCS).read_text(encoding="ascii").split()
        return False

    def take(self, pid: int) -> None:
        """Move a process, with all of its threads, into it."""
        (self.path / PROCS).write_text(str(pid), encoding="ascii")

    def remove(self, scene: Scene) -> None:
        """Move what is in it to where the run's own process is, and remove it."""
        if not self.path.exists():
            return
        for pid in (self.path / PROCS).read_text(encoding="ascii").split():
            with suppress(ProcessLookupError):  # it ended meanwhile
                (self._home() / PROCS).write_text(pid, encoding="ascii")
        if not wait_until(self._removed, EMPTY_SECONDS):
            Cgroup(str(self.path)).undo(scene.cluster.folder)

    def _removed(self) -> bool:
        with suppress(OSError):  # what has just been killed leaves it a moment later
            self.path.rmdir()
        return not self.path.exists()

    def _home(self) -> Path:
        """Return the group of the run's own process, from which the node came."""
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _number, controllers, path = line.split(":", 2)
            if (self.place.version == 2 and not controllers) or self.controller in controllers.split(","):
                return self.place.root / path.lstrip("/")
        return self.place.root
