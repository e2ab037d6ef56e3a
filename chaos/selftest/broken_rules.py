"""Rules that are broken on purpose, each in one way, and the invariant by which a live Prometheus finds it."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

CAUSED, LATE, STAYS, LOST = "alerts-caused", "alerts-in-time", "alerts-clear", "alerts-kept"


@dataclass(frozen=True)
class BrokenRule:
    """A rule, the manual's item that it is meant for, what is wrong with it, and the invariant that finds it."""

    name: str
    item: str
    expr: str
    lasts: str
    found_by: str
    severity: str = "warning"
    keeps: str = ""


BROKEN_RULES = (
    BrokenRule("up-wrong-metric", "node-down", "node_up == 0", "2m", LATE, "critical"),
    BrokenRule("up-turned", "node-down", "up == 1", "2m", CAUSED, "critical"),
    BrokenRule("up-too-long", "node-down", "up == 0", "20m", LATE, "critical"),
    BrokenRule("up-too-short", "node-down", "up == 0", "12s", CAUSED, "critical"),
    BrokenRule("up-no-such-job", "node-down", 'up{job="coc-nodes"} == 0', "2m", LATE, "critical"),
    BrokenRule("up-of-all", "node-down", "max(up) == 0", "2m", LATE, "critical"),
    BrokenRule("up-stays", "node-down", "min_over_time(up[20m]) == 0", "2m", STAYS, "critical"),
    BrokenRule("state-above-one", "consensus-degraded", "coc_consensus_state > 1", "5m", LATE),
    BrokenRule("state-at-least-zero", "consensus-degraded", "coc_consensus_state >= 0", "5m", CAUSED),
    BrokenRule("state-misspelt", "consensus-degraded", "coc_consensus_sate > 0", "5m", LATE),
    BrokenRule("state-of-all", "consensus-degraded", "min(coc_consensus_state) > 1", "5m", LATE),
    BrokenRule("state-keeps", "consensus-degraded", "coc_consensus_state > 0", "5m", STAYS, keeps="30m"),
    BrokenRule("blocks-never-zero", "no-new-blocks", "delta(coc_block_height[5m]) < 0", "0s", LATE, "critical"),
    BrokenRule("blocks-wait", "no-new-blocks", "delta(coc_block_height[5m]) == 0", "10m", LATE, "critical"),
    BrokenRule("blocks-long-range", "no-new-blocks", "delta(coc_block_height[50m]) == 0", "0s", LATE, "critical"),
    BrokenRule("blocks-short-range", "no-new-blocks", "delta(coc_block_height[3m]) == 0", "0s", CAUSED, "critical"),
    BrokenRule("blocks-rise", "no-new-blocks", "delta(coc_block_height[5m]) >= 0", "0s", STAYS, "critical"),
    BrokenRule("peers-below-one", "low-peers", "coc_peers_connected < 1", "5m", LATE),
    BrokenRule("peers-below-four", "low-peers", "coc_peers_connected < 4", "5m", CAUSED),
    BrokenRule("peers-other-name", "low-peers", "coc_peers < 2", "5m", LATE),
    BrokenRule("peers-average", "low-peers", "avg(coc_peers_connected) < 1", "5m", LATE),
)


def rule_file() -> str:
    """Return all of them as a rule file."""
    rules = [
        {
            "alert": rule.name,
            "expr": rule.expr,
            "for": rule.lasts,
            **({"keep_firing_for": rule.keeps} if rule.keeps else {}),
            "labels": {"severity": rule.severity},
        }
        for rule in BROKEN_RULES
    ]
    return yaml.safe_dump({"groups": [{"name": "broken", "rules": rules}]}, sort_keys=False)


def meant() -> dict[str, str]:
    """Return the item that each is meant for."""
    return {rule.name: f"alerts/{rule.item}" for rule in BROKEN_RULES}
