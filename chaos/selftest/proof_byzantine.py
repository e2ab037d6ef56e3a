"""The triple of every conduct and of the second process with the same key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.engine.fault import Fault
from prowl.chaos.faults.byzantine import CONDUCTS, Byzantine
from prowl.chaos.faults.same_key import SameKey
from prowl.chaos.selftest.triples import prove_triple
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec

FAULTS: dict[str, Fault] = {
    **{conduct.defect: Byzantine(conduct) for conduct in CONDUCTS},
    "second process with the same key": SameKey(),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves with honest nodes only."""
    with EmbeddedCluster(ClusterSpec(4, block_ms=500), tmp_path_factory.mktemp("byzantine")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize("name", FAULTS)
def test_triple(cluster: EmbeddedCluster, name: str) -> None:
    prove_triple(FAULTS[name], cluster, ("node-2",))
