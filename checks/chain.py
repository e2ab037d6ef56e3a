"""What several checks read out of a survey's heights and blocks; pure, and nothing here decides a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prowl.fixtures.survey.survey import BlockSeen, HealthAnswer, NodeView, Survey
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Broken, Claim, Unknown

REORGANISED_BLOCKS = 1  # the tip of a chain without finality may be given up between two looks
YOUNG_BLOCKS = 7  # the first has no stamp, and five steps are needed
YOUNG = "how long a pause may last is not known: the chain is too young to tell its block interval (an inventory may)"


NOT_HERE = (404, 405)


def for_operators(asked: Iterable[HealthAnswer]) -> list[HealthAnswer]:
    """Return the health answers by which an operator judges a node, of all that were asked.

    That of the P2P port, by which peers see that the process lives, counts only where the node has no other: one that
    did not answer is there all the same.
    """
    every = list(asked)
    return [answer for answer in every if not answer.of_p2p and answer.status not in NOT_HERE] or every


def head(node: NodeView, expected: str) -> BlockSeen:
    """Return the newest block that a node showed; Unknown if it showed none."""
    if not node.seen.blocks:
        raise Unknown(Claim(expected, node.seen.blocks_problem or "the node showed no block"))
    return node.seen.blocks[max(node.seen.blocks)]


def lag_blocks(node: NodeView, expected: str) -> int:
    """Return by how many blocks a node was behind the others at its last two looks, at the better one of them.

    Others count with what they had answered before; none with more than the block that it could show afterwards.
    Unknown where no other height was known.
    """
    others = (seen for name, seen in node.survey.nodes.items() if name != node.name)
    if not any(seen.blocks and any(look.height is not None for look in seen.looks) for seen in others):
        raise Unknown(Claim(expected, "no other node showed a height and a block"))
    lags = []
    curves, own = node.survey.curves, [look for look in node.seen.looks if look.height is not None]
    for look in own[-2:]:
        at = look.at if look.asked_at is None else look.asked_at
        # Its own word alone is no measure of it.
        if curves.shown(at) > bool(node.seen.blocks and own[0].at <= at):
            lags.append(max(0, (curves.height(at) or 0) - (look.height or 0)))
    if not lags:
        raise Unknown(Claim(expected, "no other node's height was known before this one's"))
    return min(lags)


def standing_seconds(node: NodeView) -> float:
    """Return for how long a newest height was watched and did not rise: from when it came back, if that is later."""
    since, _rose = _last_rise(node)
    if since is None:
        return 0.0
    newest = next(look for look in reversed(node.seen.looks) if look.height is not None)
    up = newest.metric("coc_uptime_seconds").value
    return newest.at - since if up is None or up < 0 else min(newest.at - since, up)


def _last_rise(node: NodeView) -> tuple[float | None, bool]:
    """Return when a node's height rose last (or was first seen, or fell to where it is), and whether it ever rose.

    A tip that is given up and comes back is no rise.
    """
    level: int | None = None
    since, rose = None, False
    for look in node.seen.looks:
        if look.height is None:
            continue
        if level is None or not level - REORGANISED_BLOCKS <= look.height <= level:
            rose = rose or (level is not None and look.height > level)
            level, since = look.height, look.at
    return since, rose


def moves(node: NodeView, expected: str) -> bool:
    """Return whether a node's chain moves: True if it rose, False if it stood for longer than a pause may last.

    Unknown if it was not watched for long enough, or where it can't be known how long a pause may last.
    """
    heights = [height for _look, height in node.heights(expected)]
    stood, allowed = standing_seconds(node), node.survey.declared.pause_seconds
    _since, rose = _last_rise(node)
    if stood >= allowed and not (rose and node.survey.block_interval_seconds is None):
        if not can_tell_pauses(node.survey):
            raise Unknown(Claim(expected, f"height {heights[-1]} stood still for {stood:.0f} s; {YOUNG}"))
        return False
    if not rose:
        observed = f"height {heights[-1]} stood still, but was watched for {stood:.1f} s only"
        raise Unknown(Claim(expected, observed))
    return True


def can_tell_pauses(survey: Survey) -> bool:
    """Whether it is known how long a pause may last: a young chain has no interval, and perhaps nobody says it."""
    heights = (look.height for seen in survey.nodes.values() for look in seen.looks[-1:] if look.height is not None)
    return survey.block_interval_seconds is not None or max(heights, default=0) >= YOUNG_BLOCKS


def recent(survey: Survey) -> tuple[BlockSeen, ...]:
    """Return the longest run of consecutive blocks that one node showed, oldest first, without the genesis block.

    It goes on with the blocks of other nodes where these are its ancestors or descendants by their hashes.
    """
    runs = [_run(seen.blocks) for seen in survey.nodes.values()]
    run: list[BlockSeen] = max(runs, key=lambda run: (len(run), run[-1].number if run else 0), default=[])
    shown = [block for seen in survey.nodes.values() for block in seen.blocks.values() if block.number > 1]
    by_hash = {(block.number, block.hash): block for block in shown}
    by_parent = {(block.number, block.parent): block for block in shown}
    while run and (older := by_hash.get((run[0].number - 1, run[0].parent))) is not None:
        run.insert(0, older)
    while run and (newer := by_parent.get((run[-1].number + 1, run[-1].hash))) is not None:
        run.append(newer)
    return tuple(run)


def _run(blocks: Mapping[int, BlockSeen]) -> list[BlockSeen]:
    best: list[BlockSeen] = []
    run: list[BlockSeen] = []
    for number in sorted(blocks):
        if number <= 1:
            continue
        run = [*run, blocks[number]] if run and run[-1].number == number - 1 else [blocks[number]]
        best = run if len(run) >= len(best) else best
    return best


def agreed(network: NetworkView, expected: str, read: Callable[[NodeView], Any]) -> Any:
    """Return the one value that all nodes have; Broken if two differ, Unknown if one can't be seen.

    ``read`` returns a node's value or raises Unknown; a value None is a node that is not asked.
    """
    groups: dict[Any, list[str]] = {}
    unseen = []
    for node in network.nodes:
        try:
            value = read(node)
        except Unknown as error:
            unseen.append(f"{node.name}: {error.claim.observed}")
            continue
        if value is not None:
            groups.setdefault(value, []).append(node.name)
    if len(groups) > 1:
        observed = "; ".join(f"{short(value)} on {some(names)}" for value, names in groups.items())
        raise Broken(Claim(expected, observed))
    if unseen or not groups:
        raise Unknown(Claim(expected, some(unseen, "; ") or "no node was asked"))
    return next(iter(groups))


def short(value: object) -> str:
    """Return a value as a finding shows it."""
    if isinstance(value, tuple):
        return ", ".join(short(each) for each in value)
    text = str(value)
    return f"{text[:10]}..{text[-4:]}" if text.startswith("0x") and len(text) > 20 else text[:80]


def some(names: Iterable[str], between: str = ", ") -> str:
    """Return the first names of a list, and how many more there are."""
    every = list(names)
    more = f"{between}and {len(every) - 8} more" if len(every) > 8 else ""
    return between.join(every[:8]) + more
