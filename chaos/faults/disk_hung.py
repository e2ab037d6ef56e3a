"""A node's disk takes every write and finishes none."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import psutil

from prowl.chaos.engine.fault import Scene
from prowl.chaos.faults.disk import DiskFault
from prowl.chaos.faults.tools.small_disk import SmallDisk
from prowl.fixtures.cleanup.undo import Thaw
from prowl.fixtures.clusters.processes import Process
from prowl.fixtures.clusters.protocol import GONE, HasData, HasProcesses, processes
from prowl.fixtures.waiting import wait_until

STUCK_SECONDS = 1.0
END_SECONDS = 10.0
WAITS_FOR_DISK = psutil.STATUS_DISK_SLEEP
# A process of its own: whoever writes to a frozen disk can't be ended by anything until it is thawed.
WRITE = "import sys; open(sys.argv[1], 'ab').write(b'x')"


@dataclass
class Writers:
    """The processes that write to the frozen disks, by node."""

    by_name: dict[str, Process] = field(default_factory=dict)


class DiskHung(DiskFault):
    """Freezes the node's file system; the heal thaws it, and only then can the node be stopped."""

    words = "hung disk"
    needs = (HasData, HasProcesses)

    def strike(self, scene: Scene, name: str, disk: SmallDisk) -> None:  # noqa: ARG002
        """Freeze it."""
        disk.freeze()

    def disk_trouble(self, scene: Scene, name: str, disk: SmallDisk) -> str:
        """Proven by a write in a process of its own, which the kernel shows as waiting for the disk."""
        writers = scene.memory(Writers).by_name
        probe = writers.get(name)
        if probe is None or not probe.is_running():
            command = [sys.executable, "-S", "-c", WRITE, str(disk.data / ".prowl-probe")]
            log = scene.cluster.folder_of(name) / "probe.log"
            probe = writers[name] = processes(scene.cluster).spawn(f"{name}-probe", command, log=log)
        state = wait_until(lambda: probe.state if probe.state in (WAITS_FOR_DISK, GONE) else None, STUCK_SECONDS)
        return "" if state == WAITS_FOR_DISK else f"a write to the disk of {name} went through"

    def relieve(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Thaw it, and let the probe end."""
        Thaw(str(disk.data)).undo(scene.cluster.folder)
        probe = scene.memory(Writers).by_name.pop(name, None)
        if probe is not None and probe.wait(END_SECONDS) is None:
            probe.kill()
        (disk.data / ".prowl-probe").unlink(missing_ok=True)
