"""A limit of the system on a process that runs: open files, or memory that it may allocate."""

from __future__ import annotations

import resource
import signal
from dataclasses import dataclass, field
from typing import ClassVar

import psutil

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import Reach, back_trouble, reach
from prowl.fixtures.clusters.addresses import address_of
from prowl.fixtures.clusters.processes import Process
from prowl.fixtures.clusters.protocol import HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Effects, Heal

STANDARD_FILES = 3
KILLED = (-signal.SIGKILL, -signal.SIGTERM)
Limits = tuple[int, int]


@dataclass
class LimitsBefore:
    """The limits that were in force, each with the process that it was of."""

    limits: dict[str, tuple[Process, Limits]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProcessLimit:
    """Sets one of a process's own limits below what it uses already; the heal puts back what was in force.

    ``DESCRIPTORS`` leaves it the three standard files: it keeps what it has open and can open nothing more, so that no
    new connection is served. ``ALLOCATIONS`` lets its address space grow no more: the next allocation that needs more
    fails, whatever the node makes of that.
    """

    number: int
    words: str
    limit_seconds: float = 60.0
    needs: ClassVar[tuple[type, ...]] = (HasProcesses,)

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - a process of one's own can be limited
        """Return None: the limits of a process of one's own can always be lowered, and raised as far as they were."""
        return None

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are hindered."""
        named, kind = " ".join(scene.nodes), f"limit of {self.words}"
        return Effects(kind, f"{kind} on {named}", slow=scene.nodes, heal=Heal(f"no {kind} on {named}"))

    def inject(self, scene: Scene) -> None:
        """Lower the limits that are in force; the hard ones stay, so that they can be raised again."""
        scene.demand_free()
        for name in scene.nodes:
            process = processes(scene.cluster).process(name)
            before = resource.prlimit(process.pid, self.number)
            scene.memory(LimitsBefore).limits[name] = process, before
            resource.prlimit(process.pid, self.number, (self._least(process.pid), before[1]))

    def _least(self, pid: int) -> int:
        return STANDARD_FILES if self.number == resource.RLIMIT_NOFILE else psutil.Process(pid).memory_info().vms

    def effect_trouble(self, scene: Scene) -> str:
        """Proven by the kernel's word for the limit; for open files also by a fresh connection that gets no answer.

        A process that ended under its limit by itself has felt it.
        """
        limits = scene.memory(LimitsBefore).limits
        for name in scene.nodes:
            process = processes(scene.cluster).process(name)
            if not process.is_running():
                if name not in limits or scene.cluster.exit_code(name) in KILLED:
                    return f"the process of {name} is gone, and not by its limit"
                continue  # it did not live with the limit
            soft = resource.prlimit(process.pid, self.number)[0]
            if name not in limits or soft == limits[name][1][0]:
                return f"the process of {name} may have {self.words} as before"
            if self.number == resource.RLIMIT_NOFILE:
                met = reach(address_of(scene.cluster.node(name).rpc))
                if met not in (Reach.SILENT, Reach.CLOSED):
                    return f"the RPC port of {name} {met}"
        return ""

    def heal(self, scene: Scene) -> None:
        """Put the limits back; start what did not survive them."""
        for process, before in scene.memory(LimitsBefore).limits.values():
            if process.is_running():
                resource.prlimit(process.pid, self.number, before)
        scene.start()

    def heal_trouble(self, scene: Scene) -> str:
        """Look at the kernel's word for the limit, and for nodes that are not level with the others."""
        for name, (process, before) in scene.memory(LimitsBefore).limits.items():
            if process.is_running() and resource.prlimit(process.pid, self.number) != before:
                return f"the process of {name} is still limited"
        return back_trouble(scene)


DESCRIPTORS = ProcessLimit(resource.RLIMIT_NOFILE, "open files")
ALLOCATIONS = ProcessLimit(resource.RLIMIT_AS, "allocations")
