"""A node's disk takes its time over every write."""

from __future__ import annotations

import sys
from pathlib import Path

from prowl.chaos.engine.fault import Scene
from prowl.chaos.faults.disk import DiskFault
from prowl.chaos.faults.tools.cgroups import Group
from prowl.chaos.faults.tools.small_disk import SmallDisk
from prowl.fixtures.clusters.protocol import HasData, HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.machine import no_cgroup, no_mounts, run

WRITES = 3
MARGIN = 0.8
# Joins the group that it is told and prints how long it takes to flush a few writes.
PROBE = """
import os, sys, time
if sys.argv[1]:
    with open(sys.argv[1], "w") as file:
        file.write(str(os.getpid()))
with open(sys.argv[2], "ab") as file:
    began = time.monotonic()
    for _write in range(int(sys.argv[3])):
        file.write(os.urandom(4096))
        file.flush()
        os.fdatasync(file.fileno())
    print(time.monotonic() - began)
"""


class DiskSlow(DiskFault):
    """Lets the node do so many writes a second on its disk, by a cgroup's throttle; the heal lifts it."""

    words = "slow disk"
    needs = (HasData, HasProcesses)

    def __init__(self, writes_per_second: int = 4) -> None:
        self.writes_per_second = writes_per_second

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002
        """Return why no small disk can be made, or why no process can be held back on it."""
        if not 1 <= self.writes_per_second <= 20:
            return f"a disk of {self.writes_per_second} writes a second can't be told from a good one; 1 to 20 can"
        return no_mounts() or no_cgroup("blkio")

    def strike(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Set the throttle on the disk's device and move the node into its group."""
        group = Group.of(scene, name, "blkio")
        group.make(scene)
        number = Path(f"/sys/block/{disk.device}/dev").read_text(encoding="ascii").strip()
        if group.place.version == 1:
            throttle = group.path / "blkio.throttle.write_iops_device"
            throttle.write_text(f"{number} {self.writes_per_second}", encoding="ascii")
        else:
            (group.path / "io.max").write_text(f"{number} wiops={self.writes_per_second}", encoding="ascii")
        group.take(processes(scene.cluster).process(name).pid)

    def disk_trouble(self, scene: Scene, name: str, disk: SmallDisk) -> str:
        """Proven by the kernel, which has the node in the group, and by how long a probe's writes take in it."""
        group = Group.of(scene, name, "blkio")
        if not group.holds(processes(scene.cluster).process(name).pid):
            return f"the process of {name} is in no group with a throttle"
        least = MARGIN * WRITES / self.writes_per_second
        took = self._probe(disk, group.path / "cgroup.procs")
        return "" if took >= least else f"{WRITES} writes to the disk of {name} took {took:.2f} s, not {least:.2f} s"

    def _probe(self, disk: SmallDisk, procs: Path) -> float:
        probe = disk.data / ".prowl-probe"
        return float(run(sys.executable, "-S", "-c", PROBE, str(procs), str(probe), str(WRITES)))

    def relieve(self, scene: Scene, name: str, disk: SmallDisk) -> None:
        """Lift the throttle."""
        Group.of(scene, name, "blkio").remove(scene)
        (disk.data / ".prowl-probe").unlink(missing_ok=True)

    def heal_trouble(self, scene: Scene) -> str:
        """Look for the group, and as for every disk."""
        here = [name for name in scene.nodes if Group.of(scene, name, "blkio").path.exists()]
        return f"the group of {', '.join(here)} is there" if here else super().heal_trouble(scene)
