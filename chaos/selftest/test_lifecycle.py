"""How often a fault's proof looks: at once again, unless the nodes count what they are asked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from prowl.chaos.engine import lifecycle, load, sampling
from prowl.chaos.engine.fault import Scene
from prowl.fixtures.clients.budget import BURST
from prowl.fixtures.clusters.protocol import Cluster
from prowl.fixtures.inventory.reader import COC


def test_observer_load_and_proofs_together_stay_below_a_rate_limit() -> None:
    network = SimpleNamespace(network=COC)
    scene = Scene(cast(Cluster, network), ("node-1",))
    assert lifecycle._look_seconds(scene) == lifecycle.LOOK_SECONDS, "without a limit"
    network.network = replace(COC, rpc_calls_per_minute=200.0)
    proofs = 60 / lifecycle._look_seconds(scene)
    assert (1 + BURST) * (sampling.SHARE_OF_LIMIT + load.SHARE_OF_LIMIT) * 200 + proofs <= 200
