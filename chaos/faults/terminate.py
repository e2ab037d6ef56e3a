"""SIGTERM, and start again."""

from __future__ import annotations

import signal

from prowl.chaos.engine.fault import Scene
from prowl.chaos.faults.crash import Crash
from prowl.reports.events import Effects, Heal

# An orderly end, or the signal's own for a process that does not handle it.
ORDERLY = (0, -signal.SIGTERM, 128 + signal.SIGTERM)


class Terminate(Crash):
    """Asks the nodes to end; one that does not within the limit was not terminated."""

    limit_seconds = 60.0

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are down."""
        named = " ".join(scene.nodes)
        return Effects("terminate", f"terminate {named}", down=scene.nodes, heal=Heal(f"start {named}"))

    def inject(self, scene: Scene) -> None:
        """Ask them to end."""
        scene.cluster.terminate(*scene.nodes)

    def effect_trouble(self, scene: Scene) -> str:
        """Look for nodes that are there, RPC ports that do not refuse, and exit codes of no orderly end."""
        codes = {name: scene.cluster.exit_code(name) for name in scene.nodes}
        disorderly = [f"{name} ended with exit code {code}" for name, code in codes.items() if code not in ORDERLY]
        return super().effect_trouble(scene) or "; ".join(disorderly)
