"""Every pair of faults that are on at the same time, in either order of their ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.selftest.composition_kit import ORDERS, PAIRS, prove_either_order
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves as good as new."""
    with EmbeddedCluster(ClusterSpec(4, block_ms=400), tmp_path_factory.mktemp("composed")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", PAIRS)
def test_two_faults(cluster: EmbeddedCluster, name: str, order: str) -> None:
    prove_either_order(cluster, name, order)
