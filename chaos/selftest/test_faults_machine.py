"""Faults of resources, of the clock and of the disk, on a cluster of reference nodes, as far as the machine allows."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from prowl.chaos.engine.fault import Fault, Scene
from prowl.chaos.engine.lifecycle import Injected
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.cpu_starvation import CpuStarvation
from prowl.chaos.faults.disk_full import DiskFull
from prowl.chaos.faults.disk_slow import DiskSlow
from prowl.chaos.faults.out_of_memory import OutOfMemory
from prowl.chaos.faults.process_limit import DESCRIPTORS
from prowl.chaos.faults.tools import cgroups
from prowl.chaos.faults.tools.small_disk import SmallDisk
from prowl.chaos.faults.wipe import Wipe
from prowl.chaos.selftest.machine_kit import prove_here
from prowl.chaos.selftest.triples import prove_held_and_healed, prove_triple
from prowl.fixtures import machine
from prowl.fixtures.cleanup.undo import Cgroup, Undo
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.protocol import GONE
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.waiting import wait_until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves in step."""
    with EmbeddedCluster(ClusterSpec(3, block_ms=500), tmp_path_factory.mktemp("machine")) as cluster:
        cluster.start()
        yield cluster


def test_a_limit_of_open_files_is_proven_thrice(cluster: EmbeddedCluster) -> None:
    prove_triple(DESCRIPTORS, cluster, ("node-2",))


def test_a_node_that_ends_under_its_limit_has_felt_it_and_is_started_by_the_heal(cluster: EmbeddedCluster) -> None:
    scene = Scene(cluster, ("node-2",))
    assert "node-2" in DESCRIPTORS.effect_trouble(scene), "it is not limited yet"
    gone = "the process of node-2 is gone, and not by its limit"
    cluster.kill("node-2")
    assert DESCRIPTORS.effect_trouble(scene) == gone
    cluster.start_node("node-2")
    for by, trouble in ((signal.SIGABRT, ""), (signal.SIGKILL, gone)):
        with Injected(DESCRIPTORS, scene):
            os.kill(cluster.process("node-2").pid, by)
            assert wait_until(lambda: cluster.state("node-2") == GONE, DESCRIPTORS.limit_seconds)
            assert DESCRIPTORS.effect_trouble(scene) == trouble
        assert cluster.is_running("node-2")


def test_a_starved_node_is_proven(cluster: EmbeddedCluster) -> None:
    prove_here(prove_held_and_healed, CpuStarvation(), cluster, ("node-2",))


def test_a_node_that_the_kernel_ends_is_proven(cluster: EmbeddedCluster) -> None:
    prove_here(prove_held_and_healed, OutOfMemory(), cluster, ("node-3",))


def test_a_clock_that_jumps_is_proven_thrice(cluster: EmbeddedCluster) -> None:
    prove_here(prove_triple, Clock(-600, jump=True), cluster, ("node-1",))


def test_a_full_disk_is_proven(cluster: EmbeddedCluster) -> None:
    prove_here(prove_held_and_healed, DiskFull(), cluster, ("node-2",))
    disk = SmallDisk.of(Scene(cluster, ("node-2",)), "node-2")
    assert not disk.is_mounted()
    assert not disk.image.exists()


def test_a_wiped_node_fetches_the_chain(cluster: EmbeddedCluster) -> None:
    prove_held_and_healed(Wipe(), cluster, ("node-3",))


@pytest.mark.parametrize(
    "fault", [Clock(1), CpuStarvation(0.5), CpuStarvation(100), DiskSlow(500)], ids=lambda fault: type(fault).__name__
)
def test_what_could_not_be_told_is_unavailable(fault: Fault) -> None:
    reason = fault.unavailable(ClusterSpec(1))
    assert reason is not None
    assert "can't be told" in reason or "none that the kernel" in reason


@pytest.mark.parametrize(
    ("text", "controller", "version"),
    [
        ("25 20 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "memory", 1),
        ("25 20 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n", "cpu", 1),
        ("25 20 0:22 / {v2} rw - cgroup2 cgroup2 rw\n", "memory", 2),
        ("25 20 0:22 / {v2} rw - cgroup2 cgroup2 rw\n26 20 0:23 / /v1 rw - cgroup cgroup rw,memory\n", "memory", 1),
        ("25 20 0:22 / {v2} rw - cgroup2 cgroup2 rw\n", "blkio", 2),
        ("25 20 0:22 / {v2} rw - cgroup2 cgroup2 rw\n", "cpu", None),
        ("25 20 0:22 / /tmp rw - tmpfs tmpfs rw\n", "memory", None),
    ],
)
def test_where_a_controller_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, controller: str, version: int | None
) -> None:
    (tmp_path / "cgroup.controllers").write_text("memory io pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("io\n")
    (tmp_path / "mountinfo").write_text(text.format(v2=tmp_path))
    monkeypatch.setattr(machine, "MOUNTINFO", tmp_path / "mountinfo")
    found = machine.hierarchy(controller)
    assert (found.version if found else None) == version
    if version is None:
        assert f"no cgroup controller {controller}" in str(machine.no_cgroup(controller))
    elif version == 2:
        passed_on = machine.no_cgroup(controller)
        assert passed_on is None if controller == "blkio" else f"echo +{controller} >" in str(passed_on)
        assert not list(tmp_path.glob("prowl-*")), "the trial is gone"


def test_without_the_right_to_mount_the_right_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "capable", lambda _number: False)
    assert "CAP_SYS_ADMIN" in str(machine.no_mounts())
    monkeypatch.setattr(machine, "capable", lambda _number: True)
    monkeypatch.setattr(machine, "LOOP_CONTROL", Path("/nonexistent"))
    assert "/nonexistent" in str(machine.no_mounts())
    monkeypatch.setattr(machine, "LOOP_CONTROL", Path("/"))
    monkeypatch.setattr(machine, "program", lambda name: None if name == "mkfs.ext4" else name)
    assert "no mkfs.ext4: install e2fsprogs" in str(machine.no_mounts())
    monkeypatch.setattr(machine, "program", lambda _name: "false")
    machine._tried_mount.cache_clear()
    assert "can be mounted, though the rights are there: unshare" in str(machine.no_mounts())
    machine._tried_mount.cache_clear()


def test_a_group_of_version_2_is_told_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "hierarchy", lambda _controller: machine.Hierarchy(tmp_path, 2))
    owed: list[Undo] = []
    cluster = EmbeddedCluster(ClusterSpec(1), tmp_path / "cluster")
    scene = Scene(cluster, ("node-1",), owe=lambda *undo: owed.extend(undo))
    group = cgroups.Group.of(scene, "node-1", "memory")
    group.make(scene)
    assert owed == [Cgroup(str(group.path))]
    assert cluster.ledger.tag in group.path.name, "or the ledger would refuse to remove it"
    group.write("memory.limit_in_bytes", "memory.max", "64")
    assert (group.path / "memory.max").read_text() == "64"
    assert group.count("memory.oom_control", "memory.events", "oom_kill") == 0, "not there yet"
    (group.path / "memory.events").write_text("low 0\noom_kill 2\noom_kill_disable\n")
    assert group.count("memory.oom_control", "memory.events", "oom_kill") == 2
    group.take(4711)
    assert group.holds(4711)
    assert not group.holds(471)
