"""Runs in container engines of other machines: two of them at once, one whose disk is full, one that dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from prowl.fixtures.selftest import engine_kit
from prowl.fixtures.selftest.second_engine import SecondEngine, demand_programs, run, second_engine
from prowl.fixtures.waiting import wait_until

RUN_SECONDS = 400
SCENARIOS = "minority-crash or minority-pause or halves-refused or quorum-loss"
SMALL = "size=900m"  # room for the base image
PROWL = str(Path(sys.executable).with_name("prowl"))


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[SecondEngine, SecondEngine]]:
    """Two engines: the first is reached over TLS, the other one by ssh."""
    demand_programs("sshd", "ssh")
    engine_kit.demand_engine()
    with second_engine(1) as one, second_engine(2) as other:
        other.start_sshd()
        yield one, other


def variables(*engines: SecondEngine) -> dict[str, str]:
    """Return the environment of a run that may use these engines: the first one over TLS, another one by ssh."""
    first = engines[0].by_tls
    urls = [first["DOCKER_HOST"], *(other.by_ssh["DOCKER_HOST"] for other in engines[1:])]
    return {**os.environ, **first, **engines[-1].by_ssh, "PROWL_DOCKER_HOSTS": " ".join(urls)}


@contextmanager
def playing(folder: Path, environment: Mapping[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    """Begin a run of scenarios on containers; what it says is in ``said``."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [PROWL, "run", "--target", "containers:4", "--chaos", "--seed", "1", "--run-dir", str(folder / "run")]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen([*command, *words], cwd=folder, env=environment, stdout=said, stderr=said, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait(RUN_SECONDS)


def said(folder: Path) -> str:
    return (folder / "said").read_text(encoding="utf-8")


def verdicts(folder: Path) -> dict[str, str]:
    """Return the verdict of each scenario of a run."""
    report = json.loads((folder / "run" / "report.json").read_text(encoding="utf-8"))
    return {result["scenario"]: result["verdict"] for result in report["results"]}


def marks(engine: SecondEngine) -> set[str]:
    """Return the marks of the clusters that an engine has containers, networks or volumes of."""
    with engine.client() as client:
        found = [each.labels for each in client.containers.list(all=True, ignore_removed=True)]
        found += [each.attrs.get("Labels") or {} for each in (*client.networks.list(), *client.volumes.list())]
    return {labels["prowl.cluster"] for labels in found if "prowl.cluster" in labels}


def test_two_runs_at_once_spread_over_two_engines_and_leave_nothing(
    engines: tuple[SecondEngine, SecondEngine], tmp_path: Path
) -> None:
    seen: dict[str, set[str]] = {engine.name: set() for engine in engines}
    words = ("-n", "2", "-k", "minority-crash or minority-pause")
    folders = tmp_path / "a", tmp_path / "b"
    with (
        playing(folders[0], variables(*engines), *words) as one,
        playing(folders[1], variables(*engines), *words) as other,
    ):
        runs = (one, other)

        def over() -> bool:
            for engine in engines:
                seen[engine.name] |= marks(engine)
            return all(process.poll() is not None for process in runs)

        assert wait_until(over, RUN_SECONDS, 0.5), [said(folder)[-500:] for folder in folders]
    both = seen[engines[0].name] & seen[engines[1].name]
    assert both == set(), "a cluster is in one engine"
    assert all(len(found) >= 2 for found in seen.values()), f"each run has used both engines: {seen}"
    assert [marks(engine) for engine in engines] == [set(), set()]
    for folder, process in zip(folders, runs, strict=True):
        assert process.returncode == 0, said(folder)
        assert set(verdicts(folder).values()) == {"held"}


@pytest.mark.parametrize("count", [1, 2])
def test_the_time_of_a_run_on_one_engine_and_on_two(
    engines: tuple[SecondEngine, SecondEngine], tmp_path: Path, count: int
) -> None:
    began = time.monotonic()
    with playing(tmp_path, variables(*engines[:count]), "-n", "2", "-k", SCENARIOS) as process:
        assert process.wait(RUN_SECONDS) == 0, said(tmp_path)
    print(f"four scenarios by two workers on {count} engines: {time.monotonic() - began:.1f} s")
    assert len(verdicts(tmp_path)) >= 4


def test_an_engine_that_dies_in_the_middle_makes_the_scenario_unknown_and_heal_ends_what_it_left(
    tmp_path: Path,
) -> None:
    engine_kit.demand_engine()
    with second_engine(3) as engine:
        environment = variables(engine)
        with playing(tmp_path, environment, "-k", "minority-crash") as process:
            running = tmp_path / "run" / "scenarios" / "minority-crash" / "timeline.jsonl"
            assert wait_until(lambda: running.exists() and "effect" in running.read_text(), RUN_SECONDS, 0.1)
            engine.end(engine.processes[0], signal.SIGKILL)
            assert process.wait(RUN_SECONDS) == 1, said(tmp_path)
        assert list(verdicts(tmp_path).values()) == ["unknown"], said(tmp_path)
        assert "container engine" in said(tmp_path)
        assert "Traceback" not in said(tmp_path)
        print(said(tmp_path))
        engine.start_dockerd()
        healed = subprocess.run(
            [PROWL, "heal", str(tmp_path / "run")],
            env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
        )  # fmt: skip
        assert healed.returncode == 0, healed.stdout + healed.stderr
        assert marks(engine) == set()


def test_an_engine_whose_disk_is_full_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    engine_kit.demand_engine()
    small = tmp_path / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(small))
    try:
        with second_engine(4, data=small) as engine:
            (small / "ballast").write_bytes(bytes(_free(small) - 2_000_000))
            with playing(tmp_path, variables(engine), "-k", "minority-crash") as process:
                assert process.wait(RUN_SECONDS) == 1, said(tmp_path)
            print(said(tmp_path))
            assert list(verdicts(tmp_path).values()) == ["unknown"], said(tmp_path)
            assert "no space left on device" in said(tmp_path)
            assert "Traceback" not in said(tmp_path)
            assert marks(engine) == set()
    finally:
        run("umount", str(small))


def _free(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def test_an_engine_that_does_not_let_another_user_in_is_a_usage_error(tmp_path: Path) -> None:
    engine_kit.demand_engine()
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PROWL, "run", "--target", "containers:4"]
    done = subprocess.run(
        command, cwd="/", env={**os.environ, "HOME": "/"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "does not let this user (uid 65534) in" in done.stdout + done.stderr
