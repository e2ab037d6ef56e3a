"""Beyond the manual: validators, versions and clocks are the same for all, and every validator takes its turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from prowl.checks import chain
from prowl.checks.invariants.quorum import is_quorum
from prowl.checks.reasons import without_network
from prowl.checks.registry import check
from prowl.fixtures.clients import plausible
from prowl.fixtures.survey.survey import NodeView, Survey
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Broken, Claim, Unknown

DEFAULT_STAKE = 10**18
CLOCK_SECONDS = 2.0
FUTURE_SECONDS = 5.0

SAME_CONFIG = "compare the configurations of the nodes that differ"
RESTART = "Failure Recovery > Consensus Stall: restart affected nodes"


@check("validators/set", needs="rpc", next=SAME_CONFIG)
def test_same_validators(network: NetworkView) -> None:
    """All nodes name the same validators in the same order, and those that the target expects."""
    declared = tuple(each.address.lower() for each in network.survey.declared.validators)
    expected = f"the {len(declared)} expected validators, in this order" if declared else "one list of validators"
    named = chain.agreed(network, expected, lambda node: validators_of(node, expected))
    if declared and named != declared:
        observed = [f"missing: {chain.short(each)}" for each in declared if each not in named]
        observed += [f"not expected: {chain.short(each)}" for each in named if each not in declared]
        raise Broken(Claim(expected, chain.some(observed) or f"another order: {chain.short(named)}"))
    network.expect(expected, True, f"{len(named)} validators on {len(network.nodes)} nodes")


def validators_of(node: NodeView, expected: str) -> tuple[str, ...]:
    """Return the addresses that a node names as validators, in its order; Unknown if it names none."""
    rows = node.answer("coc_getValidators", expected)
    sound = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    named = [row.get("address") or row.get("id") for row in rows] if sound else []
    if not named or not all(isinstance(name, str) for name in named):
        raise Unknown(Claim(expected, f"coc_getValidators answered {str(rows)[:80]}"))
    return tuple(name.lower() for name in named)


@check("validators/stakes", needs="config", next=SAME_CONFIG)
def test_same_stakes(network: NetworkView) -> None:
    """All nodes are configured with the same stakes, and those that the target expects."""
    expected = "one stake for each validator in all configurations"
    stakes = dict(chain.agreed(network, expected, lambda node: _stakes_of(node, expected)))
    declared = {each.address.lower(): each.stake for each in network.survey.declared.validators if each.stake}
    wrong = [
        f"{chain.short(address)}: {stakes.get(address, 'none')} instead of {stake}"
        for address, stake in declared.items()
        if stakes.get(address) != stake
    ]
    observed = chain.some(wrong) or f"{len(stakes)} validators, {sum(stakes.values()) / DEFAULT_STAKE:g} stakes of 1e18"
    network.expect(f"{expected}, as expected" if declared else expected, not wrong, observed)


def _stakes_of(node: NodeView, expected: str) -> tuple[tuple[str, int], ...] | None:
    host = node.seen.host
    if host is None or host.config is None:
        return None
    if host.config.problem:
        raise Unknown(Claim(expected, host.config.problem))
    values: Mapping[str, Any] = host.config.values
    if not values.get("validators"):  # the node takes an unreadable file for an empty one
        raise Unknown(Claim(expected, f"{host.config.path} names no validators"))
    stakes = {str(address).lower(): DEFAULT_STAKE for address in values.get("validators") or ()}
    try:
        for row in values.get("validatorStakes") or ():
            stakes[str(row.get("address") or row["id"]).lower()] = int(str(row["stake"]), 0)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Unknown(
            Claim(expected, f"{host.config.path}: validatorStakes is no list of id, address, stake")
        ) from None
    for address, stake in stakes.items():
        if refused := plausible.STAKE.refused(stake):
            observed = f"{host.config.path}: the stake of {chain.short(address)} is {chain.short(stake)}, {refused}"
            raise Unknown(Claim(expected, observed))
    return tuple(sorted(stakes.items()))


@check("validators/quorum", needs=("rpc", "others"), next="Failure Recovery > Consensus Stall: check all nodes")
def test_quorum(network: NetworkView) -> None:
    """Validators of more than two thirds of the stake answer."""
    stakes = stakes_of(network.survey)
    expected = "more than 2/3 of the stake answers"
    if not stakes.total:
        raise Unknown(Claim(expected, "the target names no validator"))
    there = sum(stakes.answering.values())
    observed = f"{len(stakes.answering)} of {stakes.validators} validators, {there / stakes.total:.0%} of the stake"
    stakes.expect(network, expected, there, observed)


@dataclass(frozen=True)
class Stakes:
    """Who holds how much: by node, of those whose RPC answered at the last look, and of validators that are no node.

    Of these, ``unseen``, nobody can say whether they are up.
    """

    by_node: Mapping[str, int]
    answering: Mapping[str, int]
    unseen: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """Return the stake of all."""
        return sum(self.by_node.values()) + sum(self.unseen)

    @property
    def validators(self) -> int:
        """Return how many validators there are."""
        return len(self.by_node) + len(self.unseen)

    def expect(self, network: NetworkView, expected: str, stake: int, observed: str) -> None:
        """Say whether a stake is a quorum; Unknown if it would be one with the unseen, and where nobody can be seen."""
        newest = [seen.looks[-1] for seen in network.survey.nodes.values() if seen.looks]
        if reasons := without_network([look.height_problem for look in newest]):
            raise Unknown(Claim(expected, f"this machine reaches none of the {len(newest)} nodes: {reasons}"))
        silent = [name for name in self.by_node if name not in self.answering]
        observed += f"; no answer from {chain.some(silent)}" if silent else ""
        held, may_be = is_quorum(stake, self.total), is_quorum(stake + sum(self.unseen), self.total)
        if self.unseen:
            observed += f"; {len(self.unseen)} are no node that the target names (by an address), and were not asked"
        if may_be and not held:
            raise Unknown(Claim(expected, observed))
        network.expect(expected, held, observed)


def stakes_of(survey: Survey) -> Stakes:
    """Return the stakes of the validators that the target expects, else of those that it lists or its nodes name.

    An expected validator is the node of its address; nodes without one are those that are left, where it makes no
    difference which is which. A stake that nobody says is the node's default.
    """
    declared = {each.address.lower(): each.stake or DEFAULT_STAKE for each in survey.declared.validators}
    listed = [name for name, node in survey.nodes.items() if node.role == "validator"]
    if declared:
        names = {address.lower(): name for name, address in survey.declared.addresses.items()}
        by_node = {names[address]: stake for address, stake in declared.items() if address in names}
        left = [stake for address, stake in declared.items() if address not in names]
        nameless = [name for name in listed if name not in survey.declared.addresses]
        if len(set(left)) == 1 and len(nameless) <= len(left):
            by_node |= {name: left.pop() for name in nameless}
    else:
        by_node = dict.fromkeys(listed, DEFAULT_STAKE)
        left = [DEFAULT_STAKE] * ((survey.known_validators or 0) - len(listed)) if listed else []
    up = {name: stake for name, stake in by_node.items() if _answers(survey, name)}
    return Stakes(by_node, up, tuple(left))


def _answers(survey: Survey, name: str) -> bool:
    looks = survey.nodes[name].looks if name in survey.nodes else ()
    return bool(looks) and looks[-1].height is not None


@check("validators/versions", needs=("rpc", "others"), next="Upgrade Procedure > Rolling Update: update what is left")
def test_same_version(network: NetworkView) -> None:
    """All nodes run the same version."""
    expected = "one web3_clientVersion"
    version = chain.agreed(network, expected, lambda node: node.text("web3_clientVersion", expected))
    network.expect(expected, True, f"{version} on {len(network.nodes)} nodes")


@check("validators/chain-id", needs="rpc", next=SAME_CONFIG)
def test_same_chain_id(network: NetworkView) -> None:
    """All nodes are of the same chain, the expected one."""
    declared = network.survey.declared.chain_id
    expected = f"eth_chainId {declared}" if declared is not None else "one eth_chainId"

    found = chain.agreed(network, expected, lambda node: node.quantity("eth_chainId", expected, plausible.CHAIN_ID))
    network.expect(expected, declared in (None, found), f"{found} on {len(network.nodes)} nodes")


@check(
    "validators/equivocations",
    needs="metrics",
    next="find the second process with the same key, and stop it",
    gate=True,
)
def test_no_equivocations(node: NodeView) -> None:
    """No double vote is seen while one looks."""
    expected = "coc_bft_equivocations_total does not rise"
    newest = node.metric("coc_bft_equivocations_total", expected)
    readings = [(look, look.metric("coc_bft_equivocations_total").value) for look in node.seen.looks]
    counts = [(look, value) for look, value in readings if value is not None]
    if len(counts) < 2:
        raise Unknown(Claim(expected, f"only one reading: {newest:g} at {counts[0][0].clock}"))
    (first, low), (last, _high) = counts[0], counts[-1]
    observed = f"{low:g} at {first.clock}, {newest:g} at {last.clock}"
    observed += ": double votes since this node's start" if newest > 0 else ""
    rises = [  # a restart between two looks sets the count back to 0, and hides no rise after it
        f"; it rose from {before:g} to {after:g} by {look.clock}"
        for (_look, before), (look, after) in pairwise(counts)
        if after > before
    ]
    node.expect(expected, not rises, observed + "".join(rises[:1]))


@check("validators/rotation", needs="rpc", next=RESTART)
def test_rotation(network: NetworkView) -> None:
    """Every validator has proposed a block in the last two rounds."""
    expected = "each validator is the proposer of one of the blocks of the last two rounds"
    validators = _named(network, expected)
    rounds = 2 * len(validators)
    blocks = chain.recent(network.survey)[-rounds:]
    if len(blocks) < rounds:
        raise Unknown(Claim(expected, f"{len(blocks)} consecutive blocks were shown; two rounds have {rounds}"))
    names = {address.lower(): name for name, address in network.survey.declared.addresses.items()}
    proposers = [block.proposer.lower() for block in blocks]
    silent = [names.get(each, chain.short(each)) for each in validators if each not in proposers]
    observed = f"blocks {blocks[0].number} to {blocks[-1].number}: {len(set(proposers))} proposers of {len(validators)}"
    network.expect(expected, not silent, observed + (f"; none by {chain.some(silent)}" if silent else ""))


def _named(network: NetworkView, expected: str) -> tuple[str, ...]:
    """Return the validators that most nodes name; Unknown, with the first node's reason, if none names any."""
    found: list[tuple[str, ...]] = []
    why: Unknown | None = None
    for node in network.nodes:
        try:
            found.append(validators_of(node, expected))
        except Unknown as error:
            why = why or error
    if not found:
        raise why or Unknown(Claim(expected, "no node was asked for the validators"))
    return Counter(found).most_common(1)[0][0]


@check("validators/stamps", needs="rpc", next="compare the clocks of the hosts (timedatectl)")
def test_stamps(network: NetworkView) -> None:
    """The time stamps of the last blocks rise, and the newest is not from the future."""
    expected = f"stamps that do not fall, the newest at most {FUTURE_SECONDS:.0f} s ahead of this machine's clock"
    blocks = chain.recent(network.survey)
    if not blocks:
        raise Unknown(Claim(expected, "no block after block 1 was shown"))
    newest = blocks[-1]
    fallen = [later.number for earlier, later in pairwise(blocks) if later.timestamp < earlier.timestamp]
    ahead = newest.timestamp - newest.seen_at
    observed = f"blocks {blocks[0].number} to {newest.number}, the newest {-ahead:.0f} s old"
    observed += f"; the stamp falls at {chain.some(str(number) for number in fallen)}" if fallen else ""
    network.expect(expected, not fallen and ahead <= FUTURE_SECONDS, observed)


@check("validators/clocks", needs="host", next="start the time service of the host that is off (timedatectl)")
def test_clocks(network: NetworkView) -> None:
    """The hosts' clocks agree with each other, and no host's clock is behind the newest block's stamp."""
    expected = f"clocks within {CLOCK_SECONDS:.0f} s of each other, and none behind the newest block's stamp"
    offsets, doubt, unseen = {}, 0.0, []
    for node in network.nodes:
        clock = node.seen.host.clock if node.seen.host is not None else None
        if clock is not None and clock.offset_seconds is not None:
            offsets[node.name] = clock.offset_seconds
            doubt = max(doubt, clock.uncertainty_seconds)
        elif clock is not None:
            unseen.append(f"{node.name}: {clock.problem}")
    if not offsets:
        raise Unknown(Claim(expected, chain.some(unseen, "; ") or "no host's clock was read"))
    slowest, fastest = min(offsets, key=lambda name: offsets[name]), max(offsets, key=lambda name: offsets[name])
    spread = offsets[fastest] - offsets[slowest]
    blocks = (block for node in network.nodes for block in node.seen.blocks.values())
    newest = max(blocks, key=lambda block: block.timestamp, default=None)
    ahead = newest.timestamp - newest.seen_at - offsets[slowest] if newest is not None else 0.0
    span = f"{offsets[slowest]:+.2f} s ({slowest}) to {offsets[fastest]:+.2f} s ({fastest})"
    observed = f"{len(offsets)} clocks from {span}"
    observed += f" against this machine's; the newest block is {-ahead:.1f} s old by {slowest}" if newest else ""
    held = spread <= CLOCK_SECONDS + 2 * doubt and ahead <= CLOCK_SECONDS + doubt
    if held and unseen:
        raise Unknown(Claim(expected, chain.some(unseen, "; ")))
    network.expect(expected, held, observed)
