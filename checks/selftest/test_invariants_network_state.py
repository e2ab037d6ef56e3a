"""The model of who is up and connected, and the events that it is built from."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from prowl.checks.invariants import invariants, judge
from prowl.checks.invariants.actions import Action, actions_of
from prowl.checks.invariants.network_state import Presence, World
from prowl.checks.invariants.quorum import Course, components, course, heaviest_clique, is_quorum
from prowl.checks.selftest.network import Net, silent
from prowl.reports.events import Event, Phase
from prowl.reports.recorded_words import translated
from prowl.reports.timeline import Gap, Header, Sample, Timeline

NODES = ("n0", "n1", "n2", "n10")


ACTIONS: tuple[tuple[str, dict[str, tuple[str, ...]]], ...] = (
    # words, and what they change: stopped, started, resumed, restarted, surgery
    ("cluster started", {"started": NODES}),
    ("kill n1", {"stopped": ("n1",)}),
    ("kill n1 n2", {"stopped": ("n1", "n2")}),
    ("kill n10", {"stopped": ("n10",)}),
    ("kill all", {"stopped": NODES}),
    ("terminate n2", {"stopped": ("n2",)}),
    ("pause n2", {"stopped": ("n2",)}),
    ("unpause n2", {"resumed": ("n2",)}),
    ("start n1 n2", {"started": ("n1", "n2")}),
    ("restart n1", {"restarted": ("n1",)}),
    ("wipe n1", {"restarted": ("n1",), "surgery": ("n1",)}),
    ("restore n1 from backup of n2's height", {"restarted": ("n1",), "surgery": ("n1",)}),
    (
        "corrupt leveldb-chain CURRENT of n1 and restart",
        {"restarted": ("n1",), "surgery": ("n1",), "damaged": ("n1",)},
    ),
    ("corrupt a table of n1", {"surgery": ("n1",), "damaged": ("n1",)}),
    ("backup n1 to /backups", {}),
    ("heal", {}),
    ("end", {}),
    ("disconnect n0 n1 | n2 n10 : disconnect n2 from network", {}),
    ("killing time with n1", {}),
)
CHANGES = ("stopped", "started", "resumed", "restarted", "surgery", "damaged")


def actions(*words: str) -> tuple[Action, ...]:
    events = translated((Event(float(t), text) for t, text in enumerate(words)), NODES)
    return actions_of(Timeline(Header(nodes=NODES), events, (), ()))


@pytest.mark.parametrize(("text", "changes"), ACTIONS)
def test_recorded_words_are_read(text: str, changes: dict[str, tuple[str, ...]]) -> None:
    (action,) = actions(text)
    assert {name: set(getattr(action, name)) for name in CHANGES if getattr(action, name)} == {
        name: set(nodes) for name, nodes in changes.items()
    }


def test_a_partition_cuts_every_edge_between_its_sides_and_none_within() -> None:
    (action,) = actions("partition n0 n1 | n2")
    assert action.cut == {("n0", "n2"), ("n2", "n0"), ("n1", "n2"), ("n2", "n1")}
    assert actions("cut n0>n1 n1>n2")[0].cut == {("n0", "n1"), ("n1", "n2")}


def test_recorded_words_give_back_what_they_took_however_it_is_parted() -> None:
    first, second, third = actions("kill n1 n2", "start n1", "start n2")
    assert [sorted(names) for names in (first.stopped, second.starts, third.starts)] == [["n1", "n2"], ["n1"], ["n2"]]
    *_, healed = actions("partition n0 | n1", "cut n1>n2", "heal")
    assert (healed.cut, len(healed.joined)) == (frozenset(), 3)


# --- typed events: how faults compose --------------------------------------------------------------------------------


def on(number: int, kind: str, **effects: Any) -> Event:
    return Event(0.0, kind, number, ON, kind=kind, **effects)


def off(number: int, **more: Any) -> Event:
    return Event(0.0, f"end of {number}", number, OFF, **more)


ON, OFF = Phase.INJECT, Phase.HEAL
KILL_1, KILL_2 = on(1, "kill", down=("n1",)), on(2, "kill", down=("n1",))
PAUSE_2 = on(2, "pause", down=("n1",))
CUT_1 = on(1, "cut", cut=(("n0", "n1"), ("n1", "n0")))
CUT_2 = on(2, "cut", cut=(("n1", "n0"), ("n1", "n2")))
START = Event(0.0, "start n1", step="start", started=("n1",))
RESTORE = Event(0.0, "restore n1", step="restore", restarted=("n1",), surgery=("n1",), ends=(1,))
DAMAGE = on(1, "corrupt", down=("n1",), surgery=("n1",))
SLOW_1, SLOW_2 = on(1, "starve", slow=("n1",)), on(2, "starve", slow=("n1", "n2"))
LIE = on(1, "lie", liars=("n1",), restarted=("n1",))
WHOLE: dict[str, Any] = {}
COMPOSITIONS: tuple[tuple[str, tuple[Event, ...], dict[str, Any]], ...] = (
    # what is told, and what the last of it changes; what is empty is left out
    ("a kill", (KILL_1,), {"stopped": {"n1"}}),
    ("and its end", (KILL_1, off(1)), {"started": {"n1"}, "ends_fault": True}),
    ("a second kill of one that is down", (KILL_1, KILL_2), WHOLE),
    ("the end of the first of two", (KILL_1, KILL_2, off(1)), {"ends_fault": True}),
    ("the end of the second of two", (KILL_1, KILL_2, off(2)), {"ends_fault": True}),
    ("the end of both", (KILL_1, KILL_2, off(1), off(2)), {"started": {"n1"}, "ends_fault": True}),
    ("the end of a fault that is over", (KILL_1, off(1), off(1)), WHOLE),
    ("the end of one that never was", (off(7),), WHOLE),
    ("a pause and its end", (PAUSE_2, off(2)), {"resumed": {"n1"}, "ends_fault": True}),
    ("a paused node is killed and the kill ends first", (PAUSE_2, KILL_1, off(1)), {"ends_fault": True}),
    ("then the pause: a new process", (PAUSE_2, KILL_1, off(1), off(2)), {"started": {"n1"}, "ends_fault": True}),
    ("or the pause first", (PAUSE_2, KILL_1, off(2), off(1)), {"started": {"n1"}, "ends_fault": True}),
    ("a later pause is one", (KILL_1, off(1), PAUSE_2, off(2)), {"resumed": {"n1"}, "ends_fault": True}),
    ("a cut", (CUT_1,), {"newly_cut": {("n0", "n1"), ("n1", "n0")}, "cut": {("n0", "n1"), ("n1", "n0")}}),
    ("a cut within", (CUT_1, CUT_2), {"newly_cut": {("n1", "n2")}, "cut": {*CUT_1.cut, *CUT_2.cut}}),
    ("the outer heals first", (CUT_1, CUT_2, off(1)),
     {"joined": {("n0", "n1")}, "cut": set(CUT_2.cut), "ends_fault": True}),
    ("the inner heals first", (CUT_1, CUT_2, off(2)),
     {"joined": {("n1", "n2")}, "cut": set(CUT_1.cut), "ends_fault": True}),
    ("then the outer", (CUT_1, CUT_2, off(2), off(1)), {"joined": set(CUT_1.cut), "ends_fault": True}),
    ("a step that ends a fault", (DAMAGE, RESTORE),
     {"restarted": {"n1"}, "surgery": {"n1"}, "ends_fault": True}),
    ("then the fault's own end does nothing", (DAMAGE, RESTORE, off(1)), WHOLE),
    ("a step that ends none", (DAMAGE, START), {"started": {"n1"}, "damaged": {"n1"}}),
    ("a node that was started is held down by nobody", (KILL_1, START, off(1)), {"ends_fault": True}),
    ("but whoever kills it again does", (KILL_1, START, KILL_2, off(1)), {"ends_fault": True}),
    ("and then starts it", (KILL_1, START, KILL_2, off(2)), {"started": {"n1"}, "ends_fault": True}),
    ("a fault that moves on", (KILL_1, on(1, "kill", down=("n2",))), {"stopped": {"n2"}, "started": {"n1"}}),
    ("a fault that lets go by itself", (KILL_1, on(1, "kill")), {"started": {"n1"}}),
    ("a cut that moves on", (CUT_1, on(1, "cut", cut=CUT_2.cut)),
     {"joined": {("n0", "n1")}, "newly_cut": {("n1", "n2")}, "cut": set(CUT_2.cut)}),
    ("a restart inside a cut heals nothing", (CUT_1, Event(0.0, "restart n1", step="restart", restarted=("n1",))),
     {"restarted": {"n1"}, "cut": set(CUT_1.cut)}),
    ("a restart that begins a fault", (LIE,), {"restarted": {"n1"}, "lying": {"n1"}, "liars": {"n1"}}),
    ("and ends it: who lied once stays named", (LIE, off(1, restarted=("n1",))),
     {"restarted": {"n1"}, "liars": {"n1"}, "ends_fault": True}),
    ("two hinder one node", (SLOW_1, SLOW_2, off(1)), {"slow": {"n1", "n2"}, "ends_fault": True}),
    ("until both are over", (SLOW_1, SLOW_2, off(1), off(2)), {"ends_fault": True}),
    ("a note inside all of it", (CUT_1, SLOW_2, Event(0.0, "kill n0")),
     {"cut": set(CUT_1.cut), "slow": {"n1", "n2"}}),
    ("a proof", (KILL_1, Event(0.0, "proven", 1, Phase.EFFECT, down=("n1",))), WHOLE),
)  # fmt: skip
STATES = (*CHANGES, "cut", "newly_cut", "joined", "slow", "lying", "liars", "ends_fault")


@pytest.mark.parametrize(("events", "changes"), [row[1:] for row in COMPOSITIONS], ids=[row[0] for row in COMPOSITIONS])
def test_faults_compose(events: tuple[Event, ...], changes: dict[str, Any]) -> None:
    *_, last = actions_of(Timeline(Header(nodes=NODES), events, (), ()))
    assert {name: value for name in STATES if (value := getattr(last, name))} == changes


def clique_by_trying(nodes: list[str], cut: frozenset[tuple[str, str]], stakes: dict[str, int]) -> int:
    best = 0
    for chosen in range(1 << len(nodes)):
        group = [node for number, node in enumerate(nodes) if chosen >> number & 1]
        if not any((one, other) in cut for one in group for other in group):
            best = max(best, sum(stakes[node] for node in group))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_the_heaviest_clique_is_the_one_that_trying_all_finds(seed: int) -> None:
    chance = random.Random(seed)
    nodes = [f"n{number}" for number in range(chance.randint(1, 9))]
    stakes = {node: chance.randint(0, 9) for node in nodes}
    edges = [(one, other) for one in nodes for other in nodes if one != other]
    cut = frozenset(edge for edge in edges if chance.random() < chance.random())
    found = heaviest_clique(nodes, cut, stakes)
    assert not any((one, other) in cut for one in found for other in found)
    assert sum(stakes[node] for node in found) == clique_by_trying(nodes, cut, stakes)


def test_a_hundred_nodes_in_three_groups_take_no_time() -> None:
    nodes = [f"n{number}" for number in range(100)]
    sides = [nodes[:30], nodes[30:60], nodes[60:]]
    cut = frozenset(
        (one, other) for side in sides for beyond in sides if side is not beyond for one in side for other in beyond
    )
    assert heaviest_clique(nodes, cut, dict.fromkeys(nodes, 1)) == set(sides[2])
    assert sorted(map(len, components(nodes, cut))) == [30, 30, 40]


def test_one_way_is_no_connection_for_a_quorum_but_may_carry_news() -> None:
    cut = frozenset({("n0", "n1")})
    assert heaviest_clique(("n0", "n1"), cut, {"n0": 2, "n1": 1}) == {"n0"}
    assert components(("n0", "n1"), cut) == [frozenset({"n0", "n1"})]


def cut(*pairs: str) -> frozenset[tuple[str, str]]:
    """Return directed edges, each written as from and to."""
    return frozenset((pair[0], pair[1]) for pair in pairs)


@pytest.mark.parametrize(
    ("able", "possible", "edges", "expected"),
    [
        ("bcd", "bcd", (), Course.STANDS_STILL),  # exactly two thirds are none
        ("abc", "abc", (), Course.GOES_ON),
        ("bcd", "abcd", (), Course.EITHER),  # somebody may be up who makes it one
        ("abcd", "abcd", ("bc", "cb"), Course.GOES_ON),  # without one of them there is still a quorum
        ("abc", "abc", ("bc", "cb"), Course.EITHER),  # both hear of the third
        ("abc", "abc", ("bc",), Course.EITHER),
        ("abc", "abc", ("ab", "ba", "ac", "ca"), Course.STANDS_STILL),
        ("", "", (), Course.STANDS_STILL),
    ],
)
def test_what_the_chain_does_with_those_that_are_left(
    able: str, possible: str, edges: tuple[str, ...], expected: Course
) -> None:
    assert course(able, possible, cut(*edges), {"a": 2, "b": 2, "c": 1, "d": 1}) is expected


@pytest.mark.parametrize(
    ("stakes", "fewest"), [((1, 1, 1, 1), 3), ((1, 1, 1), 3), ((2, 2, 5, 2), 3), ((1, 7, 1, 1), 1)]
)
def test_the_fewest_voters_are_the_heaviest(stakes: tuple[int, ...], fewest: int) -> None:
    net = Net(len(stakes))
    net.header = replace(net.header, stakes=dict(zip(net.nodes, stakes, strict=True)))
    assert World(net.run(1).timeline()).fewest_voters == fewest
    assert [is_quorum(stake, 6) for stake in (4, 5)] == [False, True]


@pytest.mark.parametrize(
    ("size", "down", "quorum"),
    [
        (3, 0, True), (3, 1, False), (4, 1, True), (4, 2, False), (5, 1, True), (5, 2, False), (7, 2, True),
        (7, 3, False),
    ],
)  # fmt: skip
def test_a_quorum_is_more_than_two_thirds(size: int, down: int, quorum: bool) -> None:
    net = Net(size).run(10)
    net.do("kill " + " ".join(list(net.nodes)[:down])) if down else None
    world = World(net.run(10).timeline())
    assert world.at(15.0).sure is quorum
    assert world.at(15.0).possible is quorum


def test_stakes_make_the_quorum() -> None:
    net = Net(4, stakes={"n0": 70, "n1": 10, "n2": 10, "n3": 10}).run(10)
    net.do("kill n1 n2 n3")
    assert World(net.run(10).timeline()).at(15.0).sure
    net.do("start n1 n2 n3")
    net.do("kill n0")
    assert not World(net.run(10).timeline()).at(25.0).possible


def phases(net: Net, node: str) -> list[tuple[float, Presence]]:
    found: list[tuple[float, Presence]] = []
    for span in World(net.timeline()).spans:
        if not found or found[-1][1] is not span.phases[node]:
            found.append((span.begin, span.phases[node]))
    return found


def test_a_node_starts_until_it_answers() -> None:
    net = Net().run(10)
    net.do("kill n3")
    net.run(10)
    net.do("start n3")
    net.run(20)
    seen = [(0, Presence.UP), (10, Presence.DOWN), (20, Presence.STARTING), (25, Presence.UP)]
    assert phases(net, "n3") == seen


def test_a_start_that_takes_longer_than_its_grace_is_no_start() -> None:
    net = Net().run(10)
    net.do("kill n3")
    net.run(10)
    net.boot_seconds = 70.0
    net.do("start n3")
    net.run(100)
    assert phases(net, "n3")[2:] == [(20, Presence.SILENT), (90, Presence.UP)]


def test_a_node_that_is_wiped_may_answer_for_a_while_and_then_may_be_away() -> None:
    net = Net().run(10)
    net.do("wipe n3")
    net.nodes["n3"].ready_at = net.t
    net.run(4)
    net.nodes["n3"].ready_at = net.t + 8
    net.run(20)
    assert phases(net, "n3") == [(0, Presence.UP), (10, Presence.SILENT), (22, Presence.UP)]


@pytest.mark.parametrize(("seconds", "silence"), [(9.0, False), (11.0, True)])
def test_a_moment_without_an_answer_is_not_a_node_that_is_away(seconds: float, silence: bool) -> None:
    net = Net()
    net.tampers.append(silent("n3", 10, 10 + seconds))
    assert (Presence.SILENT in [phase for _, phase in phases(net.run(40), "n3")]) is silence


def test_silence_of_the_recorder_is_not_silence_of_a_node() -> None:
    net = Net().run(10).away(100).run(10)
    assert phases(net, "n3") == [(0, Presence.UP)]


def test_a_killed_node_that_goes_on_answering_may_be_up() -> None:
    net = Net().run(10)
    net.do("kill n3")
    net.nodes["n3"].up = True
    net.run(40)
    assert phases(net, "n3") == [(0, Presence.UP), (10, Presence.SILENT)]
    net = Net().run(10)
    net.do("kill n3")
    net.nodes["n3"].up = True
    net.run(1)  # it answers once or twice more
    net.nodes["n3"].up = False
    net.run(40)
    assert phases(net, "n3") == [(0, Presence.UP), (10, Presence.DOWN)]


def test_cuts_add_up_until_the_heal() -> None:
    net = Net(5).run(10)
    net.do("partition n0 | n1 n2 n3 n4")
    net.run(10)
    net.do("partition n1 | n0 n2 n3 n4")
    net.run(10)
    net.do("heal")
    net.run(10)
    world = World(net.timeline())
    assert [world.at(t).sure for t in (5, 15, 25, 35)] == [True, True, False, True]
    assert world.sure_seconds(0, 40) == pytest.approx(29.5)  # the last sample is at 39.5 s


# --- whatever stands in the file, every invariant answers ------------------------------------------------------------

VALUES: list[Any] = [
    None, 0, 0.0, 1, -3, 2.5, float("nan"), float("inf"), "", "0x5", True, [], {}, [1], [1, 2], [None, None, None],
    [5, "0x" + "a" * 64, "0x" + "b" * 64, False], [4, "0x" + "b" * 64, "0x" + "c" * 64, False],
    [5, "0x" + "b" * 64, "0x" + "a" * 64], [10**12, "0x" + "d" * 64, "0x" + "a" * 64], ["5", "x"],
    [[1, "a", "b", "c", 5]],
]  # fmt: skip
TEXTS = ["cluster started", "kill n0", "start n0", "pause n1", "unpause n1", "partition n0 | n1 n2", "heal", "wipe n2",
         "corrupt x of n1 and restart", "restore n0", "cut n0>n1", "end", "", "kill", "partition",
         "start all"]  # fmt: skip
KEYS = ["latest", "fin", "block_height", "rpc_height", "consensus_state", "peers_connected", "blocks", "miner", "stamp",
        "voted", "health", "bft_equivocations_total"]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_no_timeline_makes_an_invariant_fail(seed: int) -> None:
    chance = random.Random(seed)
    nodes = ["n0", "n1", "n2", "n3"][: chance.randint(1, 4)]
    words = [Event(float(t), chance.choice(TEXTS)) for t in sorted(chance.sample(range(400), 12))]
    events = translated(words, tuple(nodes))
    samples = tuple(
        Sample(float(t), node, {key: chance.choice(VALUES) for key in KEYS if chance.random() < 0.7}, None)
        for t in range(0, 400, chance.choice([1, 7, 50]))
        for node in nodes
    )
    header = Header(
        stakes=chance.choice([{}, {"n0": 0}, {"n1": 5, "other": 9}]), bft=chance.random() < 0.7,
        block_interval_seconds=chance.choice([None, 2.0]), addresses={"n0": "0xa"},
    )  # fmt: skip
    rows = judge(Timeline(header, events, samples, (Gap(200.0, 20.0, ""),)))
    assert [row.observed for row in rows if "itself failed" in row.observed] == []
    assert {invariant.name for invariant in invariants() if invariant.safety} <= {row.invariant for row in rows}


def test_validators_are_the_nodes_with_a_stake() -> None:
    assert World(Net(4).run(1).timeline()).validators == ("n0", "n1", "n2", "n3")
    assert World(Net(4, stakes={"n0": 2, "n1": 1, "n2": 0}).run(1).timeline()).validators == ("n0", "n1")
