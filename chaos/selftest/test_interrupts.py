"""A run that is told to end ends in order, says that it is partial, and exits with 2; also in the background."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from prowl.chaos.selftest.stub_net import StubNet, testnet
from prowl.fixtures.waiting import wait_until

pytest_plugins = ("pytester",)

__all__ = ["testnet"]  # the kit's fixture: pytest looks for it here

STANDS = """
from prowl.fixtures.waiting import wait_until
def pytest_prowl_target_ready():
    open("ready", "w").close()
    wait_until(lambda: None, 60)
"""
DEFAULT, IGNORED = signal.SIG_DFL, signal.SIG_IGN


@pytest.mark.parametrize(
    ("inherited", "words", "number", "code"),
    [
        (IGNORED, ("prowl.chaos.commands.cli", "run"), signal.SIGINT, 2),
        (IGNORED, ("prowl.chaos.commands.cli", "run", "-n", "1"), signal.SIGINT, 2),
        (IGNORED, ("prowl.chaos.commands.cli", "gate"), signal.SIGINT, 2),
        (IGNORED, ("pytest", "-p", "prowl.chaos.plugin", "--pyargs", "prowl.checks.test_daily"), signal.SIGINT, 2),
        (DEFAULT, ("prowl.chaos.commands.cli", "run"), signal.SIGINT, 2),
        (DEFAULT, ("prowl.chaos.commands.cli", "gate"), signal.SIGTERM, 2),
        (DEFAULT, ("prowl.chaos.commands.cli", "run"), signal.SIGHUP, -signal.SIGHUP),
    ],
)
def test_an_interrupt_ends_a_run_in_order_also_where_a_shell_has_it_ignored(
    testnet: StubNet, inherited: signal.Handlers, words: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    folder = testnet.pytester.path
    testnet.write()
    testnet.pytester.makeconftest(STANDS)
    command = [sys.executable, "-m", *words, "-p", "conftest", "--target=testnet.toml", "--run-dir=run"]
    with (folder / "output").open("w") as output:
        run = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=output,
            preexec_fn=lambda: signal.signal(number, inherited),  # noqa: PLW1509 - no thread waits
        )
    try:
        assert wait_until(lambda: (folder / "ready").exists() or run.poll() is not None, 60), (
            folder / "output"
        ).read_text()
        run.send_signal(number)
        assert run.wait(60) == code, (folder / "output").read_text()
    finally:
        run.kill()
        run.wait(60)
    if code == 2:
        assert json.loads((folder / "run" / "report.json").read_text())["run"]["partial"] is True


def test_a_hangup_that_was_ignored_stays_ignored(testnet: StubNet) -> None:
    """As nohup wants it."""
    code = "import signal; from prowl.chaos.commands import interrupt; interrupt.heed(); print(signal.getsignal(1))"
    done = testnet.pytester.run("sh", "-c", f"trap '' HUP INT; {sys.executable} -c '{code}'", timeout=60)
    assert done.outlines == ["1"]
