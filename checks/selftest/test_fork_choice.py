"""The model of the fork choice: each step of both rules, and trees of blocks that grow, part, meet and become final."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from prowl.checks.fork_choice import DOCUMENTED, MANUAL, Branch, ForkChoiceRule
from prowl.checks.selftest.fork_choice_kit import (
    GENESIS,
    PLANTED,
    REFERENCE,
    WEIGHTS,
    Block,
    FinalTwiceError,
    Follower,
    Prefers,
    Tree,
    by_the_sentence,
)

NODES = 3
RULES = {rule.name: rule for rule in (MANUAL, DOCUMENTED)}
TIPS = st.builds(
    lambda final, more, weight, name: Branch(final, final + more, weight, name),
    st.integers(1, 4), st.integers(0, 3), st.sampled_from(WEIGHTS), st.sampled_from(["0xaa", "0xbb"]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("winner", "loser", "rules"),
    [
        (Branch(3, 3, 0, "0xbb"), Branch(2, 9, 9, "0xaa"), {"manual"}),  # shorter, and final
        (Branch(2, 9, 9, "0xaa"), Branch(3, 3, 0, "0xbb"), {"coc"}),
        (Branch(3, 3, 0, "0xbb"), Branch(2, 3, 9, "0xaa"), {"manual", "coc"}),  # as long, and final
        (Branch(3, 4, 0, "0xbb"), Branch(2, 4, 9, "0xaa"), {"manual"}),  # as long, final below its tip only
        (Branch(2, 4, 9, "0xaa"), Branch(3, 4, 0, "0xbb"), {"coc"}),
        (Branch(1, 4, 0, "0xbb"), Branch(1, 3, 2**200, "0xaa"), {"manual", "coc"}),
        (Branch(1, 4, 1, "0xbb"), Branch(1, 4, 0, "0xaa"), {"manual", "coc"}),
        (Branch(1, 4, 2**200, "0xaa"), Branch(1, 4, 2**200, "0xbb"), {"manual", "coc"}),
        (Branch(1, 4, 0, "0xaa"), Branch(1, 4, 0, "0xaa"), set()),
    ],
)
def test_each_step_of_the_rules(winner: Branch, loser: Branch, rules: set[str]) -> None:
    assert {name for name, rule in RULES.items() if rule.prefers(winner, loser)} == rules
    assert not any(RULES[name].prefers(loser, winner) for name in rules)


@settings(deadline=None)
@given(one=TIPS, other=TIPS)
def test_the_reference_node_keeps_the_manuals_rule(one: Branch, other: Branch) -> None:
    assert REFERENCE(one, other) == MANUAL.prefers(one, other)


@pytest.mark.parametrize("order", RULES.values(), ids=RULES)
@settings(deadline=None)
@given(one=TIPS, other=TIPS, third=TIPS)
def test_a_rule_is_a_total_order(order: ForkChoiceRule, one: Branch, other: Branch, third: Branch) -> None:
    same = order.rank(one) == order.rank(other)
    assert order.prefers(one, other) + order.prefers(other, one) + same == 1
    if order.prefers(one, other) and order.prefers(other, third):
        assert order.prefers(one, third)


def test_a_second_final_block_on_another_branch_is_refused() -> None:
    tree = Tree(GENESIS)
    for name, parent in (("0x0a", GENESIS), ("0x0b", GENESIS), ("0x1a", "0x0a")):
        tree.add(Block(name, parent, 1))
    tree.finalize("0x1a")
    tree.finalize("0x0a")
    assert tree.tip("0x1a").final == 3, "a certificate of a block below says nothing new"
    with pytest.raises(FinalTwiceError, match="0x0b is to be final, and 0x1a is"):
        tree.finalize("0x0b")
    with pytest.raises(KeyError):
        tree.add(Block("0x2c", "0x1c", 1))
    tree.add(Block("0x0a", GENESIS, 5))
    assert tree.tip("0x0a").weight == 1, "what is there already changes nothing"


class Branches(RuleBasedStateMachine):
    """Nodes that build on what they know, parted or not, and learn late what is final."""

    prefers: Prefers = staticmethod(MANUAL.prefers)

    def __init__(self) -> None:
        super().__init__()
        self.nodes = [Follower(type(self).prefers) for _ in range(NODES)]
        self.made: list[Block] = []
        self.finals = [GENESIS]
        self.sides = [0] * NODES

    @rule(
        node=st.integers(0, NODES - 1), below=st.integers(0, 20), weight=st.sampled_from(WEIGHTS),
        name=st.integers(1, 255),
    )  # fmt: skip
    def build(self, node: int, below: int, weight: int, name: int) -> None:
        """Build on the head, or on an older block that the node has."""
        follower = self.nodes[node]
        there = [block.hash for block in self.made if block.hash in follower.tree][::-1]
        parent = there[below] if below < len(there) else follower.head.hash
        block = Block(f"0x{name:02x}{len(self.made):04x}", parent, weight)
        self.made.append(block)
        follower.take(block)

    @precondition(lambda self: self.made)
    @rule(giver=st.integers(0, NODES - 1), taker=st.integers(0, NODES - 1), index=st.integers(0, 20))
    def pass_on(self, giver: int, taker: int, index: int) -> None:
        """Give a node of the same side a block, perhaps before the one below it."""
        block = self.made[index % len(self.made)]
        if self.sides[giver] == self.sides[taker] and block.hash in self.nodes[giver].tree:
            self.nodes[taker].take(block)

    @precondition(lambda self: self.made)
    @rule(node=st.integers(0, NODES - 1), index=st.integers(0, 20))
    def finalize(self, node: int, index: int) -> None:
        """Let a quorum commit a block above the last that it has committed; one node learns of it first."""
        name, tree = self.made[index % len(self.made)].hash, self.nodes[node].tree
        if name in tree and name not in self.finals and self.finals[-1] in tree.path(name):
            self.finals.append(name)
            self.nodes[node].finalize(name)

    @rule(giver=st.integers(0, NODES - 1), taker=st.integers(0, NODES - 1))
    def pass_on_what_is_final(self, giver: int, taker: int) -> None:
        """Tell a node of the same side what is final, perhaps before it has the block."""
        if self.sides[giver] == self.sides[taker] and self.nodes[giver].finals:
            self.nodes[taker].finalize(self.nodes[giver].finals[-1])

    @rule(sides=st.lists(st.integers(0, 1), min_size=NODES, max_size=NODES))
    def part(self, sides: list[int]) -> None:
        """Part the nodes, or let them meet again."""
        self.sides = sides

    @invariant()
    def each_has_the_best_of_what_it_knows(self) -> None:
        """Who compares at each arrival has what the manual's sentence names, and never leaves what is final."""
        for node in self.nodes:
            assert node.head.hash == by_the_sentence(node.tree.blocks.values(), node.finals)
            assert all(name in node.tree.path(node.head.hash) for name in node.finals)

    def teardown(self) -> None:
        """Give every node everything, each in an order of its own: all have the same head."""
        for number, node in enumerate(self.nodes):
            for block in self.made[number:] + self.made[:number]:
                node.take(block)
            for name in self.finals[number % 2 + 1 :][:: -1 if number else 1] + self.finals[1:]:
                node.finalize(name)
        heads = {node.head.hash for node in self.nodes}
        assert heads == {by_the_sentence(self.made, self.finals)}, "who knows the same takes the same"
        assert all(node.tree.head() == node.head for node in self.nodes), "at once and one by one"


QUICK = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

# To make a story shorter takes Hypothesis a minute; stories that are short from the beginning need not be.
SHORT = settings(QUICK, max_examples=2000, stateful_step_count=8, phases=(Phase.generate,), print_blob=False)


def test_trees_that_grow_part_and_meet() -> None:
    run_state_machine_as_test(Branches, settings=QUICK)


@pytest.mark.parametrize("name", [*PLANTED, DOCUMENTED.name])
def test_another_rule_is_found_among_short_stories(name: str) -> None:
    prefers: Any = PLANTED.get(name, DOCUMENTED.prefers)
    planted = type("Planted", (Branches,), {"prefers": staticmethod(prefers)})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(planted, settings=SHORT)
