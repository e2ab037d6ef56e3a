"""A node that is started and takes its time."""

from __future__ import annotations

import threading

from prowl.chaos.engine.probes import Reach, reach
from prowl.chaos.engine.scenario import Scene
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.pause import STOPPED
from prowl.fixtures.clusters.addresses import address_of
from prowl.fixtures.clusters.cluster import ClusterError
from prowl.fixtures.waiting import wait_until

SPAWN_SECONDS = 10.0
LOOK_SECONDS = 0.005  # far less than an interpreter needs until it listens


class SlowStart(Crash):
    """Kills the nodes and starts them again, but stops each new process before it listens; the heal lets it go on."""

    def __init__(self) -> None:
        self._starts: list[threading.Thread] = []

    def inject(self, scene: Scene) -> None:
        """Kill, start and stop."""
        old = {name: scene.cluster.process(name) for name in scene.nodes}
        super().inject(scene)
        for name, process in old.items():
            process.kill()
            start = threading.Thread(target=_start, args=(scene, name), name="prowl-slow-start", daemon=True)
            start.start()
            self._starts.append(start)
            if wait_until(lambda: scene.cluster.process(name) is not process, SPAWN_SECONDS, LOOK_SECONDS):  # noqa: B023
                scene.cluster.pause(name)

    def missing(self, scene: Scene) -> str:
        """Proven by a process that is stopped, and an RPC port that refuses: it does not listen yet."""
        troubles = []
        for name in scene.nodes:
            state, met = scene.cluster.process(name).state, reach(address_of(scene.cluster.node(name).rpc))
            if state != STOPPED:
                troubles.append(f"the process of {name} is {state}, not {STOPPED}")
            elif met is not Reach.REFUSED:
                troubles.append(f"the RPC port of {name} {met}: it had started already")
        return "; ".join(troubles)

    def heal(self, scene: Scene) -> None:
        """Let the starts go on."""
        for name in scene.nodes:
            scene.cluster.resume(name)
        for start in self._starts:
            start.join(self.limit_seconds)
        self._starts.clear()
        super().heal(scene)


def _start(scene: Scene, name: str) -> None:
    try:
        scene.cluster.start_node(name)
    except ClusterError as error:  # it was held longer than a start may take; what becomes of it is seen by its RPC
        scene.note(f"slow start of {name}: {str(error).splitlines()[0]}")
