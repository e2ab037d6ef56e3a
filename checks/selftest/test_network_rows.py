"""Every item has a row in the proof of the real network that breaks it, and one that blinds it."""

from __future__ import annotations

from pathlib import Path

import prowl.checks
from prowl.checks.selftest.network_blind import BLIND, NOTHING_TO_BLIND
from prowl.checks.selftest.network_broken import BROKEN
from prowl.checks.selftest.network_items import MODULES, items


def test_every_module_of_checks_is_among_those_that_are_proven() -> None:
    there = {path.stem for path in Path(next(iter(prowl.checks.__path__))).glob("test_*.py")}
    assert there == {module.__name__.rpartition(".")[2] for module in MODULES}


def test_every_item_has_a_row_that_breaks_it() -> None:
    assert {row.item for row in BROKEN} == set(items())


def test_every_item_has_a_row_that_blinds_it() -> None:
    blinded = {item for row in BLIND for item in row.items}
    assert not blinded & set(NOTHING_TO_BLIND)
    assert blinded | set(NOTHING_TO_BLIND) == set(items())


def test_what_a_row_allows_besides_is_an_item() -> None:
    assert {item for row in BROKEN for item in row.also} <= set(items())
