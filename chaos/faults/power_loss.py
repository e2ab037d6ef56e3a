"""The power goes: the node is gone, and so is whatever it had written and not flushed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import gone_trouble
from prowl.chaos.faults.disk import DiskFault
from prowl.chaos.faults.tools.small_disk import SmallDisk
from prowl.fixtures.clusters.protocol import HasData, HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Effects

STILL_SECONDS = 5.0
LOOK_SECONDS = 0.005
FLUSHED, UNFLUSHED = ".prowl-flushed", ".prowl-unflushed"


@dataclass
class Struck:
    """The nodes whose power is gone."""

    nodes: list[str] = field(default_factory=list)


class PowerLoss(DiskFault):
    """Ends the node and its file system at the same moment, without flushing; the heal starts it on what is left.

    Two files of a probe's own are written just before: the flushed one must be there afterwards, the other one not.
    """

    words = "power loss"
    needs = (HasData, HasProcesses)

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes whose power is gone are down, and have lost what was not flushed."""
        struck = tuple(scene.memory(Struck).nodes)
        slow = tuple(name for name in scene.nodes if name not in struck)
        return replace(super().effects(scene), down=struck, surgery=struck, slow=slow)

    def strike(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Hold the node, write the two files, cut, kill, and mount again.

        A node that went on until the cut could flush, and with its own data the journal's entry of the other file.
        """
        process = processes(scene.cluster).process(name)
        process.pause()  # by SIGSTOP, whatever the cluster's own way is: only that shows in each thread's state
        if not wait_until(lambda: _is_still(process.pid), STILL_SECONDS, LOOK_SECONDS):
            raise ClusterError(f"{name} did not stand still within {STILL_SECONDS:g} s of its SIGSTOP.")
        with (disk.data / FLUSHED).open("wb") as file:
            file.write(b"flushed")
            file.flush()
            os.fsync(file.fileno())
        _flush_folder(disk)
        with (disk.data / UNFLUSHED).open("wb") as file:
            file.write(b"not flushed")
        scene.memory(Struck).nodes.append(name)
        scene.tell(replace(self.effects(scene), words=f"kill {name} : its power is gone"))
        disk.lose_power()
        scene.cluster.kill(name)
        disk.unmount()
        disk.mount()

    def disk_trouble(self, scene: Scene, name: str, disk: SmallDisk) -> str:
        """Proven by the two files, and by the process and its port."""
        if not (disk.data / FLUSHED).exists():
            return f"what was flushed on the disk of {name} is not there"
        if (disk.data / UNFLUSHED).exists():
            return f"what was not flushed on the disk of {name} is there all the same"
        return gone_trouble(scene.cluster, (name,))

    def relieve(self, scene: Scene, name: str, disk: SmallDisk) -> None:  # noqa: ARG002
        """Take the probe's file away."""
        scene.memory(Struck).nodes.clear()
        (disk.data / FLUSHED).unlink(missing_ok=True)


def _is_still(pid: int) -> bool:
    """Whether no thread of a process can flush anything: each is stopped, none in a system call."""
    try:
        stats = [
            path.read_text(encoding="utf-8", errors="replace") for path in Path(f"/proc/{pid}/task").glob("*/stat")
        ]
    except OSError:
        return False  # a thread ended meanwhile
    return bool(stats) and all(stat.rpartition(")")[2].split()[0] in "TZ" for stat in stats)


def _flush_folder(disk: SmallDisk) -> None:
    folder = os.open(disk.data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
