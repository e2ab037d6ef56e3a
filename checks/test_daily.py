"""The manual's daily checklist: one promise a function, one item a node."""

from __future__ import annotations

from itertools import pairwise

from prowl.checks import chain
from prowl.checks.registry import check
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.survey.survey import NodeView
from prowl.reports.findings import Broken, Claim, Unknown

GB = 1e9


@check(
    "daily/block-height",
    gate=True,
    next="Failure Recovery > Consensus Stall: check if more than 1/3 of the validators are down",
)
def test_block_height(node: NodeView) -> None:
    """The block height increases."""
    expected = f"{node.survey.height_source} rises within {node.survey.window_seconds:.0f} s"
    heights = node.heights(expected)
    (first, low), (last, high) = heights[0], heights[-1]
    observed = f"{low} at {first.clock}, {high} at {last.clock}"
    for (earlier, before), (later, after) in pairwise(heights):
        if after < before - chain.REORGANISED_BLOCKS:
            raise Broken(
                Claim(expected, f"{observed}; it fell from {before} at {earlier.clock} to {after} at {later.clock}")
            )
    node.expect(expected, chain.moves(node, expected), observed)


@check(
    "daily/consensus", gate=True, next="Failure Recovery > Consensus Stall: check all nodes, restart the affected ones"
)
def test_consensus(node: NodeView) -> None:
    """The consensus state is 0 (healthy)."""
    expected = "coc_consensus_state = 0"
    state = node.metric("coc_consensus_state", expected)
    observed = node.history("coc_consensus_state")
    if state == -1:
        raise Unknown(Claim(expected, f"the node itself says that it does not know its state: {observed}"))
    node.expect(expected, state == 0, observed)


@check("daily/peers", gate=True, next="Failure Recovery > Network Partition: compare heights across nodes")
def test_peer_count(node: NodeView, limits: Limits) -> None:
    """A node is connected to at least three peers (or to all other validators, where there are fewer)."""
    validators = node.survey.known_validators
    others = validators - (node.seen.role == "validator") if validators is not None else None
    least = min(limits.peers, others) if others is not None else limits.peers
    expected = f"coc_peers_connected >= {least}"
    peers = node.metric("coc_peers_connected", expected)
    node.expect(expected, peers >= least, node.history("coc_peers_connected"))


@check("daily/memory", gate=True, next="Failure Recovery > Out of Memory: restart the node, reduce storage.cacheSize")
def test_memory(node: NodeView, limits: Limits) -> None:
    """A node's resident memory is below 2 GB."""
    expected = f"coc_process_memory_bytes < {limits.memory_bytes:.4g}"
    memory = node.metric("coc_process_memory_bytes", expected)
    node.expect(expected, memory < limits.memory_bytes, node.history("coc_process_memory_bytes", " GB", GB))


@check(
    "daily/disk",
    gate=True,
    needs="data_dir",
    next="free space, or delete backups older than seven days (Backup Strategy)",
)
def test_disk(node: NodeView, limits: Limits) -> None:
    """The space of a node's data directory is less than 80 % used."""
    expected = f"used < {limits.disk_percent} %"
    disk = node.seen.disk
    if disk is None or disk.used_bytes is None or not disk.total_bytes:
        raise Unknown(Claim(expected, disk.problem if disk else "nothing was read of the data directory"))
    percent = -(-100 * disk.used_bytes // disk.total_bytes)  # df rounds up
    node.expect(expected, percent < limits.disk_percent, f"{percent} % of {disk.what}")
