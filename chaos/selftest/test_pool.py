"""The pool: a cluster is used again only while it is as good as new, and room goes back when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prowl.chaos.engine.pool import TURN_SECONDS, Pool
from prowl.fixtures.cleanup.undo import Remove
from prowl.fixtures.clusters.process_budget import Slots, SlotsError
from prowl.fixtures.clusters.protocol import GONE, RUNNING, STOPPED, Cluster
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.fixtures.proxies.wishes import UPSTREAM, Wish
from prowl.fixtures.waiting import wait_until

SPEC = ClusterSpec(4)
LIMIT_SECONDS = 30.0


def silent(_line: str) -> None:
    """Say nothing."""


def terminated(cluster: Cluster) -> None:
    cluster.kill("node-2")


def stopped(cluster: Cluster) -> None:
    cluster.pause("node-3")
    assert wait_until(lambda: cluster.state("node-3") == STOPPED, LIMIT_SECONDS)


def cut(cluster: Cluster) -> None:
    cluster.edges.cut([cluster.edges.edge("node-1", "node-2")])


def slow(cluster: Cluster) -> None:
    slowed = Wish(toxics=(("latency", UPSTREAM, {"latency": 5}),))
    cluster.edges.impose(1, [cluster.edges.edge("node-4", "node-2")], slowed)


def owing(cluster: Cluster) -> None:
    cluster.ledger.owe("a file that is to go", ("node-1",), (Remove(str(cluster.folder / "left")),))


WEAR: dict[Callable[[Cluster], None], str] = {
    terminated: "node-2 does not run",
    stopped: "node-3 does not run",
    cut: "the edges node-1.node-2 are closed or have toxics",
    slow: "the edges node-4.node-2 are closed or have toxics",
    owing: "it still owes: a file that is to go",
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A pool that the tests of this module share: each leaves it with a worn cluster, or none."""
    folder = tmp_path_factory.mktemp("pool")
    with Pool(folder / "clusters", Slots(folder / "slots", 4)) as pool:
        yield pool


@pytest.mark.parametrize("wear", WEAR, ids=lambda wear: wear.__name__)
def test_a_good_cluster_is_used_again_and_a_worn_one_is_replaced(pool: Pool, wear: Callable[[Cluster], None]) -> None:
    said: list[str] = []
    with pool.lease(SPEC, said.append) as lease:
        first = lease.cluster
    with pool.lease(SPEC, said.append) as lease:
        assert lease.cluster is first, said
        wear(first)
    with pool.lease(SPEC, said.append) as lease:
        assert lease.cluster is not first
        assert any("is replaced: " in line and WEAR[wear] in line for line in said), said
    assert all(first.state(name) == GONE for name in SPEC.names)


def test_a_spoiled_cluster_and_one_that_an_error_ended_are_gone_and_their_room_is_free(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 2)
    small = ClusterSpec(2)
    with Pool(tmp_path / "clusters", slots) as pool:
        with pool.lease(small, silent) as lease:
            lease.spoil("it was broken in it")
        with slots.held(2, silent, 0.0):
            assert all(lease.cluster.state(name) == GONE for name in small.names)
        with pytest.raises(ZeroDivisionError), pool.lease(small, silent) as lease:
            raise ZeroDivisionError
        with slots.held(2, silent, 0.0):
            assert all(lease.cluster.state(name) == GONE for name in small.names)


def test_nothing_is_kept_where_not_all_workers_find_room(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 3)
    with Pool(tmp_path / "clusters", slots, workers=2) as pool:
        with pool.lease(ClusterSpec(2), silent) as lease:
            assert lease.cluster.state("node-1") == RUNNING
        with slots.held(3, silent, 0.0):
            assert lease.cluster.state("node-1") == GONE


@pytest.mark.parametrize(("total", "turn_seconds", "kept"), [(4, 600.0, False), (3, 0.0, False), (3, 600.0, True)])
def test_nothing_is_kept_while_another_worker_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, turn_seconds: float, kept: bool
) -> None:
    """Unless it has the machine for itself, and what follows needs that, too; for a while."""
    slots, small, waiting = Slots(tmp_path / "slots", total), ClusterSpec(2), threading.Event()
    monkeypatch.setattr("prowl.chaos.engine.pool.TURN_SECONDS", turn_seconds)

    def wait_for_all() -> None:
        with Slots(tmp_path / "slots", total).held(total, lambda _line: waiting.set(), LIMIT_SECONDS):
            pass

    with Pool(tmp_path / "clusters", slots, workers=2) as pool:
        with pool.lease(small, silent) as lease:
            thread = threading.Thread(target=wait_for_all)
            thread.start()
            assert waiting.wait(LIMIT_SECONDS)
            assert lease.cluster.state("node-1") == RUNNING
            pool.following = small
        assert (lease.cluster.state("node-1") == RUNNING) is kept
        pool.close()
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()


def test_what_has_the_machine_for_itself_is_kept_for_another_such_one_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots, one, large, larger = Slots(tmp_path / "slots", 3), ClusterSpec(1), ClusterSpec(2), ClusterSpec(3)

    def is_free() -> bool:
        try:
            with slots_of(tmp_path).held(1, silent, 0.0):
                return True
        except SlotsError:
            return False

    with Pool(tmp_path / "clusters", slots, workers=2) as pool:
        for following, again, seconds, free in (
            (large, large, TURN_SECONDS, False),
            (larger, larger, TURN_SECONDS, False),
            (one, one, TURN_SECONDS, True),
            (large, large, 0.0, False),  # nobody waits
            (None, large, TURN_SECONDS, True),
        ):
            monkeypatch.setattr("prowl.chaos.engine.pool.TURN_SECONDS", seconds)
            pool.following = following
            with pool.lease(large, silent) as lease:
                first = lease.cluster
                assert not is_free(), "it has the machine for itself"
            assert is_free() is free, following
            assert (first.state("node-1") == GONE) is free
            pool.following = None
            with pool.lease(again, silent) as lease:
                assert (lease.cluster is first) is (again == large and not free)
                assert is_free() is (again == one)
            assert is_free()


def test_the_machine_is_given_back_by_what_could_not_be_ended_and_kept_by_what_is_spoiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots, large, larger = Slots(tmp_path / "slots", 3), ClusterSpec(2), ClusterSpec(3)
    with Pool(tmp_path / "clusters", slots, workers=2) as pool:
        pool.following = large
        with pool.lease(large, silent) as lease:
            lease.spoil("it was broken in it")
        assert lease.cluster.state("node-1") == GONE
        with pytest.raises(SlotsError), slots_of(tmp_path).held(1, silent, 0.0):
            pytest.fail("another worker got room before what follows")
        with pool.lease(large, silent) as lease:
            first = lease.cluster

        def fail() -> None:
            monkeypatch.undo()
            first.stop()
            raise ClusterError("something of it stays")

        monkeypatch.setattr(first, "stop", fail)
        with pytest.raises(ClusterError), pool.lease(larger, silent):
            pytest.fail("it was not ended")
        with slots_of(tmp_path).held(3, silent, 0.0):
            pass


def slots_of(folder: Path) -> Slots:
    """Return the slots as another worker has them."""
    return Slots(folder / "slots", 3)
