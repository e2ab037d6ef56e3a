"""Damage to stores: what each does to the bytes, which cells can't be, and one of each kind on a real cluster."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from prowl.chaos.engine.fault import FaultError, Scene, described
from prowl.chaos.engine.lifecycle import Injected
from prowl.chaos.faults.store_damage import StoreDamage
from prowl.chaos.faults.tools.damage import (
    MATRIX,
    Cell,
    Damage,
    NothingToDamageError,
    Part,
    Store,
    When,
    fingerprint,
    harm,
    part_of,
    why_not,
)
from prowl.chaos.faults.tools.data_copy import keep, put_back
from prowl.chaos.selftest.reaction import _last_word
from prowl.chaos.selftest.triples import prove_held_and_healed, prove_triple
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Event, Phase

FILE_DAMAGES = [damage for damage in Damage if damage is not Damage.DELETED]
CONTENT = bytes(range(256)) * 8


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves in step."""
    with EmbeddedCluster(ClusterSpec(3, block_ms=500), tmp_path_factory.mktemp("damage")) as cluster:
        cluster.start()
        yield cluster


def test_the_matrix_is_whole_and_says_why_a_cell_can_not_be() -> None:
    stores = [cell for cell in MATRIX if cell.store is not Store.VOTES]
    assert len(stores) == 2 * 6 * 6 * 2
    assert len(MATRIX) == len(stores) + 6 * 2
    refused = {(cell.part, cell.damage): why_not(cell) for cell in MATRIX if why_not(cell) is not None}
    assert {part for part, _damage in refused} == {Part.LOCK, Part.DIRECTORY, Part.TABLE}
    assert len(refused) == 5 + 3 + 1
    assert sum(why_not(cell) is None for cell in MATRIX) == 120
    assert why_not(Cell(Store.VOTES, Part.TABLE, Damage.DELETED, When.RUNNING)) == "bft-vote-ledger.json has no .ldb"


def test_a_cell_that_can_not_be_is_unavailable() -> None:
    scene = described(ClusterSpec(1), ("node-1",))
    fault = StoreDamage(Cell(Store.CHAIN, Part.LOCK, Damage.ZEROED, When.RUNNING))
    with pytest.raises(FaultError, match="unavailable here: LevelDB's LOCK is empty"), Injected(fault, scene):
        pytest.fail("it was injected all the same")


@pytest.mark.parametrize("damage", FILE_DAMAGES)
def test_a_damage_stands_until_the_bytes_are_back(tmp_path: Path, damage: Damage) -> None:
    path, older = tmp_path / "000005.log", tmp_path / "older"
    path.write_bytes(CONTENT)
    older.write_bytes(CONTENT[::-1])
    node = path.stat().st_ino
    done = harm(path, damage, older if damage is Damage.SWAPPED else None, random.Random(7))
    assert path.stat().st_ino == node, "a process that has it open is struck as well"
    assert done.trouble() == ""
    assert f"{len(CONTENT)} bytes" in done.words
    left = path.read_bytes()
    assert left != CONTENT
    with path.open("ab") as file:
        file.write(b"what a node that runs goes on to write")
    assert done.trouble() == ""
    path.write_bytes(CONTENT)
    assert "what it held before" in done.trouble()
    path.unlink()
    assert "not there any more" in done.trouble()


def test_each_damage_does_what_it_says(tmp_path: Path) -> None:
    def after(damage: Damage, seed: int) -> bytes:
        path = tmp_path / "file"
        path.write_bytes(CONTENT)
        harm(path, damage, None, random.Random(seed))
        return path.read_bytes()

    flipped = after(Damage.BIT_FLIP, 1)
    (place,) = [at for at, (new, old) in enumerate(zip(flipped, CONTENT, strict=True)) if new != old]
    assert (flipped[place] ^ CONTENT[place]).bit_count() == 1
    assert after(Damage.BIT_FLIP, 1) == flipped, "the seed picks the byte"
    assert after(Damage.BIT_FLIP, 2) != flipped
    zeroed = after(Damage.ZEROED, 1)
    assert len(zeroed) == len(CONTENT)
    assert sum(bool(new != old) for new, old in zip(zeroed, CONTENT, strict=True)) == 512 - 2  # two were zero before
    cut = after(Damage.TRUNCATED, 1)
    assert 0 < len(cut) < len(CONTENT)
    assert CONTENT.startswith(cut)
    assert after(Damage.EMPTIED, 1) == b""


@pytest.mark.parametrize("damage", [Damage.EMPTIED, Damage.DELETED, Damage.SWAPPED])
def test_a_folder_is_damaged_as_a_whole(tmp_path: Path, damage: Damage) -> None:
    folder, older = tmp_path / "store", tmp_path / "older"
    for where, text in ((folder, "new"), (older, "old")):
        where.mkdir()
        (where / "CURRENT").write_text(text)
    (folder / "000007.log").write_text("blocks")
    done = harm(folder, damage, older if damage is Damage.SWAPPED else None, random.Random(0))
    assert done.trouble() == ""
    assert folder.exists() is (damage is not Damage.DELETED)
    assert not folder.exists() or fingerprint(folder) == (fingerprint(older) if damage is Damage.SWAPPED else {})
    folder.mkdir(exist_ok=True)
    (folder / "000007.log").write_text("blocks")
    assert done.trouble() != "", "a file of before is back"


def test_what_is_not_there_can_not_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "000003.log").touch()
    for part, words in ((Part.LOG, "is empty"), (Part.TABLE, r"no \.ldb now"), (Part.CURRENT, "no CURRENT now")):
        with pytest.raises(NothingToDamageError, match=words):
            part_of(tmp_path, part, random.Random(0))


@pytest.mark.parametrize("when", When)
def test_a_damaged_node_is_down_from_its_stop_on_and_restored_by_the_heal(cluster: EmbeddedCluster, when: When) -> None:
    written = prove_held_and_healed(
        StoreDamage(Cell(Store.CHAIN, Part.MANIFEST, Damage.ZEROED, when)), cluster, ("node-3",)
    )
    rows = [(event.phase, event.down, event.surgery) for event in written if event.phase in {Phase.INJECT, Phase.HEAL}]
    stopped = [(Phase.INJECT, ("node-3",), ("node-3",))] if when is When.STOPPED else []
    assert rows == [(Phase.INJECT, (), ("node-3",)), *stopped, (Phase.HEAL, (), ("node-3",))]
    (healed,) = (event for event in written if event.phase is Phase.HEAL)
    assert healed.restarted == ("node-3",)


def test_what_an_operator_has_put_back_is_left_as_it_is(cluster: EmbeddedCluster) -> None:
    fault = StoreDamage(Cell(Store.CHAIN, Part.CURRENT, Damage.DELETED, When.STOPPED))
    written: list[Event] = []
    scene = Scene(cluster, ("node-1",), written.append)
    backup = keep(cluster.data_of("node-1"), cluster.folder / "backup")
    with Injected(fault, scene):
        put_back(backup, cluster.data_of("node-1"))
        cluster.start_node("node-1")
        scene.holds.release("node-1")
        pid = cluster.process("node-1").pid
    (healed,) = (event for event in written if event.phase is Phase.HEAL)
    assert (healed.restarted, healed.surgery) == ((), ())
    assert cluster.process("node-1").pid == pid, "it was not stopped again"
    assert not (cluster.folder_of("node-1") / "copy-before").exists()


def test_a_table_of_a_node_that_runs_is_flipped_and_restored(cluster: EmbeddedCluster) -> None:
    cell = Cell(Store.CHAIN, Part.TABLE, Damage.BIT_FLIP, When.RUNNING)
    written = prove_held_and_healed(StoreDamage(cell), cluster, ("node-2",))
    assert any(event.restarted == ("node-2",) for event in written[:-2]), "a young store has no table"


def test_a_current_of_a_stopped_node_is_proven_thrice(cluster: EmbeddedCluster) -> None:
    prove_triple(StoreDamage(Cell(Store.CHAIN, Part.CURRENT, Damage.EMPTIED, When.STOPPED)), cluster, ("node-3",))


def test_the_votes_of_a_node_that_runs_are_put_back_to_an_older_copy(cluster: EmbeddedCluster) -> None:
    cell = Cell(Store.VOTES, Part.FILE, Damage.SWAPPED, When.RUNNING)
    prove_held_and_healed(StoreDamage(cell), cluster, ("node-1",))


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ("starting\nError: Corruption: checksum mismatch\n    at open (db.js:1)\n\nNode.js v22", "Error: Corruption"),
        ("The store leveldb-chain is damaged: CURRENT", "The store leveldb-chain is damaged"),
        ("starting\nthe port is taken\n", "the port is taken"),
        ("", "it says nothing"),
    ],
)
def test_a_node_s_last_word_is_the_one_about_its_store(lines: str, word: str) -> None:
    assert _last_word(lines).startswith(word)
