"""Fifty runs that are killed, at every stage and at random moments, and leave nothing; ``tox -e leaks``."""

from __future__ import annotations

import random
from pathlib import Path

from prowl.chaos.selftest.leak_kit import cases, kill_and_look
from prowl.chaos.selftest.leak_run import STAGES

SEED = 20260101
COUNT = 50
UNWATCHED = 5
LEAST_A_STAGE = 5


def test_no_run_that_is_killed_leaves_anything(tmp_path: Path) -> None:
    chosen = cases(random.Random(SEED), COUNT, UNWATCHED)
    assert all(sum(case.stage == stage and case.watched for case in chosen) >= LEAST_A_STAGE for stage in STAGES)
    assert {case.who for case in chosen} == {"run", "worker", "run and proxy"}
    faulty = []
    for number, case in enumerate(chosen, 1):
        killed = kill_and_look(case, tmp_path / str(number), SEED + number)
        print(f"{number:>2} {killed}", flush=True)
        faulty += [f"{number} {killed}"] if killed.left else []
    assert faulty == []


def test_the_cases_of_a_seed_are_the_same() -> None:
    assert cases(random.Random(1), 10, 2) == cases(random.Random(1), 10, 2)
