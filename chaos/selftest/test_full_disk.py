"""A disk that becomes full in the middle of a run: the run ends, and there is a report that says it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from prowl.chaos.selftest.stub_net import StubNet, testnet

pytest_plugins = ("pytester",)

__all__ = ["testnet"]  # the kit's fixture: pytest looks for it here

LIMIT_SECONDS = 20
FILL = """
import os
def fill():
    with open("disk/ballast", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
"""
MOMENTS = {
    "before-the-survey": "def pytest_prowl_target_ready():\n    fill()\n",
    "before-the-first-item": "def pytest_runtest_setup():\n    fill()\n",
    "after-the-first-item": "def pytest_runtest_teardown():\n    fill()\n",
    "at-the-end": "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish():\n    fill()\n",
}
MAY_MOUNT = (
    os.geteuid() == 0
    and not subprocess.run(
        ["unshare", "--mount", "true"], capture_output=True, check=False, timeout=LIMIT_SECONDS
    ).returncode
)


@pytest.fixture
def disk(testnet: StubNet) -> Iterator[Path]:
    place = testnet.pytester.path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)], check=True, timeout=LIMIT_SECONDS)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, timeout=LIMIT_SECONDS)


@pytest.mark.skipif(not MAY_MOUNT, reason="this machine lets nobody mount a small disk")
@pytest.mark.parametrize(
    ("moment", "words", "code", "verdict"),
    [
        ("before-the-survey", (), 1, "unknown"),
        ("before-the-survey", ("--gate",), 1, "unknown"),
        ("before-the-first-item", (), 1, "unknown"),
        ("after-the-first-item", (), 0, "held"),
        ("at-the-end", (), 0, "held"),
    ],
)
def test_a_report_is_written_to_a_disk_that_became_full(
    testnet: StubNet, disk: Path, moment: str, words: tuple[str, ...], code: int, verdict: str
) -> None:
    testnet.pytester.makeconftest(FILL + MOMENTS[moment])
    result = testnet.run("-p", "conftest", "--run-dir", "disk/run", "-k", "daily/memory or daily/peers", *words)
    assert result.ret == code, result.stdout.str()
    report = json.loads((disk / "run" / "report.json").read_text())
    assert [row["verdict"] for row in report["results"]] == [verdict] * 8
    assert verdict == "held" or "No space left on device" in report["results"][0]["observed"]
    assert (disk / "run" / "report.html").is_file()
    assert not list((disk / "run").glob(".*"))
    assert "could not be written" not in result.stdout.str()


@pytest.mark.skipif(not MAY_MOUNT, reason="this machine lets nobody mount a small disk")
def test_a_disk_that_has_no_room_for_a_report_is_refused_first(testnet: StubNet, disk: Path) -> None:
    (disk / "ballast").write_bytes(bytes(5_000_000))
    result = testnet.run("-k", "daily/memory", "--run-dir", "disk/run")
    assert result.ret == 4
    assert "can't be written: No space left on device. Free some space" in result.stdout.str() + result.stderr.str()
