"""Failure Recovery, Consensus Stall: validators stop, and the chain goes on, or stands still safely and comes back."""

from __future__ import annotations

from prowl.chaos.engine.operations import Restart, Start
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import Do, During, Each, Hold, Recover
from prowl.chaos.engine.targets import (
    after_next,
    all_but_one,
    all_nodes,
    heaviest,
    minority,
    named,
    one,
    proposer_next,
    still_up,
    third,
)
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, isolate
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.same_key import SameKey
from prowl.chaos.faults.second_process import SecondProcess
from prowl.chaos.faults.slow_start import SlowStart
from prowl.chaos.faults.terminate import Terminate

STALL = "recovery/consensus-stall"
SIGNAL = "recovery/stall-signal"
# Long enough for every signal to follow a stall, and for it to be seen that it did.
UNTIL_SIGNALS = Hold(rounds=5)
GOES_ON = ("progress-with-quorum", "signals", "peers", "progress-after-heal", "recovery")
COMES_BACK = ("signals", "peers", "progress-after-heal", "recovery")
LIGHT = (6, 6, 6, 2, 2, 2)  # several light validators together are less than a third
HEAVY = (5, 2, 2, 2)  # the heaviest alone is more than a third


def _minority(name: str, shape: Shape, why: str) -> Scenario:
    return Scenario(name, STALL, why, (During(Crash(), minority), Recover()), GOES_ON, shape=shape)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "minority-crash",
        STALL,
        "less than a third of the validators may stop without notice; one that comes back takes part again",
        (During(Crash(), minority), Recover()),
        GOES_ON,
        quick=True,
    ),
    _minority("crash-in-five", Shape(nodes=5), "of five validators one may stop without notice"),
    _minority("crashes-in-seven", Shape(nodes=7, block_ms=1000), "of seven validators two may stop without notice"),
    _minority(
        "crash-of-light-ones",
        Shape(nodes=6, stakes=LIGHT, block_ms=1000),
        "half of the validators may stop without notice if they hold less than a third of the stake",
    ),
    Scenario(
        "heaviest-crash",
        STALL,
        "one validator with more than a third of the stake stops: the chain stands still safely, and goes on with it",
        (During(Crash(), heaviest, (UNTIL_SIGNALS,)), Recover()),
        COMES_BACK,
        shape=Shape(nodes=4, stakes=HEAVY),
    ),
    Scenario(
        "quorum-loss",
        SIGNAL,
        "more than a third of the validators stop: the chain stands still, and the state of the others says so",
        (During(Crash(), third, (UNTIL_SIGNALS,)), Recover()),
        COMES_BACK,
        quick=True,
    ),
    Scenario(
        "quorum-back-one-by-one",
        STALL,
        "more than a third of the validators stop and come back one by one: the chain goes on with the quorum",
        (
            During(Crash(), third, (UNTIL_SIGNALS, Each(None, lambda node: (Do(Start(), node), Hold(rounds=2))))),
            Recover(),
        ),
        COMES_BACK,
    ),
    Scenario(
        "survivor-restarted",
        STALL,
        "while more than a third of the validators are down a survivor is restarted: nothing is lost by it",
        (During(Crash(), third, (UNTIL_SIGNALS, Do(Restart(), still_up(one)), Hold(rounds=2))), Recover()),
        COMES_BACK,
    ),
    Scenario(
        "all-crash",
        STALL,
        "all validators are killed at one instant and started: the chain goes on where it was",
        (During(Crash(), all_nodes, (Hold(rounds=1),)), Recover()),
        ("peers", "progress-after-heal", "recovery"),
    ),
    Scenario(
        "all-but-one-crash",
        STALL,
        "all validators but one are killed and started beside the survivor: they are one chain again",
        (During(Crash(), all_but_one, (UNTIL_SIGNALS,)), Recover()),
        COMES_BACK,
    ),
    Scenario(
        "rolling-restart",
        STALL,
        "each validator in turn is stopped in order and started again, and the network goes on",
        (Each(all_nodes, lambda node: (During(Terminate(), node, ()), Recover())),),
        ("progress-with-quorum", "progress-after-heal", "recovery"),
        shape=Shape(nodes=4),
        quick=True,
    ),
    Scenario(
        "three-restarted-in-turn",
        STALL,
        "of three validators each restart halts the chain safely, and it goes on",
        (Each(all_nodes, lambda node: (During(Terminate(), node, (Hold(rounds=2),)), Recover())),),
        ("progress-after-heal", "recovery"),
        shape=Shape(nodes=3),
    ),
    Scenario(
        "crash-loop",
        STALL,
        "a validator that dies again and again disturbs nobody, and takes part once it stays",
        (During(Repeated(Crash()), one), Recover()),
        ("progress-with-quorum", "progress-after-heal", "recovery"),
    ),
    Scenario(
        "minority-pause",
        STALL,
        "a validator that stops answering holds nobody up, and goes on where it was",
        (During(Pause(), minority), Recover()),
        GOES_ON,
        quick=True,
    ),
    Scenario(
        "third-pause",
        SIGNAL,
        "more than a third of the validators stop answering: the chain stands still, says so, and goes on with them",
        (During(Pause(), third, (UNTIL_SIGNALS,)), Recover()),
        COMES_BACK,
    ),
    Scenario(
        "proposer-crash",
        STALL,
        "the next proposer is killed in its turn: the others pass its turn on",
        (During(Crash(), proposer_next), Recover()),
        GOES_ON,
    ),
    Scenario(
        "successor-just-started",
        STALL,
        "the next proposer is killed while its successor has just started: the turn is passed on all the same",
        (Do(Restart(), after_next), During(Crash(), proposer_next), Recover()),
        ("progress-with-quorum", "progress-after-heal", "recovery"),
        shape=Shape(nodes=4),
    ),
    Scenario(
        "long-outages",
        STALL,
        "the quorum is away for 2, 10 and 40 round time-outs: a recovery takes no longer because the outage did",
        tuple(step for rounds in (2, 10, 40) for step in (During(Crash(), third, (Hold(rounds=rounds),)), Recover())),
        (*COMES_BACK, "recovery-time"),
        shape=Shape(round_ms=1000),
    ),
    Scenario(
        "redundancy-is-back",
        STALL,
        "after one validator has recovered another one may stop: it counts again",
        (
            During(Crash(), named("node-1")),
            Recover(),
            During(Crash(), named("node-2")),
            Recover(),
        ),
        GOES_ON,
        shape=Shape(nodes=4),
    ),
    Scenario(
        "fault-during-a-recovery",
        STALL,
        "a validator is cut off while the others recover from the loss of their quorum: all come back",
        (During(Crash(), third, (UNTIL_SIGNALS,)), During(Cut(isolate), one), Recover()),
        ("progress-after-heal", "recovery"),
        shape=Shape(nodes=4),
    ),
    Scenario(
        "slow-start",
        STALL,
        "a validator whose start takes long is missed like one that is down, and takes part once it is there",
        (During(SlowStart(), one), Recover()),
        ("progress-with-quorum", "progress-after-heal", "recovery"),
    ),
    Scenario(
        "second-process-on-a-store",
        STALL,
        "a second process on a validator's store is refused, and the first one does not mind",
        (During(SecondProcess(), one), Recover()),
        ("progress-with-quorum", "corrupt-store"),
    ),
    Scenario(
        "second-process-with-a-key",
        STALL,
        "a second process with a validator's key may make it vote twice, and the chain stays one chain",
        (During(SameKey(), one), Recover()),
        ("progress-with-quorum",),
        shape=Shape(nodes=4),
    ),
)
