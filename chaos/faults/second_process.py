"""A second process on the store of a node that runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

import psutil

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import running_trouble, up_trouble
from prowl.fixtures.clusters.ports import Ports
from prowl.fixtures.clusters.processes import Process
from prowl.fixtures.clusters.protocol import HasProcesses, processes
from prowl.fixtures.clusters.spec import PORT_KEYS, ClusterSpec
from prowl.reports.events import Effects, Event, Heal

# LevelDB's own words for a store that is taken, and the reference node's.
REFUSAL = re.compile(r"(?i)\block\b|LEVEL_LOCKED|in use by process")


@dataclass
class Seconds:
    """The second processes by node, the ports of their RPC, and all ports that they took."""

    processes: dict[str, Process] = field(default_factory=dict)
    rpc: dict[str, int] = field(default_factory=dict)
    ports: Ports = field(default_factory=Ports)

    def running(self) -> list[str]:
        """Return the nodes whose second process runs."""
        return [name for name, process in self.processes.items() if process.is_running()]


class SecondProcess:
    """Starts each node once more, on ports of its own but with the same key and store.

    Its effect is that the store's LOCK refuses it and the node that runs does not mind. A second process that is not
    refused is told as a fault without effect, in these words, and is killed.
    """

    limit_seconds = 30.0
    needs: tuple[type, ...] = (HasProcesses,)

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any node can be started twice
        """Return None: a process can always be started."""
        return None

    def effects(self, scene: Scene) -> Effects:
        """Return that nothing of the network changes."""
        kind, named = "second process on the store", ", ".join(scene.nodes)
        return Effects(kind, f"{kind} of {named}", heal=Heal(f"no {kind} of {named}"))

    def inject(self, scene: Scene) -> None:
        """Start the second ones."""
        scene.demand_free()
        seconds, cluster = scene.memory(Seconds), processes(scene.cluster)
        for name in scene.nodes:
            folder = scene.cluster.folder_of(name)
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            path = folder / "second.json"
            config = self.config(scene, name, config, seconds.ports)
            seconds.rpc[name] = config["rpcPort"]
            path.write_text(json.dumps(config), encoding="utf-8")
            environment = psutil.Process(cluster.process(name).pid).environ()
            environment |= {"COC_NODE_CONFIG": str(path), "COC_METRICS_PORT": str(seconds.ports.take())}
            environment["COC_DATA_DIR"] = config["dataDir"]
            log = folder / "second.log"
            log.unlink(missing_ok=True)
            spec = scene.cluster.spec
            command = [*cluster.place(name).prefix, *spec.command(path, spec.defects.get(name))]
            second = cluster.spawn(f"{name}-second", command, log=log, env=environment, cwd=folder)
            seconds.processes[name] = second

    def config(self, scene: Scene, name: str, config: dict[str, Any], ports: Ports) -> dict[str, Any]:  # noqa: ARG002
        """Return the second process's configuration: the node's, on ports of its own."""
        return {**config, **{key: ports.take() for key in PORT_KEYS}}

    def rpc_of(self, scene: Scene, name: str) -> str:
        """Return the address of the second process's RPC."""
        return f"http://{processes(scene.cluster).place(name).host}:{scene.memory(Seconds).rpc[name]}"

    def effect_trouble(self, scene: Scene) -> str:
        """Look at the exit code, the second one's word of the LOCK, and the first one's RPC."""
        troubles = []
        for name in scene.nodes:
            second = scene.memory(Seconds).processes.get(name)
            if second is None:
                troubles.append(f"{name} has no second process")
            elif second.exit_code is None:
                troubles.append(f"the second process of {name} runs: its store refuses nobody")
            elif second.exit_code == 0 or not REFUSAL.search(second.last_lines()):
                last = second.last_lines(1)
                troubles.append(f"the second process of {name} ended with {second.exit_code}, not by the LOCK: {last}")
        return "; ".join(troubles) or up_trouble(scene.cluster, scene.nodes)

    def heal(self, scene: Scene) -> None:
        """Kill what was not refused, and write what came of each."""
        seconds = scene.memory(Seconds)
        for name, second in seconds.processes.items():
            self.tell(scene, name, refused=not second.is_running())
            second.kill()
        seconds.ports.close()

    def tell(self, scene: Scene, name: str, *, refused: bool) -> None:
        """Write whether the store refused the second process, for the judge."""
        words = f"second process on the store of {name} : {'it was refused' if refused else 'it was not refused'}"
        row = Event(0.0, words, step="symptom")
        scene.write(replace(row, confirmed=(name,)) if refused else replace(row, unconfirmed=(name,)))

    def heal_trouble(self, scene: Scene) -> str:
        """Look for second processes, and for first ones whose RPC does not answer."""
        here = scene.memory(Seconds).running()
        return f"the second process of {', '.join(here)} runs" if here else running_trouble(scene)
