"""What a fault did, seen from outside the tool that did it: fresh connections, process states, RPC answers."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from prowl.fixtures.clusters.addresses import Address, address, address_of
from prowl.fixtures.clusters.cluster import EmbeddedCluster
from prowl.fixtures.proxies.edges import Edge
from prowl.fixtures.reference.chain.crypto import PrivateKey
from prowl.fixtures.reference.peers.envelope import canonical, sign_text

ANSWER_SECONDS = 2.0
SILENCE_SECONDS = 0.5  # an answer over loopback takes milliseconds; one that comes later is looked for again
AT_ONCE = 32
HEAD_BYTES = 256
MOST_BYTES = 65_536
MOST_ANSWER_BYTES = 4_000_000
REQUEST = b"GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
T = TypeVar("T")
R = TypeVar("R")


class Reach(StrEnum):
    """What a fresh connection meets."""

    ANSWERS = "answers"
    SILENT = "accepts but does not answer"
    CLOSED = "closes without an answer"
    REFUSED = "refuses"
    UNTRIED = "could not be asked from here"


def reach(end: Address | int, timeout_seconds: float = SILENCE_SECONDS) -> Reach:
    """Connect to an address, or a port of loopback, ask for ``/health`` and return what came of it within the limit."""
    try:
        connection = socket.create_connection(address(end), timeout_seconds)
    except ConnectionRefusedError:
        return Reach.REFUSED
    except TimeoutError:  # not even the handshake: its queue is full, as a paused process's may be
        return Reach.SILENT
    except OSError:  # no socket to be had, no way there: that says nothing of who should answer
        return Reach.UNTRIED
    with connection:
        try:
            connection.sendall(REQUEST % address(end)[0].encode())
            return Reach.ANSWERS if connection.recv(HEAD_BYTES) else Reach.CLOSED
        except TimeoutError:
            return Reach.SILENT
        except OSError:
            return Reach.CLOSED


def port_of(url: str) -> int:
    """Return the port of an address."""
    return urlsplit(url).port or 0


def ask(url: str, method: str, *params: object, timeout_seconds: float = ANSWER_SECONDS) -> Any:
    """Ask a node's RPC on a fresh connection; None for whatever is no answer with a result."""
    connection = http.client.HTTPConnection(*address_of(url), timeout=timeout_seconds)
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    try:
        connection.request("POST", "/", request, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read(MOST_ANSWER_BYTES)).get("result")
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return None
    finally:
        connection.close()


def height_of(cluster: EmbeddedCluster, name: str) -> int | None:
    """Return the height that a node's RPC tells; None if it tells none."""
    answer = ask(cluster.node(name).rpc, "eth_blockNumber")
    return int(answer, 16) if isinstance(answer, str) and answer.startswith("0x") else None


def ping_height(cluster: EmbeddedCluster, name: str, sender: str) -> int | None:
    """Ping a node as one of its peers does, signed with that peer's key; return the height it tells, or None."""
    key = PrivateKey.from_hex(cluster.key(sender).private)
    body = {"height": 1}
    told = {
        **body,
        "_auth": sign_text("/p2p/ping", canonical(body).decode(), key.address, key, int(time.time() * 1000)),
    }
    connection = http.client.HTTPConnection(*address_of(cluster.node(name).p2p or ""), timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", "/p2p/ping", json.dumps(told), {"Content-Type": "application/json"})
        height = json.loads(connection.getresponse().read(MOST_BYTES)).get("height")
        return height if isinstance(height, int) else None
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return None
    finally:
        connection.close()


def rpc_answers(cluster: EmbeddedCluster, name: str) -> bool:
    """Whether a node's RPC tells its height."""
    return height_of(cluster, name) is not None


def up_trouble(cluster: EmbeddedCluster, names: Iterable[str]) -> str:
    """Return which nodes' RPC does not answer, in words; "" if all do."""
    silent = [name for name in names if not rpc_answers(cluster, name)]
    return f"the RPC of {', '.join(silent)} does not answer" if silent else ""


def level_trouble(cluster: EmbeddedCluster, names: Iterable[str]) -> str:
    """Return which nodes' RPC does not answer, or lags more than a block behind the highest other; "" if none.

    The others are asked first: a starved look then sees a node higher than it was, never lower.
    """
    asked = tuple(names)
    others = tuple(name for name in cluster.spec.names if name not in asked)
    tips = at_once(lambda name: height_of(cluster, name), others or asked)
    tip = max((height for height in tips.values() if height is not None), default=None)
    if tip is None:
        return f"the RPC of {', '.join(tips)} does not answer, so that there is nothing to compare with"
    told = at_once(lambda name: height_of(cluster, name), asked)
    silent = [name for name, height in told.items() if height is None]
    if silent:
        return f"the RPC of {', '.join(silent)} does not answer"
    low = {name: height for name, height in told.items() if height is not None and height < tip - 1}
    behind = [f"{name} is at height {height}" for name, height in low.items()]
    return f"{', '.join(behind)}; the highest is at {tip}" if behind else ""


def gone_trouble(cluster: EmbeddedCluster, names: Iterable[str]) -> str:
    """Return which nodes are not down: a process that is there, or an RPC port that does not refuse; "" if all are."""
    troubles = []
    for name in names:
        state = cluster.process(name).state
        met = reach(address_of(cluster.node(name).rpc))
        if state != "gone":
            troubles.append(f"the process of {name} is {state}")
        elif met is not Reach.REFUSED:
            troubles.append(f"the RPC port of {name} {met}")
    return "; ".join(troubles)


def reach_trouble(edges: Iterable[Edge], wanted: Reach) -> str:
    """Probe edges on fresh connections, all at once; return those that meet something else than wanted, in words.

    The same probe goes to each target directly: a target that does not answer there would prove nothing of its edges.
    """
    chosen = tuple(edges)
    met = at_once(lambda edge: reach(edge.near), chosen)
    direct = at_once(lambda end: reach(end, ANSWER_SECONDS), tuple({edge.far for edge in chosen}))
    troubles = [f"{edge} {met[edge]}" for edge in chosen if met[edge] is not wanted]
    troubles += [
        f"what listens on {host}:{port} directly {its}" for (host, port), its in direct.items() if its != Reach.ANSWERS
    ]
    return "; ".join(troubles)


@dataclass(frozen=True)
class Exchange:
    """A request on a fresh connection: what came back, and when; None is what did not happen within the limit."""

    received: bytes = b""
    first_seconds: float | None = None
    end_seconds: float | None = None
    reset: bool = False

    @property
    def whole(self) -> bool:
        """Whether an answer came whole and the connection was closed in order."""
        head, found, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        return bool(found and length and len(body) == int(length[1]) and self.end_seconds is not None)


def exchange(end: Address | int, timeout_seconds: float, padding_bytes: int = 0) -> Exchange:
    """Ask for ``/health`` with a request made longer by so many bytes, and listen until the end or the limit."""
    began = time.monotonic()
    received, first = b"", None
    request = (REQUEST % address(end)[0].encode()).replace(
        b"\r\n\r\n", b"\r\nX-Padding: %s\r\n\r\n" % (b"x" * padding_bytes)
    )
    try:
        with socket.create_connection(address(end), timeout_seconds) as connection:
            connection.sendall(request)
            while (left := began + timeout_seconds - time.monotonic()) > 0 and len(received) < MOST_BYTES:
                connection.settimeout(left)
                piece = connection.recv(MOST_BYTES)
                if not piece:
                    return Exchange(received, first, time.monotonic() - began)
                first = first or time.monotonic() - began
                received += piece
    except (ConnectionResetError, BrokenPipeError):
        return Exchange(received, first, reset=True)
    except OSError:
        return Exchange(received, first)
    return Exchange(received, first)


def at_once(look: Callable[[T], R], things: tuple[T, ...]) -> Mapping[T, R]:
    """Look at many things at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(things, pool.map(look, things), strict=True))
