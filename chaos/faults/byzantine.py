"""A validator that deceives the others, planted as a defect of a reference node and seen from outside of it."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psutil

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import ask, back_trouble, gossip_of, height_of, level_trouble, ping_height
from prowl.fixtures.clusters.protocol import GONE, HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterSpec, reference_command
from prowl.reports.events import Effects, Heal

ROTATIONS = 2


@dataclass(frozen=True)
class LiarStart:
    """What was true when the liar started: the time in ms, the height, and the length of each other node's log."""

    ms: int
    height: int
    logs: dict[str, int]


@dataclass
class Starts:
    """When each liar started."""

    by_name: dict[str, LiarStart] = field(default_factory=dict)


Look = Callable[[Scene, str, LiarStart], str]
"""Returns what is not to be seen of a conduct, "" once it is."""


@dataclass(frozen=True)
class Conduct:
    """One way to deceive: the defect of ``prowl node --list-defects``, and how the others see it."""

    defect: str
    look: Look


def _double(phases: tuple[str, ...]) -> Look:
    def look(scene: Scene, name: str, start: LiarStart) -> str:
        """Look into the evidence that the others keep."""
        address = scene.cluster.node(name).address
        for other in scene.others:
            rows = ask(scene.cluster.node(other).rpc, "coc_getEquivocations", start.ms)
            if any(row.get("validatorId") == address and row.get("phase") in phases for row in rows or []):
                return ""
        return f"no other node has evidence of a double {' or '.join(phases)} of {name}"

    return look


def _apart(scene: Scene, name: str, start: LiarStart) -> str:
    """Compare what the others heard it propose: two blocks in one round, and no node heard both."""
    heard: dict[tuple[int, int], dict[str, set[str]]] = defaultdict(dict)
    for other, data in _heard(scene, start):
        if data["proposer"] == scene.cluster.node(name).address:
            heard[data["height"], data["round"]].setdefault(other, set()).add(data["hash"])
    for by_node in heard.values():
        if len(set.union(*by_node.values())) > 1 and all(len(hashes) == 1 for hashes in by_node.values()):
            return ""
    return f"the others heard the same block of {name} in each of {len(heard)} rounds"


def _heard(scene: Scene, start: LiarStart) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the proposals that the logs of the others tell of since the start."""
    for other in scene.others:
        with scene.cluster.log_of(other).open("rb") as file:
            file.seek(start.logs[other])
            lines = file.read().splitlines()
        for line in lines:
            if b'"proposal heard"' in line and line.endswith(b"}"):
                yield other, json.loads(line)["data"]


def _withheld(scene: Scene, name: str, start: LiarStart) -> str:
    """Look at who made the blocks since: it has had its turns, and none is its own, though it is in step."""
    address, rpc = scene.cluster.node(name).address, scene.cluster.node(name).rpc
    tip = height_of(scene.cluster, name)
    due = start.height + ROTATIONS * scene.cluster.spec.count
    if tip is None or tip <= due:
        return f"{name} is at height {tip}, not yet above {due}: its turn may not have come"
    blocks = [ask(rpc, "eth_getBlockByNumber", hex(height), False) for height in range(start.height + 2, due + 1)]
    own = [block["number"] for block in blocks if block and block["miner"] == address]
    if own or not all(blocks):
        return f"{name} made block {', '.join(own)}" if own else f"{name} does not show all of its blocks"
    return level_trouble(scene.cluster, (name,))


def _lies(scene: Scene, name: str, start: LiarStart) -> str:  # noqa: ARG001
    """Ask for its tip as a peer would, and as a user would."""
    as_user, as_peer = height_of(scene.cluster, name), ping_height(scene.cluster, name, scene.others[0])
    if as_user is None or as_peer is None or as_peer <= as_user + scene.cluster.spec.count:
        return f"{name} tells a peer of height {as_peer} and its users of {as_user}"
    return ""


def _repeats(scene: Scene, name: str, start: LiarStart) -> str:  # noqa: ARG001
    """Ask each other node how many blocks it was sent: where BFT is on, no honest validator sends any."""
    received = {other: gossip_of(scene.cluster, other, name).get("blocksReceived", 0) for other in scene.others}
    spared = [other for other, blocks in received.items() if blocks <= scene.cluster.spec.count]
    return f"{', '.join(spared)} got no blocks of long ago" if spared else ""


VOTES_TWICE = Conduct("votes-twice", _double(("prepare", "commit")))
PROPOSES_TWO = Conduct("proposes-two", _double(("propose",)))
PROPOSES_APART = Conduct("proposes-apart", _apart)
WITHHOLDS = Conduct("withholds-blocks", _withheld)
LIES_ABOUT_TIP = Conduct("lies-about-tip", _lies)
REPEATS_THE_PAST = Conduct("repeats-the-past", _repeats)
CONDUCTS = (VOTES_TWICE, PROPOSES_TWO, PROPOSES_APART, WITHHOLDS, LIES_ABOUT_TIP, REPEATS_THE_PAST)


@dataclass(frozen=True)
class Byzantine:
    """Restarts the nodes with a defect of conduct; the heal restarts them without it."""

    conduct: Conduct
    limit_seconds: float = 120.0  # its turn to propose must come, more than once
    needs: ClassVar[tuple[type, ...]] = (HasProcesses,)

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the node can't be told to deceive, or why nobody would see it."""
        if spec.command is not reference_command:
            return (
                f"only a reference node has the defect {self.conduct.defect}; an installed node deceives by a second "
                "process with the same key"
            )
        return None if spec.count > 1 else "a cluster of one node has nobody to deceive"

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are restarted and lie."""
        if not scene.others:
            raise ValueError("Somebody must be left who does not deceive: that all do can be seen by nobody.")
        named = " ".join(scene.nodes)
        return Effects(
            self.conduct.defect,
            f"restart {named} : {self.conduct.defect}",
            liars=scene.nodes,
            restarted=scene.nodes,
            heal=Heal(f"restart {named} : honest again", restarted=self._planted(scene)),
        )

    def inject(self, scene: Scene) -> None:
        """Restart with the defect."""
        scene.demand_free()
        starts = scene.memory(Starts).by_name
        for name in scene.nodes:
            scene.cluster.terminate(name)
            logs = {other: scene.cluster.log_of(other).stat().st_size for other in scene.others}
            heights = [height_of(scene.cluster, other) or 0 for other in scene.others]
            starts[name] = LiarStart(int(time.time() * 1000), max(heights), logs)
            scene.cluster.start_node(name, defect=self.conduct.defect)

    def effect_trouble(self, scene: Scene) -> str:
        """Look at what the other nodes saw, and for a process that was started without the defect."""
        starts, planted = scene.memory(Starts).by_name, self._planted(scene)
        for name in scene.nodes:
            if name not in starts or name not in planted:
                return f"the process of {name} was started without the defect {self.conduct.defect}"
            trouble = self.conduct.look(scene, name, starts[name])
            if trouble:
                return trouble
        return ""

    def heal(self, scene: Scene) -> None:
        """Restart without the defect whatever has it, and start what is down."""
        scene.cluster.terminate(*self._planted(scene))
        scene.start()

    def heal_trouble(self, scene: Scene) -> str:
        """Look for processes whose command line has the defect, and for nodes that are not level with the others."""
        planted = self._planted(scene)
        found = f"the process of {', '.join(planted)} has the defect {self.conduct.defect}"
        return found if planted else back_trouble(scene)

    def _planted(self, scene: Scene) -> tuple[str, ...]:
        return tuple(
            name for name in scene.nodes if scene.cluster.state(name) != GONE and self._is_planted(scene, name)
        )

    def _is_planted(self, scene: Scene, name: str) -> bool:
        try:
            return self.conduct.defect in psutil.Process(processes(scene.cluster).process(name).pid).cmdline()
        except psutil.Error:
            return False
