"""A node whose clock is wrong: from its start, or by a jump while it runs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import ANSWER_SECONDS, back_trouble
from prowl.fixtures.clusters.protocol import GONE, Cluster, HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.machine import faketime_library, no_faketime
from prowl.fixtures.single_request import FAILURES, fetch
from prowl.reports.events import Effects, Heal

NEAR_SECONDS = 2.0  # between a node's word and our look at it lies the answer's way
LEAST_SECONDS = 5.0
STAMP = "clock"


@dataclass(frozen=True)
class Clock:
    """Restarts each node under libfaketime with its clock ``seconds`` ahead (or behind, if negative).

    ``jump``: the clock is right at the start and jumps once the node answers. Only the time of day is wrong: monotonic
    clocks, which time-outs are counted by, go on as they do when a real clock is set. The heal restarts the node
    without it.
    """

    seconds: float = 3600.0
    jump: bool = False
    limit_seconds: float = 60.0
    needs: ClassVar[tuple[type, ...]] = (HasProcesses,)

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any dynamically linked program can
        """Return why no clock can be set, or why a difference so small could not be told."""
        if abs(self.seconds) < LEAST_SECONDS:
            return f"a clock that is {self.seconds:g} s off can't be told from a slow answer; {LEAST_SECONDS:g} s can"
        return no_faketime()

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are restarted and hindered."""
        named = " ".join(scene.nodes)
        how = "a clock that jumps" if self.jump else "a clock that is off"
        return Effects(
            "clock",
            f"restart {named} : {how} by {self.seconds:+g} s",
            slow=scene.nodes,
            restarted=scene.nodes,
            heal=Heal(f"restart {named} : its clock is right again", restarted=_faked(scene)),
        )

    def inject(self, scene: Scene) -> None:
        """Restart under the library; jump by its file."""
        scene.demand_free()
        for name in scene.nodes:
            stamp = _stamp(scene, name)
            stamp.write_text("+0" if self.jump else f"{self.seconds:+g}", encoding="ascii")
            scene.cluster.terminate(name)
            scene.cluster.start_node(name, environment=_environment(stamp))
            if self.jump:
                stamp.write_text(f"{self.seconds:+g}", encoding="ascii")

    def effect_trouble(self, scene: Scene) -> str:
        """Proven by the time that the nodes themselves tell."""
        for name in scene.nodes:
            off = offset_seconds(scene.cluster, name)
            if off is None or abs(off - self.seconds) > NEAR_SECONDS:
                return f"the clock of {name} is {_told(off)}, not {self.seconds:+g} s"
        return ""

    def heal(self, scene: Scene) -> None:
        """Restart without the library what is under it."""
        scene.cluster.terminate(*_faked(scene))
        scene.start()
        for name in scene.nodes:
            _stamp(scene, name).unlink(missing_ok=True)

    def heal_trouble(self, scene: Scene) -> str:
        """Proven by the time that the nodes tell, and by their being level with the others."""
        for name in scene.able:
            off = offset_seconds(scene.cluster, name)
            if off is None or abs(off) > NEAR_SECONDS:
                return f"the clock of {name} is {_told(off)}"
        return back_trouble(scene)


def offset_seconds(cluster: Cluster, name: str) -> float | None:
    """Return how far a node's clock is ahead of ours, by its P2P health's ``ts``; None if it tells no time."""
    before = time.time()
    try:
        answer = json.loads(fetch(f"{cluster.node(name).p2p}/health", timeout_seconds=ANSWER_SECONDS).body)
        return float(answer["ts"]) / 1000 - (before + time.time()) / 2
    except (*FAILURES, ValueError, TypeError, KeyError):
        return None


def _told(off: float | None) -> str:
    return "not told" if off is None else f"{off:+.1f} s off"


def _stamp(scene: Scene, name: str) -> Path:
    return scene.cluster.folder_of(name) / STAMP


def _environment(stamp: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(faketime_library()),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_CACHE_DURATION": "1",  # in seconds; without it a jump would be seen after ten
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _faked(scene: Scene) -> tuple[str, ...]:
    """Return the nodes whose process runs under the library."""
    return tuple(name for name in scene.nodes if scene.cluster.state(name) != GONE and _is_faked(scene, name))


def _is_faked(scene: Scene, name: str) -> bool:
    try:
        return "FAKETIME_TIMESTAMP_FILE" in psutil.Process(processes(scene.cluster).process(name).pid).environ()
    except psutil.Error:
        return False
