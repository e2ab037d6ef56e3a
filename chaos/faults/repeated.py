"""A fault that comes and goes: a flapping cut, a crash loop."""

from __future__ import annotations

import threading

from prowl.chaos.engine.debts import owed
from prowl.chaos.engine.lifecycle import TOOLS
from prowl.chaos.engine.scenario import Fault, Scene
from prowl.fixtures.cleanup.undo import Undo
from prowl.fixtures.clusters.cluster import EmbeddedCluster

DOWN_UP_DOWN = ["down", "up", "down"]


class Repeated:
    """Injects and heals another fault by turns, ``half_period_seconds`` each, until its own heal.

    ``Repeated(Cut(...))`` is a cut that flaps, ``Repeated(Crash())`` a crash loop. Each turn is in the timeline in the
    other fault's words. Proven by the other's own proofs, of its effect, its end and its effect again.
    """

    def __init__(self, fault: Fault, half_period_seconds: float = 1.5) -> None:
        self.fault = fault
        self.half_period_seconds = half_period_seconds
        self.limit_seconds = 2 * fault.limit_seconds + 4 * half_period_seconds
        self._seen: list[str] = []
        self._is_down = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:
        """Return why the other fault can't be done."""
        return self.fault.unavailable(cluster)

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the other's words for the first injection, and a note; the last heal is written when it begins."""
        down, _up = self.fault.events(scene)
        return down, f"no more turns of: {down}"

    def undo(self, scene: Scene) -> tuple[Undo, ...]:
        """Return what undoes the other fault."""
        return owed(self.fault, scene)

    def inject(self, scene: Scene) -> None:
        """Inject the other fault once, and begin to take turns."""
        self._seen, self._trouble, self._is_down = [], "", True
        self._ended.clear()
        self.fault.inject(scene)
        self._thread = threading.Thread(target=self._run, args=(scene,), name="prowl-turns", daemon=True)
        self._thread.start()

    def missing(self, scene: Scene) -> str:
        """Look, and compare what has been seen so far."""
        for seen, trouble in (("down", self.fault.missing(scene)), ("up", self.fault.left(scene))):
            if not trouble and self._seen[-1:] != [seen]:
                self._seen.append(seen)
        told = "".join(self._seen)
        turned = "".join(DOWN_UP_DOWN) in told
        return self._trouble or ("" if turned else f"it was seen {', '.join(self._seen) or 'neither down nor up'}")

    def heal(self, scene: Scene) -> None:
        """Take no more turns, and heal the other fault if it stands."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(self.limit_seconds)
        if self._is_down:
            self._turn(scene)
        self._seen = []

    def left(self, scene: Scene) -> str:
        """Proven by the other's proof, once no more turns are taken."""
        if self._thread is not None and self._thread.is_alive():
            return "it still takes turns"
        return self.fault.left(scene)

    def _run(self, scene: Scene) -> None:
        try:
            while not self._ended.wait(self.half_period_seconds):
                self._turn(scene)
        except TOOLS as error:
            self._trouble = f"it takes no more turns: {error}"

    def _turn(self, scene: Scene) -> None:
        down, up = self.fault.events(scene)
        scene.note(up if self._is_down else down)
        (self.fault.heal if self._is_down else self.fault.inject)(scene)
        self._is_down = not self._is_down
