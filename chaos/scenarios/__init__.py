"""The scenarios, one literal each, in a file a chapter of the manual."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.scenarios import conduct, fork_choice, load, partition, resources, stall, storage, upgrade

SCENARIOS: tuple[Scenario, ...] = tuple(
    scenario
    for chapter in (stall, partition, fork_choice, storage, resources, upgrade, conduct, load)
    for scenario in chapter.SCENARIOS
)
