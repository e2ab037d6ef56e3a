"""A limit of the system on a process that runs: open files, or memory that it may allocate."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field

import psutil

from prowl.chaos.engine.probes import Reach, level_trouble, reach
from prowl.chaos.engine.scenario import Scene
from prowl.fixtures.clusters.addresses import address_of
from prowl.fixtures.clusters.cluster import EmbeddedCluster

STANDARD_FILES = 3
Limits = tuple[int, int]


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
    _before: dict[str, Limits] = field(default_factory=dict, init=False, repr=False, compare=False)

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:  # noqa: ARG002 - a process of one's own can be limited
        """Return None: the limits of a process of one's own can always be lowered, and raised as far as they were."""
        return None

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words, which are notes."""
        told = " ".join(scene.nodes)
        return f"limit of {self.words} on {told}", f"no limit of {self.words} on {told}"

    def inject(self, scene: Scene) -> None:
        """Lower the limits that are in force; the hard ones stay, so that they can be raised again."""
        for name in scene.nodes:
            pid = scene.cluster.process(name).pid
            self._before[name] = resource.prlimit(pid, self.number)
            resource.prlimit(pid, self.number, (self._least(pid), self._before[name][1]))

    def _least(self, pid: int) -> int:
        return STANDARD_FILES if self.number == resource.RLIMIT_NOFILE else psutil.Process(pid).memory_info().vms

    def missing(self, scene: Scene) -> str:
        """Proven by the kernel's word for the limit; for open files also by a fresh connection that gets no answer."""
        for name in scene.nodes:
            process = scene.cluster.process(name)
            if not process.is_running():
                return f"the process of {name} is gone: it could not live with the limit"
            soft = resource.prlimit(process.pid, self.number)[0]
            if name not in self._before or soft == self._before[name][0]:
                return f"the process of {name} may have {self.words} as before"
            if self.number == resource.RLIMIT_NOFILE:
                met = reach(address_of(scene.cluster.node(name).rpc))
                if met not in (Reach.SILENT, Reach.CLOSED):
                    return f"the RPC port of {name} {met}"
        return ""

    def heal(self, scene: Scene) -> None:
        """Put the limits back; start what did not survive them."""
        for name in scene.nodes:
            before = self._before.pop(name, None)
            if before is not None and scene.cluster.is_running(name):
                resource.prlimit(scene.cluster.process(name).pid, self.number, before)
            if not scene.cluster.is_running(name):
                scene.cluster.start_node(name)

    def left(self, scene: Scene) -> str:
        """Proven by the kernel's word for the limit, and by the nodes being level with the others."""
        for name, before in self._before.items():
            process = scene.cluster.process(name)
            if process.is_running() and resource.prlimit(process.pid, self.number) != before:
                return f"the process of {name} is still limited"
        return level_trouble(scene.cluster, scene.nodes)


DESCRIPTORS = ProcessLimit(resource.RLIMIT_NOFILE, "open files")
ALLOCATIONS = ProcessLimit(resource.RLIMIT_AS, "allocations")
