"""The checks at the edge of what can be: the last believable figure is judged, the next one is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prowl.checks import test_daily as daily
from prowl.checks import test_gate as gate
from prowl.checks import test_truth as truth
from prowl.checks import test_validators as validators
from prowl.checks.selftest.survey_kit import (
    ADDRESSES,
    BROKEN,
    HELD,
    NOW,
    UNKNOWN,
    answers,
    look,
    node,
    survey,
    verdict,
)

HEIGHT = 100


@pytest.mark.parametrize(
    ("check", "name", "last", "said", "next_"),
    [
        (daily.test_peer_count, "coc_peers_connected", 100_000, HELD, 100_001),
        (daily.test_peer_count, "coc_peers_connected", 0, BROKEN, -1),
        (daily.test_peer_count, "coc_peers_connected", 3, HELD, 1e12),
        (daily.test_memory, "coc_process_memory_bytes", 10**7, HELD, 3),
        (daily.test_memory, "coc_process_memory_bytes", 1e14, BROKEN, 1e14 + 1),
        (daily.test_memory, "coc_process_memory_bytes", 2e9, BROKEN, 1e300),
        (daily.test_consensus, "coc_consensus_state", 9, BROKEN, 10),
        (daily.test_consensus, "coc_consensus_state", 1, BROKEN, 0.5),
        (gate.test_mempool, "coc_tx_pool_pending", 1e12, BROKEN, 1e12 + 1),
        (gate.test_mempool, "coc_tx_pool_pending", 0, HELD, -1),
        (truth.test_height_is_true, "coc_block_height", 1e12, BROKEN, 1e12 + 1),
        (truth.test_height_is_true, "coc_block_height", 0, BROKEN, -1),
        (truth.test_peers_are_true, "coc_peers_connected", 100_000, UNKNOWN, 1e12),
        (validators.test_no_equivocations, "coc_bft_equivocations_total", 1e12, BROKEN, 1e12 + 1),
        (validators.test_no_equivocations, "coc_bft_equivocations_total", 0, HELD, -1),
    ],
)
def test_a_metric(check: Callable[..., None], name: str, last: float, said: str, next_: float) -> None:
    def judged(value: float) -> tuple[str, str]:
        looks = (look(NOW - 1, HEIGHT - 1), look(NOW, HEIGHT, **{name: value}))
        verdict_, claim = verdict(check, survey(node(looks=looks)))
        return verdict_, claim.observed

    assert judged(last)[0] == said
    verdict_, observed = judged(next_)
    assert verdict_ == UNKNOWN
    assert "which can't be" in observed


@pytest.mark.parametrize(
    ("chain_id", "said"), [(hex(2**63 - 1), HELD), (hex(2**63), UNKNOWN), (hex(2**200), UNKNOWN), ("0x0", UNKNOWN)]
)
def test_a_chain_id_that_all_answer(chain_id: str, said: str) -> None:
    nodes = [node(name, answers=answers(eth_chainId=chain_id)) for name in list(ADDRESSES)[:4]]
    seen = survey(*nodes)
    alike = replace(seen, declared=replace(seen.declared, chain_id=None))
    assert verdict(validators.test_same_chain_id, alike)[0] == said


@pytest.mark.parametrize("rows", [[{}] * 4, [{"id": None}] * 4, [{"address": 5}] * 4, [{"id": ["0x1"]}] * 4])
def test_validators_without_a_name_are_no_set(rows: list[Any]) -> None:
    nodes = [node(name, answers=answers(coc_getValidators=rows)) for name in list(ADDRESSES)[:4]]
    seen = survey(*nodes)
    alike = replace(seen, declared=replace(seen.declared, validators=()))
    assert verdict(validators.test_same_validators, alike)[0] == UNKNOWN
