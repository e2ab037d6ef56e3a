"""Beyond the manual: transactions of which a chain can hold only one, and nodes that do not vote."""

from __future__ import annotations

from prowl.chaos.engine.flood import LIMIT, WINDOW_MS, Flood
from prowl.chaos.engine.operations import Restart
from prowl.chaos.engine.rivals import OneNonce, Overdraft
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import Do, During, Hold, Recover
from prowl.chaos.engine.targets import named
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, isolate
from prowl.chaos.faults.wipe import Wipe

FOUR = Shape(nodes=4)
BESIDE = Shape(nodes=5, observers=1, block_ms=500)  # faster, an observer that fetches blocks comes level by luck
LIMITED = Shape(nodes=4, settings={LIMIT: 500, WINDOW_MS: 10_000})  # the manual's limit, in a window soon over
OBSERVER = named("node-5")

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "one-nonce-across-a-rejoin",
        "resilience/load",
        "a validator that is cut off and another one accept two transfers with one nonce: one is in the chain, and it "
        "goes on",
        (During(Cut(isolate), named("node-3"), (Do(OneNonce(), named("node-1", "node-3")), Hold())), Recover()),
        ("progress-with-quorum", "recovery"),
        shape=FOUR,
    ),
    Scenario(
        "accepted-and-never-applied",
        "resilience/load",
        "a transfer that a node accepts can't be applied once another is: it stops nobody, nor who is started with it",
        (Do(Overdraft(), named("node-1")), Hold(), Do(Restart(), named("node-2")), Recover()),
        ("progress-with-quorum", "recovery"),
        shape=FOUR,
    ),
    Scenario(
        "flood-up-to-the-limit",
        "resilience/load",
        "somebody asks a validator's P2P port for more than the limit by address: consensus passes, no peer is banned",
        (Do(Flood(), named("node-2")), Hold(), Recover()),
        ("progress-with-quorum", "peers", "signals"),
        shape=LIMITED,
    ),
    Scenario(
        "observer-wiped",
        "resilience/resources",
        "a node that does not vote loses its whole data: nothing changes for the validators, and it catches up",
        (During(Wipe(), OBSERVER), Recover()),
        ("progress-with-quorum", "peers", "recovery"),
        shape=BESIDE,
    ),
    Scenario(
        "observer-beside-a-crash",
        "recovery/consensus-stall",
        "of four validators and an observer one validator stops: the observer counts for no quorum, and follows",
        (During(Crash(), named("node-3")), Recover()),
        ("progress-with-quorum", "signals", "peers", "recovery"),
        shape=BESIDE,
    ),
)
