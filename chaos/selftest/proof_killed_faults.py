"""Runs that are killed under each fault that leaves something on the machine itself, and leave nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from prowl.chaos.selftest.leak_kit import Case, kill_and_look
from prowl.chaos.selftest.leak_run import HEAVY, SPEC

SEED = 20260102
WHILE_INJECTED_SECONDS = (2.0, 9.0)  # after the run began: its cluster starts, then the fault is injected


def possible() -> list[str]:
    """Return the faults that this machine allows."""
    return [name for name, fault in HEAVY.items() if fault.unavailable(SPEC) is None]


@pytest.mark.parametrize("name", possible())
def test_a_run_killed_under_a_fault_leaves_nothing(tmp_path: Path, name: str) -> None:
    chance = random.Random(f"{SEED}/{name}")
    moments = [("injected", chance.uniform(0, 0.5), True), ("injected", chance.uniform(0, 0.5), False)]
    moments += [("random", chance.uniform(*WHILE_INJECTED_SECONDS), True) for _time in range(2)]
    faulty = []
    for number, (stage, delay, watched) in enumerate(moments):
        case = Case(stage, "run", name, round(delay, 3), watched=watched)
        killed = kill_and_look(case, tmp_path / str(number), SEED + number)
        print(f"{number:>2} {killed}", flush=True)
        faulty += [str(killed)] if killed.left else []
    assert faulty == []
