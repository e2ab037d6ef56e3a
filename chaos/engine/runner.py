"""Plays a scenario: gate, load, steps, and a timeline to judge.

Seeing and judging are apart: everything here only acts and writes; the verdict comes from the timeline on disk, by the
same judge that ``prowl judge`` calls. A step that fails makes the verdict *unknown* (the scenario says nothing about
the promise) unless the timeline shows a promise broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from prowl.chaos.engine import evidence
from prowl.chaos.engine.footprint import Footprints
from prowl.chaos.engine.load import Flow, Load
from prowl.chaos.engine.observer import Observer
from prowl.chaos.engine.pool import Pool
from prowl.chaos.engine.refusals import obstacle
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.stage import LOOK_SECONDS, Play, Played, Stage, StepError, StoppedEarlyError, chance_of
from prowl.chaos.engine.stakes import reported
from prowl.chaos.engine.steps import Recover, play_all
from prowl.checks.conclusion import conclude
from prowl.checks.invariants import Judgement, judge
from prowl.fixtures import deadlines
from prowl.fixtures.clusters.process_budget import Slots
from prowl.fixtures.clusters.protocol import Cluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.network import Network
from prowl.fixtures.waiting import wait_until
from prowl.reports.findings import ALLOWED, RECOVERED
from prowl.reports.timeline import Header, TimelineError, TimelineWriter, read
from prowl.reports.verdicts import Verdict

Say = Callable[[str], None]

GATE_BLOCKS = 5
# What a step, a fault, the cluster, a process, a proxy or a disk says when it fails.
STEPS = (RuntimeError, OSError, ValueError)


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario: the verdict, what was seen in a sentence, evidence, the judge's rows, and its seconds.

    ``judgements`` are the judge's rows; ``figures`` what was measured (seconds, by name).
    """

    verdict: Verdict
    observed: str
    evidence: tuple[str, ...]
    seconds: float
    judgements: tuple[Judgement, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)


def play(
    scenario: Scenario,
    base: ClusterSpec,
    folder: Path,
    seed: int,
    say: Say,
    pool: Pool | None = None,
    until: float | None = None,
) -> Outcome:
    """Play a scenario as the seed's plan says and judge its timeline, which is saved below ``folder``.

    What has not come to its end by ``until`` (of the monotonic clock) is given up.

    ``base`` describes the run's own cluster, from which the scenario's is made. The cluster is one of the pool's;
    without a pool it is below ``folder``, too, and gone afterwards.
    """
    with ExitStack() as own:
        if pool is None:
            pool = own.enter_context(Pool(folder, Slots(folder / "slots")))
        pool.begin()
        began = time.monotonic()
        path = folder / "timeline.jsonl"
        played = Played()
        try:
            spec = scenario.shape.spec(base)
            reason = obstacle(scenario, base)
            if reason:
                raise StepError(reason)
            with ExitStack() as leased:
                with played.timed("start"):
                    lease = leased.enter_context(pool.lease(spec, say))
                played.spent["wait"] = pool.waited_seconds
                played.spent["start"] -= pool.waited_seconds
                try:
                    _act(scenario, lease.cluster, path, seed, say, played, until)
                except StoppedEarlyError as stopped:
                    played.lines.append(str(stopped))
                    played.failed = "" if scenario.breaks else str(stopped)
                except STEPS as error:
                    played.failed = " ".join(str(error).split())
                outcome = _concluded(scenario, path, played, time.monotonic() - began)
                evidence.keep_ledger(lease.cluster, folder)
                if outcome.verdict is not Verdict.HELD:
                    evidence.keep_pages(lease.cluster, folder)
                    lease.spoil(f"{scenario.name} was {outcome.verdict} in it")
                elif scenario.breaks:
                    lease.spoil(f"{scenario.name} broke a promise in it, as it was to")
        except STEPS as error:
            played.failed = " ".join(str(error).split())
            outcome = _concluded(scenario, path, played, time.monotonic() - began)
        if outcome.verdict is Verdict.HELD or pool.tried is None:
            return outcome
        return replace(outcome, evidence=(*outcome.evidence, *evidence.keep(pool.tried, folder)))


def header(network: Network, scenario: Scenario) -> Header:
    """Return what the judge must know of a network."""
    return Header(
        nodes=tuple(node.name for node in network.nodes),
        stakes={node.name: node.stake for node in network.nodes if node.stake is not None},
        addresses={node.name: node.address for node in network.nodes if node.address is not None},
        bft=scenario.shape.bft,
        round_timeout_seconds=network.round_timeout_seconds,
        dead_proposer_seconds=network.dead_proposer_seconds,
        start_grace_seconds=network.start_grace_seconds,
        heal_seconds=network.heal_seconds,
        start_seconds=network.start_seconds,
        block_interval_seconds=network.block_interval_seconds,
        scenario=scenario.name,
        also=scenario.also,
        breaks=scenario.breaks,
    )


def _act(
    scenario: Scenario, cluster: Cluster, path: Path, seed: int, say: Say, played: Played, until: float | None
) -> None:
    network = cluster.network
    writer = TimelineWriter(path, header(network, scenario))
    with ExitStack() as stack:
        footprints = Footprints(cluster)
        observer = stack.enter_context(Observer(network, writer, cluster.state, cluster.edges.altered, footprints.of))
        observer.until = until
        load = None
        if scenario.load is not None:
            chance = chance_of(seed, scenario.name, ("load",))
            kinds = scenario.load.every_kind
            load = stack.enter_context(Load(network, chance, scenario.load.per_second, every_kind=kinds))
        interval = network.block_interval_seconds or 1.0
        with played.timed("gate"):
            _steady_state(observer, network, interval)
            _flowing(load, interval, network)
        say(f"steady: a block every {interval:.2f} s{', transfers flow' if load is not None else ''}")
        stakes = reported(network)
        stage = Stage(Play(cluster, observer, load, interval, seed, scenario.name, say, played, stakes))
        play_all(stage, scenario.steps)
        if not isinstance(scenario.steps[-1], Recover) and not scenario.breaks:
            stage.recover()
        with played.timed("recovery"):
            # What a node says of itself has three round time-outs to come true again; without them it can't be judged.
            observer.hold(deadlines.signal_seconds(network) + interval)
        if load is not None:
            load.stop()
            # where the network did not recover, what is not in a block by the next one will not be
            allowed = deadlines.rejoin_seconds if played.recovered else deadlines.pause_seconds
            limit = allowed(interval, network)
            with played.timed("load"):
                wait_until(lambda: _found(load, played), limit, LOOK_SECONDS * 5)
            observer.write_transfers(load.transfers)


def _steady_state(observer: Observer, network: Network, interval: float) -> None:
    """Wait until every node answers, is healthy and linked and five blocks have come.

    The first fault comes after the grace that the node documents for a start: within it more is allowed.
    """
    grace = network.start_grace_seconds
    limit = 2 * deadlines.pause_seconds(interval, network) + grace

    def steady() -> bool:
        observer.check()
        well = not any(_sickness(observer, network, node.name) for node in network.nodes)
        return well and observer.blocks_seen >= GATE_BLOCKS and observer.now() >= grace

    if not wait_until(steady, limit, LOOK_SECONDS):
        raise StepError(f"the baseline is not healthy {limit:.0f} s after the start: {_told(observer, network)}")


def _told(observer: Observer, network: Network) -> str:
    """Say what keeps the baseline from being healthy."""
    sick = {node.name: _sickness(observer, network, node.name) for node in network.nodes}
    troubles = [f"{name} {trouble}" for name, trouble in sick.items() if trouble]
    if observer.blocks_seen < GATE_BLOCKS:
        first, last = (observer.tips[0][1], observer.tip) if observer.tips else (0, 0)
        troubles.append(f"fewer than {GATE_BLOCKS} blocks came (heights {first} to {last})")
    return "; ".join(troubles)


def _sickness(observer: Observer, network: Network, name: str) -> str:
    values = observer.newest.get(name) or {}
    if not values:
        return "does not answer"
    if values.get("consensus_state") != 0:
        return f"has consensus state {values.get('consensus_state', 'missing')}"
    if network.peers_wrong(name, values.get("peers_connected")):
        return f"has {values.get('peers_connected', 'no count of')} peers"
    return ""


def _flowing(load: Load | None, interval: float, network: Network) -> None:
    if load is None:
        return
    limit = deadlines.pause_seconds(interval, network)
    if not wait_until(lambda: bool(load.accepted) and load.flow().found > 0, limit, LOOK_SECONDS):
        refused = f"; {load.refusals[0]}" if load.refusals else ""
        raise StepError(f"the load does not flow: {len(load.accepted)} transfers accepted, none in a block{refused}")


def _found(load: Load, played: Played) -> bool:
    load.resend()
    played.flow = load.flow()
    return played.flow.flowed


def _concluded(scenario: Scenario, path: Path, played: Played, seconds: float) -> Outcome:
    """Judge a scenario's timeline."""
    try:
        rows = judge(read(path)) if path.exists() else []
    except TimelineError as error:
        rows, played.failed = [], played.failed or str(error)
    troubles = [played.failed] if played.failed else []
    if (
        not played.failed
        and not scenario.breaks
        and scenario.load is not None
        and not (played.flow and played.flow.flowed)
    ):
        troubles.append(f"not all of the load was found in blocks: {_flow_sentence(played.flow)}")
    found = conclude(scenario, rows, troubles)
    names = len({row.invariant for row in rows if row.verdict is Verdict.HELD})
    reasons = found.reasons or (f"all of {names} invariants held, {_flow_sentence(played.flow)}", *_pause(rows))
    figures = {f"{what}_seconds": round(spent, 3) for what, spent in played.spent.items()}
    if played.recoveries:
        spent, allowed = max(played.recoveries, key=lambda one: one[0] / one[1])
        figures |= {RECOVERED: round(spent, 3), ALLOWED: round(allowed, 3)}
    return Outcome(
        found.verdict,
        "; ".join(reasons),
        (*played.lines, f"timeline {path}"),
        seconds,
        tuple(rows),
        figures,
    )


def _pause(rows: list[Judgement]) -> list[str]:
    return [row.observed for row in rows if row.invariant == "progress-with-quorum"][:1]


def _flow_sentence(flow: Flow | None) -> str:
    return f"{flow.found} of {flow.accepted} transfers found in blocks" if flow else "it was not counted"
