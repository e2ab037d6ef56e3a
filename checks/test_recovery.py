"""What Failure Recovery tells an operator to look at, as far as looking breaks nothing."""

from __future__ import annotations

from prowl.checks import chain
from prowl.checks.registry import check
from prowl.fixtures.survey.survey import NodeView
from prowl.reports.findings import Claim, Unknown


@check("recovery/health-endpoints", needs="rpc", next="Failure Recovery > Consensus Stall: restart affected nodes")
def test_health_endpoint(node: NodeView) -> None:
    """A node's health address answers (curl -sf http://localhost:$port/health, on the RPC port)."""
    expected = "GET /health on the RPC port answers 200"
    if not node.seen.health:
        raise Unknown(Claim(expected, "the health address was not asked"))
    promised, *others = node.seen.health
    if promised.status is None:
        raise Unknown(Claim(expected, promised.problem))
    observed = f"{promised.url} answered {promised.status}"
    elsewhere = next((answer for answer in others if answer.status == 200), None)
    if promised.status in chain.NOT_HERE and elsewhere is not None:
        node.expect(expected, True, f"{observed}, {elsewhere.url} answered 200", drift=(promised.url, elsewhere.url))
    else:
        node.expect(expected, promised.status == 200, observed)
