"""What the tests of faults share that a machine may not allow: then the reason is asserted, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prowl.chaos.engine.fault import Fault, FaultError, Scene
from prowl.chaos.engine.lifecycle import Injected
from prowl.fixtures import targets
from prowl.fixtures.clusters.protocol import Cluster, make
from prowl.fixtures.clusters.spec import ClusterSpec

COUNT = 4
Prove = Callable[[Fault, Cluster, tuple[str, ...]], object]
# A reason names what is missing: a right, a package, a controller.
MISSING = re.compile(r"CAP_SYS_ADMIN|/dev/loop-control|install |cgroup")


def prove_here(prove: Prove, fault: Fault, cluster: Cluster, nodes: tuple[str, ...]) -> None:
    """Prove a fault where the machine allows it; else assert that it says what is missing, and does nothing."""
    reason = fault.unavailable(cluster.spec)
    if reason is None:
        prove(fault, cluster, nodes)
        return
    assert MISSING.search(reason), reason
    with (
        pytest.raises(FaultError, match=re.escape(f"unavailable here: {reason}")),
        Injected(fault, Scene(cluster, nodes)),
    ):
        pytest.fail("it was injected all the same")


@contextmanager
def proving(config: pytest.Config, folder: Path) -> Iterator[Cluster]:
    """A cluster of the kind that ``--cluster`` names, embedded if it names none, for faults that are proven on it."""
    spec = config.getoption("cluster") or "embedded"
    cluster = make(ClusterSpec(COUNT, block_ms=500, kind=targets.parse(spec).kind), folder)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
