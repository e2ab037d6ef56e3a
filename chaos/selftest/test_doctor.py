"""``prowl doctor``: the table, what it says is missing, and that it leaves nothing behind."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import pytest

from prowl.chaos.commands import cli, doctor
from prowl.chaos.faults import __path__ as folders
from prowl.chaos.faults.catalogue import FAULTS, IMPOSSIBLE
from prowl.fixtures import machine


def left() -> set[str]:
    """Return what a trial could leave: mounts, loop devices, cgroups, files in the temporary folder."""
    mounts = machine.MOUNTINFO.read_text().splitlines()
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("**/prowl-trial-*")]
    loops = [path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file")]
    files = [str(path) for path in Path(tempfile.gettempdir()).glob("prowl-trial-*")]
    return {line for line in (*mounts, *groups, *loops, *files) if "prowl-trial-" in line}


def test_the_table_says_what_is_there_and_leaves_nothing_behind() -> None:
    output = io.StringIO()
    assert doctor.main(output) == 0
    lines = output.getvalue()
    whats = ("machine", "descriptors", "cgroup memory", "small file systems", "network namespaces", "libfaketime")
    for what in (*whats, "container engine", "Toxiproxy", "Go"):
        assert f"\n{what}" in f"\n{lines}", lines
    assert f"{len(os.sched_getaffinity(0))} cores" in lines
    assert f" of {len(FAULTS) - len(IMPOSSIBLE)} faults can be done here." in lines
    assert "36 cells of the storage matrix can be nowhere" in lines
    assert left() == set()


def test_what_is_missing_is_named_with_the_faults_that_it_keeps_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "capable", lambda _number: False)
    monkeypatch.setattr(machine, "hierarchy", lambda _controller: None)
    monkeypatch.setattr(machine, "faketime_library", lambda: None)
    output = io.StringIO()
    assert doctor.main(output) == 0
    lines = output.getvalue().splitlines()

    def reason_of(fault: str) -> str:
        (number,) = [at for at, line in enumerate(lines) if line.startswith("  unavailable: ") and f" {fault}" in line]
        return lines[number + 1]

    assert "CAP_SYS_ADMIN" in reason_of("power loss")
    assert "CAP_SYS_ADMIN" in reason_of("slow disk")
    assert "cgroup controller memory" in reason_of("out of memory")
    assert "cgroup controller cpu" in reason_of("starvation")
    assert "install libfaketime" in reason_of("clock that jumps")
    of_faults = lines[: next(at for at, line in enumerate(lines) if "scenarios can be done here" in line)]
    assert sum(line.startswith("  unavailable: ") for line in of_faults) == 4
    for what in ("cgroup memory", "small file systems", "libfaketime"):
        (line,) = [line for line in lines if line.startswith(what)]
        assert "  NO   " in line, line


def test_the_command_takes_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "everything"])
    assert ended.value.code == 4
    assert "unrecognized arguments: everything" in capsys.readouterr().err


def test_every_file_of_a_fault_is_in_the_catalogue() -> None:
    shared = {"__init__", "catalogue", "toxics", "disk"}
    files = {path.stem for folder in folders for path in Path(folder).glob("*.py")} - shared
    listed = {type(fault).__module__.rpartition(".")[2] for fault in FAULTS.values()}
    assert listed == files
