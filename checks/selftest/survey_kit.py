"""Surveys as plain values, so that a check is judged without a network: healthy unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prowl.fixtures.clients.metrics_page import Metric, believed
from prowl.fixtures.hosts.facts import HostFacts
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.network import Validator
from prowl.fixtures.survey.survey import Answer, BlockSeen, Declared, HealthAnswer, Look, NodeSurvey, NodeView, Survey
from prowl.fixtures.survey.view import NetworkView, View
from prowl.reports.findings import Claim, NotHeld

HELD, BROKEN, UNKNOWN = "held", "broken", "unknown"
NOW = 1_800_000_000.0
HEIGHT = 100
ADDRESSES = {f"node-{number}": f"0x{number:040x}" for number in range(1, 9)}
DECLARED = Declared(
    pause_seconds=12.0,
    signal_seconds=6.0,
    chain_id=18780,
    validators=tuple(Validator(ADDRESSES[f"node-{number}"], 10**18) for number in range(1, 5)),
    addresses={f"node-{number}": ADDRESSES[f"node-{number}"] for number in range(1, 5)},
)


def block(number: int, fork: str = "", root: str = "0xroot", transactions: int = 0, stamp: float | None = None,
          proposer: str | None = None) -> BlockSeen:  # fmt: skip
    """A block of a chain with a block a second, proposed in turn by four; the newest is stamped ``NOW``."""
    return BlockSeen(
        number=number,
        hash=f"0xhash{number}{fork}",
        parent=f"0xhash{number - 1}{fork}",
        state_root=root,
        proposer=proposer or ADDRESSES[f"node-{(number - 1) % 4 + 1}"],
        timestamp=int(NOW - HEIGHT + number if stamp is None else stamp),
        transactions=transactions,
        seen_at=NOW + 1,
    )


def chain(low: int = HEIGHT - 9, high: int = HEIGHT, **fields: Any) -> dict[int, BlockSeen]:
    """Blocks from one height to another."""
    return {number: block(number, **fields) for number in range(low, high + 1)}


def look(at: float, height: int | None, **metrics: float | None) -> Look:
    """A look at a node; a metric of None is missing from its page, a height of None was not answered."""
    page = {
        "coc_block_height": height,
        "coc_consensus_state": 0,
        "coc_peers_connected": 3,
        "coc_process_memory_bytes": 2e8,
        "coc_bft_equivocations_total": 0,
        "coc_tx_pool_pending": 0,
        **metrics,
    }
    if height is None and not metrics:
        return Look(at, None, "it did not answer", {}, "it did not answer")
    missing = {name: Metric(None, f"{name} is missing") for name in page}
    read = {**missing, **{name: believed(name, value) for name, value in page.items() if value is not None}}
    return Look(at, height, "" if height is not None else "it did not answer", read)


def node(name: str = "node-1", looks: Iterable[Look] | None = None, **fields: Any) -> NodeSurvey:
    """A healthy validator."""
    values: dict[str, Any] = {
        "role": "validator",
        "health": (HealthAnswer("http://x/health", 200),),
        "blocks": chain(),
        "answers": answers(),
        **fields,
    }
    seen = (look(NOW - 1, HEIGHT - 1), look(NOW, HEIGHT)) if looks is None else tuple(looks)
    return NodeSurvey(name=name, looks=seen, **values)


def answers(**fields: Any) -> dict[str, Answer]:
    """What the RPC answered once; None is a method that did not answer."""
    rows: dict[str, Any] = {
        "web3_clientVersion": "COC/0.2",
        "eth_chainId": "0x495c",
        "coc_getValidators": [{"id": a, "address": a} for a in list(ADDRESSES.values())[:4]],
        **fields,
    }
    return {name: Answer(NOW, row, "" if row is not None else f"{name}: no answer") for name, row in rows.items()}


def survey(*nodes: NodeSurvey, declared: Declared = DECLARED, **fields: Any) -> Survey:
    """A survey of these nodes, and of healthy ones up to four."""
    every = {seen.name: seen for seen in nodes}
    for number in range(1, 5):
        every.setdefault(f"node-{number}", node(f"node-{number}"))
    values: dict[str, Any] = {"common_height": HEIGHT - 1, "series": (), **fields}
    return Survey("kit", NOW - 2, 2.0, 12.0, 1.0, every, declared=declared, **values)


def hosts(facts: HostFacts, **fields: Any) -> Survey:
    """A survey whose node-1 has such a host."""
    return survey(node(host=facts, **fields))


def verdict(check: Callable[..., None], seen: Survey, name: str | None = "node-1") -> tuple[str, Claim]:
    """What a check says of a node (or of the network), and what it saw."""
    view: View = NodeView(seen, name) if name is not None and "node" in check.__annotations__ else NetworkView(seen)
    more: Mapping[str, object] = {"limits": Limits()} if "limits" in check.__annotations__ else {}
    try:
        check(view, **more)
    except NotHeld as error:
        return error.verdict.value, error.claim
    assert view.claim is not None
    return HELD, view.claim
