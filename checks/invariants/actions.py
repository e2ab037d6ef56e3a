"""What each event changes: who stops and runs again, which edges are cut and whole again, whose store is another one.

Faults compose: a node is up when no fault holds it down, and an edge is whole when no fault cuts it. So the end of one
fault gives back only what no other one holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from prowl.checks.invariants.quorum import Edges
from prowl.reports.events import Event, Phase
from prowl.reports.timeline import Timeline

NOBODY: frozenset[str] = frozenset()
LAUNCH = "launch"
DAMAGE = "corrupt"
PAUSE = "pause"


@dataclass(frozen=True)
class Action:
    """An event with what it changes at ``t`` seconds.

    ``stopped`` are held down from now on, ``started`` run again as new processes, ``resumed`` go on where they were,
    and ``restarted`` were stopped and started within the one action (it is not said when). ``cut`` and ``slow`` are all
    edges and nodes that a fault cuts or hinders from now on; ``newly_cut`` and ``joined`` say what of it is new.
    ``surgery`` are nodes whose store was changed, ``damaged`` those whose store a fault has damaged and nobody has
    restored.
    ``lying`` are the nodes that a fault makes lie from now on, ``liars`` those that one ever has.
    ``ends_fault``: some fault ended with it.
    """

    t: float
    words: str
    stopped: frozenset[str] = NOBODY
    started: frozenset[str] = NOBODY
    resumed: frozenset[str] = NOBODY
    restarted: frozenset[str] = NOBODY
    cut: Edges = frozenset()
    newly_cut: Edges = frozenset()
    joined: Edges = frozenset()
    slow: frozenset[str] = NOBODY
    surgery: frozenset[str] = NOBODY
    damaged: frozenset[str] = NOBODY
    lying: frozenset[str] = NOBODY
    liars: frozenset[str] = NOBODY
    launch: bool = False
    ends_fault: bool = False
    is_note: bool = True

    @property
    def starts(self) -> frozenset[str]:
        """Nodes that it started anew, however; a node that goes on after a pause is not one."""
        return self.started | self.restarted

    @property
    def gives_back(self) -> bool:
        """Whether it ends a fault, or some of it: a start, a resume, a restore, a heal; the launch does not."""
        return not self.launch and bool(self.ends_fault or self.starts or self.resumed or self.joined)


@dataclass
class _World:
    """The faults that are on, by number, as the events so far tell."""

    faults: dict[int, Event] = field(default_factory=dict)
    liars: frozenset[str] = NOBODY
    gone: frozenset[str] = NOBODY
    """Nodes that are down and whose process a fault has ended, perhaps one that is over: a pause keeps the process."""

    def held(self) -> frozenset[str]:
        """Return who is held down."""
        return frozenset(node for event in self.faults.values() for node in event.down)

    def put(self, event: Event) -> None:
        """From now on a fault does what this row says."""
        self.faults[event.fault or 0] = event
        self.gone |= frozenset(event.down if event.kind != PAUSE else ())

    def cut(self) -> Edges:
        """Return the edges that somebody cuts."""
        return frozenset(pair for event in self.faults.values() for pair in event.cut)

    def release(self, nodes: frozenset[str]) -> None:
        """Let nobody hold these down any longer."""
        for number, event in self.faults.items():
            if nodes & set(event.down):
                self.faults[number] = replace(event, down=tuple(node for node in event.down if node not in nodes))

    def damaged(self) -> frozenset[str]:
        """Return the nodes whose store a fault has changed."""
        return frozenset(node for event in self.faults.values() for node in event.surgery)

    def lying(self) -> frozenset[str]:
        """Return the nodes that somebody makes lie."""
        return frozenset(node for event in self.faults.values() for node in event.liars)

    def slow(self) -> frozenset[str]:
        """Return the nodes that somebody hinders."""
        return frozenset(node for event in self.faults.values() for node in event.slow)


def actions_of(timeline: Timeline) -> tuple[Action, ...]:
    """Return the actions of a timeline in the order of time."""
    world = _World()
    return tuple(_action(world, event) for event in timeline.events)


def _action(world: _World, event: Event) -> Action:
    """Take one event into the world and return what it changes."""
    if event.is_note:
        return Action(event.t, event.words, cut=world.cut(), slow=world.slow(), lying=world.lying(), liars=world.liars)
    held, cut = world.held(), world.cut()
    running = frozenset((*event.started, *event.restarted, *event.resumed))
    ends_fault = event.step == "heal" or not event.over.isdisjoint(world.faults)
    for number in event.over:
        world.faults.pop(number, None)
    damaged = world.damaged()
    world.release(running)
    if event.phase is Phase.INJECT:
        world.put(event)
    world.liars |= frozenset(event.liars)
    after = world.held()
    freed = held - after - running
    reborn = freed & world.gone
    world.gone &= after
    return Action(
        event.t,
        event.words,
        stopped=after - (held - running),
        started=reborn | frozenset(event.started),
        resumed=(freed - reborn) | frozenset(event.resumed),
        restarted=frozenset(event.restarted),
        cut=world.cut(),
        newly_cut=world.cut() - cut,
        joined=cut - world.cut(),
        slow=world.slow(),
        surgery=frozenset(event.surgery),
        damaged=damaged | frozenset(event.surgery if event.step == DAMAGE else ()),
        lying=world.lying(),
        liars=world.liars,
        launch=event.step == LAUNCH,
        ends_fault=ends_fault,
        is_note=False,
    )
