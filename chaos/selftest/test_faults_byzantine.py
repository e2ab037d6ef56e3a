"""Validators that deceive, and a second process with a validator's key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.engine.fault import Scene
from prowl.chaos.faults.byzantine import CONDUCTS, VOTES_TWICE, Byzantine
from prowl.chaos.faults.same_key import SameKey
from prowl.chaos.selftest.triples import prove_held_and_healed, prove_no_effect, prove_triple
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.reference.defects.catalogue import DEFECTS


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves with honest nodes only."""
    with EmbeddedCluster(ClusterSpec(4, block_ms=500), tmp_path_factory.mktemp("byzantine")) as cluster:
        cluster.start()
        yield cluster


def test_a_validator_that_votes_twice_is_proven_thrice(cluster: EmbeddedCluster) -> None:
    prove_triple(Byzantine(VOTES_TWICE), cluster, ("node-2",))


def test_each_conduct_is_a_defect_that_a_node_can_be_told() -> None:
    assert {conduct.defect for conduct in CONDUCTS} <= set(DEFECTS)
    assert {Byzantine(conduct).unavailable(ClusterSpec(4)) for conduct in CONDUCTS} == {None}


def test_that_all_deceive_is_refused(cluster: EmbeddedCluster) -> None:
    with pytest.raises(ValueError, match="Somebody must be left"):
        Byzantine(VOTES_TWICE).effects(Scene(cluster, cluster.spec.names))


def test_a_second_process_with_the_same_key_runs_beside_the_first(cluster: EmbeddedCluster) -> None:
    prove_held_and_healed(SameKey(), cluster, ("node-3",))
    assert "node-3 has no second process" in prove_no_effect(SameKey(), cluster, ("node-3",))
