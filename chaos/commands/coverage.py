"""Which item of the manual is asserted by what: the comparison goes both ways."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

import prowl.checks
from prowl.chaos.scenarios import SCENARIOS
from prowl.checks.registry import Check, check_of
from prowl.fixtures.manual import catalogue as manual
from prowl.fixtures.manual.items import ManualItem


@dataclass(frozen=True)
class ItemCoverage:
    """An item and the names of the checks and scenarios that assert it."""

    item: ManualItem
    asserted_by: tuple[str, ...]


def checks() -> dict[str, Check]:
    """Return every check of the suite by its function's name."""
    found = {}
    for module in pkgutil.iter_modules(prowl.checks.__path__):
        if module.name.startswith("test_"):
            for name, function in vars(importlib.import_module(f"prowl.checks.{module.name}")).items():
                check = check_of(function)
                if check is not None:
                    found[name] = check
    return found


def coverage() -> list[ItemCoverage]:
    """Return every item of the manual with what asserts it."""
    by_item: dict[str, list[str]] = {}
    for name, check in checks().items():
        by_item.setdefault(check.item, []).append(f"check {name}")
    for scenario in SCENARIOS:
        by_item.setdefault(scenario.item, []).append(f"scenario {scenario.name}")
    return [ItemCoverage(item, tuple(by_item.get(item.id, ()))) for item in manual.catalogue().values()]
