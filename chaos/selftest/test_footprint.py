"""What nodes take of this machine is what the kernel shows of them; what it does not show is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from prowl.chaos.engine import footprint
from prowl.chaos.engine.footprint import Footprints
from prowl.fixtures.clusters.protocol import Cluster

LIMIT_SECONDS = 20.0


class Data:
    """A cluster of which only the data is here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def data_of(self, _name: str) -> Path:
        return self.folder


class Here(Data):
    """One whose processes are here, too: each is the one of this pid."""

    pid = os.getpid()

    def is_running(self) -> bool:
        """Whether it is there, as its identity tells."""
        return self.pid == os.getpid()

    def process(self, _name: str) -> Any:
        return self

    def place(self, _name: str) -> None:
        """There is no place."""

    def spawn(self, _name: str) -> None:
        """Nothing is started."""


def test_open_files_and_bytes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Footprints(cast(Cluster, Here(tmp_path)))
    before = found.of("node-1")
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / "log").open("wb") as file:
        file.write(b"x" * 5000)
        file.flush()
        assert found.of("node-1") == before, "it was looked at a moment ago"
        monkeypatch.setattr(footprint, "PAUSE_SECONDS", -1.0)
        after = found.of("node-1")
    assert after["descriptors"] == before["descriptors"] + 1
    assert 5000 <= after["disk_bytes"] - before["disk_bytes"] < 10000


def test_what_this_machine_does_not_show_is_left_out(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(LIMIT_SECONDS)
    gone = Here(tmp_path)
    gone.pid = ended.pid
    assert set(Footprints(cast(Cluster, gone)).of("node-1")) == {"disk_bytes"}
    assert set(Footprints(cast(Cluster, Data(tmp_path))).of("node-1")) == {"disk_bytes"}
    assert Footprints(cast(Cluster, object())).of("node-1") == {}
