"""The decorator refuses what would make a check that nobody ever asks."""

from __future__ import annotations

import pytest

from prowl.checks.registry import check, check_of
from prowl.fixtures.survey.survey import NodeView


def test_a_need_that_no_target_offers_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ValueError, match=r"needs 'metrcs', which no target offers; did you mean 'metrics'\?"):
        check("daily/peers", needs=("rpc", "metrcs"))
    with pytest.raises(ValueError, match=r"needs 'x', which no target offers; there are address, alert_rules, "):
        check("daily/peers", needs="x")


def test_every_need_of_a_node_and_of_its_network_is_known() -> None:
    needs = ("rpc", "host", "backup_dir", "crontab", "others", "earlier", "promtool", "alert_rules", "drill")

    @check("daily/peers", needs=needs)
    def promise(node: NodeView) -> None:
        """A promise."""

    found = check_of(promise)
    assert found is not None
    assert found.needs == needs
