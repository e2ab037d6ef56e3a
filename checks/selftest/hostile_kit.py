"""One round of hostile and unusual nodes: surveyed, and judged by every check that reads what nodes answer."""

from __future__ import annotations

import inspect
import pkgutil
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module

from prowl import checks
from prowl.checks.registry import Check, check_of
from prowl.checks.selftest.hostile import Case, Nodes
from prowl.fixtures.inventory.reader import COC
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.survey import sweep
from prowl.fixtures.survey.survey import NodeView, Survey
from prowl.fixtures.survey.view import NetworkView, View
from prowl.reports.findings import NotHeld

ROUND_SECONDS = 90.0  # some 12 requests of at most 5 s one after another, and the machine's own load
MOST_BYTES = 400_000_000
ANSWERED = {"rpc", "metrics", "p2p", "others", "validators"}
UNUSUAL_HELD = ("daily/block-height", "daily/consensus", "daily/peers", "daily/memory", "recovery/health-endpoints")
# What the inventory tells, or what is held where nothing is claimed: not a word of a node's answer is in it.
NOT_OF_ANSWERS = {"truth/topology"}


def judges_of_nodes() -> Iterator[tuple[Check, Callable[..., None]]]:
    """Yield every check of nodes and networks, and its function."""
    for module in pkgutil.iter_modules(checks.__path__):
        if module.name.startswith("test_"):
            for function in vars(import_module(f"prowl.checks.{module.name}")).values():
                check = check_of(function)
                if check is not None and set(inspect.signature(function).parameters) <= {"node", "network", "limits"}:
                    yield check, function


def judges() -> Iterator[tuple[Check, Callable[..., None]]]:
    """Yield those of them that need only what nodes answer."""
    for check, function in judges_of_nodes():
        if set(check.needs) <= ANSWERED and check.item not in NOT_OF_ANSWERS:
            yield check, function


JUDGES = tuple(judges())


def held(check: Check, function: Callable[..., None], view: View) -> bool:
    """Whether a check holds of a view; any error but a verdict is the check's crash and passes through."""
    given = {check.scope: view, "limits": Limits()}
    try:
        function(**{name: given[name] for name in inspect.signature(function).parameters})
    except NotHeld as error:
        return not error.claim.observed  # a verdict without a sentence is as bad
    return view.claim is not None


def look(cases: Sequence[Case]) -> Survey:
    """Survey nodes that answer like these cases, within time and memory."""
    nodes = Nodes(cases)
    with nodes.server:
        hasty = replace(COC, round_timeout_seconds=0.05, dead_proposer_seconds=0.3, heal_seconds=0.5)
        network = replace(hasty, nodes=nodes.nodes(), start_grace_seconds=0.1)
        began, before = time.monotonic(), _most_bytes()
        survey = sweep.survey("hostile", network)
        seconds, more = time.monotonic() - began, _most_bytes() - before
    assert seconds < ROUND_SECONDS, f"a round took {seconds:.1f} s"
    assert more < MOST_BYTES, f"a round took {more:,} bytes"
    return survey


def _most_bytes() -> int:
    """Return the most memory that this process has ever had resident; the server is in it too."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def prove(cases: Sequence[Case]) -> None:
    """Survey a round and judge it: nothing of a hostile node is held, all of an unusual one is."""
    survey = look(cases)
    hostile_alone = all(case.unusual is None for case in cases)
    for check, function in JUDGES:
        if check.scope == "network":
            assert not (held(check, function, NetworkView(survey)) and hostile_alone), f"{check.item} held of nobody"
            continue
        for case, name in zip(cases, survey.nodes, strict=True):
            found = held(check, function, NodeView(survey, name))
            if case.unusual is None:
                assert not found, f"{check.item} held of {case}"
            elif check.item in UNUSUAL_HELD:
                assert found, f"{check.item} did not hold of {case}: {survey.nodes[name]}"
