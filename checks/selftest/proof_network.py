"""Every item that can be asked without breaking anything, on a network with a real sshd and a real docker engine.

Held where all is well; broken, it alone and there alone, by a planted defect, a changed file or a stopped node; unknown
or not asked where the operator can't see. Long: ``tox -e proof -- checks/selftest/proof_network.py``. A machine without
what it needs (root, docker.io, openssh, mmdebstrap, prometheus) fails it, and says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.checks.selftest.network_blind import BLIND, Blind
from prowl.checks.selftest.network_broken import BROKEN, Row
from prowl.checks.selftest.network_items import checks
from prowl.checks.selftest.network_kit import Place, ProofNetwork, Seen
from prowl.checks.selftest.network_machines import OPEN_FILES, open_files
from prowl.checks.selftest.network_plants import Looking, with_earlier_run

NEVER_HELD = set() if open_files() >= OPEN_FILES - 1 else {"tuning/descriptors"}
"""Advisory items that this machine itself does not keep."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProofNetwork]:
    with ProofNetwork(tmp_path_factory.mktemp("network")) as network:
        network.look()  # what an earlier run is made of
        yield network


def look(network: ProofNetwork, looking: Looking, *words: str) -> Seen:
    return network.look(
        *words,
        using=looking.using,
        target=looking.target,
        environment=looking.environment,
        meanwhile=looking.meanwhile,
    )


def not_held(seen: Seen, verdict: str) -> dict[Place, str]:
    return {place: output for place, output in seen.told(verdict).items() if place[0] not in NEVER_HELD}


@pytest.mark.parametrize("words", [("--drill",), ("--gate",)], ids=["run", "gate"])
def test_where_all_is_well_every_item_is_held(network: ProofNetwork, words: tuple[str, ...]) -> None:
    with with_earlier_run()(network) as looking:
        seen = look(network, looking, *words)
    assert not_held(seen, "broken") == {}
    assert not_held(seen, "unknown") == {}
    held = {item for (item, _node), verdict in seen.verdicts.items() if verdict == "held"}
    owed = {item for item in checks() if item.startswith("gate/") == (words == ("--gate",))}
    assert owed - held - NEVER_HELD == set()
    unasked = {node for _item, node in seen.not_asked}
    assert unasked <= {"node-4", "node-2", "node-3"}
    if words[0] == "--drill":
        assert seen.code == 0, seen.output[-3000:]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row.id)
def test_what_is_broken_is_broken_and_nothing_else(network: ProofNetwork, row: Row) -> None:
    with row.plant(network) as looking:
        seen = look(network, looking, *row.words)
    broken = seen.told("broken")
    if row.says:
        assert all(row.says in broken[row.item, node] for node in row.on), broken
    nodes = {node for item, node in broken if item == row.item}
    assert nodes >= set(row.on), (broken, seen.told("unknown"))
    assert row.down or nodes == set(row.on), broken
    besides = {item for item, _node in broken} - NEVER_HELD - {row.item}
    assert besides <= set(row.also), {place: output for place, output in broken.items() if place[0] in besides}
    unknown = not_held(seen, "unknown")
    assert not unknown or (row.down and {node for _item, node in unknown} <= {*row.down, None}), unknown
    print(row.id, row.how, broken[row.item, row.on[0]], sorted(besides))
    assert seen.code == 1 or row.item in seen.output


@pytest.mark.parametrize("blind", BLIND, ids=lambda blind: blind.name)
def test_what_can_not_be_seen_is_never_held_and_never_broken(network: ProofNetwork, blind: Blind) -> None:
    with blind.plant(network) as looking:
        seen = look(network, looking, *blind.words)
    output = seen.not_asked if blind.verdict == "not asked" else seen.told(blind.verdict)
    for item in blind.items:
        for node in blind.on:
            assert (item, node) in output, f"{item} on {node}: {seen.verdicts.get((item, node))}"
            assert blind.says in output[item, node], output[item, node]
    print(blind.name, next(iter(output[item, node] for item in blind.items for node in blind.on)))
    accused = {place: why for place, why in not_held(seen, "broken").items() if place[1] not in blind.lost}
    assert accused == {}, "nobody is accused for what another does not show"
    spread = {item: why for item, why in not_held(seen, "unknown").items() if item[1] not in (*blind.on, *blind.lost)}
    assert spread == {}, "the other nodes are seen as before"
