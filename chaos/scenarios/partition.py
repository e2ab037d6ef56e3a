"""Failure Recovery, Network Partition: the nodes are parted, and one chain comes back."""

from __future__ import annotations

from prowl.chaos.engine.operations import Restart
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import Do, During, Hold, Recover, Through
from prowl.chaos.engine.targets import half, minority, one, ring
from prowl.chaos.faults import cut
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.reset import Reset

PARTITION = "recovery/partition"
UNTIL_SIGNALS = Hold(rounds=5)
MINORITY = ("progress-with-quorum", "signals", "peers", "progress-after-heal", "recovery")
HALVES = ("signals", "peers", "progress-after-heal", "recovery")
FOUR = Shape(nodes=4)
FIVE = Shape(nodes=5)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "halves-refused",
        PARTITION,
        "the network is parted in two halves that refuse each other: both stand still, and one chain comes back",
        (During(Cut(), half, (UNTIL_SIGNALS,)), Recover()),
        HALVES,
        shape=FOUR,
        quick=True,
    ),
    Scenario(
        "halves-in-silence",
        PARTITION,
        "two halves of the network hear nothing of each other: both stand still, and one chain comes back",
        (During(Cut(mode=Mode.BLACK_HOLE), half, (UNTIL_SIGNALS,)), Recover()),
        HALVES,
        shape=FOUR,
    ),
    Scenario(
        "minority-refused",
        PARTITION,
        "a minority is parted from the others and refused: they go on, and it catches up",
        (During(Cut(), minority, (UNTIL_SIGNALS, Hold())), Recover()),
        MINORITY,
        quick=True,
    ),
    Scenario(
        "minority-in-silence",
        PARTITION,
        "a minority is parted from the others and hears nothing: they go on, and it catches up",
        (During(Cut(mode=Mode.BLACK_HOLE), minority, (UNTIL_SIGNALS, Hold())), Recover()),
        MINORITY,
    ),
    Scenario(
        "one-isolated",
        PARTITION,
        "of five validators one is alone: the others go on, and it catches up",
        (During(Cut(cut.isolate), one, (UNTIL_SIGNALS, Hold())), Recover()),
        MINORITY,
        shape=FIVE,
    ),
    Scenario(
        "ring-of-five",
        PARTITION,
        "each of five validators hears its two neighbours only: no chain but one comes of it",
        (During(Cut(cut.ring), ring), Recover()),
        ("progress-after-heal", "recovery"),
        shape=FIVE,
    ),
    Scenario(
        "bridge-of-five",
        PARTITION,
        "two pairs of validators are joined by a fifth one alone: no chain but one comes of it",
        (During(Cut(cut.bridge), one), Recover()),
        ("progress-after-heal", "recovery"),
        shape=FIVE,
    ),
    Scenario(
        "one-way",
        PARTITION,
        "what a validator sends is lost, and what the others send arrives: they go on, and it follows",
        (During(Cut(cut.one_way), one), Recover()),
        ("progress-with-quorum", "progress-after-heal"),
    ),
    Scenario(
        "flapping",
        PARTITION,
        "a validator is cut off and back again and again: the others go on, and it catches up",
        (During(Repeated(Cut()), minority), Recover()),
        ("progress-with-quorum", "progress-after-heal", "recovery"),
    ),
    Scenario(
        "kill-inside-a-partition",
        PARTITION,
        "a validator dies while the network is parted in two halves; healed, all of them are one chain again",
        (During(Cut(), half, (Hold(), During(Crash(), one), Hold())), Recover()),
        ("progress-after-heal", "recovery"),
        shape=FOUR,
    ),
    Scenario(
        "restart-inside-a-partition",
        PARTITION,
        "a validator is restarted while the network is parted: that heals nothing, and harms nothing",
        (During(Cut(), half, (UNTIL_SIGNALS, Do(Restart(), one), Hold())), Recover()),
        ("progress-after-heal", "recovery"),
        shape=FOUR,
    ),
    Scenario(
        "edges-slower-than-a-round",
        PARTITION,
        "every message of half of the network takes longer than a round: no chain but one comes of it",
        (During(Latency(600, 50), half), Recover()),
        ("progress-after-heal",),
        shape=Shape(nodes=4, round_ms=1000),
    ),
    Scenario(
        "connections-reset",
        PARTITION,
        "of a validator's connections about half are reset: the others go on, and it follows",
        (During(Reset(0.3), one), Recover()),
        ("progress-with-quorum", "progress-after-heal", "peers"),
        shape=FOUR,
    ),
    Scenario(
        "what-a-minority-accepted",
        "resilience/load",
        "what the minority's side of a partition accepted is in the chain afterwards",
        # Longer than a node keeps what it has for a peer that does not answer.
        (During(Cut(), minority, (Through(None, (UNTIL_SIGNALS,)),)), Recover()),
        ("progress-with-quorum", "recovery"),
        shape=FOUR,
    ),
)
