"""A second process on the store of a node that runs."""

from __future__ import annotations

import json
import re
from typing import Any

import psutil

from prowl.chaos.engine.probes import up_trouble
from prowl.chaos.engine.scenario import Scene
from prowl.fixtures.clusters.cluster import EmbeddedCluster
from prowl.fixtures.clusters.ports import Ports
from prowl.fixtures.clusters.processes import Process
from prowl.fixtures.clusters.spec import PORT_KEYS

# LevelDB's own words for a store that is taken, and the reference node's.
REFUSAL = re.compile(r"(?i)\block\b|LEVEL_LOCKED|in use by process")


class SecondProcess:
    """Starts each node once more, on ports of its own but with the same key and store.

    Its effect is that the store's LOCK refuses it and the node that runs does not mind. A second process that is not
    refused is told as a fault without effect, in these words, and is killed.
    """

    limit_seconds = 30.0

    def __init__(self) -> None:
        self.second: dict[str, Process] = {}
        self._rpc: dict[str, int] = {}
        self._ports = Ports()

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:  # noqa: ARG002 - any node can be started twice
        """Return None: a process can always be started."""
        return None

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words, which are notes: nothing of the network changes."""
        told = ", ".join(scene.nodes)
        return f"second process on the store of {told}", f"no second process on the store of {told}"

    def inject(self, scene: Scene) -> None:
        """Start the second ones."""
        for name in scene.nodes:
            folder = scene.cluster.folder_of(name)
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            path = folder / "second.json"
            told = self.config(config)
            self._rpc[name] = told["rpcPort"]
            path.write_text(json.dumps(told), encoding="utf-8")
            environment = psutil.Process(scene.cluster.process(name).pid).environ()
            environment |= {"COC_NODE_CONFIG": str(path), "COC_METRICS_PORT": str(self._ports.take())}
            environment["COC_DATA_DIR"] = told["dataDir"]
            log = folder / "second.log"
            log.unlink(missing_ok=True)
            command = [*scene.cluster.place(name).prefix, *scene.cluster.spec.command(path, None)]
            self.second[name] = scene.cluster.register.spawn(
                f"{name}-second", command, log=log, env=environment, cwd=folder
            )

    def config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the second process's configuration: the node's, on ports of its own."""
        return {**config, **{key: self._ports.take() for key in PORT_KEYS}}

    def rpc_of(self, scene: Scene, name: str) -> str:
        """Return the address of the second process's RPC."""
        return f"http://{scene.cluster.place(name).host}:{self._rpc[name]}"

    def missing(self, scene: Scene) -> str:
        """Proven by an exit code, the second one's word of the LOCK, and the first one's RPC."""
        troubles = []
        for name in scene.nodes:
            second = self.second.get(name)
            if second is None:
                troubles.append(f"{name} has no second process")
            elif second.exit_code is None:
                troubles.append(f"the second process of {name} runs: its store refuses nobody")
            elif second.exit_code == 0 or not REFUSAL.search(second.last_lines()):
                last = second.last_lines(1)
                troubles.append(f"the second process of {name} ended with {second.exit_code}, not by the LOCK: {last}")
        return "; ".join(troubles) or up_trouble(scene.cluster, scene.nodes)

    def heal(self, scene: Scene) -> None:
        """Kill what was not refused."""
        for name in scene.nodes:
            if name in self.second:
                self.second[name].kill()
        self._ports.close()

    def left(self, scene: Scene) -> str:
        """Proven by the processes being gone, and the first ones' RPC."""
        here = [name for name in scene.nodes if name in self.second and self.second[name].is_running()]
        return f"the second process of {', '.join(here)} runs" if here else up_trouble(scene.cluster, scene.nodes)
