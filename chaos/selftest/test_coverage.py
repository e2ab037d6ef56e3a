"""The manual and the suite, compared both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from prowl.chaos.commands import cli
from prowl.chaos.commands.coverage import Row, checks, coverage
from prowl.chaos.scenarios import SCENARIOS
from prowl.checks import gate
from prowl.checks.registry import check
from prowl.fixtures.manual import catalogue as manual
from prowl.fixtures.manual.items import ManualItem


def test_every_item_is_asserted_or_says_what_it_waits_for() -> None:
    assert "\n".join(line for row in coverage() for line in faulty(row)) == ""


def faulty(row: Row) -> Iterator[str]:
    if not row.asserted_by and not row.item.pending:
        yield f"{row.item.id} is asserted by no check and no scenario, and does not say what it waits for"
    if row.asserted_by and row.item.pending:
        yield f"{row.item.id} is asserted now: it waits for nothing any more"
    if row.item.pending and not row.item.pending.startswith("comes with "):
        yield f"{row.item.id} waits for {row.item.pending!r}; it says 'comes with ...'"


@pytest.mark.parametrize(
    ("asserted_by", "pending", "said"),
    [
        (("check test_x",), "", []),
        ((), "comes with time", []),
        ((), "", ["is asserted by no check and no scenario"]),
        ((), "later", ["waits for 'later'"]),
        (("check test_x",), "comes with time", ["is asserted now"]),
    ],
)
def test_what_is_wrong_with_an_item_is_said(asserted_by: tuple[str, ...], pending: str, said: list[str]) -> None:
    found = list(faulty(Row(ManualItem("x/y", "X", "A promise", (), pending), asserted_by)))
    assert [line.startswith(f"x/y {part}") for line, part in zip(found, said, strict=True)] == [True] * len(said)


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
