"""A fault is one file and one line of the catalogue; one test says all that is missing."""

from __future__ import annotations

import pytest

from prowl.chaos.engine.fault import Scene
from prowl.chaos.faults.catalogue import FAULTS, IMPOSSIBLE
from prowl.chaos.faults.crash import Crash
from prowl.chaos.selftest.played import ELSEWHERE, TRIPLES, classes, missing
from prowl.fixtures.clusters.protocol import KINDS, HasProcesses, lack
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Effects

PLAYED = {*ELSEWHERE, *TRIPLES}


def test_nothing_is_missing_for_any_fault() -> None:
    assert "\n".join(missing(classes(), FAULTS, PLAYED)) == ""


def test_every_file_of_faults_has_one() -> None:
    without = [file for file, found in classes().items() if not found]
    assert without == ["__init__.py", "catalogue.py"]


class Unlisted:
    """A fault as somebody begins it."""

    limit_seconds = 1.0

    def inject(self, scene: Scene) -> None: ...

    def heal(self, scene: Scene) -> None: ...


class Wordless(Crash):
    """A fault that says nothing."""

    limit_seconds = 0.0
    needs = (Unlisted,)

    def effects(self, scene: Scene) -> Effects:
        return Effects("", "")


class Curious(Crash):
    """A fault that asks a cluster that is not started."""

    def effects(self, scene: Scene) -> Effects:
        return Effects("kill", scene.cluster.network.nodes[0].name)


def test_all_that_is_missing_is_said_at_once() -> None:
    planted = {"new": Wordless(), "newer": Curious(), "half": Unlisted()}
    said = missing({"new.py": [Wordless], "other.py": [Unlisted, Lonely]}, planted, {"new", "gone"})  # type: ignore[arg-type]
    assert [line.partition(": ")[0] for line in said] == [
        "other.py",
        "'newer' is played by no proof",
        "'half' is played by no proof",
        "'gone' is played and has no line in chaos/faults/catalogue.py",
        "'new' needs what is no capability",
        "'new' has a limit of 0.0 s",
        "'new' tells effects without a kind or without words",
        "'newer' can't tell its effects before a cluster is started",
        "'half' has no needs, unavailable, effects, effect_trouble, heal_trouble",
    ]
    assert said[0] == "other.py: Lonely has no line in chaos/faults/catalogue.py"


class Lonely(Unlisted):
    """A fault that nobody listed."""


def test_what_can_not_be_is_unavailable_with_its_reason() -> None:
    for name, reason in IMPOSSIBLE.items():
        assert FAULTS[name].unavailable(ClusterSpec(4)) == reason


def test_a_kind_without_a_capability_is_told_from_a_machine_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "memory", "prowl.fixtures.selftest.fake_cluster:FakeCluster")
    here, there = ClusterSpec(4), ClusterSpec(4, kind="memory")
    assert lack(there, (HasProcesses,)) == (
        "a cluster of memory can't do it: its nodes are no processes that this machine shows"
    )
    for name, fault in FAULTS.items():
        assert lack(here, fault.needs) == "", name
        assert (lack(there, fault.needs) != "") is bool(fault.needs), name
