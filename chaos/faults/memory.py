"""A node that really uses memory: it is started with a ballast in its own process, and without one at the end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import running_trouble
from prowl.fixtures.clusters.protocol import HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.reports.events import Effects, Heal

FOLDER = "ballast"
SPARE_BYTES = 1_000_000_000
# Both kinds of node run a file of the environment's before their own code. Every page is written: memory that is only
# reserved is not resident.
PYTHON = """\
import mmap

ballast = mmap.mmap(-1, {size})
for _ in range({size} // 1048576):
    ballast.write(b"\\1" * 1048576)
"""
JAVASCRIPT = """\
globalThis.prowlBallast = [];
for (let left = {size}; left > 0; left -= 268435456) {{
  globalThis.prowlBallast.push(Buffer.alloc(Math.min(left, 268435456), 1));
}}
"""


@dataclass(frozen=True)
class Memory:
    """Restarts each node with so many bytes of ballast, all of them resident; the heal restarts it without."""

    size: int
    limit_seconds: float = 120.0
    needs: ClassVar[tuple[type, ...]] = (HasProcesses,)

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002
        """Return why there is no room for it, or None."""
        free = psutil.virtual_memory().available
        if free >= self.size + SPARE_BYTES:
            return None
        return f"{self.size / 1e9:.1f} GB can't be allocated: {free / 1e9:.1f} GB of memory are available"

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are restarted, at both ends."""
        named = " ".join(scene.nodes)
        words = f"restart {named} : with {self.size / 1e9:.2f} GB more of resident memory"
        return Effects("memory", words, restarted=scene.nodes, heal=Heal(f"restart {named}", restarted=scene.nodes))

    def inject(self, scene: Scene) -> None:
        """Stop them, and start them with the ballast."""
        scene.demand_free()
        for name in scene.nodes:
            environment = self._environment(scene, name)
            scene.cluster.terminate(name)
            scene.cluster.start_node(name, environment=environment)

    def _environment(self, scene: Scene, name: str) -> Mapping[str, str]:
        """Return what a node that runs is started with: its own variables, which an image may have set, and more."""
        try:
            own = psutil.Process(processes(scene.cluster).process(name).pid).environ()
        except psutil.Error as error:
            raise ClusterError(f"The variables of {name} can't be read: {error}.") from None
        folder: Path = scene.cluster.folder_of(name) / FOLDER  # a container sees nothing else of this machine
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(PYTHON.format(size=self.size), encoding="utf-8")
        (folder / "ballast.cjs").write_text(JAVASCRIPT.format(size=self.size), encoding="utf-8")
        path = os.pathsep.join(filter(None, (str(folder), own.get("PYTHONPATH", ""))))
        options = f"{own.get('NODE_OPTIONS', '')} --require={folder / 'ballast.cjs'}".strip()
        return {"PYTHONPATH": path, "NODE_OPTIONS": options}

    def effect_trouble(self, scene: Scene) -> str:
        """Look at the resident memory of the processes."""
        used = {name: _resident(scene, name) for name in scene.nodes}
        return "; ".join(f"{name} has {size / 1e9:.2f} GB" for name, size in used.items() if size < self.size)

    def heal(self, scene: Scene) -> None:
        """Stop those that still have it, and start what no other fault holds down."""
        scene.cluster.terminate(*self._loaded(scene))
        scene.start()

    def heal_trouble(self, scene: Scene) -> str:
        """Look for memory that is still used, and for an RPC that does not answer."""
        loaded = self._loaded(scene)
        return f"{', '.join(loaded)} still has it" if loaded else running_trouble(scene)

    def _loaded(self, scene: Scene) -> tuple[str, ...]:
        return tuple(name for name in scene.nodes if _resident(scene, name) >= self.size)


def _resident(scene: Scene, name: str) -> int:
    try:
        return int(psutil.Process(processes(scene.cluster).process(name).pid).memory_info().rss)
    except psutil.Error:
        return 0
