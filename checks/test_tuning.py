"""The manual's performance tuning: advice, printed and counted; and the switches that no network may run with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from prowl.checks import backups
from prowl.checks.registry import check
from prowl.fixtures.hosts.facts import Running
from prowl.fixtures.survey.survey import NodeView
from prowl.reports.findings import Claim, Unknown

CACHE_SIZE = 2000
SMALL_CACHE_SIZE = 500  # what the manual says after an out of memory
MAX_PEERS = 100
MAX_REQUESTS = 500
OPEN_FILES = 65_535
UNLIMITED = -1
MB = 1e6

# A switch of the node's environment, and what the network loses by it.
UNSAFE = {
    "COC_DEV_RELAXED_QUORUM": "a quorum is less than two thirds",
    "COC_UNSAFE_ADVERSARIAL_SPEC_ROOT": "the state root is not that of the rules",
    "COC_RPC_RATE_LIMIT_DISABLED": "no limiter of the process is on, of P2P and BFT neither",
}
OFF = {"", "0", "false"}


@check("tuning/cache", needs="host", advisory=True, next="Performance Tuning > LevelDB Cache")
def test_cache(node: NodeView) -> None:
    """The LevelDB cache has the recommended size, or the small one of a node that ran out of memory."""
    expected = f"storage.cacheSize {CACHE_SIZE} or more (or {SMALL_CACHE_SIZE}), backend leveldb"
    storage = _config(node, expected).get("storage")
    values: Mapping[str, Any] = storage if isinstance(storage, dict) else {}
    size, backend = values.get("cacheSize"), values.get("backend", "leveldb")
    fits = _number(size) and (size >= CACHE_SIZE or size == SMALL_CACHE_SIZE)
    node.expect(expected, fits and backend == "leveldb", f"cacheSize {_told(size)}, backend {backend}")


@check("tuning/p2p", needs="host", advisory=True, next="Performance Tuning > P2P Connections")
def test_p2p(node: NodeView) -> None:
    """The limits of P2P have the recommended size."""
    expected = f"p2pMaxPeers {MAX_PEERS} or more, p2pRateLimitMaxRequests {MAX_REQUESTS} or more"
    values = _config(node, expected)
    peers, requests = values.get("p2pMaxPeers"), values.get("p2pRateLimitMaxRequests")
    fits = _number(peers) and peers >= MAX_PEERS and _number(requests) and requests >= MAX_REQUESTS
    node.expect(expected, fits, f"p2pMaxPeers {_told(peers)}, p2pRateLimitMaxRequests {_told(requests)}")


def _config(node: NodeView, expected: str) -> Mapping[str, Any]:
    config = backups.host_of(node, expected).config
    if config is None or config.problem:
        raise Unknown(Claim(expected, config.problem if config else "where the node's configuration lies is not known"))
    return config.values


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(value: object) -> str:
    return str(value)[:40] if value is not None else "not set"


@check("tuning/descriptors", needs="host", advisory=True, next="Performance Tuning > File Descriptors")
def test_descriptors(node: NodeView) -> None:
    """The running process may open 65535 files."""
    expected = f"at least {OPEN_FILES} open files"
    running = _running(node, expected)
    if running.open_files is None:
        raise Unknown(Claim(expected, running.limits_problem or "its limits were not seen"))
    allowed = "any number" if running.open_files == UNLIMITED else f"{running.open_files:,}"
    fits = running.open_files == UNLIMITED or running.open_files >= OPEN_FILES
    node.expect(expected, fits, f"process {running.pid} may open {allowed}")


def _running(node: NodeView, expected: str) -> Running:
    running = backups.host_of(node, expected).running
    if running is None or running.problem:
        raise Unknown(Claim(expected, running.problem if running else "the node's process was not seen"))
    return running


@check("tuning/swap", needs="host", advisory=True, next="Failure Recovery > Out of Memory: consider adding swap")
def test_swap(node: NodeView) -> None:
    """The host has swap space."""
    expected = "some swap"
    swap = backups.host_of(node, expected).swap
    if swap is None or swap.total_bytes is None:
        raise Unknown(Claim(expected, swap.problem if swap else "the host's memory was not seen"))
    node.expect(expected, swap.total_bytes > 0, f"{swap.total_bytes / MB:.0f} MB of swap")


@check("tuning/unsafe-switches", needs="host", gate=True, next="unset the variable and restart the node")
def test_unsafe_switches(node: NodeView) -> None:
    """No switch is on in a node's environment that a network must not run with."""
    expected = f"none of {', '.join(UNSAFE)} is set"
    running = _running(node, expected)
    if running.environment_problem:
        raise Unknown(Claim(expected, running.environment_problem))
    on = {name: value for name, value in running.environment.items() if name in UNSAFE and value.lower() not in OFF}
    if node.survey.declared.owned:  # a run's own nodes share an address, and limiters count by address
        on.pop("COC_RPC_RATE_LIMIT_DISABLED", None)
    observed = "; ".join(f"{name}={value}: {UNSAFE[name]}" for name, value in on.items())
    node.expect(expected, not on, observed or f"process {running.pid} has none")
