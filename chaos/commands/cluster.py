"""``prowl cluster export``: a cluster of containers as a compose file, with everything that it needs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from prowl.fixtures.clusters.containers.export import NET, export
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.proxies.binary import ToxiproxyBinaryError
from prowl.fixtures.targets import TargetError, of_containers

USAGE_ERROR = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand ``export``."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="export")
    command = commands.add_parser("export", help="write a compose file, an inventory, and a folder a node")
    command.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new or empty")
    command.add_argument("--cluster", metavar="SPEC", default="containers", help="containers[:N], N 4 by default")
    command.add_argument("--node-home", type=Path, metavar="DIR", help="the nodes are those of an installed COC node")
    command.add_argument("--node-image", metavar="IMAGE", help="the nodes are containers of this image")
    command.add_argument("--base-image", metavar="IMAGE", help="what the images are built on")
    command.add_argument("--net", metavar="CIDR", default=NET, help=f"the nodes' addresses (default {NET})")


def run(asked: argparse.Namespace) -> int:
    """Write it and return 0; 4 for what can't be."""
    try:
        target = of_containers(asked.cluster, asked.node_home, asked.node_image, asked.base_image)
        written = export(target.cluster_spec, asked.folder, asked.net, _say)
    except (ClusterError, TargetError, ToxiproxyBinaryError) as error:
        print(f"prowl cluster export: {error}", file=sys.stderr)
        return USAGE_ERROR
    for path in written:
        print(path)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
