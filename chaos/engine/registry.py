"""Every scenario that a run knows: Prowl's own, and others', by a hook and an ini key.

An operator's own scenarios are literals like Prowl's. They come by the hook ``pytest_prowl_scenarios(config)`` of a
conftest or plugin, or by ``prowl_scenarios = package.module:NAME`` in pytest's ini file; their items stand in a
catalogue file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from prowl.chaos.engine.refusals import faults_of
from prowl.chaos.engine.scenario import Scenario
from prowl.fixtures.manual import catalogue as manual


class ScenarioError(ValueError):
    """Scenarios that can't be: every fault of all of them, a line each."""


def named(places: Iterable[str], folder: Path) -> list[Scenario]:
    """Return the scenarios that ini lines name.

    ScenarioError for one that names none. Modules may lie in ``folder``.
    """
    found: list[Scenario] = []
    for place in places:
        module, _, name = place.partition(":")
        try:
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
            value: Any = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ScenarioError(
                f"prowl_scenarios = {place}: there is no such thing ({error}). It is package.module:NAME, NAME being a "
                "tuple of scenarios."
            ) from None
        except Exception as error:  # noqa: BLE001 - a module of somebody else's: whatever it raises
            raise ScenarioError(
                f"prowl_scenarios = {place}: the module can't be imported: {type(error).__name__}: {error}."
            ) from None
        found += demanded(value, f"prowl_scenarios = {place}")
    return found


def demanded(value: object, where: str) -> list[Scenario]:
    """Return the scenarios of a value; ScenarioError, saying where it came from, for one that holds other things."""
    rows = [value] if isinstance(value, Scenario) else list(value) if isinstance(value, Iterable) else [value]
    strange = [row for row in rows if not isinstance(row, Scenario)]
    if strange:
        raise ScenarioError(f"{where}: {strange[0]!r} is no Scenario (prowl.chaos.engine.scenario.Scenario).")
    return [row for row in rows if isinstance(row, Scenario)]


def all_scenarios(own: Iterable[Scenario]) -> tuple[Scenario, ...]:
    """Return Prowl's scenarios and these; ScenarioError lists every fault of all of them."""
    from prowl.chaos.scenarios import SCENARIOS

    found = (*SCENARIOS, *own)
    faults = faults_of(found, manual.catalogue())
    if faults:
        raise ScenarioError("\n".join(["There are scenarios that can't be:", *(f"  {fault}" for fault in faults)]))
    return found
