"""The inventory of the proof network, as values that a row of the proof changes before it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prowl.fixtures.clusters.keys import development_key
from prowl.fixtures.clusters.spec import CHAIN_ID, STAKE

NAMES = ("node-1", "node-2", "node-3", "node-4")
Row = dict[str, Any]


@dataclass
class Inventory:
    """Tables of an inventory; ``text`` writes them."""

    network: Row
    nodes: dict[str, Row]
    limits: dict[str, Row] = field(default_factory=dict)
    waivers: list[Row] = field(default_factory=list)

    def text(self) -> str:
        """Return the file."""
        rows = ["[network]", *_rows(self.network)]
        for name, limit in self.limits.items():
            rows += [f"[limits.{name}]", *_rows(limit)]
        for waiver in self.waivers:
            rows += ["[[waivers]]", *_rows(waiver)]
        for node in self.nodes.values():
            rows += ["[[nodes]]", *_rows(node)]
        return "\n".join(rows) + "\n"


def _rows(row: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in row.items()]


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_rows(value)) + " }"
    return json.dumps(value)


def inventory(hosts: Mapping[str, str], access: Mapping[str, str | Row]) -> Inventory:
    """Return the inventory of the network, by the nodes' addresses and how their hosts are reached."""
    nodes: dict[str, Row] = {}
    for number, name in enumerate(NAMES):
        host = hosts[name]
        nodes[name] = {
            "name": name,
            "rpc": f"http://{host}:18780",
            "metrics": f"http://{host}:9100/metrics",
            "p2p": f"http://{host}:19780",
            "address": development_key(number).address,
            "stake": STAKE,
            "host": access[name],
        }
        found = access[name]
        if isinstance(found, str) or found["kind"] != "none":
            nodes[name] |= {"data_dir": "/srv/data", "backup_dir": "/srv/backups"}
    network = {
        "chain_id": CHAIN_ID,
        "round_timeout_seconds": 2,
        "dead_proposer_seconds": 2,
        "heal_seconds": 2,
        "start_grace_seconds": 1,
        "alert_rules": ["rules.yml"],
    }
    return Inventory(network, nodes)
