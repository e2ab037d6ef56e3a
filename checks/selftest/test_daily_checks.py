"""Each check beside its nearest miss: held, broken and unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prowl.checks import test_daily as daily
from prowl.checks import test_recovery as recovery
from prowl.fixtures.clients.metrics_page import read_metrics
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.survey.survey import METRICS, Declared, DiskUse, HealthAnswer, Look, NodeSurvey, NodeView, Survey
from prowl.reports.findings import Broken, Claim, Unknown

PAGE = "coc_consensus_state 0\ncoc_peers_connected 3\ncoc_process_memory_bytes 2e8\ncoc_block_height 7\n"
HELD, BROKEN, UNKNOWN = "held", "broken", "unknown"


def view(
    *pages: str,
    heights: tuple[int | None, ...] = (7, 8),
    nodes: int = 4,
    role: str = "validator",
    disk: DiskUse | None = None,
    health: tuple[HealthAnswer, ...] = (),
) -> NodeView:
    """A node whose sweeps read these pages and heights; ``nodes`` validators in all."""
    pages = pages or (PAGE,) * len(heights)
    looks = tuple(
        Look(1e9 + number, height, "" if height is not None else "node-1 did not answer", read_metrics(page, METRICS))
        for number, (page, height) in enumerate(zip(pages, heights, strict=False))
    )
    others = [f"node-{number}" for number in range(2, 2 + nodes - (role == "validator"))]
    seen = {"node-1": NodeSurvey("node-1", role, looks, health, disk)}
    seen |= {name: NodeSurvey(name, "validator", ()) for name in others}
    return NodeView(Survey("stub", 1e9, 1.0, 10.0, 1.0, seen, declared=Declared(pause_seconds=0.5)), "node-1")


def verdict(check: Callable[[], None], node: NodeView) -> tuple[str, Claim]:
    try:
        check()
    except (Broken, Unknown) as error:
        return error.verdict.value, error.claim
    assert node.claim is not None
    return HELD, node.claim


def judged(check: Callable[..., None], node: NodeView, *more: object) -> str:
    return verdict(lambda: check(node, *more), node)[0]


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ((7, 8), HELD),
        ((7, 7, 8), HELD),
        ((7, 7), BROKEN),
        ((8, 7), BROKEN),
        ((0, 0), BROKEN),
        ((None, 8), UNKNOWN),
        ((7, 8, None), UNKNOWN),
        ((None, None), UNKNOWN),
        ((7,), UNKNOWN),
    ],
)
def test_height(heights: tuple[int | None, ...], expected: str) -> None:
    assert judged(daily.test_block_height, view(heights=heights)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", HELD), ("0.0", HELD), ("1", BROKEN), ("2", BROKEN), ("9", BROKEN), ("0.5", UNKNOWN), ("10", UNKNOWN),
     ("-1", UNKNOWN), ("NaN", UNKNOWN), ("", UNKNOWN), ("zero", UNKNOWN)],
)  # fmt: skip
def test_consensus(value: str, expected: str) -> None:
    page = PAGE.replace("coc_consensus_state 0", f"coc_consensus_state {value}")
    assert judged(daily.test_consensus, view(PAGE, page)) == expected


def test_consensus_is_judged_by_the_newest_reading() -> None:
    sick = PAGE.replace("coc_consensus_state 0", "coc_consensus_state 1")
    assert judged(daily.test_consensus, view(sick, PAGE)) == HELD
    assert judged(daily.test_consensus, view(PAGE, sick)) == BROKEN


@pytest.mark.parametrize("line", ["", "coc_consensus_state 0\ncoc_consensus_state 0\n", "coc_consensus_state_x 0\n"])
def test_a_missing_or_doubled_state_is_unknown_and_not_zero(line: str) -> None:
    page = PAGE.replace("coc_consensus_state 0\n", line)
    assert judged(daily.test_consensus, view(page, page)) == UNKNOWN


@pytest.mark.parametrize(
    ("peers", "validators", "role", "expected"),
    [
        (3, 4, "validator", HELD),
        (2, 4, "validator", BROKEN),
        (3, 7, "validator", HELD),
        (2, 7, "validator", BROKEN),
        (2, 3, "validator", HELD),
        (1, 3, "validator", BROKEN),
        (0, 2, "validator", BROKEN),
        (3, 3, "observer", HELD),
        (2, 3, "observer", BROKEN),
    ],
)
def test_peers(peers: int, validators: int, role: str, expected: str) -> None:
    page = PAGE.replace("coc_peers_connected 3", f"coc_peers_connected {peers}")
    node = view(page, page, nodes=validators, role=role)
    assert node.survey.validators == validators
    assert judged(daily.test_peer_count, node, Limits()) == expected


@pytest.mark.parametrize(
    ("bytes_", "expected"),
    [
        ("10000000", HELD),
        ("50000000", HELD),
        ("1.5e9", HELD),
        ("1999999999", HELD),
        ("2000000000", BROKEN),
        ("1e14", BROKEN),
        ("1.01e14", UNKNOWN),
        ("0", UNKNOWN),
        ("3", UNKNOWN),
        ("4096", UNKNOWN),
        ("200", UNKNOWN),
        ("200000", UNKNOWN),
        ("9999999", UNKNOWN),
        ("3.5e6", UNKNOWN),
    ],  # what is much too small is a figure in kB, in MB, or made up
)
def test_memory(bytes_: str, expected: str) -> None:
    page = PAGE.replace("2e8", bytes_)
    assert judged(daily.test_memory, view(page, page), Limits()) == expected


@pytest.mark.parametrize(
    ("used", "total", "expected"),
    [
        (79, 100, HELD),
        (80, 100, BROKEN),
        (791, 1000, BROKEN),
        (790, 1000, HELD),
        (None, None, UNKNOWN),
        (0, 0, UNKNOWN),
    ],
)
def test_disk(used: int | None, total: int | None, expected: str) -> None:
    node = view(disk=DiskUse(used, total, "x", "can't be read" if used is None else ""))
    assert judged(daily.test_disk, node, Limits()) == expected
    assert judged(daily.test_disk, view(), Limits()) == UNKNOWN


@pytest.mark.parametrize(
    ("statuses", "expected", "drift"),
    [
        ((200,), HELD, False),
        ((503,), BROKEN, False),
        ((503, 200), BROKEN, False),
        ((500, 200), BROKEN, False),
        ((405, 200), HELD, True),
        ((404, None, 200), HELD, True),
        ((405, 503), BROKEN, False),
        ((405,), BROKEN, False),
        ((301, 200), BROKEN, False),
        ((None, 200), UNKNOWN, False),
        ((), UNKNOWN, False),
    ],
)
def test_health(statuses: tuple[int | None, ...], expected: str, drift: bool) -> None:
    answers = tuple(
        HealthAnswer(f"http://x:{n}/health", status, "" if status else "gone") for n, status in enumerate(statuses)
    )
    node = view(health=answers)
    said, claim = verdict(lambda: recovery.test_health_endpoint(node), node)
    assert said == expected
    assert (claim.drift is not None) == drift
