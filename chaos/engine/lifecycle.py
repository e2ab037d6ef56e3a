"""The life of a fault: on the ledger, injected, effect proven, held, healed, heal proven; each phase is timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType

from prowl.chaos.engine.debts import owed
from prowl.chaos.engine.fault import Fault, FaultError, Scene
from prowl.fixtures.cleanup.ledger import Debt, LedgerError
from prowl.fixtures.clusters.processes import ProcessError
from prowl.fixtures.clusters.protocol import lack
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.proxies.edges import EdgeError
from prowl.fixtures.proxies.toxiproxy import ToxiproxyError
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event, Phase

LOOK_SECONDS = 0.02
SHARE_OF_LIMIT = 0.1  # of a node's rate limit for the proofs: the observer and the load have the rest
# What the tools that a fault acts with say when they fail.
TOOLS = (ClusterError, EdgeError, LedgerError, ProcessError, ToxiproxyError, OSError)


class Injected:
    """A fault that surely happened, for the length of a block; whatever ends the block, the fault is healed.

    .. code-block:: python

        with Injected(Crash(), Scene(cluster, ("node-2",), observer.write)) as injected:
            observer.hold(seconds)
            injected.heal()

    What is about to be done is on the disk, in the cluster's ledger, before anything is touched; then the scene writes
    the timeline's rows, one for each phase. Entering raises FaultError with "no effect" for an injection that is not
    seen to have had any, and :meth:`heal` with "not healed" for a heal that is not seen to have healed. An error of the
    block itself is raised as it is, with a note about a heal that failed.
    """

    def __init__(self, fault: Fault, scene: Scene) -> None:
        self.fault = fault
        self.scene = scene
        self.effects = fault.effects(scene)
        self._debt: Debt | None = None
        self._healed = False
        self.inject_seconds = self.heal_seconds = 0.0

    def __enter__(self) -> Injected:
        spec = self.scene.cluster.spec
        reason = lack(spec, self.fault.needs) or self.fault.unavailable(spec)
        if reason:
            raise FaultError(f"The fault is unavailable here: {reason}")
        self._debt = self._written()
        self.scene = replace(self.scene, owe=self._debt.owe)
        self.scene.tell(self.effects)
        words = self.effects.words
        try:
            self.inject_seconds = self._phase(words, self.fault.inject, self.fault.effect_trouble, "no effect")
            self._debt.effect(f"proven after {self.inject_seconds:.3f} s")
        except BaseException as error:  # part of it may have happened
            self._heal_after(error)
            raise
        self._proven(Phase.EFFECT, self.inject_seconds)
        return self

    def _proven(self, phase: Phase, seconds: float) -> None:
        self.scene.write(Event(0.0, f"proven after {seconds:.3f} s", self.scene.number, phase, kind=self.effects.kind))

    def _written(self) -> Debt:
        """Write the intent; FaultError if that can't be: then nothing is done."""
        words = self.effects.words
        try:
            return self.scene.cluster.ledger.owe(words, self.scene.nodes, owed(self.fault, self.scene))
        except TOOLS as error:
            raise FaultError(f"{words}: not done, for it can't be written to the ledger: {error}") from error

    def heal(self) -> float:
        """Undo it and return the seconds until that was seen; FaultError, loudly, if it is not."""
        assert self._debt is not None, "a fault is healed inside its block"
        self._healed = True
        with suppress(LedgerError):  # a heal is done, written or not
            self._debt.healing()
        self.effects = self.fault.effects(self.scene)  # they may have changed since
        self.scene.tell_over(self.effects)
        words = self.effects.heal.words or f"end of: {self.effects.words}"
        try:
            self.heal_seconds = self._phase(words, self.fault.heal, self.fault.heal_trouble, "not healed")
            self._debt.healed(f"proven after {self.heal_seconds:.3f} s")
        except (FaultError, LedgerError) as error:
            with suppress(LedgerError):
                self._debt.abandoned(str(error))
            raise
        self._proven(Phase.HEALED, self.heal_seconds)
        return self.heal_seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._healed:
            return
        if error is None:
            self.heal()
        else:
            self._heal_after(error)

    def _heal_after(self, error: BaseException) -> None:
        try:
            self.heal()
        except FaultError as failed:
            error.add_note(str(failed))

    def _phase(self, words: str, act: Callable[[Scene], None], observe: Callable[[Scene], str], verdict: str) -> float:
        """Act, then look until nothing is amiss; FaultError after the limit, with what was last seen."""
        began = time.monotonic()
        limit = self.fault.limit_seconds
        seen = ""
        try:
            act(self.scene)
        except TOOLS as error:
            raise FaultError(f"{words}: {verdict}: {error}") from error

        def proven() -> bool:
            nonlocal seen
            seen = observe(self.scene)
            return not seen

        try:
            if not wait_until(proven, max(0.0, limit - (time.monotonic() - began)), _look_seconds(self.scene)):
                raise FaultError(f"{words}: {verdict} within {limit:g} s: {seen}.")
        except TOOLS as error:
            raise FaultError(f"{words}: {verdict}, for it can't be observed: {error}") from error
        return time.monotonic() - began


def _look_seconds(scene: Scene) -> float:
    """Return the time between two looks: longer where nodes count what they are asked, for a look asks each once."""
    limit = scene.cluster.network.rpc_calls_per_minute
    return LOOK_SECONDS if limit is None else max(LOOK_SECONDS, 60 / (SHARE_OF_LIMIT * limit))
