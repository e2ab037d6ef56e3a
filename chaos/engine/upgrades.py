"""What an operator does in an upgrade, node by node: change the version, confirm it, soak it, roll it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from prowl.chaos.engine.confirmation import NotConfirmedError, Since, blocks_come, confirm
from prowl.chaos.engine.fault import Fault
from prowl.chaos.engine.lifecycle import TOOLS
from prowl.chaos.engine.operations import folder_of, row
from prowl.chaos.engine.scenario import Step
from prowl.chaos.engine.stage import Outline, Stage, StepError, StoppedEarlyError, stakes_of
from prowl.chaos.engine.steps import Simple, plan_all, play_all
from prowl.chaos.engine.targets import Words, in_drawn_order
from prowl.chaos.faults.crash import Crash
from prowl.checks.invariants.quorum import holds_quorum
from prowl.fixtures import deadlines
from prowl.fixtures.clusters import backups
from prowl.fixtures.clusters.protocol import GONE, OLD, HasData
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Event

SOAK_ROTATIONS = 10
SOAK_WINDOWS = 3  # a first one may show how a young process fills its caches, or a machine that was busy
LEAST_LEAK_BYTES = 4_000_000
LEAST_LEAK_SHARE = 0.1  # the heap of a COC node at rest swings by 26 MB of 210: its collector comes when it likes
MEMORY = "process_memory_bytes"


def name_of(spec: ClusterSpec, version: str) -> str:
    """Return a version as it is said to people."""
    return version or (str(spec.node_home) if spec.node_home is not None else "the version of before")


@dataclass(frozen=True)
class Upgrade:
    """Stop each node and start it as the run's next version, as the manual's restart of the service does.

    ``backup``: its data is packed in between, if it never was: that of a running node may change under the script.
    """

    backup: bool = False
    step = "upgrade"
    words = "restart with the next version"
    fails = ""  # what it means that the node does not start then

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002
        """Return None: any node of the run's own can be stopped and started."""
        return None

    def version(self, spec: ClusterSpec) -> str:
        """Return what is started."""
        return spec.newer

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Stop and start, one after the other."""
        version = self.version(stage.cluster.spec)
        for name in nodes:
            row(stage, self.step, f"{self.step} {name} to {name_of(stage.cluster.spec, version)}", restarted=(name,))
            if stage.cluster.state(name) != GONE:
                stage.cluster.terminate(name)
            if self.backup and not folder_of(stage, name).exists():
                backups.backup(stage.cluster.spec, stage.cluster.node(name), folder_of(stage, name))
            stage.cluster.start_node(name, version=version)


@dataclass(frozen=True)
class Downgrade(Upgrade):
    """Stop each node and start it as what it was before."""

    step = "downgrade"
    words = "restart with the version of before"
    fails = "can't go back to the version of before: it "

    def version(self, spec: ClusterSpec) -> str:  # noqa: ARG002
        """Return what is started."""
        return OLD


@dataclass(frozen=True)
class Change(Simple):
    """Change the version of each node, and wait until it takes part again: the manual's "wait for sync", strictly."""

    operation: Upgrade
    target: Words | None = None

    def play(self, stage: Stage) -> None:
        """Change and confirm, one after the other; NotConfirmedError for a node that does not take part."""
        for name in stage.nodes if self.target is None else stage.resolve(self.target):
            change(stage.below(name), self.operation, name)

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell what, for whom, and what is waited for."""
        nodes = outline.nodes if self.target is None else outline.resolve(self.target)[1]
        yield f"operator  {self.operation.words}: {', '.join(nodes)}"
        yield (
            f"confirm   within {deadlines.REJOIN_WORDS}: height, hashes, state roots, a block in its own turn; then "
            "blocks for a rotation with so many others killed that its vote is needed"
        )

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return the fault by which a vote is proven."""
        return ((Crash(), self.target or in_drawn_order),)


def change(stage: Stage, operation: Upgrade, name: str) -> None:
    """Change a node's version and confirm it; NotConfirmedError, also where it does not start."""
    since = Since(stage)
    stage.play.say(f"{operation.step} {name} to {name_of(stage.cluster.spec, operation.version(stage.cluster.spec))}")
    try:
        with stage.play.played.timed("operator"):
            operation.do(stage, (name,))
    except TOOLS as error:
        if stage.cluster.state(name) == GONE:
            raise _gone(stage, name, operation, since, str(error)) from None
        stage.play.say(f"{name} runs and does not answer yet")  # it has as long as any node has to take part again
    confirm(stage, name, since)


def _gone(stage: Stage, name: str, operation: Upgrade, since: Since, error: str) -> NotConfirmedError:
    """Write that a node has ended at its start, and return that."""
    said = since.mark.complaints(stage.cluster, name) or error.splitlines()[0]
    words = f"{name} {operation.fails}ended at its start with exit code {stage.cluster.exit_code(name)}: {said}"
    stage.write(Event(0.0, words, step="unconfirmed", unconfirmed=(name,)))
    return NotConfirmedError(words)


@dataclass(frozen=True)
class Soak(Simple):
    """Watch the enclosing node for some rotations: its blocks come as fast as the others', its memory is bounded."""

    rotations: int = SOAK_ROTATIONS

    def play(self, stage: Stage) -> None:
        """Watch; what is amiss once is looked at again, for longer."""
        for name in stage.nodes:
            observations: list[str] = []
            for window in range(SOAK_WINDOWS):
                trouble = soaked(stage, name, self.rotations * 2**window, observations)
                if not trouble:
                    break
            else:
                words = f"{name} {trouble}"
                stage.write(Event(0.0, words, step="unconfirmed", unconfirmed=(name,)))
                raise NotConfirmedError(words)
            stage.play.say(f"{name} soaked: {observations[-1]}")
            stage.play.played.lines.append(f"{name} soaked: {observations[-1]}")

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell for how long."""
        yield f"soak      {', '.join(outline.nodes)}: {self.rotations} rotations, its blocks' pace and its memory"


def soaked(stage: Stage, name: str, rotations: int, observations: list[str]) -> str:
    """Watch for so many rotations; return what is amiss, and tell what was seen."""
    observer, count = stage.observer, len(stage.network.nodes)
    tip, begin, before = observer.tip, observer.now(), _memory(stage)
    if blocks_come(stage, rotations * count) is None:
        raise StoppedEarlyError(f"after block {observer.tip} none came within the longest pause that there may be")
    own, others = _paces(stage, name, tip, begin)
    after = _memory(stage)
    if not (own and others):
        seen = len(own) + len(others)
        who = "the others" if own else "it"
        return f"can't be compared: {who} made none of the {seen} blocks whose coming was seen"
    if name not in before or name not in after:
        return f"shows no {MEMORY}: a leak could not be seen"
    own_seconds, other_seconds, blocks = median(own), median(others), observer.tip - tip
    grown = {each: bytes_ - before[each] for each, bytes_ in after.items() if each in before}
    mine = grown.pop(name)
    most = max(grown.values(), default=0)
    pace = f"its blocks took {own_seconds:.2f} s, the others' {other_seconds:.2f} s (medians of {blocks} blocks)"
    memory = f"its memory grew by {mine / 1e6:.1f} MB, that of the others by {most / 1e6:.1f} MB at most"
    observations.append(f"{pace}; {memory}")
    if own_seconds > other_seconds + stage.play.interval_seconds:
        return f"is slow: {pace}"
    if leaks(before[name], mine, most):
        return f"loses memory: {memory} in {blocks} blocks"
    return ""


def leaks(before: float, grown: float, others: float) -> bool:
    """Whether a process of so many bytes grew by more than its collector and twice the growth of the others explain."""
    return grown > 2 * max(others, 0) + max(LEAST_LEAK_BYTES, LEAST_LEAK_SHARE * before)


def _memory(stage: Stage) -> dict[str, float]:
    found = {name: values.get(MEMORY) for name, values in stage.observer.newest.items()}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def _paces(stage: Stage, name: str, tip: int, begin: float) -> tuple[list[float], list[float]]:
    """Return how long each of a node's blocks took to come, and each of the others'."""
    address = str(stage.cluster.node(name).address).lower()
    seen = {height: t for t, height in stage.observer.tips}
    proposed = stage.observer.proposals_since(begin)
    took = {h: seen[h] - seen[h - 1] for h in proposed if h > tip and h in seen and h - 1 in seen}
    own = [seconds for height, seconds in took.items() if proposed[height].lower() == address]
    others = [seconds for height, seconds in took.items() if proposed[height].lower() != address]
    return own, others


@dataclass(frozen=True)
class Rolling:
    """Upgrade all nodes, one after the other in a drawn order.

    The first goes to the next version, back, and there again, with a soak, before the second is touched. ``middle`` is
    played when half of them are done. A node that is not confirmed is rolled back, and the rest stays untouched.
    """

    middle: tuple[Step, ...] = ()
    target: Words = in_drawn_order
    needs = (HasData,)  # each node is backed up first

    def play(self, stage: Stage) -> None:
        """Roll; StepError for a node that does not take the upgrade, once it is rolled back, and for a bad middle."""
        warning = foretold(stage.cluster.spec)
        if warning:
            stage.play.say(warning)
            stage.play.played.lines.append(warning)
        names = stage.resolve(self.target)
        spec = stage.cluster.spec
        stage.play.say(f"rolling upgrade to {name_of(spec, spec.newer)}: {', '.join(names)}")
        for number, name in enumerate(names):
            if number == (len(names) + 1) // 2:
                self._in_the_middle(stage, names[number:])
            here = stage.below(name, (name,))
            try:
                play_all(here, self.steps(number))
            except NotConfirmedError as error:
                raise self.rolled_back(here, name, names[number + 1 :], str(error)) from None

    def _in_the_middle(self, stage: Stage, rest: tuple[str, ...]) -> None:
        """Play the middle; StepError if the network does not come back from it, for the next node is not to blame."""
        play_all(stage.below("middle"), self.middle)
        if not stage.play.played.recovered:
            left = f"{', '.join(rest)} untouched"
            raise StepError(f"the upgrade is stopped in the middle: the network does not recover there; {left}")

    def steps(self, number: int) -> tuple[Step, ...]:
        """Return what is done to a node."""
        if number:
            return (Change(Upgrade(backup=True)),)
        return (Change(Upgrade(backup=True)), Soak(), Change(Downgrade()), Change(Upgrade()))

    def rolled_back(self, stage: Stage, name: str, rest: tuple[str, ...], why: str) -> StepError:
        """Roll a node back, and return what is to be said of it all."""
        back = roll_back(stage.below("back"), name)
        left = f"{', '.join(rest)} untouched" if rest else "no node is left"
        return StepError(f"the upgrade is stopped at {name}: {why}; {back}; {left}")

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell the first node's steps, the others', and what happens in the middle."""
        whom, nodes = outline.resolve(self.target)
        yield f"roll      {whom}"
        warning = foretold(outline.spec)
        if warning:
            yield f"  NOTE    {warning}"
        for number, name in enumerate(nodes):
            if number == (len(nodes) + 1) // 2:
                yield from (f"  {line}" for line in plan_all(outline.below("middle"), self.middle))
            yield from (f"  {line}" for line in plan_all(outline.below(name, (name,)), self.steps(number)))
        yield "  a node that is not confirmed is started again as it was, else restored from its backup; the rest stays"

    def parts(self) -> Iterable[Step]:
        """Return the steps for any node, and those in the middle."""
        return (*self.steps(0), *self.middle)

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none of its own."""
        return ()


def foretold(spec: ClusterSpec) -> str:
    """Return what must be said before a rolling upgrade starts: where each restart has to halt the chain."""
    stakes = stakes_of(spec)
    needed = [name for name in stakes if not holds_quorum(stakes.keys() - {name}, stakes)]
    if not needed:
        return ""
    who = "each" if len(needed) == len(stakes) else ", ".join(needed)
    return (
        f"without {who} of these {len(stakes)} validators there is no quorum: the restart of such a one halts the chain"
    )


def roll_back(stage: Stage, name: str) -> str:
    """Start a node as it was before; where it does not take part, put its backup in place. Say which, once confirmed.

    StepError where neither helps.
    """
    spec = stage.cluster.spec
    stage.play.say(f"rolling {name} back to {name_of(spec, OLD)}")
    try:
        change(stage, Downgrade(), name)
        return f"it can be, and is, started as {name_of(spec, OLD)} again"
    except NotConfirmedError as error:
        first = str(error)
    since = Since(stage)
    try:
        restore(stage, name)
        confirm(stage, name, since)
    except (NotConfirmedError, *TOOLS) as error:
        raise StepError(f"{name} can't be rolled back: {first}; nor by its backup: {error}") from None
    return f"its store could not be taken over ({first}), so its backup was restored"


def restore(stage: Stage, name: str) -> None:
    """Put a node's newest backup in place, and start it as it was before."""
    archive = backups.newest(folder_of(stage, name))
    row(stage, "restore", f"restore {name} : {archive.name}", restarted=(name,), surgery=(name,))
    if stage.cluster.state(name) != GONE:
        stage.cluster.terminate(name)
    backups.restore(stage.cluster.spec, archive, stage.cluster.node(name))
    stage.cluster.start_node(name, version=OLD)
