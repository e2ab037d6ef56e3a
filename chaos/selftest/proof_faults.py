"""The triples of all faults of the catalogue, for a run that takes its time, as far as this machine allows them.

``--chaos --cluster containers`` proves them on containers. The usual selftest proves one of each class; a fault's
reason is proven where the machine does not allow it. Those of the stores are proven by proof_store_damage, under load.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.engine.fault import Fault
from prowl.chaos.faults.catalogue import FAULTS
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.terminate import Terminate
from prowl.chaos.selftest.machine_kit import prove_here, proving
from prowl.chaos.selftest.played import NODES, TRIPLES
from prowl.chaos.selftest.triples import prove_triple
from prowl.fixtures.clusters.protocol import Cluster

TWO = [
    "limit of open files",
    "limit of allocations",
    "starvation",
    "out of memory",
    "clock that is off",
    "full disk",
    "read-only disk",
    "hung disk",
    "slow disk",
    "power loss",
    "wipe",
]
MORE: list[tuple[Fault, tuple[str, ...]]] = [
    *((fault, nodes) for fault in (Crash(), Terminate(), Pause()) for nodes in (NODES[1:3], NODES)),
    *((FAULTS[name], ("node-1", "node-3")) for name in TWO),
    *((Clock(seconds, jump=jump), NODES[1:2]) for seconds in (-3600, -90, 90) for jump in (False, True)),
    (Cut(), NODES[3:]),
    (Latency(500, 0), NODES[1:2]),
    (Repeated(Crash(), 0.3), NODES[:1]),
    (Repeated(Cut(), 0.5), NODES[:2]),
]


@pytest.fixture(scope="module")
def cluster(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that each test leaves in step."""
    with proving(pytestconfig, tmp_path_factory.mktemp("proof")) as cluster:
        yield cluster


@pytest.mark.parametrize("name", TRIPLES)
def test_triple(cluster: Cluster, name: str) -> None:
    prove_here(prove_triple, FAULTS[name], cluster, TRIPLES[name])


@pytest.mark.parametrize(("fault", "nodes"), MORE)
def test_triple_of_more(cluster: Cluster, fault: Fault, nodes: tuple[str, ...]) -> None:
    prove_here(prove_triple, fault, cluster, nodes)
