"""``prowl image``: make the images that clusters of containers run, and say what an image of one's own lacks."""

from __future__ import annotations

import argparse
import sys

from prowl.fixtures.cleanup import engines
from prowl.fixtures.clusters.containers import base, image_check, images
from prowl.fixtures.clusters.containers.engine import reached
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.proxies.binary import ToxiproxyBinaryError

USAGE_ERROR = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands ``build`` and ``check``."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="build | check")
    build = commands.add_parser("build", help="make the base, the reference node's image and the proxies' image")
    check = commands.add_parser("check", help="try an image of a node: what it must offer, and what is missing")
    check.add_argument("image", metavar="IMAGE", help="an image that the engine has")
    for command in (build, check):
        command.add_argument(
            "--base-image", metavar="IMAGE", help="build on this image (default: one of Debian's packages)"
        )


def run(asked: argparse.Namespace) -> int:
    """Run one subcommand: 0 done, 1 something is missing, 4 there is no engine or image."""
    try:
        return _build(asked.base_image) if asked.command == "build" else _check(asked.image, asked.base_image)
    except (ClusterError, ToxiproxyBinaryError) as error:
        print(f"prowl image: {error}", file=sys.stderr)
        return USAGE_ERROR


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _build(base_name: str | None) -> int:
    for engine in map(reached, dict.fromkeys(engines.named())):
        print(f"engine {engine.words}")
        on = base.base_image(engine, base_name, _say)
        print(f"base   {on}")
        print(f"node   {images.node_image(engine, on, _say)}")
        print(f"proxy  {images.proxy_image(engine, on, _say)}")
    return 0


def _check(image: str, base_name: str | None) -> int:
    findings = image_check.check(image, base_name, _say)
    for finding in findings:
        print(
            f"{'NO ' if finding.trouble else 'yes'}  {finding.promise}{': ' * bool(finding.trouble)}{finding.trouble}"
        )
    return 1 if any(finding.trouble for finding in findings) else 0
