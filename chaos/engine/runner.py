"""Plays a scenario: gate, load, fault, effect proven, hold, heal, heal proven, recovery, and a timeline to judge.

Seeing and judging are apart: everything here only acts and writes; the verdict comes from the timeline on disk, by the
same judge that ``prowl judge`` calls. A step that fails makes the verdict *unknown* (the scenario says nothing about
the promise) unless the timeline shows a promise broken.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from prowl.chaos.engine import evidence
from prowl.chaos.engine.lifecycle import Broken
from prowl.chaos.engine.load import Flow, Load
from prowl.chaos.engine.observer import Observer
from prowl.chaos.engine.plan import GATE_BLOCKS, stakes_of, streams, unavailable
from prowl.chaos.engine.pool import Pool
from prowl.chaos.engine.scenario import Scenario, Scene
from prowl.chaos.engine.stakes import reported
from prowl.checks.invariants import Judgement, judge
from prowl.fixtures import deadlines
from prowl.fixtures.clusters.cluster import ClusterSpec, EmbeddedCluster
from prowl.fixtures.clusters.process_budget import Slots
from prowl.fixtures.network import Network
from prowl.fixtures.waiting import wait_until
from prowl.reports.timeline import Header, TimelineError, TimelineWriter, read
from prowl.reports.verdicts import Verdict, worst

Say = Callable[[str], None]

LOOK_SECONDS = 0.1
# What a step, a fault, the cluster, a process, a proxy or a disk says when it fails.
STEPS = (RuntimeError, OSError, ValueError)


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario: the verdict, what was seen in a sentence, the evidence's lines, and its seconds."""

    verdict: Verdict
    observed: str
    evidence: tuple[str, ...]
    seconds: float


class StepError(RuntimeError):
    """A step of the scenario that did not come to its end; the text is a sentence."""


@dataclass
class Played:
    """How far a scenario came: the step that failed, if one did, what became of its load, and what the report tells."""

    failed: str = ""
    flow: Flow | None = None
    told: list[str] = field(default_factory=list)


def play(scenario: Scenario, spec: ClusterSpec, folder: Path, seed: int, say: Say, pool: Pool | None = None) -> Outcome:
    """Play a scenario as the seed's plan says and judge its timeline, which is saved below ``folder``.

    The cluster is one of the pool's; without a pool it is below ``folder``, too, and gone afterwards.
    """
    with ExitStack() as own:
        if pool is None:
            pool = own.enter_context(Pool(folder, Slots(folder / "slots")))
        pool.begin()
        began = time.monotonic()
        path = folder / "timeline.jsonl"
        played = Played()
        try:
            # What can't be is told before anything starts; who it is for, only once the network runs.
            scenario.target(stakes_of(spec), random.Random(0), spec.names[0])
            reason = unavailable(scenario, spec)
            if reason is not None:
                raise StepError(f"the fault is unavailable here: {reason}")
            with pool.lease(spec, say) as lease:
                try:
                    _act(scenario, lease.cluster, path, seed, say, played)
                except STEPS as error:
                    played.failed = str(error)
                outcome = conclude(scenario, path, played, time.monotonic() - began)
                evidence.keep_ledger(lease.cluster, folder)
                if outcome.verdict is not Verdict.HELD:
                    evidence.keep_pages(lease.cluster, folder)
                    lease.spoil(f"{scenario.name} was {outcome.verdict} in it")
        except STEPS as error:
            played.failed = str(error)
            outcome = conclude(scenario, path, played, time.monotonic() - began)
        if outcome.verdict is Verdict.HELD or pool.tried is None:
            return outcome
        return replace(outcome, evidence=(*outcome.evidence, *evidence.keep(pool.tried, folder)))


def header(network: Network, scenario: str) -> Header:
    """Return what the judge must know of a network."""
    return Header(
        nodes=tuple(node.name for node in network.nodes),
        stakes={node.name: node.stake for node in network.nodes if node.stake is not None},
        addresses={node.name: node.address for node in network.nodes if node.address is not None},
        round_timeout_seconds=network.round_timeout_seconds,
        dead_proposer_seconds=network.dead_proposer_seconds,
        start_grace_seconds=network.start_grace_seconds,
        heal_seconds=network.heal_seconds,
        scenario=scenario,
    )


def _act(scenario: Scenario, cluster: EmbeddedCluster, path: Path, seed: int, say: Say, played: Played) -> None:
    network = cluster.network
    whom, transfers = streams(seed, scenario.name)
    writer = TimelineWriter(path, header(network, scenario.name))
    with (
        Observer(network, writer, lambda name: cluster.process(name).state, cluster.log_of) as observer,
        Load(network, transfers) as load,
    ):
        interval = _steady_state(observer, network)
        _flowing(load, interval, network)
        victims = scenario.target(reported(network), whom, _next_proposer(network, observer.tips[-1][1]))
        say(f"steady: a block every {interval:.2f} s, transfers flow; breaking {', '.join(victims)}")
        with Broken(scenario.fault, Scene(cluster, victims, observer.event, chance=whom)) as broken:
            hold = deadlines.pause_seconds(interval, network)
            say(f"the effect was seen within {broken.inject_seconds:.2f} s; holding for {hold:.0f} s")
            observer.hold(hold)
            tip = max(height for _t, height in observer.tips)
            say(f"the end of it was seen within {broken.heal():.2f} s")
        limit = deadlines.rejoin_seconds(interval, network)
        seconds = _recovered(observer, network, tip, limit)
        told = f"recovered {seconds:.1f} s after the heal, {seconds / limit:.0%} of the {limit:.0f} s that it may take"
        say(told)
        played.told.append(told)
        # What a node says of itself has three round time-outs to come true again; without them nothing could be judged.
        observer.hold(deadlines.signal_seconds(network) + interval)
        load.stop()
        wait_until(lambda: _found(load, played), limit, LOOK_SECONDS * 5)


def _next_proposer(network: Network, tip: int) -> str:
    """Return whose turn the block after ``tip`` is: the validators propose in the configured order, from height 1."""
    validators = [node.name for node in network.nodes if node.role == "validator"]
    return validators[tip % len(validators)]


def _steady_state(observer: Observer, network: Network) -> float:
    """Wait until every node answers, is healthy and linked and five blocks have come; return the block interval."""
    limit = 2 * deadlines.pause_seconds(network.block_interval_seconds or 1.0, network) + network.start_grace_seconds

    def steady() -> float | None:
        observer.check()
        sick = [node.name for node in network.nodes if _sickness(observer, network, node.name)]
        return None if sick else observer.interval_seconds(GATE_BLOCKS)

    interval = wait_until(steady, limit, LOOK_SECONDS)
    if interval is None:
        told = [f"{node.name} {_sickness(observer, network, node.name) or 'is well'}" for node in network.nodes]
        raise StepError(f"the baseline is sick, {limit:.0f} s after the start: {'; '.join(told)}")
    return interval


def _sickness(observer: Observer, network: Network, name: str) -> str:
    values = observer.newest.get(name) or {}
    if not values:
        return "does not answer"
    if values.get("consensus_state") != 0:
        return f"has consensus state {values.get('consensus_state', 'missing')}"
    if values.get("peers_connected") != len(network.nodes) - 1:
        return f"has {values.get('peers_connected', 'no count of')} peers"
    return ""


def _flowing(load: Load, interval: float, network: Network) -> None:
    if not wait_until(
        lambda: bool(load.accepted) and load.flow().found > 0, deadlines.pause_seconds(interval, network), LOOK_SECONDS
    ):
        refused = f"; {load.refusals[0]}" if load.refusals else ""
        raise StepError(f"the load does not flow: {len(load.accepted)} transfers accepted, none in a block{refused}")


def _recovered(observer: Observer, network: Network, tip: int, limit: float) -> float:
    """Wait until each node is past the tip of before and each validator has proposed a block; return the seconds.

    Each node, for a fault takes the quorum from others than those it was for. Not to recover in time is no failed step:
    the timeline shows it, and the judge says broken.
    """
    began, since = time.monotonic(), observer.now()
    names = {node.address for node in network.nodes if node.role == "validator"}

    def well() -> bool:
        observer.check()
        heights = [observer.height(node.name) for node in network.nodes]
        back = all(height is not None and height > tip for height in heights)
        return back and names <= observer.proposers_since(since)

    wait_until(well, limit, LOOK_SECONDS)
    return time.monotonic() - began


def _found(load: Load, played: Played) -> bool:
    load.resend()
    played.flow = load.flow()
    return played.flow.flowed


def conclude(scenario: Scenario, path: Path, played: Played, seconds: float) -> Outcome:
    """Judge a scenario's timeline: the worst of the invariants it names, and unknown where a step failed."""
    try:
        rows = judge(read(path)) if path.exists() else []
    except TimelineError as error:
        rows, played.failed = [], played.failed or str(error)
    verdicts = _named(scenario, rows)
    troubles = [played.failed] if played.failed else []
    if not played.failed and (played.flow is None or not played.flow.flowed):
        troubles.append(f"the load did not flow: {_flow_sentence(played.flow)}")
    verdict = worst([*verdicts.values(), *(Verdict.UNKNOWN for _trouble in troubles)])
    told = [f"{name} {its}" for name, its in verdicts.items() if its is not Verdict.HELD] if rows else []
    if not told and not troubles:
        told = [f"all of {len(verdicts)} invariants held, {_flow_sentence(played.flow)}"]
    evidence = [
        f"{row.invariant}{f' on {row.node}' if row.node else ''}: {row.verdict}: {row.observed}" for row in rows
    ]
    return Outcome(verdict, "; ".join([*troubles, *told]), (*played.told, *evidence, f"timeline {path}"), seconds)


def _flow_sentence(flow: Flow | None) -> str:
    return f"{flow.found} of {flow.accepted} transfers found in blocks" if flow else "it was not counted"


def _named(scenario: Scenario, rows: list[Judgement]) -> Mapping[str, Verdict]:
    """Return the verdict of each invariant that the scenario names; unknown where the timeline gave no occasion."""
    names = (*scenario.always, *scenario.after_heal)
    return {name: worst(row.verdict for row in rows if row.invariant == name) for name in names}
