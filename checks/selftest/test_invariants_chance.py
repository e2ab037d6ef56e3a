"""Perfect nodes under faults by chance: the judge, whose model of the events is another, accuses none of them."""

from __future__ import annotations

import random

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, change


def faults(net: Net, chance: random.Random) -> None:
    """Do to a network what may be done to it, for some minutes."""
    net.run(40)
    for _ in range(chance.randint(2, 6)):
        names = list(net.nodes)
        some = chance.sample(names, chance.randint(1, len(names) - 1))
        up = [name for name in some if net.nodes[name].up and net.t >= net.nodes[name].ready_at]
        down = [name for name in names if not net.nodes[name].up]
        rest = [name for name in names if name not in some]
        fault = chance.choice(["kill", "pause", "start", "partition", "heal", "wipe", "restore", "restart"])
        if fault in {"kill", "pause"} and up:
            net.do(f"{fault} {' '.join(up)}")
        elif fault == "start" and down:
            net.do(f"start {' '.join(down)}")
        elif fault == "partition" and not net.sides:
            net.do(f"partition {' '.join(some)} | {' '.join(rest)}")
        elif fault == "heal" and net.sides:
            net.do("heal")
        elif fault in {"wipe", "restore", "restart"} and up and all(net.nodes[name].up for name in names):
            net.do(f"{fault} {up[0]}")
        net.run(chance.choice([1, 7, 20, 50, 110]))
    if net.sides:
        net.do("heal")
    down = [name for name in net.nodes if not net.nodes[name].up]
    if down:
        net.do(f"start {' '.join(down)}")
    net.run(60)


def network(seed: int) -> tuple[Net, random.Random]:
    chance = random.Random(seed)
    return Net(chance.choice([3, 4, 5, 7]), every=chance.choice([0.5, 1.0])), chance


@pytest.mark.parametrize("seed", range(40))
def test_perfect_nodes_are_never_accused(seed: int) -> None:
    net, chance = network(seed)
    faults(net, chance)
    rows = net.judge().values()
    assert [row for row in rows if row.verdict is not Verdict.HELD] == [], [event.words for event in net.events]


@pytest.mark.parametrize("seed", range(20))
def test_a_frozen_count_of_peers_is_found_under_any_faults(seed: int) -> None:
    net, chance = network(seed)
    faults(net, chance)
    net.do("kill n1")
    net.tampers.append(change("n0", net.t, peers_connected=float(len(net.nodes) - 1)))
    net.run(40)
    assert {key for key in net.not_held() if key[0] == "peers"} == {("peers", "n0")}
