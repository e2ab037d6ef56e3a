"""A node that is started and takes its time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import Reach, reach
from prowl.chaos.faults.crash import Crash
from prowl.fixtures.clusters.addresses import address_of
from prowl.fixtures.clusters.protocol import STOPPED, HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Effects, Heal

SPAWN_SECONDS = 10.0
LOOK_SECONDS = 0.005  # far less than an interpreter needs until it listens


@dataclass
class Starting:
    """The threads that wait for the nodes' starts, by node."""

    threads: dict[str, threading.Thread] = field(default_factory=dict)


class SlowStart(Crash):
    """Kills the nodes and starts them again, but stops each new process before it listens; the heal lets it go on."""

    needs = (HasProcesses,)

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are down."""
        named = " ".join(scene.nodes)
        words = f"kill {named} : and a slow start"
        return Effects("slow start", words, down=scene.nodes, heal=Heal(f"start {named} : the slow start goes on"))

    def inject(self, scene: Scene) -> None:
        """Kill, start and stop."""
        scene.demand_free()
        of = processes(scene.cluster).process
        old = {name: of(name) for name in scene.nodes}
        super().inject(scene)
        for name, process in old.items():
            process.kill()
            start = threading.Thread(target=_start, args=(scene, name), name="prowl-slow-start", daemon=True)
            start.start()
            scene.memory(Starting).threads[name] = start
            if wait_until(lambda: of(name) is not process, SPAWN_SECONDS, LOOK_SECONDS):  # noqa: B023
                scene.cluster.pause(name)

    def effect_trouble(self, scene: Scene) -> str:
        """Look for a process that is not stopped, and an RPC port that does not refuse: it must not listen yet."""
        troubles = []
        for name in scene.nodes:
            state, met = scene.cluster.state(name), reach(address_of(scene.cluster.node(name).rpc))
            if state != STOPPED:
                troubles.append(f"the process of {name} is {state}, not {STOPPED}")
            elif met is not Reach.REFUSED:
                troubles.append(f"the RPC port of {name} {met}: it had started already")
        return "; ".join(troubles)

    def heal(self, scene: Scene) -> None:
        """Let the starts go on."""
        scene.cluster.resume(*(name for name in scene.free if scene.cluster.state(name) == STOPPED))
        for name, start in scene.memory(Starting).threads.items():
            if name in scene.free:
                start.join(self.limit_seconds)
        super().heal(scene)


def _start(scene: Scene, name: str) -> None:
    try:
        scene.cluster.start_node(name)
    except ClusterError as error:  # it was held longer than a start may take; what becomes of it is seen by its RPC
        scene.note(f"slow start of {name}: {str(error).splitlines()[0]}")
