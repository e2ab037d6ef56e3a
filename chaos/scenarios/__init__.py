"""The scenarios, one literal each, in a file a chapter of the manual."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.scenarios import partition, stall, storage

SCENARIOS: tuple[Scenario, ...] = (*stall.SCENARIOS, *partition.SCENARIOS, *storage.SCENARIOS)
