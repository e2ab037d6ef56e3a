"""The topology table, cell by cell: beside what follows from the stakes, and beside what the literals expect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.commands import cli
from prowl.chaos.engine.operations import Restart, Restore
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.stage import stakes_of
from prowl.chaos.engine.steps import Do, Each
from prowl.chaos.scenarios import SCENARIOS
from prowl.chaos.selftest.topology_kit import PLAYS, WITHOUT_BFT, faults_in, foreseen, shape_of
from prowl.checks.conclusion import GUARDS
from prowl.checks.invariants.quorum import Course
from prowl.checks.topology import CLASSES, NETWORKS, FaultClass, Return, lines
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.manual import catalogue as manual

BASE = ClusterSpec(4)
RECOVERIES = {"recovery", "progress-after-heal"}
LITERALS: dict[str, dict[str, tuple[str, ...]]] = {
    "few-stop": {
        "4": ("minority-crash", "proposer-crash", "crash-loop", "slow-start"),
        "5": ("crash-in-five",),
        "7": ("crashes-in-seven",),
        "6+6+6+2+2+2": ("crash-of-light-ones",),
    },
    "many-stop": {
        "4": ("quorum-loss", "quorum-back-one-by-one", "survivor-restarted", "long-outages", "all-but-one-crash"),
        "5+2+2+2": ("heaviest-crash",),
    },
    "all-stop": {"4": ("all-crash",)},
    "few-pause": {"4": ("minority-pause",)},
    "many-pause": {"4": ("third-pause",)},
    "restarts": {"3": ("three-restarted-in-turn",), "4": ("rolling-restart",)},
    "few-parted": {"4": ("minority-refused", "minority-in-silence", "flapping"), "5": ("one-isolated",)},
    "halves": {"4": ("halves-refused", "halves-in-silence", "restart-inside-a-partition", "bft-never-forks")},
    "ring": {"5": ("ring-of-five", "bridge-of-five")},
    "one-way": {"4": ("one-way",)},
    "slow": {"4": ("edges-slower-than-a-round",)},
    WITHOUT_BFT: {"4": ("fork-of-unequal-lengths", "losing-side-is-not-forgotten")},
    "few-damaged": {"4": ("restore-latest", "chain-log-bit-flip", "state-current-zeroed", "votes-emptied")},
    "few-wiped": {"4": ("wiped-node",)},
    "many-wiped": {"5": ("two-wiped",)},
    "few-out-of-memory": {"4": ("out-of-memory",)},
    "few-starved": {"4": ("disk-full", "disk-read-only", "disk-hung", "descriptors-run-out", "starved-validator")},
    "few-clocks": {"4": ("clock-skew", "clock-jump")},
    "few-deceive": {"4": ("votes-twice", "proposes-two", "proposes-apart", "withholds-blocks", "lies-about-tip")},
}
"""The literals that play a cell. No literal has the other networks; ``proof_topology.py`` plays each class on them."""
DEMANDS = {Course.GOES_ON: "progress-with-quorum", Course.STANDS_STILL: "no-progress-without-quorum"}
"""The invariant that says whether the chain did what its cell says; where it may do either, safety alone is asked."""
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
OPERATIONS = {"few-damaged": Restore, "few-out-of-memory": Restart}


def found_by_stake(each: FaultClass, network: str) -> Course | None:
    """Return what the chain does by the faults of the class' play; without BFT each side goes on."""
    if each.name == WITHOUT_BFT:
        return Course.GOES_ON
    spec = shape_of(network).spec(BASE)
    try:
        (found,) = {foreseen(fault, target, spec) for fault, target in faults_in(PLAYS[each.name])}
    except ValueError:
        return None
    return found


def test_every_cell_is_what_stakes_and_edges_say() -> None:
    shown = {(each.name, network): each.course(network) for each in CLASSES for network in NETWORKS}
    assert shown == {(each.name, network): found_by_stake(each, network) for each in CLASSES for network in NETWORKS}
    assert set(shown.values()) == {*Course, None}


def played() -> Iterator[tuple[FaultClass, str, Scenario]]:
    for each in CLASSES:
        for network, names in LITERALS[each.name].items():
            yield from ((each, network, BY_NAME[name]) for name in names)


@pytest.mark.parametrize(
    ("each", "network", "literal"), list(played()), ids=lambda value: getattr(value, "name", value)
)
def test_a_literal_expects_what_its_cell_says(each: FaultClass, network: str, literal: Scenario) -> None:
    spec = literal.shape.spec(BASE)
    stakes = tuple(stakes_of(spec).values())
    assert tuple(stake // min(stakes) for stake in stakes) == tuple(
        stake // min(NETWORKS[network]) for stake in NETWORKS[network]
    )
    assert literal.shape.bft == (each.name != WITHOUT_BFT)
    course = each.course(network)
    judged = {*literal.also, *GUARDS}
    if literal.shape.bft:
        assert course not in DEMANDS or DEMANDS[course] in judged
        assert ("progress-with-quorum" in judged) == (course is Course.GOES_ON), "a quorum is left, or it is not"
    assert judged & RECOVERIES or (each.back is Return.BY_ITSELF and course is Course.GOES_ON)
    done = {type(step.operation) for step in literal.every_step() if isinstance(step, Do)}
    if each.name in OPERATIONS:
        assert OPERATIONS[each.name] in done, "the operator's step is the manual's"
    if not any(isinstance(step, Each) for step in literal.steps):
        found = {foreseen(fault, target, spec) for fault, target in faults_in(literal.steps) if target_is_due(target)}
        assert not literal.shape.bft or found <= {course}


def target_is_due(target: object) -> bool:
    """Whether a target is no word that only a height resolves."""
    return getattr(target, "__name__", "") not in {"proposer_next", "after_next"}


def test_every_class_has_a_literal_a_play_and_a_promise() -> None:
    names = [each.name for each in CLASSES]
    assert list(LITERALS) == list(PLAYS) == names
    for each in CLASSES:
        assert each.promise == manual.item(each.item).sentence
        assert all(each.course(network) is not None for network in LITERALS[each.name])
        assert each.step


def test_the_command_prints_every_class_with_its_promise(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["manual", "--topology"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines() == list(lines())
    row = next(line for line in out.splitlines() if line.startswith("less than a third stops"))
    assert row.split()[5:] == ["-", *["goes", "on"] * 5]
    for each in CLASSES:
        assert f"{each.item}: {each.promise}" in out
        assert f"{each.back}: {each.step}" in out
