"""The kernel ends a node because the memory that it may use is used up."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import gone_trouble
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.tools.cgroups import Group
from prowl.fixtures.clusters.processes import Process
from prowl.fixtures.clusters.protocol import GONE, HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.machine import no_cgroup
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Effects, Heal

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


@dataclass
class Ballasts:
    """The neighbours that take memory, and whether the nodes were seen to be gone."""

    processes: list[Process] = field(default_factory=list)
    killed: bool = False


class OutOfMemory(Crash):
    """Puts each node into a cgroup with a limit and lets a neighbour in it take all of it; the heal starts the node.

    The kernel must free memory and ends the node first (its score is set so), as it ends a node on a machine that has
    become too small: with SIGKILL, at any moment of its work.
    """

    limit_seconds = 60.0
    needs = (HasProcesses,)

    def __init__(self, megabytes: int = 64) -> None:
        self.megabytes = megabytes

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any process can be in a group
        """Return why there is no limit whose end is the kernel's kill (an allocation limit can be had everywhere)."""
        reason = no_cgroup("memory")
        return None if reason is None else f"{reason}; a limit of allocations (ProcessLimit) can be set without"

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are hindered, and down once the kernel has killed them."""
        named, killed = " ".join(scene.nodes), scene.memory(Ballasts).killed
        words = f"kill {named} : by the kernel, out of memory" if killed else f"no memory is left for {named}"
        down, slow = (scene.nodes, ()) if killed else ((), scene.nodes)
        return Effects("out of memory", words, down=down, slow=slow, heal=Heal(f"start {named}"))

    def inject(self, scene: Scene) -> None:
        """Make the groups, move the nodes in, let the neighbours take what there is, and wait for the kernel."""
        scene.demand_free()
        memory = scene.memory(Ballasts)
        for name in scene.nodes:
            group = Group.of(scene, name, "memory")
            group.make(scene)
            group.write("memory.limit_in_bytes", "memory.max", str(self.megabytes * MEGABYTE))
            process = processes(scene.cluster).process(name)
            Path(f"/proc/{process.pid}/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
            group.take(process.pid)
            command = [sys.executable, "-c", BALLAST, str(group.path / "cgroup.procs")]
            log = scene.cluster.folder_of(name) / "ballast.log"
            memory.processes.append(processes(scene.cluster).spawn(f"{name}-ballast", command, log=log))
        memory.killed = bool(
            wait_until(lambda: all(scene.cluster.state(name) == GONE for name in scene.nodes), self.limit_seconds / 2)
        )
        if memory.killed:
            scene.tell(self.effects(scene))

    def effect_trouble(self, scene: Scene) -> str:
        """Proven by the kernel's count of such kills in the group, an exit by SIGKILL, and a port that refuses."""
        troubles = [gone_trouble(scene.cluster, scene.nodes)]
        for name in scene.nodes:
            killed = Group.of(scene, name, "memory").count("memory.oom_control", "memory.events", "oom_kill")
            if killed < 1:
                troubles.append(f"the kernel counts {killed} kills for want of memory around {name}")
            code = scene.cluster.exit_code(name)
            if code not in (None, -signal.SIGKILL):
                troubles.append(f"{name} ended with exit code {code}, not by a kill")
        return "; ".join(trouble for trouble in troubles if trouble)

    def heal(self, scene: Scene) -> None:
        """End the neighbours, remove the groups, start the nodes outside of them."""
        memory = scene.memory(Ballasts)
        for ballast in memory.processes:
            ballast.kill()
        memory.processes.clear()
        memory.killed = False
        for name in scene.nodes:
            Group.of(scene, name, "memory").remove(scene)
        super().heal(scene)

    def heal_trouble(self, scene: Scene) -> str:
        """Proven by the groups being gone and the RPC answering."""
        here = [name for name in scene.nodes if Group.of(scene, name, "memory").path.exists()]
        return f"the group of {', '.join(here)} is there" if here else super().heal_trouble(scene)
