"""A second process with a validator's key, on a store of its own: how operators make a validator vote twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from prowl.chaos.engine.leak_probe import sockets
from prowl.chaos.engine.probes import ask, height_of, level_trouble
from prowl.chaos.engine.scenario import Scene
from prowl.chaos.faults.second_process import SecondProcess

ESTABLISHED = "01"  # in the kernel's socket table


class SameKey(SecondProcess):
    """Starts each node once more, with the same key and peers but a store and ports of its own.

    Nothing refuses it. Its effect is that it runs beside the first one and that the peers take it for the validator:
    it comes level with them, which it can only by what they answer to its signature. Whether it votes against the
    first one is for the scenario to see.
    """

    limit_seconds = 120.0  # it starts with nothing and must fetch the chain

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words, which are notes."""
        told = ", ".join(scene.nodes)
        return f"second process with the key of {told}", f"no second process with the key of {told}"

    def config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the second process's configuration: the node's, with ports and a store of its own."""
        folder = second_store(config)
        shutil.rmtree(folder, ignore_errors=True)
        return {**super().config(config), "dataDir": str(folder)}

    def missing(self, scene: Scene) -> str:
        """Proven by its height, its connections through the node's own edges, and the first one's process."""
        heights = [height_of(scene.cluster, name) or 0 for name in scene.others]
        for name in scene.nodes:
            second = self.second.get(name)
            if second is None:
                return f"{name} has no second process"
            if not second.is_running():
                return f"the second process of {name} ended with {second.exit_code}: {second.last_lines(1)}"
            told = ask(self.rpc_of(scene, name), "eth_blockNumber")
            height = int(told, 16) if isinstance(told, str) else None
            if height is None or height < max(heights, default=0) - 1:
                return f"the second process of {name} is at height {height}, the others at {max(heights, default=0)}"
            edges = {edge.listen for edge in scene.cluster.edges.edges if edge.source == name}
            if not edges & {remote for _local, remote, state in sockets(second.pid) if state == ESTABLISHED}:
                return f"the second process of {name} has no connection to a peer"
            if not scene.cluster.is_running(name):
                return f"the first process of {name} is gone"
        return ""

    def left(self, scene: Scene) -> str:
        """Proven by the second processes being gone, and by the first ones being level with the others."""
        here = [name for name in scene.nodes if name in self.second and self.second[name].is_running()]
        return f"the second process of {', '.join(here)} runs" if here else level_trouble(scene.cluster, scene.nodes)


def second_store(config: dict[str, Any]) -> Path:
    """Return where the second process keeps its data: beside the first one's."""
    return Path(config["dataDir"]).with_name("second-data")
