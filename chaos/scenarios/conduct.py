"""Beyond the manual: clocks that are wrong, and validators that deceive; the others stay one chain."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import During, Recover
from prowl.chaos.engine.targets import minority
from prowl.chaos.faults.byzantine import CONDUCTS, Byzantine
from prowl.chaos.faults.clock import Clock

FOUR = Shape(nodes=4)
WHY = {
    "votes-twice": "a validator votes twice in a round: it is seen, and the chain stays one chain",
    "proposes-two": "a validator proposes two blocks in a round: it is seen, and the chain stays one chain",
    "proposes-apart": "a validator proposes different blocks to different peers: the chain stays one chain",
    "withholds-blocks": "a validator never proposes in its turn: the others pass it on",
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
            (During(Byzantine(conduct), minority), Recover()),
            ("progress-with-quorum",),
            shape=FOUR,
        )
        for conduct in CONDUCTS
    ),
)
