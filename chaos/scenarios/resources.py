"""Failure Recovery, Out of Memory, and what a machine runs out of besides: descriptors, processor time."""

from __future__ import annotations

from prowl.chaos.engine.operations import Restart
from prowl.chaos.engine.preload import Preload
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import Do, During, Hold, Recover
from prowl.chaos.engine.targets import minority
from prowl.chaos.faults.cpu_starvation import CpuStarvation
from prowl.chaos.faults.out_of_memory import OutOfMemory
from prowl.chaos.faults.process_limit import ALLOCATIONS, DESCRIPTORS

MEMORY = "recovery/out-of-memory"
FOUR = Shape(nodes=4)
SMALLER_CACHE = {"storage": {"backend": "leveldb", "cacheSize": 500}}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "out-of-memory",
        MEMORY,
        "the kernel ends a validator whose store holds more than its cache: with the smaller cache it takes part again",
        (
            Do(Preload()),
            During(OutOfMemory(), minority, (Hold(), Do(Restart(SMALLER_CACHE)), Recover())),
            Recover(),
        ),
        ("progress-with-quorum", "progress-after-heal", "recovery"),
        shape=FOUR,
        quick=True,
    ),
    Scenario(
        "allocations-fail",
        MEMORY,
        "a validator is refused the memory that it asks for: the others go on, and it takes part once it gets it",
        (During(ALLOCATIONS, minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
    Scenario(
        "descriptors-run-out",
        "resilience/resources",
        "a validator can open no more files or connections: the others go on, and it takes part once it can",
        (During(DESCRIPTORS, minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
    Scenario(
        "starved-validator",
        "resilience/resources",
        "a validator gets next to no time on the processors: the others go on, and it catches up",
        (During(CpuStarvation(), minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
)
