"""Every cell of the storage matrix: the triple for those that can be, the reason for those that can't."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.lifecycle import Injected
from prowl.chaos.engine.load import Load
from prowl.chaos.faults.store_damage import StoreDamage
from prowl.chaos.faults.tools.damage import MATRIX, Cell, why_not
from prowl.chaos.selftest.machine_kit import proving
from prowl.chaos.selftest.reaction import react
from prowl.chaos.selftest.triples import prove_triple
from prowl.fixtures.clusters.protocol import Cluster


@pytest.fixture(scope="module")
def cluster(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster under load (without it nothing is written to a state store), which each test leaves in step."""
    with proving(pytestconfig, tmp_path_factory.mktemp("damage")) as cluster, Load(cluster.network, random.Random(1)):
        yield cluster


POSSIBLE = [cell for cell in MATRIX if why_not(cell) is None]


@pytest.mark.parametrize("cell", POSSIBLE, ids=str)
def test_triple(cluster: Cluster, cell: Cell) -> None:
    prove_triple(StoreDamage(cell), cluster, ("node-2",))


@pytest.mark.parametrize("cell", POSSIBLE, ids=str)
def test_the_node_refuses_to_start_with_the_store_named_or_comes_level(cluster: Cluster, cell: Cell) -> None:
    with Injected(StoreDamage(cell), Scene(cluster, ("node-3",))):
        reaction = react(cluster, "node-3")
        print(f"{cell}: {reaction}", flush=True)
        if reaction.started:
            assert reaction.level, reaction
        else:
            assert reaction.exit_code == 1, reaction
            assert f"The store {cell.store} is damaged" in reaction.last_word, reaction
            assert "Storage Corruption" in reaction.last_word, reaction
