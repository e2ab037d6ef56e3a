"""What runs Prowl by itself: the files that are written, that their tools find nothing, and that the command runs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from prowl.chaos.commands import automation, cli
from prowl.chaos.selftest.stub_net import StubNet, testnet

pytest_plugins = ("pytester",)

__all__ = ["testnet"]  # the kit's fixture: pytest looks for it here

SHIPPED = Path(automation.__file__).parent / "shipped"
SECONDS = 120.0


def said(*command: str) -> str:
    """Return what a tool says; "" if it finds nothing."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def needs(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed on this machine")
    return found


def test_the_workflow_is_written_whole_and_not_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["gate", "init", "github", "--out", str(tmp_path)]) == 0
    written = tmp_path / "prowl.yml"
    assert written.read_text() == (SHIPPED / "prowl.yml").read_text()
    assert str(written) in capsys.readouterr().out
    assert cli.main(["gate", "init", "github", "--out", str(tmp_path)]) == 0, "the same again changes nothing"
    written.write_text("on: push")
    assert cli.main(["gate", "init", "github", "--out", str(tmp_path)]) == automation.USAGE_ERROR
    assert "is there already, and differs" in capsys.readouterr().err
    assert written.read_text() == "on: push"


@pytest.mark.parametrize("words", [[], ["gitlab"], ["github", "--out", "/proc/no"]])
def test_wrong_usage_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["gate", "init", *words]) == automation.USAGE_ERROR
    assert capsys.readouterr().err


def test_the_repository_has_the_same_workflow() -> None:
    own = Path(__file__).resolve().parents[2] / ".github/workflows/prowl.yml"
    if not own.exists():
        pytest.skip("there is no checkout around this package")
    assert own.read_text() == (SHIPPED / "prowl.yml").read_text()


def test_actionlint_finds_nothing() -> None:
    assert said(needs("actionlint"), str(SHIPPED / "prowl.yml")) == ""


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / ".github/workflows").mkdir(parents=True)
    shutil.copy(SHIPPED / "prowl.yml", tmp_path / ".github/workflows")
    assert said(needs("zizmor"), "--offline", "--persona", "auditor", str(tmp_path)) == ""


def test_systemd_finds_nothing(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")
    assert cli.main(["gate", "init", "systemd", "--out", str(tmp_path)]) == 0
    assert said(analyze, "verify", *(str(path) for path in sorted(tmp_path.iterdir()))) == ""


def test_the_services_command_runs_as_it_stands(testnet: StubNet) -> None:
    folder = testnet.pytester.path
    testnet.run("--plan")  # writes the inventory
    assert cli.main(["gate", "init", "systemd", "--out", str(folder), "--target", str(folder / "testnet.toml")]) == 0
    lines = (folder / "prowl-gate.service").read_text().splitlines()
    (command,) = (line.partition("=")[2] for line in lines if line.startswith("ExecStart="))
    result = testnet.pytester.run(*shlex.split(command.replace("$PROWL_GATE_OPTIONS", "")), timeout=SECONDS)
    output = result.stdout.str()
    assert result.ret == 1, output
    first = next(line for line in output.splitlines() if line.startswith(("GO", "NO-GO")))
    assert first.startswith("NO-GO for"), output
    assert first.endswith("; the upgrade itself was not tried"), output
