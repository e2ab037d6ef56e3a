"""A run that is made to be killed: two scenarios that stand still at a stage, so that the moment is no luck.

``STAGE`` in the environment names it: ``intent`` (the ledger has it, nothing is done yet), ``healing`` (the ledger has
that the heal began, nothing is undone yet), ``between`` (the first scenario's cluster is gone, the second's not yet
there); with ``injected`` and ``random`` nothing stands still.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from prowl.chaos.engine import runner
from prowl.chaos.engine.debts import owed
from prowl.chaos.engine.fault import Fault, Scene
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.steps import During
from prowl.chaos.engine.targets import named
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.cpu_starvation import CpuStarvation
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.disk_full import DiskFull
from prowl.chaos.faults.disk_hung import DiskHung
from prowl.chaos.faults.disk_read_only import DiskReadOnly
from prowl.chaos.faults.disk_slow import DiskSlow
from prowl.chaos.faults.out_of_memory import OutOfMemory
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.power_loss import PowerLoss
from prowl.chaos.faults.same_key import SameKey
from prowl.chaos.faults.store_damage import StoreDamage
from prowl.chaos.faults.tools.damage import Cell, Damage, Part, Store, When
from prowl.fixtures.cleanup.undo import CGROUPS, Cgroup, Loop, Mount, Netns, Undo
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.waiting import wait_until
from prowl.reports import plugin as reports
from prowl.reports.events import Effects

STAGES = ("intent", "injected", "healing", "between", "random")
STAND_SECONDS = 60.0
COMMAND_SECONDS = 20.0
MARK = "between"
VICTIM = "node-2"
SPEC = ClusterSpec(2, block_ms=300, netns=bool(os.environ.get("NETNS")))
FILE = "from prowl.chaos.selftest.leak_run import *  # noqa: F403\n"


def _stand(stage: str) -> None:
    if os.environ.get("STAGE") == stage:
        wait_until(lambda: None, STAND_SECONDS)


class Standing:
    """Another fault, which stands still before it is injected or healed, if that is the stage."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.limit_seconds = fault.limit_seconds + STAND_SECONDS
        self.needs = fault.needs

    def unavailable(self, spec: ClusterSpec) -> str | None:
        return self.fault.unavailable(spec)

    def effects(self, scene: Scene) -> Effects:
        return self.fault.effects(scene)

    def undo(self, scene: Scene) -> tuple[Undo, ...]:
        return owed(self.fault, scene)

    def inject(self, scene: Scene) -> None:
        _stand("intent")
        self.fault.inject(scene)

    def effect_trouble(self, scene: Scene) -> str:
        return self.fault.effect_trouble(scene)

    def heal(self, scene: Scene) -> None:
        _stand("healing")
        self.fault.heal(scene)

    def heal_trouble(self, scene: Scene) -> str:
        return self.fault.heal_trouble(scene)


class Furniture(Pause):
    """A pause that also leaves a loop file system, a cgroup and a network namespace, each where it can be made."""

    def undo(self, scene: Scene) -> tuple[Undo, ...]:
        image, place = _disk(scene)
        tag = scene.cluster.ledger.tag
        return (
            *(Cgroup(str(path)) for path in _cgroups(tag)),
            Netns(f"prowl-{tag}"),
            Loop(str(image)),
            Mount(str(place)),
        )

    def inject(self, scene: Scene) -> None:
        super().inject(scene)
        image, place = _disk(scene)
        place.mkdir()
        image.write_bytes(bytes(1 << 20))
        tag = scene.cluster.ledger.tag
        for command in (
            ["mkfs.ext4", "-q", str(image)],
            ["mount", "-o", "loop", str(image), str(place)],
            ["ip", "netns", "add", f"prowl-{tag}"],
            *(["mkdir", str(path)] for path in _cgroups(tag)),
        ):
            subprocess.run(command, capture_output=True, check=False, timeout=COMMAND_SECONDS)

    def heal(self, scene: Scene) -> None:
        for step in reversed(self.undo(scene)):
            if step.trouble(scene.cluster.folder):
                step.undo(scene.cluster.folder)
        super().heal(scene)


def _disk(scene: Scene) -> tuple[Path, Path]:
    return scene.cluster.folder / "disk.img", scene.cluster.folder / "disk"


def _cgroups(tag: str) -> list[Path]:
    """Return the cgroup to make: below the memory controller of version 1, or at the root of version 2."""
    parents = [parent for parent in (CGROUPS / "memory", CGROUPS) if (parent / "cgroup.procs").exists()]
    return [parent / f"prowl-{tag}" for parent in parents[:1]]


FAULTS: dict[str, Fault] = {
    "crash": Standing(Crash()),
    "pause": Standing(Pause()),
    "refuse": Standing(Cut()),
    "black-hole": Standing(Cut(mode=Mode.BLACK_HOLE)),
    "furniture": Standing(Furniture()),
    "hung-disk": Standing(DiskHung()),
}
# Faults that leave something on the machine itself, as far as it allows them.
HEAVY: dict[str, Fault] = {
    "store-damage": Standing(StoreDamage(Cell(Store.CHAIN, Part.DIRECTORY, Damage.EMPTIED, When.STOPPED))),
    "full-disk": Standing(DiskFull()),
    "read-only-disk": Standing(DiskReadOnly()),
    "hung-disk": Standing(DiskHung()),
    "slow-disk": Standing(DiskSlow()),
    "power-loss": Standing(PowerLoss()),
    "starvation": Standing(CpuStarvation()),
    "out-of-memory": Standing(OutOfMemory()),
    "clock": Standing(Clock()),
    "same-key": Standing(SameKey()),
}


@pytest.fixture
def stand_between(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[None]:
    """Stand still after the first scenario."""
    yield
    if request.node.name.endswith("[0]") and os.environ.get("STAGE") == "between":
        (pytestconfig.stash[reports.RUN].folder / MARK).touch()
        _stand("between")


@pytest.mark.usefixtures("stand_between")
@pytest.mark.parametrize("number", [0, 1] if os.environ.get("STAGE") == "between" else [0])
def test_to_be_killed(pytestconfig: pytest.Config, number: int) -> None:
    run = pytestconfig.stash[reports.RUN]
    scenario = Scenario(
        f"leak-{number}",
        item="recovery/consensus-stall",
        why="a run that is killed leaves nothing",
        steps=(During((FAULTS | HEAVY)[os.environ.get("FAULT", "crash")], named(VICTIM)),),
        also=("progress-after-heal",),
    )
    outcome = runner.play(scenario, SPEC, run.folder / "scenarios" / scenario.name, run.seed, lambda _line: None)
    assert outcome.verdict.value == "held", outcome.observed
