"""Every scenario, one item each (with ``--chaos``)."""

from __future__ import annotations

from prowl.chaos.engine.runner import Outcome
from prowl.chaos.engine.scenario import Scenario
from prowl.reports.verdicts import Verdict


def test_scenario(scenario: Scenario, outcome: Outcome) -> None:
    """The documented recovery happens, and the chain stays one chain throughout."""
    assert outcome.verdict is Verdict.HELD, f"{scenario.name}: {outcome.observed}"
