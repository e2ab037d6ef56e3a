"""Nodes that cost next to nothing, for figures about those who ask them: ready-made answers on every loopback address.

``python bench_nodes.py RPC_PORT METRICS_PORT P2P_PORT CORE``
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

SERIES = 200
STAKED = [f"0x{number:040x}" for number in range(1, 5)]
FACTS: dict[str, Any] = {
    "web3_clientVersion": "COC/0.2",
    "eth_chainId": "0x495c",
    "coc_nodeInfo": {"clientVersion": "COC/0.2", "chainId": "0x495c", "uptime": 53},
    "coc_getValidators": [{"id": address, "address": address, "active": True} for address in STAKED],
    "coc_getPeers": [{"id": address, "url": "http://10.0.0.1:19780"} for address in STAKED],
}
OWN = (
    "coc_block_height {height}\ncoc_consensus_state 0\ncoc_peers_connected 4\ncoc_process_memory_bytes 204357632\n"
    "coc_uptime_seconds 45.13\ncoc_bft_equivocations_total 0\ncoc_tx_pool_pending 0\n"
)
REST = "".join(f'coc_more_{number}{{kind="{number % 7}"}} {number}.5\n' for number in range(SERIES - OWN.count("\n")))


def height() -> int:
    """Return a height that is higher at each sweep."""
    return int(time.time() * 20) % 10**9


def answer(row: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one call."""
    method, result = row["method"], FACTS.get(row["method"])
    if method == "eth_blockNumber":
        result = hex(height())
    elif method == "eth_getBlockByNumber":
        number = height() if row["params"][0] == "latest" else int(row["params"][0], 16)
        hashes = dict.fromkeys(("hash", "parentHash", "stateRoot"), f"0x{number:064x}")
        stamp = hex(1_700_000_000 + number // 20)
        result = {"number": hex(number), "timestamp": stamp, "miner": STAKED[0], "transactions": [], **hashes}
    return {"jsonrpc": "2.0", "id": row["id"], "result": result}


class Answers(asyncio.Protocol):
    """Answers every request of a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer a request as soon as it is whole."""
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        if head.startswith(b"POST"):
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(rest) < length:
                return
        self.buffer = rest[length:]
        body = self._body(head, rest[:length])
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def _body(self, head: bytes, asked: bytes) -> bytes:
        if head.startswith(b"GET /metrics"):
            return (OWN.format(height=height()) + REST).encode()
        if head.startswith(b"GET"):
            return b"ok\n"
        rows = json.loads(asked)
        return json.dumps([answer(row) for row in rows] if isinstance(rows, list) else answer(rows)).encode()


async def _serve(ports: list[int]) -> None:
    loop = asyncio.get_running_loop()
    for port in ports:
        await loop.create_server(Answers, "0.0.0.0", port, backlog=4096)  # noqa: S104 - every loopback address
    print("up", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[4])})
    asyncio.run(_serve([int(port) for port in sys.argv[1:4]]))
