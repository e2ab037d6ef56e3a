"""Every planted defect has exactly one place where its oracle is seen to catch it, or a reason why none does yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import pytest

from prowl.chaos.faults.byzantine import CONDUCTS
from prowl.chaos.selftest import proof_defects
from prowl.chaos.selftest.planted import IN_A_SCENARIO
from prowl.chaos.selftest.proof_defects import (
    BY_A_CHECK,
    IN_A_STALL,
    IN_SIMULATION,
    SEEN_BY_ITS_FAULT,
    TOLD,
    WAITING,
)
from prowl.chaos.selftest.test_defects import SEEN_IN_A_SURVEY
from prowl.checks.invariants import invariants
from prowl.checks.selftest.network_items import checks
from prowl.fixtures.reference.defects.catalogue import DEFECTS
from prowl.fixtures.reference.defects.core import CORE_DEFECTS

JUDGED: Mapping[str, Collection[str]] = {
    "STORIES": [defect for _story, defect in TOLD],
    "SEEN_IN_A_SURVEY": [defect.name for defect in SEEN_IN_A_SURVEY],
    "IN_A_STALL": IN_A_STALL,
    "IN_SIMULATION": IN_SIMULATION,
    "BY_A_CHECK": BY_A_CHECK,
    "IN_A_SCENARIO": IN_A_SCENARIO,
}
UNJUDGED: Mapping[str, Collection[str]] = {"WAITING": WAITING, "SEEN_BY_ITS_FAULT": SEEN_BY_ITS_FAULT}
WHERE = f"chaos/selftest/{proof_defects.__name__.rpartition('.')[2]}.py"


def missing(
    oracles: Mapping[str, str],
    judged: Mapping[str, Collection[str]],
    unjudged: Mapping[str, Collection[str]],
    there: Collection[str],
) -> Iterator[str]:
    """Return all that is missing for these defects (names and their oracles), and what is there for none, in sentences.

    ``there`` are the oracles that exist.
    """  # fmt: skip
    every = {**judged, **unjudged}
    for name, oracle in oracles.items():
        places = [place for place, names in every.items() if name in names]
        if not places:
            yield f"{name} has no place: give it a story of STORIES in {WHERE} that makes {oracle} say broken"
        if len(places) > 1:
            yield f"{name} has {len(places)} places in {WHERE}, and not one: {', '.join(places)}"
        if oracle not in there and judged.keys() & {*places}:
            yield f"{name} is said to be caught by {oracle}, which is no check's item and no invariant"
        if oracle in there and "WAITING" in places:
            yield f"{name} waits for {oracle}, which is there now: give it a story of STORIES in {WHERE}"
    for place, names in every.items():
        yield from (f"{name} stands in {place} of {WHERE} and is no defect" for name in names if name not in oracles)


def test_every_defect_is_judged_or_waits_for_an_oracle_that_is_not_there() -> None:
    there = {*checks(), *(invariant.name for invariant in invariants())}
    oracles = {each.name: each.oracle for each in DEFECTS.values()}
    assert "\n".join(missing(oracles, JUDGED, UNJUDGED, there)) == ""
    assert {conduct.defect for conduct in CONDUCTS} >= SEEN_BY_ITS_FAULT
    assert set(CORE_DEFECTS) >= IN_SIMULATION


@pytest.mark.parametrize(
    ("judged", "unjudged", "there", "said"),
    [
        ({"STORIES": ["x"]}, {}, {"o"}, []),
        ({}, {"WAITING": ["x"]}, set(), []),
        ({}, {"SEEN_BY_ITS_FAULT": ["x"]}, {"o"}, []),
        ({"STORIES": []}, {}, {"o"}, ["x has no place"]),
        ({"STORIES": ["x"], "BY_A_CHECK": ["x"]}, {}, {"o"}, [f"x has 2 places in {WHERE}, and not one"]),
        ({"STORIES": ["x"]}, {}, set(), ["x is said to be caught by o, which is no check's item and no invariant"]),
        ({}, {"WAITING": ["x"]}, {"o"}, ["x waits for o, which is there now"]),
        ({"STORIES": ["x", "y"]}, {}, {"o"}, [f"y stands in STORIES of {WHERE} and is no defect"]),
    ],
)  # fmt: skip
def test_all_that_is_missing_is_said_at_once(
    judged: Mapping[str, list[str]], unjudged: Mapping[str, list[str]], there: set[str], said: list[str]
) -> None:
    assert [line.partition(":")[0] for line in missing({"x": "o"}, judged, unjudged, there)] == said
