"""What a healthy testnet promises, one promise a function, and the invariants that judge a timeline.

A check of one's own, in a ``test_*.py`` anywhere, beside an item in a catalogue file of one's own:

>>> from prowl.checks import Limits, NodeView, check
>>> @check("own/uptime", needs="metrics")
... def test_uptime(node: NodeView, limits: Limits) -> None:
...     "A node has been up for an hour."
...     uptime = node.metric("coc_uptime_seconds", "coc_uptime_seconds >= 3600")
...     node.expect("coc_uptime_seconds >= 3600", uptime >= 3600, f"{uptime:.0f} s")
"""

from prowl.checks.registry import check
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.survey.survey import NodeView, Survey
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Claim, Unknown

__all__ = ["Claim", "Limits", "NetworkView", "NodeView", "Survey", "Unknown", "check"]
