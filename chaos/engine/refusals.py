"""Literals that can't be: all their faults are told at once, in sentences, before anything starts.

What a literal says that is wrong anywhere is refused (a misspelt invariant, a target that its shape does not have).
What only this run's cluster or this machine lacks makes the scenario *unknown*, or *not asked*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from prowl.chaos.engine.fault import described as scene_in
from prowl.chaos.engine.scenario import Scenario, Step
from prowl.chaos.engine.stage import chance_of, stakes_of
from prowl.chaos.engine.steps import Blocks, Do, Hold, Recover
from prowl.chaos.engine.watching import Watch
from prowl.checks.conclusion import GUARDS, REACHED, liveness, safety
from prowl.checks.invariants import invariants
from prowl.fixtures import deadlines
from prowl.fixtures.clusters.protocol import lack
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.fixtures.network import Network
from prowl.fixtures.proxies import binary as toxiproxy_binary

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
USUAL_NODES = 4  # what a literal that takes any number of nodes must at least make sense with
HELD_BY_A_PAUSE = ("progress-with-quorum", "signals")


def faults_of(scenarios: Sequence[Scenario], items: Mapping[str, object]) -> list[str]:
    """Return every fault of these literals, a sentence each; ``items`` are the catalogue's, by id."""
    taken: set[str] = set()
    found = []
    for scenario in scenarios:
        where = f"scenario {scenario.name!r}"
        if scenario.name in taken:
            found.append(f"{where}: the name is taken; each scenario has a name of its own.")
        taken.add(scenario.name)
        longer = [other.name for other in scenarios if scenario.name in other.name and scenario.name != other.name]
        if longer:
            found.append(f"{where}: its name is a part of {longer[0]!r}, so that -k could not choose it alone.")
        try:
            found += [f"{where}: {sentence}" for sentence in _faults(scenario, items)]
        except (AttributeError, TypeError) as error:
            found.append(
                f"{where}: one of its values is of another kind than a scenario's, a step's or a fault's: {error}."
            )
    return found


def near(name: str, names: Iterable[str]) -> str:
    """Return what may have been meant, or what there is."""
    allowed = sorted(names)
    close = get_close_matches(name, allowed, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(allowed)}."


def _faults(scenario: Scenario, items: Mapping[str, object]) -> Iterator[str]:
    if not NAME.fullmatch(scenario.name):
        yield "a name is made of lower-case letters, digits and '-', as in minority-crash."
    if scenario.item not in items:
        yield f"the catalogue has no item {scenario.item!r}; {near(scenario.item, items)}"
    yield from _wrong_names(scenario)
    if all(isinstance(step, Blocks | Hold | Recover) for step in scenario.every_step()):
        yield "nothing is done in it: it needs a step such as During(fault, target)."
    try:
        spec = scenario.shape.spec(ClusterSpec(scenario.shape.nodes or USUAL_NODES))
    except (ClusterError, ValueError) as error:
        yield f"its network can't be: {error}"
        return
    yield from _wrong_targets(scenario, spec)
    yield from _short_holds(scenario, spec)


def _wrong_names(scenario: Scenario) -> Iterator[str]:
    every = {each.name for each in invariants()}
    for name in dict.fromkeys((*scenario.also, *scenario.breaks)):
        if name not in every:
            yield f"there is no invariant {name!r}; {near(name, every)}"
    for name in scenario.also:
        if name in {*safety(), *GUARDS, REACHED}:
            yield f"{name} judges every scenario and need not be named; name the liveness that this one is about."
    if not scenario.also and not scenario.breaks:
        yield f"it names no liveness: say with also=(...) what it is about; {near('', liveness())}"


def _wrong_targets(scenario: Scenario, spec: ClusterSpec) -> Iterator[str]:
    """Say which targets such a network does not have, and which faults can't be done to their targets."""
    for fault, target in scenario.faults():
        try:
            nodes = target(stakes_of(spec), chance_of(0, scenario.name, ()), spec.names[0])
            fault.effects(scene_in(spec, nodes))
        except ValueError as error:
            yield f"{type(fault).__name__}: {error}"


def _short_holds(scenario: Scenario, spec: ClusterSpec) -> Iterator[str]:
    """Say which invariants no hold of a scenario is long enough for."""
    network = described(spec)
    interval = spec.block_ms / 1000
    holds = [step.seconds(interval, network) for step in scenario.every_step() if isinstance(step, Hold)]
    if any(seconds <= 0 for seconds in holds):
        yield "a hold has no length: nothing would be observed in it."
        return
    needed = deadlines.pause_seconds(interval, network)
    asked = [name for name in HELD_BY_A_PAUSE if name in scenario.also]
    if asked and holds and max(holds) < needed:
        yield (
            f"its longest hold is {max(holds):.1f} s, and a pause may last {needed:.1f} s: "
            f"{' and '.join(asked)} could not be judged. Hold for Allowance.PAUSE, or do not name them."
        )


def described(spec: ClusterSpec) -> Network:
    """Return what a cluster's network will document, without nodes."""
    documented = spec.documented
    return Network(
        nodes=(),
        block_interval_seconds=spec.block_ms / 1000,
        round_timeout_seconds=documented.round_seconds,
        dead_proposer_seconds=documented.dead_proposer_seconds,
        heal_seconds=documented.heal_seconds,
        start_grace_seconds=documented.start_grace_seconds,
        owned=True,
    )


def not_asked(scenario: Scenario, base: ClusterSpec) -> str:
    """Return why a kind of cluster can't be asked for a scenario; "" if it can."""
    spec = scenario.shape.spec(base)
    if scenario.kind and scenario.kind != spec.kind:
        return f"it is about a cluster of {scenario.kind}, and this one is of {spec.kind}"
    needs = [fault.needs for fault, _target in scenario.faults()] + [_needs_of(step) for step in scenario.every_step()]
    return "; ".join(dict.fromkeys(reason for need in needs if (reason := lack(spec, need))))


def _needs_of(step: Step) -> tuple[type, ...]:
    """Return the capabilities of a cluster that a step, or what an operator does in it, says that it needs."""
    found: tuple[type, ...] = getattr(step.operation if isinstance(step, Do) else step, "needs", ())
    return found


def obstacle(scenario: Scenario, base: ClusterSpec) -> str:
    """Return why a scenario can't be played in the run's own cluster on this machine; "" if it can."""
    if without := toxiproxy_binary.trouble():
        return without
    spec = scenario.shape.spec(base)
    for fault, target in scenario.faults():
        try:
            nodes = target(stakes_of(spec), chance_of(0, scenario.name, ()), spec.names[0])
            fault.effects(scene_in(spec, nodes))
        except ValueError as error:
            return str(error)
        reason = lack(spec, fault.needs) or fault.unavailable(spec)
        if reason:
            return f"the fault is unavailable here: {reason}"
    for step in scenario.every_step():
        reason = step.operation.unavailable(spec) if isinstance(step, Do) else None
        if reason:
            return f"an operator's step can't be taken here: {reason}"
        if isinstance(step, Watch) and (reason := step.unavailable(spec)):
            return reason
    return ""
