"""Who voted twice is asked once for each rise of a node's counter, and of the time since the count was lower."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from prowl.chaos.engine.sampling import LOOKS_A_CALL, Sampler
from prowl.fixtures.inventory.reader import COC
from prowl.fixtures.selftest.stub import PAGE, StubNode

ASK = "coc_getEquivocations"
BLOCK = "eth_getBlockByNumber"
ROWS = [{"validatorId": "0xB3", "timestamp": 1}, {"validatorId": "0xb3"}, {"validatorId": "0xA2"}, {"height": 5}, None]


def block(_times: int) -> dict[str, Any]:
    return StubNode.block(100)


def samples(stub: StubNode, counts: list[str]) -> list[dict[str, Any]]:
    """Take a sample for each count that the page shows."""

    async def take() -> list[dict[str, Any]]:
        network = replace(COC, nodes=(stub.node,))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            sampler = Sampler(network, http)
            found = []
            for count in counts:
                stub.page = PAGE.replace("equivocations_total 0", f"equivocations_total {count}")
                found.append(await sampler.sample(stub.node))
            return found

    return asyncio.run(take())


@pytest.mark.parametrize(
    ("counts", "asked"),
    [
        (["0", "0", "0"], []), (["0", "1", "1"], [1]), (["0", "1", "3"], [1, 2]), (["5", "5", "6"], [2]),
        (["5", "0", "1"], [2]), (["0", "x", "1"], [2]), (["4", "4", "2"], []),
    ],
)  # fmt: skip
def test_a_rise_is_asked_about_once(counts: list[str], asked: list[int]) -> None:
    with StubNode(answers={BLOCK: block, ASK: lambda _times: ROWS}) as stub:
        found = samples(stub, counts)
    assert [number for number, values in enumerate(found) if "twice" in values] == asked
    assert all(found[number]["twice"] == ["0xa2", "0xb3"] for number in asked)
    assert stub.asked.count(ASK) == len(asked)


@pytest.mark.parametrize("answer", [None, [], [{}], "0xb3", {"validatorId": "0xb3"}])
def test_an_answer_that_names_nobody_names_nobody(answer: Any) -> None:
    with StubNode(answers={BLOCK: block, ASK: lambda _times: answer}) as stub:
        assert "twice" not in samples(stub, ["0", "1"])[1]


class Mute:
    """A port that accepts connections and answers none; it counts them."""

    def __init__(self) -> None:
        self.count = 0
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Mute:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._ended.set()
        self._server.close()

    async def _take(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        await self._ended.wait()
        writer.close()


@pytest.mark.parametrize(
    ("limit", "page", "asked"),
    [(200.0, "mute", 2), (None, "mute", 6), (200.0, "answers", 6), (200.0, "refuses", 6), (200.0, None, 6)],
)
def test_a_node_that_is_silent_altogether_is_asked_no_more_of_what_it_counts(
    limit: float | None, page: str | None, asked: int
) -> None:
    async def take(stub: StubNode) -> int:
        async with Mute() as rpc, Mute() as mute:
            timeout = aiohttp.ClientTimeout(total=0.2)
            async with aiohttp.ClientSession(timeout=timeout) as http:
                pages = {"mute": mute.url, "answers": stub.node.metrics, "refuses": "http://127.0.0.1:1", None: None}
                node = replace(stub.node, rpc=rpc.url, metrics=pages[page])
                sampler = Sampler(replace(COC, nodes=(node,), rpc_calls_per_minute=limit), http)
                for _ in range(3):
                    with pytest.raises(TimeoutError):
                        await sampler.sample(node)
            return rpc.count

    with StubNode() as stub:
        assert asyncio.run(take(stub)) == asked  # its batch and its health, each time


def test_a_node_whose_metrics_page_alone_is_silent_is_asked_again() -> None:
    async def take(stub: StubNode) -> list[bool]:
        async with Mute() as mute:
            timeout = aiohttp.ClientTimeout(total=0.2)
            async with aiohttp.ClientSession(timeout=timeout) as http:
                node = replace(stub.node, metrics=mute.url)
                sampler = Sampler(replace(COC, nodes=(node,), rpc_calls_per_minute=200.0), http)
                with pytest.raises(TimeoutError):
                    await sampler.sample(replace(node, rpc=mute.url))
                found = []
                for _ in range(LOOKS_A_CALL + 1):
                    try:
                        found.append("rpc_height" in await sampler.sample(node))
                    except TimeoutError:
                        found.append(False)
            return found

    with StubNode(answers={BLOCK: block}) as stub:
        assert asyncio.run(take(stub)) == [*[False] * (LOOKS_A_CALL - 1), True, True]
