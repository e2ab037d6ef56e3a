"""SIGTERM, and start again."""

from __future__ import annotations

import signal

from prowl.chaos.engine.scenario import Scene
from prowl.chaos.faults.crash import Crash

# An orderly end, or the signal's own for a process that does not handle it.
ORDERLY = (0, -signal.SIGTERM, 128 + signal.SIGTERM)


class Terminate(Crash):
    """Asks the nodes to end; one that does not within the limit was not terminated."""

    limit_seconds = 60.0
    verb = "terminate"
    number = signal.SIGTERM

    def missing(self, scene: Scene) -> str:
        """Proven by the processes being gone with an exit code of an orderly end, and their RPC ports refusing."""
        codes = {name: scene.cluster.process(name).exit_code for name in scene.nodes}
        disorderly = [f"{name} ended with exit code {code}" for name, code in codes.items() if code not in ORDERLY]
        return super().missing(scene) or "; ".join(disorderly)
