"""Failure Recovery, Network Partition: the fork choice rule, BFT finality > chain length > weight."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import During, Hold, Recover, Through
from prowl.chaos.engine.targets import half, heaviest, named, one
from prowl.chaos.faults.both_sides import KeysOnBothSides
from prowl.chaos.faults.cut import Cut

FORK = "recovery/fork-choice"
# What a node of a longest-chain network calls finalized is so many blocks deep: deeper than either side's branch here.
DEEP = {"finalityDepth": 64}
PAIR = named("node-1", "node-3")  # the keys of node-1 and node-2, whose turns follow each other, are on both sides
LONGEST = Shape(nodes=4, bft=False, settings=DEEP)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "fork-of-unequal-lengths",
        FORK,
        "without BFT one node is parted from three, whose chain becomes longer: healed, all are on the longer one",
        (During(Cut(), one, (Hold(intervals=40),)), Recover()),
        ("progress-after-heal", "fork-choice"),
        shape=LONGEST,
        quick=True,
    ),
    Scenario(
        "fork-of-unequal-weights",
        FORK,
        "without BFT two pairs of unequal stake are parted: healed, all are on one chain",
        (During(Cut(), heaviest, (Hold(intervals=40),)), Recover()),
        ("progress-after-heal", "fork-choice"),
        shape=Shape(nodes=4, bft=False, stakes=(7, 1, 1, 1), settings=DEEP),
    ),
    Scenario(
        "fork-by-keys-on-both-sides",
        FORK,
        "without BFT a key of each half runs in the other one, too: both make blocks, and healed, all are on one chain",
        (During(Cut(), PAIR, (During(KeysOnBothSides(), PAIR, (Hold(intervals=10),)),)), Recover()),
        ("progress-after-heal", "fork-choice"),
        shape=LONGEST,
    ),
    Scenario(
        "losing-side-is-not-forgotten",
        FORK,
        "without BFT the transactions of the side that loses a fork are in the chain afterwards",
        (During(Cut(), one, (Through(None, (Hold(intervals=40),)),)), Recover()),
        ("progress-after-heal", "fork-choice"),
        shape=LONGEST,
    ),
    Scenario(
        "bft-never-forks",
        FORK,
        "with BFT no partition ever forks: each half stands still, and what was final stays",
        (During(Cut(), half, (Hold(intervals=40),)), Recover()),
        ("progress-after-heal", "recovery"),
        shape=Shape(nodes=4),
    ),
)
