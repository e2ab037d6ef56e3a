"""Every planted defect that an oracle can judge now is caught by the one that it names; the others are listed.

One story each: the defect alone, on a cluster of its own, under the fault that brings it to light. Its oracle must say
broken (unknown where the defect takes away what the oracle reads), and no other may say broken but one that follows of
necessity. The same stories without a defect are held. What a survey shows is in test_defects.py, one cluster for all.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from prowl.chaos.engine import runner
from prowl.chaos.engine.fault import Fault, Scene
from prowl.chaos.engine.load import GAS_PRICE_WEI, Load
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import During, Recover
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut
from prowl.checks import test_truth
from prowl.checks.invariants import judge
from prowl.checks.selftest.survey_kit import verdict
from prowl.checks.selftest.test_drill_checks import said
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.keys import development_key
from prowl.fixtures.clusters.spec import CHAIN_ID, ClusterError, ClusterSpec, reference_command
from prowl.fixtures.drill import drill
from prowl.fixtures.reference.chain.crypto import PrivateKey
from prowl.fixtures.reference.chain.transactions import sign_transfer
from prowl.fixtures.reference.defects.catalogue import DEFECTS, plant
from prowl.fixtures.reference.storage.backup import backup
from prowl.fixtures.survey import sweep
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Effects, Heal
from prowl.reports.timeline import read
from prowl.reports.verdicts import Verdict, worst

ANSWER_SECONDS = 5.0
LIMIT_SECONDS = 60.0
STAKE = 10**18
NODES = 4
EVERYWHERE = tuple(f"node-{number}" for number in range(1, NODES + 1))
POOR = PrivateKey(b"\x42" * 32)


@dataclass(frozen=True)
class Rejected:
    """No fault of the network's: every node is sent a transfer whose sender has nothing."""

    limit_seconds: float = 10.0
    needs: ClassVar[tuple[type, ...]] = ()

    def unavailable(self, spec: ClusterSpec) -> str | None:
        return None

    def effects(self, _scene: Scene) -> Effects:
        return Effects("transfer", "a transfer without funds is sent to every node", heal=Heal("nothing to be undone"))

    def inject(self, scene: Scene) -> None:
        raw = sign_transfer(POOR, 0, development_key(0).address, 1, GAS_PRICE_WEI, CHAIN_ID)
        for node in scene.cluster.network.nodes:
            request = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]}
            answer = httpx.post(node.rpc, json=request, timeout=ANSWER_SECONDS).json()
            assert "insufficient funds" in answer["error"]["message"]

    def effect_trouble(self, _scene: Scene) -> str:
        return ""

    def heal(self, _scene: Scene) -> None:
        """There is nothing to undo."""

    def heal_trouble(self, _scene: Scene) -> str:
        return ""


def exactly(*names: str) -> Callable[..., tuple[str, ...]]:
    return lambda *_given: names


@dataclass(frozen=True)
class Story:
    """A fault for these nodes, and the defects that it brings to light, each on the nodes named."""

    fault: Fault
    victims: tuple[str, ...]
    defects: Mapping[str, tuple[str, ...]]
    stakes: Mapping[str, int] = field(default_factory=dict)
    follows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Invariants that are broken of necessity too."""

    def play(self, folder: Path, defect: str | None) -> dict[str, Verdict]:
        """Return the worst verdict of each invariant that the timeline gave occasion to."""
        scenario = Scenario(
            "story",
            item="recovery/consensus-stall",
            why="",
            steps=(During(self.fault, self.target), Recover()),
            also=("recovery",),
            shape=Shape(block_ms=1000),
        )
        planted = dict.fromkeys(self.defects[defect], defect) if defect else {}
        spec = ClusterSpec(NODES, defects=planted, stakes=dict(self.stakes))
        lines: list[str] = []
        outcome = runner.play(scenario, spec, folder, 1, lines.append)
        print("\n".join([f"--- {defect}", *lines, outcome.observed, *outcome.evidence]))
        rows = judge(read(folder / "timeline.jsonl"))
        names = {row.invariant for row in rows}
        return {name: worst(row.verdict for row in rows if row.invariant == name) for name in names}

    @property
    def target(self) -> Callable[..., tuple[str, ...]]:
        return exactly(*self.victims)


@dataclass(frozen=True)
class CrashPerhapsForGood(Crash):
    """A crash whose heal starts the nodes and does not mind if one does not come up: that is the judge's to say."""

    def heal(self, scene: Scene) -> None:
        with suppress(ClusterError):
            super().heal(scene)

    def heal_trouble(self, _scene: Scene) -> str:
        return ""


ONE = ("node-3",)
UNAWARE = frozenset({"signals"})
"""Where blocks come without a quorum the node takes itself for healthy."""
LOST = frozenset({"progress-with-quorum", "recovery", "progress-after-heal", "signals"})
STORIES = {
    "a crash": Story(
        Crash(),
        ONE,
        {
            "never-rejoins": ONE,
            "other-format": ONE,
            "tip-behind": ONE,
            "balance-lost": ONE,
            "sync-flag-held": ONE,
            "votes-twice": ONE,
            "proposes-two": ONE,
            "withholds-blocks": ONE,
            "transaction-twice": ONE,
            "deaf-to-one": ONE,
            "no-round-change": EVERYWHERE,
        },
        follows={
            "no-round-change": frozenset({"progress-after-heal"}),
            "tip-behind": frozenset({"recovery"}),
            "other-format": frozenset({"peers"}),
        },
    ),
    "a crash without return": Story(CrashPerhapsForGood(), ONE, {"cannot-read-old-store": ONE}),
    "half are down": Story(
        Crash(),
        ("node-3", "node-4"),
        {
            "finalizes-below-quorum": EVERYWHERE,
            "counts-validator-twice": EVERYWHERE,
            "height-missing": ("node-1",),
            "height-negative": ("node-1",),
            "metrics-late": ("node-1",),
        },
        follows={
            "metrics-late": frozenset({"peers"}),  # the whole page is late
            "finalizes-below-quorum": UNAWARE,
            "counts-validator-twice": UNAWARE,
        },
    ),
    "the heaviest is down": Story(
        Crash(),
        ("node-4",),
        {"ignores-stake": EVERYWHERE},
        stakes={"node-4": 5 * STAKE},
        follows={"ignores-stake": UNAWARE},
    ),
    "a partition": Story(Cut(), ("node-1", "node-2"), {"never-resends": EVERYWHERE}, follows={"never-resends": LOST}),
    "a rejected transaction": Story(
        Rejected(), ONE, {"stops-at-rejected": EVERYWHERE}, follows={"stops-at-rejected": frozenset({"signals"})}
    ),
}
TOLD = [(story, defect) for story, planted in STORIES.items() for defect in planted.defects]
IN_A_STALL = {"state-frozen", "peers-frozen", "height-lies", "health-lies"}  # test_defects.py
IN_SIMULATION = {"forgets-lock", "accepts-unsigned-vote", "no-fsync"}
"""They need an adversary, or a power loss, that this cluster's faults can't be; proof_simulation.py finds each."""
SEEN_BY_ITS_FAULT = {"proposes-apart", "lies-about-tip", "repeats-the-past"}
"""One validator may do it and no promise of the network's is broken; proof_faults.py sees each through its peers."""
BY_FED_BRANCHES = {"longer-over-final", "length-before-finality", "weight-before-length", "tie-by-arrival"}
"""Seen where branches are fed to a node and the fork choice's model says which it must take: proof_fork_choice.py."""
BY_A_CHECK = {"root-wrong", "backup-torn", "ready-early"} | BY_FED_BRANCHES
"""Seen by what is no story here: below, and in proof_checks.py."""
WAITING: dict[str, str] = {}
"""Those whose oracle does not exist yet, each with its name."""


@pytest.mark.parametrize("story", STORIES)
def test_each_story_is_held_without_a_defect(tmp_path: Path, story: str) -> None:
    verdicts = STORIES[story].play(tmp_path, None)
    assert {name: value for name, value in verdicts.items() if value is not Verdict.HELD} == {}


MISSING = {"height-missing", "height-negative"}
"""They take away what the oracle reads, or show what can't be: that is unknown, and never held."""


@pytest.mark.parametrize(("story", "defect"), TOLD, ids=[defect for _, defect in TOLD])
def test_the_oracle_that_it_names_catches_it_and_no_other(tmp_path: Path, story: str, defect: str) -> None:
    verdicts = STORIES[story].play(tmp_path, defect)
    oracle = DEFECTS[defect].oracle
    wanted = Verdict.UNKNOWN if defect in MISSING else Verdict.BROKEN
    assert verdicts.get(oracle) is wanted, verdicts
    broken = {name for name, value in verdicts.items() if value is Verdict.BROKEN}
    assert broken <= {oracle} | STORIES[story].follows.get(defect, frozenset())


def test_a_state_root_that_is_not_the_networks_is_found(tmp_path: Path) -> None:
    found = {}
    for name, defects in (("honest", {}), ("wrong", {"node-2": "root-wrong"})):
        with EmbeddedCluster(ClusterSpec(NODES, defects=defects), tmp_path / name) as cluster:
            cluster.start()
            with Load(cluster.network, random.Random(1)) as load:
                assert wait_until(lambda: load.flow().found > 3, LIMIT_SECONDS)
                seen = sweep.survey("roots", cluster.network)
            found[name] = verdict(test_truth.test_same_chain, seen, None)
    assert found["honest"][0] == "held", found
    assert (found["wrong"][0], "node-2" in str(found["wrong"][1])) == ("broken", True), found


def test_a_torn_backup_is_found_by_the_drill(tmp_path: Path) -> None:
    with EmbeddedCluster(ClusterSpec(NODES, block_ms=300), tmp_path / "cluster") as cluster:
        cluster.start()
        data = cluster.node("node-1").data_dir
        assert data is not None
        assert wait_until(lambda: highest(cluster) > 8, LIMIT_SECONDS)
        archives = {
            name: backup(data, tmp_path / name, packed=plant(defect).packed)
            for name, defect in (("whole", None), ("torn", "backup-torn"))
        }
        height = highest(cluster)
        assert wait_until(lambda: highest(cluster) > height + 8, LIMIT_SECONDS)
        config = json.loads((cluster.folder_of("node-1") / "config.json").read_text("utf-8"))
    rest = tmp_path / "cluster" / "node-2" / "data"
    found = {
        name: said(drill(tmp_path / f"drill-{name}", config, reference_command, [archive], rest))
        for name, archive in archives.items()
    }
    assert found == {"whole": "held", "torn": "broken"}


def highest(cluster: EmbeddedCluster) -> int:
    looks = [node.looks[-1].height for node in sweep.survey("height", cluster.network).nodes.values()]
    return max((height for height in looks if height is not None), default=0)
