"""The triples of all faults of resources, clock and disk, as far as this machine allows them (the reason else)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.engine.fault import Fault
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.cpu_starvation import CpuStarvation
from prowl.chaos.faults.disk_full import DiskFull
from prowl.chaos.faults.disk_hung import DiskHung
from prowl.chaos.faults.disk_read_only import DiskReadOnly
from prowl.chaos.faults.disk_slow import DiskSlow
from prowl.chaos.faults.out_of_memory import OutOfMemory
from prowl.chaos.faults.power_loss import PowerLoss
from prowl.chaos.faults.process_limit import ALLOCATIONS, DESCRIPTORS
from prowl.chaos.faults.wipe import Wipe
from prowl.chaos.selftest.machine_kit import prove_here
from prowl.chaos.selftest.triples import prove_triple
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec

FAULTS: dict[str, Fault] = {
    "open files": DESCRIPTORS,
    "allocations": ALLOCATIONS,
    "starvation": CpuStarvation(),
    "out of memory": OutOfMemory(),
    "clock ahead": Clock(3600),
    "clock behind": Clock(-3600),
    "clock jumps ahead": Clock(90, jump=True),
    "clock jumps back": Clock(-90, jump=True),
    "full disk": DiskFull(),
    "read-only disk": DiskReadOnly(),
    "hung disk": DiskHung(),
    "slow disk": DiskSlow(),
    "power loss": PowerLoss(),
    "wipe": Wipe(),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves in step."""
    with EmbeddedCluster(ClusterSpec(4, block_ms=500), tmp_path_factory.mktemp("machine")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize("nodes", [("node-2",), ("node-1", "node-3")], ids=["one", "two"])
@pytest.mark.parametrize("name", FAULTS)
def test_triple(cluster: EmbeddedCluster, name: str, nodes: tuple[str, ...]) -> None:
    prove_here(prove_triple, FAULTS[name], cluster, nodes)
