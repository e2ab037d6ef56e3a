"""All that is missing for a check besides its own tests: it is broken and blinded in the proofs of all checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

import pytest

import prowl.checks
from prowl.checks.registry import Check
from prowl.checks.selftest.network_blind import BLIND, NOTHING_TO_BLIND
from prowl.checks.selftest.network_broken import BROKEN
from prowl.checks.selftest.network_items import MODULES, checks
from prowl.checks.selftest.survey_kit import look

ROWS = "checks/selftest"


def missing(
    asked: Iterable[Check], broken: Set[str], blinded: Set[str], page: Set[str], reasons: Mapping[str, str]
) -> Iterator[str]:
    """Return all that is missing for these checks, and all that is there for none, a sentence each."""
    items = set()
    for each in asked:
        items.add(each.item)
        if each.item not in broken:
            yield f"{each.item} is broken by no row of {ROWS}/network_broken.py, as by a planted defect of its own"
        if (each.item in blinded) == (each.item in reasons):
            yield f"{each.item} has no place in {ROWS}/network_blind.py, or two: it is blinded, or there is a reason"
        for metric in sorted({*each.metrics} - page):
            yield f"{each.item} reads {metric}, which the healthy page of look() in {ROWS}/survey_kit.py does not show"
    for item in sorted((broken | blinded | reasons.keys()) - items):
        yield f"{item} has a row, in {ROWS}/network_broken.py or network_blind.py, and no check asserts it"


def test_nothing_is_missing_for_any_check() -> None:
    blinded = {item for row in BLIND for item in row.items}
    asked = [found for _name, found in checks().values()]
    page = look(0.0, 1).metrics.keys()
    assert "\n".join(missing(asked, {row.item for row in BROKEN}, blinded, page, NOTHING_TO_BLIND)) == ""


def test_what_a_row_allows_besides_is_an_item() -> None:
    assert {item for row in BROKEN for item in row.also} <= checks().keys()


@pytest.mark.parametrize(
    ("broken", "blinded", "reasons", "page", "said"),
    [
        ({"x"}, {"x"}, {}, {"coc_x"}, []),
        ({"x"}, set(), {"x": "why"}, {"coc_x"}, []),
        (set(), {"x"}, {}, {"coc_x"}, ["x is broken by no row of checks/selftest/network_broken.py"]),
        ({"x"}, set(), {}, {"coc_x"}, ["x has no place in checks/selftest/network_blind.py"]),
        ({"x"}, {"x"}, {"x": "why"}, {"coc_x"}, ["x has no place in checks/selftest/network_blind.py"]),
        ({"x"}, {"x"}, {}, {"coc_y"}, ["x reads coc_x"]),
        ({"x", "y"}, {"x", "z"}, {}, {"coc_x"}, ["y has a row", "z has a row"]),
        (set(), set(), {}, set(), ["x is broken by no row of checks/selftest/network_broken.py",
                                   "x has no place in checks/selftest/network_blind.py", "x reads coc_x"]),
    ],
)  # fmt: skip
def test_all_that_is_missing_is_said_at_once(
    broken: set[str], blinded: set[str], reasons: dict[str, str], page: set[str], said: list[str]
) -> None:
    found = missing([Check("x", metrics=("coc_x",))], broken, blinded, page, reasons)
    assert [line.partition(",")[0] for line in found] == said


def test_every_module_of_checks_is_among_those_that_are_proven() -> None:
    there = {path.stem for path in Path(next(iter(prowl.checks.__path__))).glob("test_*.py")}
    assert there == {module.__name__.rpartition(".")[2] for module in MODULES}
