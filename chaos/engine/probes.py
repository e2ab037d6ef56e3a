"""What a fault did, seen from outside the tool that did it: fresh connections, process states, RPC answers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import httptools

from prowl.chaos.engine.fault import Scene
from prowl.fixtures.clusters.addresses import Address, address, address_of
from prowl.fixtures.clusters.protocol import GONE, RUNNING, Cluster
from prowl.fixtures.proxies.edges import Edge
from prowl.fixtures.proxies.wishes import Wish
from prowl.fixtures.reference.chain.crypto import PrivateKey
from prowl.fixtures.reference.peers.envelope import HEADER, canonical, sign_text
from prowl.fixtures.single_request import FAILURES, call, fetch

ANSWER_SECONDS = 2.0
SILENCE_SECONDS = 0.5  # an answer over loopback takes milliseconds; one that comes later is looked for again
AT_ONCE = 32
HEAD_BYTES = 256
MOST_BYTES = 65_536
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


def ask(url: str, method: str, *params: object, timeout_seconds: float = ANSWER_SECONDS) -> Any:
    """Ask a node's RPC on a fresh connection; None where there is no answer with a result."""
    return call(url, method, *params, timeout_seconds=timeout_seconds)


def height_of(cluster: Cluster, name: str) -> int | None:
    """Return the height that a node's RPC tells; None if it tells none."""
    answer = ask(cluster.node(name).rpc, "eth_blockNumber")
    return int(answer, 16) if isinstance(answer, str) and answer.startswith("0x") else None


def ping_height(cluster: Cluster, name: str, sender: str) -> int | None:
    """Ping a node as one of its peers does, signed with that peer's key; return the height it tells, or None."""
    key = PrivateKey.from_hex(cluster.key(sender).private)
    body = {"height": 1}
    signature = sign_text("/p2p/ping", canonical(body).decode(), key.address, key, int(time.time() * 1000))
    url = f"{cluster.node(name).p2p}/p2p/ping"
    try:
        answer = fetch(url, body={**body, "_auth": signature}, timeout_seconds=ANSWER_SECONDS)
        height = json.loads(answer.body).get("height")
    except (*FAILURES, ValueError, AttributeError):
        return None
    return height if isinstance(height, int) else None


def gossip_of(cluster: Cluster, name: str, sender: str) -> dict[str, int]:
    """Ask a node, as one of its peers, how much its peers have told it (``stats`` of its page); {} for no answer."""
    key = PrivateKey.from_hex(cluster.key(sender).private)
    signed = sign_text("/p2p/node-info", "{}", key.address, key, int(time.time() * 1000))
    url = f"{cluster.node(name).p2p}/p2p/node-info"
    try:
        answer = fetch(url, headers={HEADER: json.dumps(signed)}, timeout_seconds=ANSWER_SECONDS)
        stats: dict[str, int] = json.loads(answer.body).get("stats", {})
    except (*FAILURES, ValueError, AttributeError):
        return {}
    return stats


def rpc_answers(cluster: Cluster, name: str) -> bool:
    """Whether a node's RPC tells its height."""
    return height_of(cluster, name) is not None


def up_trouble(cluster: Cluster, names: Iterable[str]) -> str:
    """Return which nodes' RPC does not answer, in words; "" if all do."""
    silent = [name for name in names if not rpc_answers(cluster, name)]
    return f"the RPC of {', '.join(silent)} does not answer" if silent else ""


def level_trouble(cluster: Cluster, names: Iterable[str], others: Iterable[str] | None = None) -> str:
    """Return which nodes' RPC does not answer, or lags more than a block behind the highest other; "" if none.

    ``others`` are all that are not named, if nothing is said. They are asked first: a starved look then sees a node
    higher than it was, never lower.
    """
    asked = tuple(names)
    if not asked:
        return ""
    compared = tuple(cluster.spec.names if others is None else others)
    compared = tuple(name for name in compared if name not in asked) or asked
    tips = at_once(lambda name: height_of(cluster, name), compared)
    tip = max((height for height in tips.values() if height is not None), default=None)
    if tip is None:
        return f"the RPC of {', '.join(tips)} does not answer, so that there is nothing to compare with"
    heights = at_once(lambda name: height_of(cluster, name), asked)
    silent = [name for name, height in heights.items() if height is None]
    if silent:
        return f"the RPC of {', '.join(silent)} does not answer"
    low = {name: height for name, height in heights.items() if height is not None and height < tip - 1}
    behind = [f"{name} is at height {height}" for name, height in low.items()]
    return f"{', '.join(behind)}; the highest is at {tip}" if behind else ""


def running_trouble(scene: Scene) -> str:
    """Return which nodes of a fault that is over do not run, or do not answer; "" if all do.

    Nothing is demanded of a node that another fault holds down, and no answer of one that another fault hinders.
    """
    states = {name: scene.cluster.state(name) for name in scene.free}
    idle = [f"the process of {name} is {state}" for name, state in states.items() if state != RUNNING]
    return "; ".join(idle) or up_trouble(scene.cluster, scene.able)


def back_trouble(scene: Scene) -> str:
    """Return which nodes of a fault that is over do not run, or are not level with the others; "" if all are.

    What other faults do is taken into account as in :func:`running_trouble`. Of a node from or to which another fault
    cuts an edge no more than an answer is demanded: it may have nobody to fetch blocks from.
    """
    holds, number = scene.holds, scene.number
    cut_off = holds.cut_off(besides=number)
    apart = cut_off | holds.down(besides=number) | holds.slow(besides=number)
    level = [name for name in scene.able if name not in cut_off]
    return running_trouble(scene) or level_trouble(
        scene.cluster, level, (name for name in scene.others if name not in apart)
    )


def gone_trouble(cluster: Cluster, names: Iterable[str]) -> str:
    """Return which nodes are not down: a node that is there, or an RPC port that does not refuse; "" if all are."""
    troubles = []
    for name in names:
        state = cluster.state(name)
        met = reach(address_of(cluster.node(name).rpc))
        if state != GONE:
            troubles.append(f"the process of {name} is {state}")
        elif met is not Reach.REFUSED:
            troubles.append(f"the RPC port of {name} {met}")
    return "; ".join(troubles)


def reach_trouble(scene: Scene, edges: Iterable[Edge], wish: Wish | None) -> str:
    """Look at edges, all at once; return those that are not as they must be if the scene's fault wishes this of them.

    What other faults wish of them counts, too. Each is read back from its server. Those that must refuse, be silent or
    be whole are probed on fresh connections. The same probe goes to each target directly, for a target that does not
    answer there would prove nothing of its edges: those of a target that a fault holds down are not probed, nor those
    of one that a fault hinders and that does not answer.
    """
    chosen = tuple(edges)
    faulty = scene.cluster.edges.differing(chosen, scene.number, wish)
    # Where others do the same to an edge nothing but this tells whether the scene's fault does it, too.
    other = [edge for edge in chosen if scene.cluster.edges.wish_of(edge, scene.number) != wish]
    faulty = dict.fromkeys(other, f"the fault {'does' if wish is None else 'does not do'} it") | faulty
    wanted = {edge: _reach_of(scene, edge, wish) for edge in chosen}
    down, slow = scene.holds.down(), scene.holds.slow()
    asked = {edge for edge in chosen if edge.target not in down and wanted[edge] is not None}
    direct = at_once(lambda end: reach(end, ANSWER_SECONDS), tuple({edge.far for edge in asked}))
    dumb = {edge for edge in asked if direct[edge.far] is not Reach.ANSWERS}
    probed = {edge for edge in chosen if wanted[edge] is Reach.REFUSED} | (asked - dumb)
    met = at_once(lambda edge: reach(edge.near), tuple(edge for edge in chosen if edge in probed))
    troubles = [f"{edge} {found}" for edge, found in met.items() if found is not wanted[edge]]
    troubles += [f"{edge}: {fault}" for edge, fault in faulty.items() if edge not in met or met[edge] is wanted[edge]]
    silent = {edge.far: direct[edge.far] for edge in chosen if edge in dumb and edge.target not in slow}
    troubles += [f"what listens on {host}:{port} directly {found}" for (host, port), found in silent.items()]
    return "; ".join(troubles)


def _reach_of(scene: Scene, edge: Edge, wish: Wish | None) -> Reach | None:
    """Return what a probe must meet on an edge; None where toxics alone decide it, which a probe can't foretell."""
    wishes = (*scene.cluster.edges.wishes(edge, scene.number), *([wish] if wish is not None else []))
    if any(each.refuses for each in wishes):
        return Reach.REFUSED
    if any(each.silences for each in wishes):
        return Reach.SILENT
    return None if wishes else Reach.ANSWERS


@dataclass(frozen=True)
class Exchange:
    """A request on a fresh connection: what came back, and when; None for what did not happen within the limit."""

    received: bytes = b""
    first_seconds: float | None = None
    end_seconds: float | None = None
    reset: bool = False

    @property
    def whole(self) -> bool:
        """Whether an answer came whole and the connection was closed in order."""
        if self.end_seconds is None:
            return False
        end = _End()
        try:
            httptools.HttpResponseParser(end).feed_data(self.received)
        except httptools.HttpParserError:
            return False
        return end.seen


class _End:
    """Hears from the parser that an answer is whole."""

    seen = False

    def on_message_complete(self) -> None:
        """Note it."""
        self.seen = True


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
