"""More liars than BFT survives: one key of each side of a partition runs a second time on the other side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import height_of, running_trouble
from prowl.chaos.faults.same_key import SameKey, second_store
from prowl.chaos.faults.second_process import Seconds
from prowl.chaos.faults.tools.damage import LEDGER
from prowl.fixtures.clusters.ports import Ports
from prowl.fixtures.clusters.protocol import HasData, HasDirectPaths, HasProcesses, data_of, direct_path
from prowl.fixtures.clusters.spec import CHAIN_ID, ClusterSpec, reference_command
from prowl.fixtures.reference.consensus.witness import vouch, witness_path
from prowl.reports.events import Effects, Heal

Peers = list[dict[str, str]]
BLOCKS = 2  # that must come on a side before it counts as going on


@dataclass
class NetworkBefore:
    """What was true before: who is on each side, each node's peers, and its height."""

    sides: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    peers: dict[str, Peers] = field(default_factory=dict)
    heights: dict[str, int] = field(default_factory=dict)


class KeysOnBothSides(SameKey):
    """Lets the first node of each side of a partition run a second time on the other side.

    The nodes that it is for are one side, all others are the other side; the partition itself is another fault's. Each
    side then holds the keys of a quorum. Its effect is that both sides go on: with the liars left out, the network is
    not one chain any more, and no heal makes it one again. Installed nodes lose their vote ledgers with it; a reference
    node without its ledger abstains where it may have voted, which is the side's standstill, so it keeps its own.
    """

    limit_seconds = 180.0  # all nodes start, and an installed one is given a grace
    needs = (HasProcesses, HasData, HasDirectPaths)

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why two liars are not too many."""
        return None if spec.count == 4 else f"two liars are just too many among four nodes, and these are {spec.count}"

    def effects(self, scene: Scene) -> Effects:
        """Return that one node of each side lies, and that all are restarted at both ends."""
        liars, names = self._liars(scene), scene.cluster.spec.names
        kind, words = "keys on both sides", f"restart {' '.join(names)} : the keys of {' '.join(liars)} on both sides"
        heal = Heal(f"restart {' '.join(names)} : each key once", restarted=names)
        return Effects(kind, words, liars=liars, restarted=names, heal=heal)

    def inject(self, scene: Scene) -> None:
        """Start the second ones, and restart every node as a peer of the one on its own side."""
        scene.demand_free()
        before, cluster = scene.memory(NetworkBefore), scene.cluster
        before.sides = scene.nodes, scene.others
        before.heights = {name: height_of(cluster, name) or 0 for name in cluster.spec.names}
        before.peers = {name: self._config(scene, name)["peers"] for name in cluster.spec.names}
        super().inject(replace(scene, nodes=self._liars(scene)))
        self._restart(scene, {name: self._peers(scene, name) for name in cluster.spec.names})

    def config(self, scene: Scene, name: str, config: dict[str, Any], ports: Ports) -> dict[str, Any]:
        """Return the second process's configuration: its peers are the nodes of the other side, without a proxy."""
        config = super().config(scene, name, config, ports)
        store = second_store(config)
        witness_path(store).unlink(missing_ok=True)
        vouch(store, CHAIN_ID, str(scene.cluster.node(name).address), 0)
        cluster, beyond = scene.cluster, self._beyond(scene, name)
        return {
            **config,
            "peers": [{"id": cluster.node(node).address, "url": direct_path(cluster, node)} for node in beyond],
        }

    def effect_trouble(self, scene: Scene) -> str:
        """Look for a side on which no block comes."""
        heights = scene.memory(NetworkBefore).heights
        stands = [name for name, old in heights.items() if (height_of(scene.cluster, name) or 0) < old + BLOCKS]
        return f"no blocks come on the side of {', '.join(stands)}" if stands else ""

    def heal(self, scene: Scene) -> None:
        """End the second ones, and restart every node with the peers that it had."""
        super().heal(scene)
        self._restart(scene, scene.memory(NetworkBefore).peers)

    def heal_trouble(self, scene: Scene) -> str:
        """Look for second ones, and for nodes that do not answer: that both sides are level again is not to be had."""
        here = scene.memory(Seconds).running()
        return f"the second process of {', '.join(here)} runs" if here else running_trouble(scene)

    def _restart(self, scene: Scene, peers: Mapping[str, Peers]) -> None:
        """Stop all nodes, and start them side by side with these peers; an installed one without its vote ledger."""
        cluster = scene.cluster
        cluster.terminate(*peers)
        if cluster.spec.command is not reference_command:
            for name in peers:
                (data_of(cluster, name) / LEDGER).unlink(missing_ok=True)
        with ThreadPoolExecutor(max(1, len(peers))) as pool:
            list(pool.map(lambda name: cluster.start_node(name, settings={"peers": peers[name]}), peers))

    def _liars(self, scene: Scene) -> tuple[str, ...]:
        if not scene.others:
            raise ValueError("It needs a node on each side of a partition, and is for one side only.")
        return scene.nodes[0], scene.others[0]

    def _beyond(self, scene: Scene, name: str) -> tuple[str, ...]:
        one, other = scene.memory(NetworkBefore).sides
        return other if name in one else one

    def _config(self, scene: Scene, name: str) -> dict[str, Any]:
        path = scene.cluster.folder_of(name) / "config.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def _peers(self, scene: Scene, name: str) -> Peers:
        """Return a node's peers: the liar of the other side is the second process on this one."""
        (liar,) = (each for each in self._liars(scene) if each in self._beyond(scene, name))
        second = json.loads((scene.cluster.folder_of(liar) / "second.json").read_text(encoding="utf-8"))
        address = scene.cluster.node(liar).address
        host = (scene.cluster.node(liar).p2p or "").rpartition(":")[0]
        url = f"{host}:{second['p2pPort']}"
        return [
            {**peer, "url": url} if peer["id"] == address else peer for peer in scene.memory(NetworkBefore).peers[name]
        ]
