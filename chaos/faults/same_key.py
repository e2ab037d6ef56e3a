"""A second process with a validator's key, on a store of its own: how operators make a validator vote twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.leak_probe import sockets
from prowl.chaos.engine.probes import ask, back_trouble, height_of
from prowl.chaos.faults.second_process import SecondProcess, Seconds
from prowl.fixtures.clusters.ports import Ports
from prowl.fixtures.clusters.protocol import GONE
from prowl.reports.events import Effects, Heal

ESTABLISHED = "01"  # in the kernel's socket table


class SameKey(SecondProcess):
    """Starts each node once more, with the same key and peers but a store and ports of its own.

    Nothing refuses it. Its effect is that it runs beside the first one and that the peers take it for the validator:
    it comes level with them, which it can only by what they answer to its signature. Whether it votes against the
    first one is for the scenario to see.
    """

    limit_seconds = 120.0  # it starts with nothing and must fetch the chain

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes lie: who votes twice with their key is a process of this fault."""
        kind, named = "second process with the key", ", ".join(scene.nodes)
        return Effects(kind, f"{kind} of {named}", liars=scene.nodes, heal=Heal(f"no {kind} of {named}"))

    def config(self, scene: Scene, name: str, config: dict[str, Any], ports: Ports) -> dict[str, Any]:
        """Return the second process's configuration: the node's, with ports and a store of its own."""
        folder = second_store(config)
        shutil.rmtree(folder, ignore_errors=True)
        return {**super().config(scene, name, config, ports), "dataDir": str(folder)}

    def tell(self, scene: Scene, name: str, *, refused: bool) -> None:
        """Write nothing: it has a store of its own, which refuses nobody."""

    def effect_trouble(self, scene: Scene) -> str:
        """Look at its height, its connections through the node's own edges, and the first one's process."""
        heights = [height_of(scene.cluster, name) or 0 for name in scene.others]
        for name in scene.nodes:
            second = scene.memory(Seconds).processes.get(name)
            if second is None:
                return f"{name} has no second process"
            if not second.is_running():
                return f"the second process of {name} ended with {second.exit_code}: {second.last_lines(1)}"
            answer = ask(self.rpc_of(scene, name), "eth_blockNumber")
            height = int(answer, 16) if isinstance(answer, str) else None
            if height is None or height < max(heights, default=0) - 1:
                return f"the second process of {name} is at height {height}, the others at {max(heights, default=0)}"
            edges = {edge.listen for edge in scene.cluster.edges.edges if edge.source == name}
            if not edges & {remote for _local, remote, state in sockets(second.pid) if state == ESTABLISHED}:
                return f"the second process of {name} has no connection to a peer"
            if scene.cluster.state(name) == GONE:
                return f"the first process of {name} is gone"
        return ""

    def heal_trouble(self, scene: Scene) -> str:
        """Look for second processes, and for first ones that are not level with the others."""
        here = scene.memory(Seconds).running()
        return f"the second process of {', '.join(here)} runs" if here else back_trouble(scene)


def second_store(config: dict[str, Any]) -> Path:
    """Return where the second process keeps its data: beside the first one's."""
    return Path(config["dataDir"]).with_name("second-data")
