"""Readiness for an upgrade: what an ordinary run need not hold, and a network must before its first node is stopped."""

from __future__ import annotations

from prowl.checks import chain
from prowl.checks.registry import check
from prowl.checks.test_truth import LAG_BLOCKS
from prowl.checks.test_validators import FUTURE_SECONDS, stakes_of
from prowl.fixtures.survey.survey import NodeView
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Claim, Unknown

MOST_PENDING = 500  # from there on COC's own rules speak of a backlog
STAMP_SECONDS = 1

WAIT = "wait, and ask again before the first node is stopped"


@check("gate/answers", needs=("rpc", "metrics"), gate=True, next="Failure Recovery > Consensus Stall: check all nodes")
def test_answers(node: NodeView) -> None:
    """A node answers at each of its addresses."""
    expected = "RPC and metrics answer, and a health address says ok"
    look = node.seen.looks[-1] if node.seen.looks else None
    if look is None:
        raise Unknown(Claim(expected, "the node was never looked at"))
    problem = (look.height_problem if look.height is None else "") or look.page_problem
    if problem:
        raise Unknown(Claim(expected, problem))
    answered = [answer for answer in chain.for_operators(node.seen.health) if answer.status is not None]
    well = [answer.url for answer in answered if answer.status == 200]
    observed = "; ".join(f"{answer.url}: {answer.status or answer.problem}" for answer in node.seen.health)
    if not answered:
        raise Unknown(Claim(expected, f"height {look.height}; {observed or 'no health address was asked'}"))
    node.expect(expected, bool(well), f"height {look.height}; {observed}")


@check("gate/spare-quorum", needs="rpc", gate=True, next="Upgrade Procedure: update one node at a time")
def test_spare_quorum(network: NetworkView) -> None:
    """With any one validator fewer there is still a quorum."""
    expected = "more than 2/3 of the stake answers without the largest of the validators that do"
    stakes = stakes_of(network.survey)
    if not stakes.total:
        raise Unknown(Claim(expected, "the target names no validator"))
    left = sum(stakes.answering.values()) - max(stakes.answering.values(), default=0)
    observed = f"{len(stakes.answering)} of {stakes.validators} validators answer; "
    stakes.expect(network, expected, left, f"{observed}with one fewer {left / stakes.total:.1%} of the stake")


@check("gate/tip-spread", needs=("rpc", "others"), gate=True, next=WAIT)
def test_tip_spread(network: NetworkView) -> None:
    """All nodes are at the tip together."""
    expected = f"no node is more than {LAG_BLOCKS} blocks behind"
    unseen, lags = [], {}
    for node in network.nodes:
        try:
            node.heights(expected)
            lags[node.name] = chain.lag_blocks(node, expected)
        except Unknown as error:
            unseen.append(f"{node.name}: {error.claim.observed}")
    behind = [f"{name}: {lag} blocks" for name, lag in lags.items() if lag > LAG_BLOCKS]
    if unseen and not behind:
        raise Unknown(Claim(expected, chain.some(unseen, "; ")))
    observed = f"{len(lags)} nodes at most {max(lags.values(), default=0)} blocks behind"
    network.expect(expected, not behind, chain.some(behind) or observed)


@check("gate/head-age", needs="rpc", gate=True, next="Failure Recovery > Consensus Stall")
def test_head_age(network: NetworkView) -> None:
    """The newest block is no older than a pause may last."""
    allowed = network.survey.declared.pause_seconds + STAMP_SECONDS
    expected = f"the newest block is at most {allowed:.0f} s old"
    blocks = (block for node in network.nodes for block in node.seen.blocks.values())
    newest = max(blocks, key=lambda block: block.number, default=None)
    if newest is None:
        raise Unknown(Claim(expected, "no block was shown"))
    age = newest.seen_at - newest.timestamp
    observed = f"block {newest.number} was {age:.0f} s old"
    if age < -FUTURE_SECONDS:
        raise Unknown(Claim(expected, f"{observed}: by clocks so far apart its age can't be told"))
    if age > allowed and not chain.can_tell_pauses(network.survey):
        raise Unknown(Claim(expected, f"{observed}; {chain.YOUNG}"))
    network.expect(expected, age <= allowed, observed)


@check("gate/mempool", needs="metrics", gate=True, next=WAIT)
def test_mempool(node: NodeView) -> None:
    """A node's mempool has no backlog."""
    expected = f"coc_tx_pool_pending < {MOST_PENDING}"
    pending = node.metric("coc_tx_pool_pending", expected)
    node.expect(expected, pending < MOST_PENDING, node.history("coc_tx_pool_pending"))
