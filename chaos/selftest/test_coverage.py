"""The manual and the suite, compared both ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prowl.chaos.commands import cli
from prowl.chaos.commands.coverage import checks, coverage
from prowl.chaos.scenarios import SCENARIOS
from prowl.checks import gate
from prowl.checks.registry import check
from prowl.fixtures.manual import catalogue as manual


def test_every_item_is_asserted_or_says_what_it_waits_for() -> None:
    for row in coverage():
        assert bool(row.asserted_by) != bool(row.item.pending), f"{row.item.id}: asserted, or pending, and not both"
        assert not row.item.pending or row.item.pending.startswith("comes with "), row.item.id


def test_every_check_and_every_scenario_has_an_item() -> None:
    items = {each.item for each in checks().values()} | {scenario.item for scenario in SCENARIOS}
    assert {"daily/peers", "recovery/health-endpoints", "recovery/consensus-stall"} <= items
    assert items <= set(manual.catalogue())


def test_a_check_of_no_item_or_without_a_promise_is_refused() -> None:
    def test_it(node: object) -> None:
        """A promise."""

    with pytest.raises(manual.UnknownItemError, match="daily/piers"):
        check("daily/piers")(test_it)
    test_it.__doc__ = None
    with pytest.raises(ValueError, match="no docstring"):
        check("daily/peers")(test_it)
    for whose in ((), ("node", "network")):
        nobody: Callable[..., None] = eval(f"lambda {', '.join(whose)}: None")
        nobody.__doc__ = "A promise."
        with pytest.raises(ValueError, match="either node or network"):
            check("daily/peers")(nobody)


def test_the_gate_asks_for_what_says_that_it_belongs_there() -> None:
    assert set(gate.ORDER) == {each.item for each in checks().values() if each.gate}
    alone = {item for item in manual.catalogue() if item.startswith(gate.GATE_ONLY)}
    assert alone <= set(gate.ORDER)


def test_the_command_lists_what_is_to_come(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["manual"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines[:-1] if not line.startswith(" ")}
    assert set(rows) == set(manual.catalogue())
    assert "check test_peer_count" in rows["daily/peers"]
    assert "scenario containers-upgraded-in-turn" in rows["upgrade/docker"]
    waiting = sum(bool(item.pending) for item in manual.catalogue().values())
    assert lines[-1] == f"{len(rows)} items, {len(rows) - waiting} asserted, {waiting} to come."
