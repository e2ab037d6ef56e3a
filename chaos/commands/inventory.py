"""``prowl inventory``: publish the schema, write an inventory by asking the nodes, check one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sized
from pathlib import Path

from prowl.fixtures.clients import prometheus as prometheus_target
from prowl.fixtures.clients.prometheus import PrometheusError
from prowl.fixtures.inventory import init as inventory_init
from prowl.fixtures.inventory import reader as inventory
from prowl.fixtures.inventory import schema as inventory_schema
from prowl.fixtures.inventory.reader import InventoryError

USAGE_ERROR = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``prowl inventory`` takes."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="schema|init|check")
    parts.add_parser("schema", help="print the JSON Schema of an inventory")
    init = parts.add_parser("init", help="write an inventory by asking the nodes; nothing is overwritten")
    init.add_argument("urls", nargs="*", metavar="URL", help="each node's RPC address, or RPC,METRICS")
    init.add_argument("--prometheus", metavar="URL", help="take the nodes from a Prometheus")
    init.add_argument("--output", type=Path, default=Path("testnet.toml"), metavar="FILE", help="(testnet.toml)")
    check = parts.add_parser("check", help="read an inventory and tell every fault")
    check.add_argument("file", type=Path, metavar="FILE")


def run(asked: argparse.Namespace) -> int:
    """Do what was asked; 0 if it is done and nothing is in doubt, 1 if something is, 4 for wrong usage."""
    if asked.part == "schema":
        print(json.dumps(inventory_schema.json_schema(), indent=2))
        return 0
    return _check(asked.file) if asked.part == "check" else _init(asked)


def _check(file: Path) -> int:
    try:
        network = inventory.read(file)
    except InventoryError as error:
        print(f"prowl inventory check: {error}", file=sys.stderr)
        return USAGE_ERROR
    roles = [node.role for node in network.nodes]
    kinds = ", ".join(f"{roles.count(role)} {role}" for role in dict.fromkeys(roles))
    waivers, limits = _count(network.waivers, "waiver"), _count(network.own_limits, "own limit")
    print(f"{file}: {_count(roles, 'node')} ({kinds}), {waivers}, {limits}.")
    return 0


def _count(rows: Sized, word: str) -> str:
    return f"{len(rows)} {word}{'' if len(rows) == 1 else 's'}"


def _init(asked: argparse.Namespace) -> int:
    if bool(asked.urls) == bool(asked.prometheus):
        return _refuse("Give the RPC address of each node, or --prometheus URL with nothing beside it.")
    if asked.output.exists():
        return _refuse(f"{asked.output} is there already and is not overwritten; name another file with --output.")
    pairs = [url.split(",") for url in asked.urls]
    if not all(len(pair) <= 2 and all(inventory.is_address(each) for each in pair) for pair in pairs):
        return _refuse(
            "An address is written like http://10.0.0.1:18780, without user, password or query; behind it may stand "
            "a comma and the address of its metrics page."
        )
    urls = list(dict.fromkeys(rpc.rstrip("/") for rpc, *_page in pairs))
    metrics = {rpc.rstrip("/"): page[0] for rpc, *page in pairs if page}
    try:
        if asked.prometheus:
            metrics = prometheus_target.metrics_addresses(asked.prometheus)
            urls = list(metrics)
    except PrometheusError as error:
        return _refuse(str(error))
    found = inventory_init.find(urls, metrics)
    text = inventory_init.write(found, asked.prometheus)
    try:
        with asked.output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        return _refuse(f"{asked.output} can't be written: {error.strerror or error}.")
    print(f"{asked.output}: {_count(found, 'node')}.")
    doubts = [f"  {each.rpc}: {doubt}" for each in found for doubt in each.doubts]
    if doubts:
        print("\n".join(["Not proven, look at these (each is a comment in the file):", *doubts]))
    return 1 if doubts else 0


def _refuse(sentence: str) -> int:
    print(f"prowl inventory init: {sentence}", file=sys.stderr)
    return USAGE_ERROR
