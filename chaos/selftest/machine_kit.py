"""What the tests of faults share that a machine may not allow: then the reason is asserted, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from prowl.chaos.engine.fault import Fault, FaultError, Scene
from prowl.chaos.engine.lifecycle import Injected
from prowl.fixtures.clusters.protocol import Cluster

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
