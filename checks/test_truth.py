"""What a node says of itself against what is true; beside each line of the daily checklist the truth behind it."""

from __future__ import annotations

from itertools import pairwise

from prowl.checks import chain
from prowl.checks.registry import check
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.survey.heights import answers, fits
from prowl.fixtures.survey.survey import Look, NodeView
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Claim, Unknown

LAG_BLOCKS = 3  # the spread that COC's own rules take for a fork
BEHIND_BLOCKS = 10  # as many intervals as a pause may last
STAMP_SECONDS = 1  # blocks are stamped in whole seconds
MEMORY_PART = 0.1
MEMORY_BYTES = 4_000_000
MB = 1e6
GROWTH_SECONDS = 24 * 3600
WARM_SECONDS = 3600.0  # until then a node fills its caches

STALL = "Failure Recovery > Consensus Stall: check if more than 1/3 of the validators are down"
PARTITION = "Failure Recovery > Network Partition: compare heights across nodes"


@check("truth/height", needs=("rpc", "metrics"), next=PARTITION)
def test_height_is_true(node: NodeView) -> None:
    """The height on the metrics page and of eth_blockNumber is the height of the blocks that the node shows."""
    heights = node.heights("the heights agree with the latest block")
    newest = heights[-1][1]
    before = heights[-2][1] - chain.REORGANISED_BLOCKS
    latest = chain.head(node, f"heights from {before}").number
    expected = (
        f"coc_block_height and eth_blockNumber from {before} (the look before) to {latest} (the block shown after)"
    )
    metric = node.metric("coc_block_height", expected)
    fits = all(before <= height <= latest for height in (metric, newest))
    node.expect(expected, fits, f"coc_block_height {metric:g}, eth_blockNumber {newest}, latest block {latest}")


@check("truth/lag", needs=("rpc", "others"), next=PARTITION)
def test_at_the_tip(node: NodeView) -> None:
    """A node is at most three blocks behind the others."""
    expected = f"at most {LAG_BLOCKS} blocks behind the highest of the others"
    height = node.heights(expected)[-1][1]
    lag = chain.lag_blocks(node, expected)
    tip = node.survey.curves.height(float("inf"))
    node.expect(
        expected, lag <= LAG_BLOCKS, f"height {height}, {lag} blocks behind; the highest that was seen is {tip}"
    )


@check("truth/pace", needs="rpc", next=STALL)
def test_pace(network: NetworkView) -> None:
    """Between two blocks no more time passes than a pause may last."""
    allowed = network.survey.declared.pause_seconds + STAMP_SECONDS
    expected = f"at most {allowed:.0f} s between two of the last blocks"
    blocks = chain.recent(network.survey)
    if len(blocks) < 2:
        raise Unknown(Claim(expected, f"{len(blocks)} consecutive blocks after block 1 were shown, too few to tell"))
    gaps = {later.number: later.timestamp - earlier.timestamp for earlier, later in pairwise(blocks)}
    slowest = max(gaps, key=lambda number: gaps[number])
    observed = f"blocks {blocks[0].number} to {blocks[-1].number}: at most {gaps[slowest]} s, before block {slowest}"
    if gaps[slowest] > allowed and not chain.can_tell_pauses(network.survey):
        raise Unknown(Claim(expected, f"{observed}; {chain.YOUNG}"))
    network.expect(expected, gaps[slowest] <= allowed, observed)


@check("truth/same-chain", needs=("rpc", "others"), next=PARTITION, gate=True)
def test_same_chain(network: NetworkView) -> None:
    """All nodes have the same hash and the same state root at the same height."""
    height = network.survey.common_height
    expected = f"one hash and one state root at height {height}"
    if height is None:
        raise Unknown(Claim("one hash at one height", "no height is known that all nodes have reached"))
    at_common = _agreed_at(network, height, expected)
    for higher in (each for each in network.survey.shared_heights if each > height):  # what some nodes lag behind
        _agreed_at(network, higher, f"one hash and one state root at height {higher}")
    blocks = [block for block in chain.recent(network.survey) if block.number <= height]
    transactions = sum(block.transactions for block in blocks)
    proof = (
        f"state root {chain.short(at_common[1])} after {transactions} transactions in the last {len(blocks)} blocks"
        if transactions
        else f"no transaction in the last {len(blocks)} blocks: that the state roots are equal proves nothing new"
    )
    network.expect(expected, True, f"{chain.short(at_common[0])} on {len(network.nodes)} nodes; {proof}")


def _agreed_at(network: NetworkView, height: int, expected: str) -> tuple[str, str]:
    """Return the hash and the state root of all nodes that have come to a height."""

    def hash_of(node: NodeView) -> tuple[str, str] | None:
        block = node.seen.blocks.get(height)
        if block is not None:
            return block.hash, block.state_root
        newest = node.seen.looks[-1].height if node.seen.looks else None
        if newest is not None and newest < height:
            return None
        raise Unknown(Claim(expected, node.seen.blocks_problem or f"no block {height} was shown"))

    found: tuple[str, str] = chain.agreed(network, expected, hash_of)
    return found


@check("truth/consensus", needs=("rpc", "metrics"), next=STALL, gate=True)
def test_state_is_true(node: NodeView) -> None:
    """A node whose chain stands still does not say that it is healthy."""
    expected = f"coc_consensus_state is not 0 once no block has come for {node.survey.declared.pause_seconds:.0f} s"
    state = node.metric("coc_consensus_state", expected)
    moving = chain.moves(node, expected)
    node.expect(expected, moving or state != 0, f"coc_consensus_state {state:g}, {_motion(node)}")


@check("truth/health", needs="rpc", next=STALL)
def test_health_is_true(node: NodeView) -> None:
    """A node that is behind the others, or whose chain stands still, does not answer ok at its health address."""
    stood = node.survey.declared.pause_seconds
    expected = (
        f"no health address says ok while it is {BEHIND_BLOCKS} blocks behind, or no block came for {stood:.0f} s"
    )
    asked = chain.for_operators(node.seen.health)
    answered = [answer for answer in asked if answer.status is not None]
    if not answered:
        problem = asked[0].problem if asked else "no health address was asked"
        raise Unknown(Claim(expected, problem))
    moving = chain.moves(node, expected)
    # The head was asked after the last look and before the health: a chain that goes on by then has a right to its ok.
    moving = moving or chain.head(node, expected).number > max(height for _look, height in node.heights(expected))
    lag = chain.lag_blocks(node, expected) if moving and len(node.survey.nodes) > 1 else 0
    well = [answer.url for answer in answered if answer.status == 200]
    observed = f"{', '.join(well) or 'none'} said ok; {_motion(node)}{f', {lag} blocks behind' if lag else ''}"
    node.expect(expected, not well or (moving and lag < BEHIND_BLOCKS), observed)


def _motion(node: NodeView) -> str:
    heights = node.heights("heights")
    (first, low), (last, high) = heights[0], heights[-1]
    return f"height {low} at {first.clock}, {high} at {last.clock}"


@check("truth/peers", needs=("rpc", "metrics", "others"), next=PARTITION)
def test_peers_are_true(node: NodeView) -> None:
    """The peer count is the number of peers that answer, after three round time-outs at the latest."""
    allowed = node.survey.declared.signal_seconds
    expected = f"coc_peers_connected is the number of peers that answer, within {allowed:.0f} s"
    node.metric("coc_peers_connected", expected)
    named = node.seen.named_validators
    listed = (len(node.survey.declared.validators) or len(named.result if named else ())) <= node.survey.validators
    wrong_since, observed, count = None, "", 0.0
    truth: tuple[int, int] | None = None
    for look in node.seen.looks:
        read = look.metric("coc_peers_connected").value
        if read is None:
            wrong_since = None
            continue
        own, together = answers(look, node.seen.role), node.survey.curves.answering(look.at)
        count, before, truth = read, truth, together
        observed = f"{count:g} counted, {together[0] - own[0]} answered"
        if fits(count, own, together, listed):
            wrong_since = None
        elif wrong_since is None or truth != before:  # from when it became wrong, or what is true last changed
            wrong_since = look.at
    stretch = node.seen.looks[-1].at - wrong_since if wrong_since is not None else 0.0
    if wrong_since is not None and stretch < allowed:
        raise Unknown(Claim(expected, f"{observed}, but only watched for {stretch:.1f} s"))
    observed += f" for {stretch:.0f} s" if stretch else ""
    if wrong_since is not None and _names_strangers(node, count):
        raise Unknown(
            Claim(expected, f"{observed}; it names as many peers: {node.survey.target} lists not all of them")
        )
    if wrong_since is not None:
        others = [name for name, seen in node.survey.nodes.items() if name != node.name and _answered(seen.looks)]
        observed += f" ({chain.some(others) or 'nobody'})"
    node.expect(expected, wrong_since is None, observed)


def _answered(looks: tuple[Look, ...]) -> bool:
    return bool(looks) and looks[-1].height is not None


def _names_strangers(node: NodeView, count: float) -> bool:
    """Whether a node names, one by one, more peers than the target has other nodes: then some are not listed there."""
    answer = node.seen.answers.get("coc_getPeers")
    rows = answer.result if answer is not None and isinstance(answer.result, list) else []
    ids = {str(row.get("id")).lower() for row in rows if isinstance(row, dict) and row.get("id")}
    return not node.survey.declared.owned and len(node.survey.nodes) - 1 < count <= len(ids)


@check("truth/topology", needs="metrics", advisory=True, next="read the manual's 3 as 'all others' on this network")
def test_topology(network: NetworkView, limits: Limits) -> None:
    """The network has validators enough for each node to have as many peers as the manual asks for."""
    expected = f"each node has at least {limits.peers} other validators"
    validators = network.survey.known_validators
    if validators is None:
        raise Unknown(Claim(expected, "one node alone was looked at, and it names no validators"))
    fewest = min((validators - (node.seen.role == "validator") for node in network.nodes), default=0)
    observed = f"{validators} validators: {fewest} others for each"
    observed += "" if fewest >= limits.peers else f", so that the manual's line (>= {limits.peers}) can't be met"
    network.expect(expected, fewest >= limits.peers, observed)


@check("truth/memory", needs=("metrics", "host"), next="trust the host's figures (ps, top), not this metric")
def test_memory_is_true(node: NodeView) -> None:
    """The memory on the metrics page is what the kernel says that the process uses."""
    expected = f"coc_process_memory_bytes within {MEMORY_PART:.0%} (or {MEMORY_BYTES / MB:.0f} MB) of the process's own"
    running = node.seen.host.running if node.seen.host is not None else None
    if running is None or running.resident_bytes is None:
        raise Unknown(Claim(expected, running.problem if running and running.problem else "the process was not seen"))
    newest = node.metric("coc_process_memory_bytes", expected)
    metrics = (look.metric("coc_process_memory_bytes").value for look in node.seen.looks)
    said = [value for value in metrics if value is not None]
    # The process was looked at once, at some time of the survey: the reading that is nearest is of about that time.
    really = running.resident_bytes
    nearest = min(said, key=lambda value: abs(value - really))
    observed = f"{nearest / MB:.1f} MB said, {really / MB:.1f} MB resident (process {running.pid})"
    observed += f", {(newest - said[0]) / MB:+.1f} MB since the first look"
    node.expect(expected, abs(nearest - really) <= max(MEMORY_PART * really, MEMORY_BYTES), observed)


@check("truth/growth", needs=("metrics", "earlier"), advisory=True, next="Failure Recovery > Out of Memory")
def test_memory_does_not_grow(node: NodeView, limits: Limits) -> None:
    """At the pace since an earlier run's look, a node's memory stays below its limit for a day."""
    expected = f"below {limits.memory_bytes / MB:.0f} MB for {GROWTH_SECONDS / 3600:.0f} h more, at the pace so far"
    before = node.survey.earlier.get(node.name)
    if before is None:
        raise Unknown(Claim(expected, "the earlier run saw no memory and uptime of this node"))
    memory = node.metric("coc_process_memory_bytes", expected)
    uptime = node.metric("coc_uptime_seconds", expected)
    passed = node.seen.looks[-1].at - before.at
    if uptime < before.uptime_seconds or before.uptime_seconds < WARM_SECONDS or passed <= 0:
        why = "it has been restarted since then" if uptime < before.uptime_seconds else "it was young then"
        node.expect(expected, memory < limits.memory_bytes, f"{memory / MB:.1f} MB; no pace is known, for {why}")
        return
    pace = (memory - before.memory_bytes) / passed
    observed = f"{before.memory_bytes / MB:.1f} MB {passed / 3600:.1f} h ago, {memory / MB:.1f} MB now"
    node.expect(expected, memory + pace * GROWTH_SECONDS < limits.memory_bytes, observed)
