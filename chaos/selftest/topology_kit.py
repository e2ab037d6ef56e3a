"""What is done to a network for each class of the topology table, and what the chain must do then."""

from __future__ import annotations

from collections.abc import Iterator

from prowl.chaos.engine.fault import Fault, described
from prowl.chaos.engine.operations import Backup, Restart, Restore
from prowl.chaos.engine.scenario import Shape, Step
from prowl.chaos.engine.stage import chance_of, stakes_of
from prowl.chaos.engine.steps import Do, During, Hold, Recover
from prowl.chaos.engine.targets import Words, all_nodes, half, heaviest, minority, ring, too_many
from prowl.chaos.faults import cut
from prowl.chaos.faults.byzantine import VOTES_TWICE, Byzantine
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.out_of_memory import OutOfMemory
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.process_limit import DESCRIPTORS
from prowl.chaos.faults.store_damage import StoreDamage
from prowl.chaos.faults.terminate import Terminate
from prowl.chaos.faults.tools.damage import Cell, Damage, Part, Store, When
from prowl.chaos.faults.wipe import Wipe
from prowl.chaos.scenarios.fork_choice import DEEP
from prowl.checks.invariants.quorum import Course, course
from prowl.checks.topology import NETWORKS
from prowl.fixtures.clusters.spec import ClusterSpec

WITHOUT_BFT, SLOW = "parted-without-bft", "slow"
SHORT_ROUND_MS = 1000  # there and back takes longer at the latency that a probe can prove
DAMAGE = Cell(Store.CHAIN, Part.MANIFEST, Damage.TRUNCATED, When.STOPPED)
SMALLER_CACHE = {"storage": {"backend": "leveldb", "cacheSize": 500}}
STALL = Hold(rounds=3)
MANY, MANY_BLOCK_MS = 6, 500  # of so many nodes blocks come more slowly: two cores are few


def _broken(fault: Fault, target: Words, *steps: Step) -> tuple[Step, ...]:
    return During(fault, target, steps or (Hold(),)), Recover()


PLAYS: dict[str, tuple[Step, ...]] = {
    "few-stop": _broken(Crash(), minority),
    "many-stop": _broken(Crash(), too_many, STALL),
    "all-stop": _broken(Crash(), all_nodes, Hold(rounds=1)),
    "few-pause": _broken(Pause(), minority),
    "many-pause": _broken(Pause(), too_many, STALL),
    "restarts": _broken(Terminate(), heaviest, Hold(), STALL),
    "few-parted": _broken(Cut(), minority),
    "halves": _broken(Cut(), half, STALL),
    "ring": _broken(Cut(cut.ring), ring, STALL),
    "one-way": _broken(Cut(cut.one_way), minority),
    SLOW: _broken(Latency(600, 50), half, STALL),
    WITHOUT_BFT: _broken(Cut(), half, Hold(intervals=40)),  # a side waits for each turn of one that is not on it
    "few-damaged": (Do(Backup()), *_broken(StoreDamage(DAMAGE), minority, Hold(), Do(Restore()), Recover())),
    "few-wiped": _broken(Wipe(), minority),
    "many-wiped": _broken(Wipe(), too_many, STALL),
    "few-out-of-memory": _broken(OutOfMemory(), minority, Hold(), Do(Restart(SMALLER_CACHE)), Recover()),
    "few-starved": _broken(DESCRIPTORS, minority),
    "few-clocks": _broken(Clock(), minority),
    "few-deceive": _broken(Byzantine(VOTES_TWICE), minority),
}
"""The steps of each class, by its name."""


def faults_in(steps: tuple[Step, ...]) -> Iterator[tuple[Fault, Words]]:
    """Return the faults of steps that are not inside others, and whom each is for."""
    for step in steps:
        yield from step.uses()


def foreseen(fault: Fault, target: Words, spec: ClusterSpec) -> Course:
    """Return what the chain of a network does under a fault, by stakes and edges; ValueError where there are none such.

    Who lies or has lost its store takes no part, and who is hindered may take part or not.
    """
    stakes = stakes_of(spec)
    nodes = target(stakes, chance_of(1, "topology", ()), spec.names[0])
    effects = fault.effects(described(spec, nodes))
    left = [name for name in spec.names if name not in {*effects.down, *effects.surgery, *effects.liars}]
    able = [name for name in left if name not in effects.slow]
    return course(able, left, frozenset(effects.cut), stakes)


def shape_of(network: str, name: str = "") -> Shape:
    """Return the shape of a network of the table, as a class needs it."""
    stakes = NETWORKS[network]
    block_ms = MANY_BLOCK_MS if len(stakes) >= MANY else None
    if name == WITHOUT_BFT:
        return Shape(len(stakes), stakes, bft=False, block_ms=block_ms, settings=DEEP)
    return Shape(len(stakes), stakes, block_ms=block_ms, round_ms=SHORT_ROUND_MS if name == SLOW else None)
