"""``prowl inventory`` as an operator types it: what it writes it reads back, and it overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prowl.chaos.commands.cli import main
from prowl.fixtures.clients import prometheus
from prowl.fixtures.inventory import init
from prowl.fixtures.selftest.prometheus_stub import StubPrometheus
from prowl.fixtures.selftest.stub import PAGE, StubNode
from prowl.fixtures.selftest.test_inventory_init import UPTIME, stub


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(init, "MANUALS_METRICS", 1)
    monkeypatch.setattr(init, "RPC_TO_P2P", 65_536)


def inventory(*words: str) -> int:
    try:
        return main(["inventory", *words])
    except SystemExit as error:  # argparse's way to end
        return int(error.code or 0)


def pair(node: StubNode) -> str:
    return f"{node.url},{node.url}/metrics"


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert inventory("schema") == 0
    assert json.loads(capsys.readouterr().out)["properties"]["nodes"]["type"] == "array"


def test_what_is_written_is_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with stub(0) as one, stub(1) as two:
        assert inventory("init", pair(one), pair(two), f"{two.url}/") == 0
    assert capsys.readouterr().out == "testnet.toml: 2 nodes.\n"
    assert inventory("check", "testnet.toml") == 0
    assert capsys.readouterr().out == "testnet.toml: 2 nodes (2 validator), 0 waivers, 0 own limits.\n"
    with stub(0) as one:
        assert inventory("init", pair(one), "--output", "one.toml") == 0
    assert inventory("check", "one.toml") == 0
    assert capsys.readouterr().out == "one.toml: 1 node.\none.toml: 1 node (1 validator), 0 waivers, 0 own limits.\n"


def test_what_is_in_doubt_is_told_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with stub(0) as one, StubNode(page=PAGE + UPTIME, answers={"eth_chainId": lambda _n: "0x1"}) as other:
        assert inventory("init", pair(one), pair(other), "--output", "other.toml") == 1
    output = capsys.readouterr().out
    assert output.startswith("other.toml: 2 nodes.\nNot proven, look at these")
    assert f"  {other.url}: it is of chain 1, and others are of 18780" in output
    assert inventory("check", "other.toml") == 0


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "testnet.toml").write_text("mine")
    with stub(0) as one:
        assert inventory("init", pair(one)) == 4
        assert one.asked == [], "refused before a node is asked"
    assert (tmp_path / "testnet.toml").read_text() == "mine"
    assert "is there already and is not overwritten" in capsys.readouterr().err


def test_a_place_that_can_not_be_written_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with stub(0) as one:
        assert inventory("init", pair(one), "--output", "/nonexistent/x.toml") == 4
    assert capsys.readouterr().err.endswith("/nonexistent/x.toml can't be written: No such file or directory.\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("init",), "Give the RPC address of each node, or --prometheus URL"),
        (("init", "http://a:1", "--prometheus", "http://b:1"), "with nothing beside it"),
        (("init", "10.0.0.1:18780"), "written like http://10.0.0.1:18780"),
        (("init", "http://ops:hunter22@a:1"), "without user, password or query"),
        (("init", "http://a:1,http://a:2/metrics,http://a:3"), "may stand a comma and the address of its metrics page"),
        (("init", "http://a:1,"), "may stand a comma"),
        (("init", "--prometheus", "http://127.0.0.1:1"), "The Prometheus http://127.0.0.1:1 can't be asked"),
        (("check", "nowhere.toml"), "nowhere.toml does not exist"),
        (("check",), "FILE"),
        ((), "schema|init|check"),
        (("write",), "invalid choice"),
    ],
)
def test_wrong_usage_is_a_sentence_and_writes_nothing(
    words: tuple[str, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inventory(*words) == 4
    output = capsys.readouterr().err
    assert sentence in output
    assert "hunter22" not in output
    assert list(tmp_path.iterdir()) == []


def test_a_check_tells_every_fault_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.toml").write_text('[[nodes]]\nname = "a b"\nrcp = "http://a:1"\nmetrics = "http://a:2/metrics"\n')
    assert inventory("check", "x.toml") == 4
    output = capsys.readouterr().err.splitlines()
    assert [line.strip().split(":")[0] for line in output[1:]] == ["line 3", "line 2", "line 1"]
    assert "did you mean 'rpc'" in output[1]


def test_the_nodes_of_a_prometheus_begin_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "COMPOSE_RPC", 1)  # where no node listens, whatever else runs here
    with StubPrometheus("127.0.0.1:9101") as server:
        assert inventory("init", "--prometheus", server.url) == 1
        url = server.url
    assert "http://127.0.0.1:1: it did not answer" in capsys.readouterr().out
    text = (tmp_path / "testnet.toml").read_text()
    assert f'prometheus = "{url}"' in text
    assert 'rpc = "http://127.0.0.1:1"\nmetrics = "http://127.0.0.1:9101/metrics"' in text
    assert inventory("check", "testnet.toml") == 0
