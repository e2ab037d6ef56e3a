"""In which order scenarios are played, and what a worker knows of the one that follows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from prowl.chaos import plugin
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.fixtures import plugin as fixtures
from prowl.fixtures.clusters.spec import ClusterSpec

SPEC = ClusterSpec(4)


class Item:
    """An item of a run: that of a scenario, or of a check."""

    def __init__(self, name: str, shape: Shape | None = None) -> None:
        self.name = name
        self.fixturenames = ("outcome",) if shape else ()
        self.config = SimpleNamespace(stash={fixtures.CLUSTER: SimpleNamespace(cluster_spec=SPEC)})
        self.stash: dict[Any, Any] = {}
        if shape:
            scenario = Scenario(name, item="", why="", steps=(), also=(), shape=shape)
            self.callspec = SimpleNamespace(params={"scenario": scenario})


def test_scenarios_of_one_shape_are_in_a_row_and_the_largest_come_first() -> None:
    four, slow = Shape(nodes=4), Shape(nodes=4, block_ms=900)
    items: list[Any] = [
        Item("a check"), Item("a", four), Item("b", slow), Item("c", Shape(nodes=7)), Item("another check"),
        Item("d", Shape()), Item("e", Shape(nodes=5)), Item("f", slow), Item("g", Shape(nodes=5)),
    ]  # fmt: skip
    plugin.pytest_collection_modifyitems(pytest.Config.__new__(pytest.Config), items)
    assert [item.name for item in items] == ["a check", "c", "e", "g", "another check", "a", "d", "b", "f"]


def test_a_worker_knows_which_network_it_needs_next() -> None:
    item: Any = Item("a", Shape())
    seven: Any = Item("b", Shape(nodes=7))
    check: Any = Item("a check")
    for following, spec in ((seven, ClusterSpec(7, block_ms=250)), (check, None), (None, None)):
        plugin.pytest_runtest_protocol(item, following)
        assert item.stash[plugin.FOLLOWING] == spec
