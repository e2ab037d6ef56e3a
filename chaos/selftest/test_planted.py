"""Every scenario has a defect for which it fails, and every invariant catches one; proof_scenarios.py plays them."""

from __future__ import annotations

from prowl.chaos.scenarios import SCENARIOS
from prowl.chaos.selftest.planted import ALL, CANNOT, ELSEWHERE, IN_A_SCENARIO, MOST_THAT_CANNOT, PLANTED, scenario
from prowl.chaos.selftest.proof_defects import WAITING
from prowl.checks.invariants import invariants
from prowl.fixtures.reference.defects.catalogue import DEFECTS


def test_every_scenario_fails_for_a_planted_defect_or_says_why_none_can() -> None:
    assert sorted([*PLANTED, *CANNOT]) == sorted(each.name for each in SCENARIOS)
    assert len(CANNOT) <= MOST_THAT_CANNOT
    for name, planted in PLANTED.items():
        spec = planted.spec(scenario(name))
        assert spec.defects, f"{name}: planted nowhere"
        assert planted.defect in DEFECTS, name


def test_a_defect_without_another_place_is_caught_by_the_invariant_that_it_names() -> None:
    played = {(planted.defect, planted.oracle) for _name, planted in ALL}
    assert {(name, DEFECTS[name].oracle) for name in IN_A_SCENARIO} <= played


def test_no_invariant_catches_nothing() -> None:
    catching = {planted.oracle for planted in PLANTED.values()}
    catching |= {defect.oracle for defect in DEFECTS.values() if defect.name not in WAITING}
    names = {each.name for each in invariants() if not each.name.startswith("alerts-")}
    assert names - catching == set(ELSEWHERE), "what breaks it?"
