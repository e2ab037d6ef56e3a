"""``prowl image``: make and remove the images that clusters run, and say what an image of one's own lacks."""

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
    """Add the subcommands ``build``, ``prune`` and ``check``."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="build | prune | check")
    build = commands.add_parser("build", help="make the base, the reference node's image and the proxies' image")
    whole = "make them, and remove those of former builds that no container uses; not while another run starts nodes"
    prune = commands.add_parser("prune", help=whole)
    check = commands.add_parser("check", help="try an image of a node: what it must offer, and what is missing")
    check.add_argument("image", metavar="IMAGE", help="an image that the engine has")
    for command in (build, prune, check):
        command.add_argument(
            "--base-image", metavar="IMAGE", help="build on this image (default: one of Debian's packages)"
        )


def run(asked: argparse.Namespace) -> int:
    """Run one subcommand: 0 done, 1 something is missing, 4 there is no engine or image."""
    try:
        if asked.command == "check":
            return _check(asked.image, asked.base_image)
        return _build(asked.base_image, prune=asked.command == "prune")
    except (ClusterError, ToxiproxyBinaryError) as error:
        print(f"prowl image: {error}", file=sys.stderr)
        return USAGE_ERROR


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _build(base_name: str | None, *, prune: bool) -> int:
    for engine in map(reached, dict.fromkeys(engines.named())):
        print(f"engine {engine.words}")
        on = base.base_image(engine, base_name, _say)
        print(f"base   {on}")
        made = images.node_image(engine, on, _say), images.proxy_image(engine, on, _say)
        print(f"node   {made[0]}\nproxy  {made[1]}")
        for name in images.prune(engine, {each.name for each in made}) if prune else ():
            print(f"gone   {name}")
    return 0


def _check(image: str, base_name: str | None) -> int:
    findings = image_check.check(image, base_name, _say)
    for finding in findings:
        print(
            f"{'NO ' if finding.trouble else 'yes'}  {finding.promise}{': ' * bool(finding.trouble)}{finding.trouble}"
        )
    return 1 if any(finding.trouble for finding in findings) else 0
