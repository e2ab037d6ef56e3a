"""The kernel ends a node because the memory that it may use is used up."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from prowl.chaos.engine.probes import gone_trouble
from prowl.chaos.engine.scenario import Scene
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.tools.cgroups import Group
from prowl.fixtures.clusters.cluster import EmbeddedCluster
from prowl.fixtures.clusters.processes import Process
from prowl.fixtures.machine import no_cgroup

MEGABYTE = 1_000_000
FIRST_TO_GO = "1000"
# Joins the group that it is told, says so by being in it, and takes memory until the kernel ends it.
BALLAST = """
import os, sys
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
held = []
while True:
    held.append(bytearray(os.urandom(4096)) * 256)
"""


class OutOfMemory(Crash):
    """Puts each node into a cgroup with a limit and lets a neighbour in it take all of it; the heal starts the node.

    The kernel must free memory and ends the node first (its score is set so), as it ends a node on a machine that has
    become too small: with SIGKILL, at any moment of its work.
    """

    limit_seconds = 60.0

    def __init__(self, megabytes: int = 64) -> None:
        self.megabytes = megabytes
        self._ballasts: list[Process] = []

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:  # noqa: ARG002 - any process can be in a group
        """Return why there is no limit whose end is the kernel's kill (an allocation limit can be had everywhere)."""
        reason = no_cgroup("memory")
        return None if reason is None else f"{reason}; a limit of allocations (ProcessLimit) can be set without"

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words."""
        told = " ".join(scene.nodes)
        return f"kill {told} : by the kernel, out of memory", f"start {told}"

    def inject(self, scene: Scene) -> None:
        """Make the groups, move the nodes in, and let the neighbours take what there is."""
        for name in scene.nodes:
            group = Group.of(scene, name, "memory")
            group.make(scene)
            group.write("memory.limit_in_bytes", "memory.max", str(self.megabytes * MEGABYTE))
            process = scene.cluster.process(name)
            Path(f"/proc/{process.pid}/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
            group.take(process.pid)
            command = [sys.executable, "-c", BALLAST, str(group.path / "cgroup.procs")]
            log = scene.cluster.folder_of(name) / "ballast.log"
            self._ballasts.append(scene.cluster.register.spawn(f"{name}-ballast", command, log=log))

    def missing(self, scene: Scene) -> str:
        """Proven by the kernel's count of such kills in the group, an exit by SIGKILL, and a port that refuses."""
        troubles = [gone_trouble(scene.cluster, scene.nodes)]
        for name in scene.nodes:
            killed = Group.of(scene, name, "memory").count("memory.oom_control", "memory.events", "oom_kill")
            if killed < 1:
                troubles.append(f"the kernel counts {killed} kills for want of memory around {name}")
            code = scene.cluster.process(name).exit_code
            if code not in (None, -signal.SIGKILL):
                troubles.append(f"{name} ended with exit code {code}, not by a kill")
        return "; ".join(trouble for trouble in troubles if trouble)

    def heal(self, scene: Scene) -> None:
        """End the neighbours, remove the groups, start the nodes outside of them."""
        for ballast in self._ballasts:
            ballast.kill()
        self._ballasts.clear()
        for name in scene.nodes:
            Group.of(scene, name, "memory").remove(scene)
        super().heal(scene)

    def left(self, scene: Scene) -> str:
        """Proven by the groups being gone and the RPC answering."""
        here = [name for name in scene.nodes if Group.of(scene, name, "memory").path.exists()]
        return f"the group of {', '.join(here)} is there" if here else super().left(scene)
