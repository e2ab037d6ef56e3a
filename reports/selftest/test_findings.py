"""A finding is a message to a stranger at 3 a.m."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prowl.reports.findings import Broken, Claim, NotHeld, Unknown, message
from prowl.reports.verdicts import Drift, Result, Verdict, Waiver

PEERS = Result(
    item="daily/peers",
    verdict=Verdict.BROKEN,
    promise="a node is connected to at least three peers",
    expected="coc_peers_connected >= 3",
    observed="1 at 02:14:07Z (node-1: 3, node-2: 3)",
    node="node-3",
    manual='Daily Checklist, "Peer count ... >= 3"',
    next="Failure Recovery > Network Partition: compare heights across nodes",
    again="pytest -k daily/peers --node node-3 --target testnet.toml",
)


def test_the_message_says_what_where_and_what_to_do() -> None:
    assert message(PEERS).splitlines() == [
        "BROKEN daily/peers on node-3: a node is connected to at least three peers",
        '  manual    Daily Checklist, "Peer count ... >= 3"',
        "  expected  coc_peers_connected >= 3",
        "  observed  1 at 02:14:07Z (node-1: 3, node-2: 3)",
        "  next      Failure Recovery > Network Partition: compare heights across nodes",
        "  again     pytest -k daily/peers --node node-3 --target testnet.toml",
    ]


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({"verdict": Verdict.UNKNOWN}, "UNKNOWN daily/peers on node-3: "),
        ({"node": None, "scenario": "minority-crash"}, "BROKEN daily/peers in minority-crash: "),
        ({"node": None}, "BROKEN daily/peers: "),
        ({"waiver": Waiver("known", "2027-01-01")}, "BROKEN daily/peers on node-3 (waived until 2027-01-01: known): "),
    ],
)
def test_the_head_names_verdict_item_and_place(changes: dict[str, object], head: str) -> None:
    assert message(replace(PEERS, **changes)).startswith(head)  # type: ignore[arg-type]


def test_a_line_without_text_is_left_out_and_each_evidence_has_its_own() -> None:
    bare = replace(PEERS, manual="", next="", again="", evidence=("one", "two"), drift=Drift("port 1", "port 2"))
    assert [line.split()[0] for line in message(bare).splitlines()[1:]] == [
        "expected",
        "observed",
        "drift",
        "evidence",
        "evidence",
    ]


def test_the_verdict_of_what_a_check_raises() -> None:
    claim = Claim("3 peers", "1")
    assert (Unknown(claim).verdict, Broken(claim).verdict) == (Verdict.UNKNOWN, Verdict.BROKEN)
    assert NotHeld(claim).verdict is Verdict.UNKNOWN, "what says nothing else was not seen"
    assert str(Broken(claim)) == "expected 3 peers; observed 1"
    assert Broken(claim).claim is claim
