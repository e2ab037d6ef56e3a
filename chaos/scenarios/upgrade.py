"""Upgrade Procedure: the next version comes node by node, and goes again, and the network never stops.

What an upgrade leads to is the run's next version (``--next-version``, ``--next-home``); where none is named it is a
reference node of another name, or the same installed node.
"""

from __future__ import annotations

from prowl.chaos.engine.operations import Restart
from prowl.chaos.engine.scenario import Scenario, Shape, Transfers
from prowl.chaos.engine.steps import Do, During, Each, For, Hold, Recover
from prowl.chaos.engine.targets import half, in_drawn_order, one, proposer_next
from prowl.chaos.engine.upgrades import Change, Downgrade, Rolling, Upgrade
from prowl.chaos.faults.cut import Cut
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.terminate import Terminate

ALSO = ("confirmation", "availability", "progress-with-quorum", "progress-after-heal", "recovery")
# Slower than other scenarios: what is seen here decides about somebody's network, and must not turn on a busy machine.
UNHURRIED = Shape(block_ms=1000, round_ms=4000)
PRUNING = {"storage": {"backend": "leveldb", "cacheSize": 2000, "enablePruning": True}}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "rolling-upgrade",
        item="upgrade/rolling",
        why="each node in turn is stopped and started as the next version; the network is parted in the middle of it",
        steps=(Rolling(middle=(During(Cut(), half), Recover())), Recover()),
        also=ALSO,
        shape=UNHURRIED,
        gate=True,
    ),
    Scenario(
        "containers-upgraded-in-turn",
        item="upgrade/docker",
        why="each container in turn is replaced by one of the next image, and only one that takes part again is left",
        steps=(Rolling(), Recover()),
        also=ALSO,
        shape=UNHURRIED,
        kind="containers",
    ),
    Scenario(
        "one-new-among-old",
        item="upgrade/wait-for-sync",
        why="one node of the next version takes part among the old ones, through every kind of transaction",
        steps=(Change(Upgrade(), one), Hold(), Hold(intervals=12), Recover()),
        also=ALSO,
        shape=Shape(nodes=4, block_ms=1000, round_ms=4000),
        load=Transfers(per_second=4.0, every_kind=True),
    ),
    Scenario(
        "downgrade-in-the-middle",
        item="upgrade/zero-downtime",
        why="half of the nodes go to the next version and back again, and the network goes on",
        steps=(For(half, (Change(Upgrade()), Hold(), Change(Downgrade()))), Recover()),
        also=ALSO,
        shape=UNHURRIED,
    ),
    Scenario(
        "soak-after-an-upgrade",
        item="upgrade/zero-downtime",
        why="once all nodes are of the next version, a restart, a silent proposer and pruning happen once each",
        steps=(
            Each(in_drawn_order, lambda node: (Change(Upgrade(), node),)),
            During(Terminate(), one, ()),
            Recover(),
            During(Pause(), proposer_next),
            Recover(),
            Do(Restart(PRUNING), one),
            Recover(),
            Hold(intervals=40),
        ),
        also=ALSO,
        shape=UNHURRIED,
    ),
)
