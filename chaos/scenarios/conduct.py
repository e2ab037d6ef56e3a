"""Beyond the manual: clocks that are wrong, and validators that deceive; the others stay one chain."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import Blocks, During, Hold, Recover
from prowl.chaos.engine.targets import minority, named
from prowl.chaos.faults.both_sides import KeysOnBothSides
from prowl.chaos.faults.byzantine import CONDUCTS, LIES_ABOUT_TIP, Byzantine
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.cut import Cut
from prowl.chaos.faults.terminate import Terminate

FOUR = Shape(nodes=4)
# Growth is judged over at least two hundred blocks of a node's life.
FAST = Shape(nodes=4, block_ms=100)
HOLDS = {"repeats-the-past": Blocks(210)}
SIDE = named("node-1", "node-2")
WHY = {
    "votes-twice": "a validator votes twice in a round: it is seen, and the chain stays one chain",
    "proposes-two": "a validator proposes two blocks in a round: it is seen, and the chain stays one chain",
    "proposes-apart": "a validator proposes different blocks to different peers: the chain stays one chain",
    "withholds-blocks": "a validator never proposes in its turn: the others pass it on",
    "repeats-the-past": "a validator sends votes and blocks of long ago: the others' memory and pace hold",
    "lies-about-tip": "a validator lies to its peers about its height: nobody follows it, and nobody stops",
}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "clock-skew",
        "resilience/clocks",
        "the clock of a validator is an hour ahead: the chain goes on with the time of the others",
        (During(Clock(), minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
    Scenario(
        "clock-jump",
        "resilience/clocks",
        "the clock of a validator jumps back an hour while it runs: nobody stops for it",
        (During(Clock(-3600.0, jump=True), minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
    *(
        Scenario(
            conduct.defect,
            "resilience/deceit",
            WHY[conduct.defect],
            (During(Byzantine(conduct), minority, (HOLDS.get(conduct.defect, Hold()),)), Recover()),
            ("progress-with-quorum", "growth") if conduct.defect in HOLDS else ("progress-with-quorum",),
            shape=FAST if conduct.defect in HOLDS else FOUR,
        )
        for conduct in CONDUCTS
    ),
    Scenario(
        "restart-beside-a-false-tip",
        "resilience/deceit",
        "a validator is restarted while another one lies about its height: it catches up with the others all the same",
        (
            During(
                Byzantine(LIES_ABOUT_TIP),
                named("node-1"),
                # Longer than the others keep what they have for it: it must fetch what it missed.
                (During(Terminate(), named("node-3"), (Hold(rounds=4),)), Hold()),
            ),
            Recover(),
        ),
        ("progress-with-quorum", "recovery"),
        shape=FOUR,
    ),
    Scenario(
        "more-liars-than-a-third",
        "resilience/deceit",
        "two of four keys run on both sides of a partition: that is more than BFT survives, and two blocks are final",
        (During(Cut(), SIDE, (During(KeysOnBothSides(), SIDE, (Hold(rounds=5),)),)),),
        breaks=(
            "agreement",
            "one-chain",
            "finality",
            "linkage",
            "equivocation",
            "no-progress-without-quorum",
            "state",
            "unharmed",
        ),
        shape=FOUR,
    ),
)
