"""The observer: what it writes of a node that answers, refuses, is slow, or is never seen for its own lateness."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from prowl.chaos.engine import observer as observing
from prowl.chaos.engine.observer import Observer
from prowl.fixtures.inventory.reader import COC
from prowl.fixtures.network import Network, Node
from prowl.fixtures.waiting import wait_until
from prowl.reports.timeline import Header, TimelineWriter, read

LIMIT_SECONDS = 30.0


class Chain:
    """A node on paper: a block at each height it is asked for; ``status`` is what its RPC answers with."""

    def __init__(self) -> None:
        self.height = 10
        self.status = 200
        self.calls: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(call["method"])
        method, params = call["method"], call["params"]
        result: Any = hex(self.height)
        if method == "coc_getBftStatus":
            result = {"height": self.height + 1, "phase": "prepare", "prepareVotes": 2, "commitVotes": 0, "more": 1}
        elif method == "eth_getBlockByNumber":
            number = self.height if params[0] in {"latest", "finalized"} else int(params[0], 16)
            result = {
                "number": hex(number), "hash": f"0x{number}", "parentHash": f"0x{number - 1}",
                "miner": f"0xm{number}", "timestamp": hex(1000 + number), "finalized": True,
            }  # fmt: skip
        return {"id": call["id"], "result": result}


@contextmanager
def served(chain: Chain) -> Iterator[Network]:
    """Serve it as the only node of a network."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            page = f"coc_block_height {chain.height}\ncoc_consensus_state 0\n"
            self.reply(200, page.encode() if self.path == "/metrics" else b"{}")

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            chain.open.wait(LIMIT_SECONDS)
            self.reply(chain.status, json.dumps([chain.answer(call) for call in asked]).encode())

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    node = Node("node-1", "validator", url, f"{url}/metrics")
    try:
        yield replace(COC, nodes=(node,), block_interval_seconds=0.4)
    finally:
        chain.open.set()
        server.shutdown()
        server.server_close()


def test_a_sample_holds_what_was_read_and_blocks_between_two_are_fetched(tmp_path: Path) -> None:
    chain, path = Chain(), tmp_path / "t.jsonl"
    with served(chain) as network:
        footprint = {"descriptors": 7.0}
        with Observer(
            network, TimelineWriter(path, Header()), lambda _name: "sleeping", footprint_of=lambda _name: footprint
        ) as observer:
            assert wait_until(lambda: observer.height("node-1") == 10, LIMIT_SECONDS)
            chain.height = 13
            assert wait_until(lambda: observer.height("node-1") == 13, LIMIT_SECONDS)
            assert observer.proposers_since(0.0) >= {"0xm11", "0xm12", "0xm13"}
        first = read(path).samples[0]
    assert first.values["latest"] == [10, "0x10", "0x9", True]
    assert (first.values["rpc_height"], first.values["block_height"], first.values["health"]) == (10, 10.0, 200)
    assert first.values["bft"] == {"height": 11, "phase": "prepare", "prepareVotes": 2, "commitVotes": 0}
    assert (first.process, first.values["descriptors"]) == ("sleeping", 7.0)
    between = [block[0] for sample in read(path).samples for block in sample.values["blocks"]]
    assert between == [11, 12]


def test_a_refusal_by_the_rate_limit_is_the_observers_gap_and_no_silence_of_the_node(tmp_path: Path) -> None:
    chain, path = Chain(), tmp_path / "t.jsonl"
    with served(chain) as network, Observer(network, TimelineWriter(path, Header())) as observer:
        assert wait_until(lambda: observer.height("node-1") == 10, LIMIT_SECONDS)
        chain.status = 429
        assert wait_until(lambda: read(path).gaps, LIMIT_SECONDS)
    timeline = read(path)
    refused = [gap for gap in timeline.gaps if gap.node == "node-1"]
    assert refused
    assert "rate limit" in refused[0].why
    assert not [sample for sample in timeline.samples if not sample.answered and sample.t < refused[-1].t]


def test_an_observer_below_a_rate_limit_asks_no_more_than_its_share(tmp_path: Path) -> None:
    chain, path = Chain(), tmp_path / "t.jsonl"
    with served(chain) as network:
        limited = replace(network, rpc_calls_per_minute=200.0)
        began = time.monotonic()
        with Observer(limited, TimelineWriter(path, Header())) as observer:
            assert wait_until(lambda: len(whole(path)) >= 5, LIMIT_SECONDS)
            observer.check()
        minutes = (time.monotonic() - began) / 60
    assert "coc_getBftStatus" not in chain.calls
    samples = len(read(path).samples)
    assert samples * 4 <= 0.6 * 200 * (minutes + 0.1), "a burst, and what came back since"


def whole(path: Path) -> tuple[str, ...]:
    return tuple(line for line in path.read_text().splitlines() if '"latest"' in line) if path.exists() else ()


def test_a_starved_loop_writes_its_gap_and_a_late_answer_is_no_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, path = Chain(), tmp_path / "t.jsonl"
    monkeypatch.setattr(observing, "ANSWER_SECONDS", 0.5)
    stall = threading.Event()

    def process(_name: str) -> str:
        """Hold the observer's own loop for longer than an answer may take."""
        if stall.is_set():
            stall.clear()
            threading.Event().wait(1.0)
        return "sleeping"

    with served(chain) as network, Observer(network, TimelineWriter(path, Header()), process) as observer:
        assert wait_until(lambda: observer.height("node-1") == 10, LIMIT_SECONDS)
        chain.open.clear()
        stall.set()
        assert wait_until(lambda: any(gap.node is None for gap in read(path).gaps), LIMIT_SECONDS)
        chain.open.set()
        at = len(read(path).samples)
        assert wait_until(lambda: len(read(path).samples) > at, LIMIT_SECONDS)
    starved = next(gap for gap in read(path).gaps if gap.node is None)
    assert starved.seconds >= 0.5
    assert "starved" in starved.why


def test_a_node_that_does_not_answer_in_time_is_silent_and_its_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, path = Chain(), tmp_path / "t.jsonl"
    monkeypatch.setattr(observing, "ANSWER_SECONDS", 0.5)
    with (
        served(chain) as network,
        Observer(network, TimelineWriter(path, Header()), lambda _name: "stopped") as observer,
    ):
        assert wait_until(lambda: observer.height("node-1") == 10, LIMIT_SECONDS)
        chain.open.clear()
        assert wait_until(lambda: any(not sample.answered for sample in read(path).samples), LIMIT_SECONDS)
    silent = next(sample for sample in read(path).samples if not sample.answered)
    assert (silent.error, silent.process) == ("TimeoutError", "stopped")


@pytest.mark.parametrize(
    ("looks", "stretches"),
    [
        (["", "", ""], []),
        (["", None, ""], []),
        (["", "x", ""], [("x", 0, 1), ("x", 1, 2)]),
        (["x", ""], [("x", None, 0), ("x", 0, 1)]),
        (["", "x", "y", ""], [("x", 0, 1), ("y", 1, 2), ("y", 2, 3)]),
        (["", None, "x", None, ""], [("x", 0, 2), ("x", 2, 4)]),
    ],
)
def test_the_time_between_the_last_equal_looks_at_the_proxies_is_a_gap(
    tmp_path: Path, looks: list[str | None], stretches: list[tuple[str, int | None, int]]
) -> None:
    """A stretch goes from the begin of a look (or of the recording) to the end of another."""
    begins: list[float] = []
    ends: list[float] = []
    path = tmp_path / "t.jsonl"

    def altered() -> str | None:
        if len(begins) == len(looks):
            done.set()
            return ""
        begins.append(observer.now())
        ends.append(observer.now())
        return looks[len(begins) - 1]

    done = threading.Event()
    with served(Chain()) as network:
        observer = Observer(network, TimelineWriter(path, Header()), altered=altered)
        with observer:
            assert done.wait(LIMIT_SECONDS)
        gaps = [gap for gap in read(path).gaps if gap.proxies]
    assert [gap.why for gap in gaps] == [f"somebody else changed the proxies: {what}" for what, *_ in stretches]
    for gap, (_what, since, until) in zip(gaps, stretches, strict=True):
        assert gap.t - gap.seconds <= (0.0 if since is None else begins[since]) + 0.01
        assert gap.t >= ends[until] - 0.01
