"""Monitoring Alerts: a real Prometheus watches a cluster that is really broken, and each alert fires and is silent.

They need a word on time (``--time-scale K``), so they are no part of a run without it. Every one is judged by the same
invariants: no alert without its condition at the node, none late, none that stays, none that is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prowl.chaos.engine.alert_steps import Blind, Clears, Fires, Floors, WatcherFault
from prowl.chaos.engine.fault import Fault
from prowl.chaos.engine.scenario import Scenario, Shape, Step
from prowl.chaos.engine.steps import During, Each, Hold, Recover
from prowl.chaos.engine.targets import all_nodes, half, named, one, third
from prowl.chaos.engine.watcher_faults import (
    DropEverySecond,
    HangingPage,
    KillWatcher,
    RestartWatcher,
    VanishedTarget,
)
from prowl.chaos.engine.watching import MEMORY_BYTES, Watch, Watching, memory_divisor
from prowl.chaos.faults.byzantine import CONDUCTS, Byzantine
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.cpu_starvation import CpuStarvation
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode, isolate, one_way
from prowl.chaos.faults.disk_slow import DiskSlow
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.memory import Memory
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.terminate import Terminate
from prowl.chaos.faults.wipe import Wipe

DOWN, STATE, MEMORY = "alerts/node-down", "alerts/consensus-degraded", "alerts/high-memory"
BLOCKS, PEERS, ALL = "alerts/no-new-blocks", "alerts/low-peers", "alerts/firing"
STALL = (BLOCKS, STATE)
JUDGES = ("alerts-caused", "alerts-in-time", "alerts-clear")
BALLAST = 1.1  # of the threshold
VICTIM = named("node-2")
AWAY: dict[str, WatcherFault] = {
    "drop": DropEverySecond(),
    "killed": KillWatcher(),
    "restarted": RestartWatcher(),
}
HALF_OF_FOR = Floors((DOWN,), share=0.4)


# From which scale on blocks and rounds are how long, in ms; the pause that they allow is half of the shortest range.
SHAPES = ((25.0, 250, 1000), (10.1, 250, 2000), (5.0, 1000, 2000), (0.0, 1000, 4000))


def shape(scale: float) -> Shape:
    """Return a network of four, as fast as the divided rules need and no faster: a slow one starves nobody."""
    block_ms, round_ms = next((block, round_) for least, block, round_ in SHAPES if scale >= least)
    return Shape(nodes=4, block_ms=block_ms, round_ms=round_ms)


def scenarios(watching: Watching) -> tuple[Scenario, ...]:
    """Return the scenarios, watched like this."""
    return tuple(_Maker(watching).all())


def _every(step: Step) -> Iterator[Step]:
    """Return a step and those inside it."""
    yield step
    for part in step.parts():
        yield from _every(part)


class _Maker:
    """Makes the scenarios of one way of watching."""

    def __init__(self, watching: Watching) -> None:
        self.watching = watching

    def make(
        self, name: str, item: str, why: str, *steps: Step, also: tuple[str, ...] = JUDGES, breaks: tuple[str, ...] = ()
    ) -> Scenario:
        """Return a scenario whose steps are watched until no alert is left, and the network has recovered."""
        blind = [each.fault for step in steps for each in _every(step) if isinstance(each, Blind)]
        lossy = any(isinstance(fault, DropEverySecond | HangingPage) for fault in blind)
        watch = Watch((*steps, Clears(), Recover()), self.watching, gateway=lossy)
        scaled = f" (durations of the rules divided by {self.watching.scale:g})" if self.watching.scale != 1 else ""
        return Scenario(
            f"alert-{name}", item, why + scaled, (watch, Recover()), also, breaks, shape(self.watching.scale)
        )

    def all(self) -> Iterable[Scenario]:
        """Return every scenario."""
        yield from self.firing()
        yield from self.silent()
        yield from self.watcher_breaks()
        yield from self.watcher_sick_chain()

    def firing(self) -> Iterable[Scenario]:
        """Return those under whose faults alerts must fire."""
        kinds: dict[str, Fault] = {"killed": Crash(), "terminated": Terminate(), "paused": Pause()}
        for word, fault in kinds.items():
            why = f"a node is {word}: Node Down fires for it, the chain goes on, and nothing else fires"
            yield self.make(f"down-{word}", DOWN, why, During(fault, one, (Fires((DOWN,), here=True),)))
        stall = "too many validators are {}: the chain stands still, and every alert about that fires"
        for word in ("killed", "paused"):
            inside = During(kinds[word], third, (Fires((DOWN,), here=True), Fires((*STALL, PEERS))))
            kept = (*JUDGES, "alerts-see-stall")
            yield self.make(f"stall-{word}", BLOCKS, stall.format(word), inside, also=kept)
        why = "the network is parted in halves: blocks, state and peers are alerts on every node, and no node is down"
        kept = (*JUDGES, "alerts-see-stall")
        yield self.make(
            "stall-parted", STATE, why, During(Cut(mode=Mode.BLACK_HOLE), half, (Fires((*STALL, PEERS)),)), also=kept
        )
        for mode in Mode:
            why = f"one node is cut off ({mode}): its blocks, state and peers are alerts, and no other node's"
            cut = During(Cut(isolate, mode), one, (Fires((*STALL, PEERS), here=True),))
            yield self.make(f"isolated-{mode.name.lower().replace('_', '-')}", PEERS, why, cut)
        limit = MEMORY_BYTES / memory_divisor()
        how = "a real allocation" if memory_divisor() == 1 else "the machine is too small for the manual's threshold"
        why = f"a node uses more than {limit:.3g} bytes ({how}): High Memory fires for it alone"
        memory = Memory(int(BALLAST * limit))
        yield self.make("memory", MEMORY, why, During(memory, one, (Fires((MEMORY,), here=True),)))

    def silent(self) -> Iterable[Scenario]:
        """Return those under which every alert has its time to fire, and none may."""
        floors = (Floors(),)
        yield self.make("health", ALL, "all is well: no alert fires", *floors, also=JUDGES[:1])
        calm: dict[str, tuple[Step, str]] = {
            "latency": (During(Latency(), one, floors), "a node's links are slow"),
            "liar": (During(Byzantine(CONDUCTS[0]), one, floors), "a validator votes twice"),
            "clock": (During(Clock(), one, floors), "a node's clock is an hour ahead"),
            "starved": (During(CpuStarvation(), one, floors), "a node gets next to no time on the processors"),
            "slow-disk": (During(DiskSlow(), one, floors), "a node's disk is slow"),
            "unheard": (
                During(Cut(one_way), one, (Hold(),)),
                "what a node sends is lost for a while",
            ),
            "crashing": (
                During(Repeated(Crash()), one, floors),
                "a node dies again and again, and is never down as long as the manual says",
            ),
            "wiped": (During(Wipe(), one, ()), "a node is started anew with an empty store"),
            "rolling": (
                Each(all_nodes, lambda node: (During(Terminate(), node, ()), Recover())),
                "every node in turn is restarted",
            ),
        }
        for name, (step, why) in calm.items():
            yield self.make(name, ALL, f"{why}: no alert fires that has no reason", step, also=JUDGES[:1])

    def watcher_breaks(self) -> Iterable[Scenario]:
        """Return those in which the watcher is broken and the chain is well."""
        well = "the chain is well: no critical alert fires for want of data"
        faults: dict[str, WatcherFault] = {**AWAY, "vanished": VanishedTarget()}
        for name, fault in faults.items():
            target = VICTIM if name == "vanished" else None
            steps = (Blind(fault, (Floors((DOWN, BLOCKS)),), target), Floors((BLOCKS,)))
            yield self.make(f"watcher-{name}", ALL, f"{fault.words}, and {well}", *steps, also=JUDGES[:1])
        hang = HangingPage()
        why = f"a metrics page hangs, for less than Node Down waits, and {well}"
        yield self.make(
            "watcher-hang-brief", ALL, why, Blind(hang, (HALF_OF_FOR,), VICTIM), Floors((BLOCKS,)), also=JUDGES[:1]
        )
        why = "a metrics page hangs for longer than Node Down waits: it fires though the node is up, for it can't tell"
        long_hang = Blind(hang, (Floors((DOWN,)),), VICTIM)
        yield self.make("watcher-hang-long", ALL, why, long_hang, also=(), breaks=("alerts-caused", "alerts-clear"))

    def watcher_sick_chain(self) -> Iterable[Scenario]:
        """Return those in which the watcher is broken and the chain is sick."""
        kept, lost = ("alerts-caused", "alerts-kept"), "the chain stands still: no critical alert is lost"
        floors = Floors((DOWN, BLOCKS), share=2.5)
        for name, fault in AWAY.items():
            meanwhile: tuple[Step, ...] = {"restarted": (), "killed": (HALF_OF_FOR,), "drop": (floors,)}[name]
            inside = (HALF_OF_FOR, Blind(fault, meanwhile), Fires((DOWN, BLOCKS)), floors)
            why = f"{fault.words} in the middle of a ``for``, and {lost}"
            yield self.make(f"sick-{name}", ALL, why, During(Crash(), third, inside), also=kept)
        unseen = Blind(VanishedTarget(), (Fires((DOWN,)), floors), named("node-1"))
        down = During(Crash(), named("node-3"), (During(Crash(), named("node-4"), (unseen,)),))
        why = f"one of the two nodes that are left is no target any more, and {lost}"
        yield self.make("sick-vanished", ALL, why, down, also=kept)
        gone = (Fires((DOWN,), here=True), Blind(VanishedTarget(), (Floors((DOWN,), share=2.5),), VICTIM))
        why = "a node that is down is no target any more: Node Down is over though the node is down, for it can't see"
        yield self.make(
            "sick-down-vanished", DOWN, why, During(Crash(), VICTIM, gone), also=(), breaks=("alerts-kept",)
        )
