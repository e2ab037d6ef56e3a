"""The scenarios, one literal each, in a file a chapter of the manual."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.scenarios import conduct, fork_choice, partition, resources, stall, storage

SCENARIOS: tuple[Scenario, ...] = tuple(
    scenario
    for chapter in (stall, partition, fork_choice, storage, resources, conduct)
    for scenario in chapter.SCENARIOS
)
