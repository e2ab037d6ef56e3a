"""A slice of the hostile answers (``proof_hostile.py`` has ten thousand), and each nasty one by its name."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from prowl.checks.selftest import hostile
from prowl.checks.selftest.hostile import HOSTILE, UNUSUAL, Case, Spoil
from prowl.checks.selftest.hostile_kit import JUDGES, UNUSUAL_HELD, prove

WITH_VALUES = {"another result", "other values"}


def test_the_checks_that_read_answers_are_among_the_judges() -> None:
    assert {*UNUSUAL_HELD, "truth/height", "truth/same-chain"} <= {check.item for check, _function in JUDGES}


def test_every_nasty_answer_of_the_corpus() -> None:
    gone = Spoil("closed", 0)
    cases = []
    for kind, part in _all_of(hostile.RPC):
        cases.append(Case(Spoil(kind, part), gone, gone))
    for kind, part in _all_of(hostile.PAGE):
        cases.append(Case(gone, Spoil(kind, part), gone))
    for kind, part in _all_of(hostile.HEALTH):
        cases.append(Case(gone, gone, Spoil(kind, part)))
    prove(cases)


def _all_of(own: Iterable[str]) -> list[tuple[str, float]]:
    parts = [number / 27 for number in range(27)]
    kinds = sorted({*own, *hostile.WHOLE} - {"silent", "dripping"})
    return [(kind, part) for kind in kinds for part in (parts if kind in WITH_VALUES else (0.3, 0.9))]


@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(HOSTILE, min_size=36, max_size=36), st.lists(UNUSUAL, min_size=4, max_size=4))
def test_hostile_and_unusual_nodes_side_by_side(bad: list[Case], good: list[Case]) -> None:
    prove([*bad[:18], *good, *bad[18:]])
