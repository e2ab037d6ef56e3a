"""A fault that comes and goes: a flapping cut, a crash loop."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from prowl.chaos.engine.debts import owed
from prowl.chaos.engine.fault import Fault, Scene
from prowl.chaos.engine.lifecycle import TOOLS
from prowl.fixtures.cleanup.undo import Undo
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Effects

DOWN_UP_DOWN = ["down", "up", "down"]


@dataclass
class Turns:
    """What was seen so far, and the thread that takes turns."""

    seen: list[str] = field(default_factory=list)
    is_down: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    trouble: str = ""


# Where nodes count what they are asked, a look comes every 3 s: with turns of 1.5 s it would always meet the same turn.
HALF_PERIOD_SECONDS = 1.7


class Repeated:
    """Injects and heals another fault by turns, ``half_period_seconds`` each, until its own heal.

    ``Repeated(Cut(...))`` is a cut that flaps, ``Repeated(Crash())`` a crash loop. Each turn is in the timeline as the
    other fault's rows. Proven by the other's own proofs, of its effect, its end and its effect again.
    """

    def __init__(self, fault: Fault, half_period_seconds: float = HALF_PERIOD_SECONDS) -> None:
        self.fault = fault
        self.half_period_seconds = half_period_seconds
        self.limit_seconds = 2 * fault.limit_seconds + 4 * half_period_seconds
        self.needs = fault.needs

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the other fault can't be done."""
        return self.fault.unavailable(spec)

    def effects(self, scene: Scene) -> Effects:
        """Return what the other does."""
        return self.fault.effects(scene)

    def undo(self, scene: Scene) -> tuple[Undo, ...]:
        """Return what undoes the other fault."""
        return owed(self.fault, scene)

    def inject(self, scene: Scene) -> None:
        """Inject the other fault once, and begin to take turns."""
        turns = scene.memory(Turns)
        turns.seen, turns.trouble, turns.is_down = [], "", True
        turns.ended.clear()
        self.fault.inject(scene)
        turns.thread = threading.Thread(target=self._run, args=(scene,), name="prowl-turns", daemon=True)
        turns.thread.start()

    def effect_trouble(self, scene: Scene) -> str:
        """Look, and compare what has been seen so far."""
        turns = scene.memory(Turns)
        for seen, look in (("down", self.fault.effect_trouble), ("up", self.fault.heal_trouble)):
            if not look(scene) and turns.seen[-1:] != [seen]:
                turns.seen.append(seen)
        turned = "".join(DOWN_UP_DOWN) in "".join(turns.seen)
        return turns.trouble or ("" if turned else f"it was seen {', '.join(turns.seen) or 'neither down nor up'}")

    def heal(self, scene: Scene) -> None:
        """Take no more turns, and heal the other fault if it stands."""
        turns = scene.memory(Turns)
        turns.ended.set()
        if turns.thread is not None:
            turns.thread.join(self.limit_seconds)
        if turns.is_down:
            self._turn(scene)
        turns.seen = []

    def heal_trouble(self, scene: Scene) -> str:
        """Look for turns that are still taken, and for what is left of the other fault."""
        thread = scene.memory(Turns).thread
        if thread is not None and thread.is_alive():
            return "it still takes turns"
        return self.fault.heal_trouble(scene)

    def _run(self, scene: Scene) -> None:
        turns = scene.memory(Turns)
        try:
            while not turns.ended.wait(self.half_period_seconds):
                self._turn(scene)
        except TOOLS as error:
            turns.trouble = f"it takes no more turns: {error}"

    def _turn(self, scene: Scene) -> None:
        turns, effects = scene.memory(Turns), self.fault.effects(scene)
        if turns.is_down:
            scene.tell_over(effects)
            self.fault.heal(scene)
        else:
            scene.tell(effects)
            self.fault.inject(scene)
        turns.is_down = not turns.is_down
