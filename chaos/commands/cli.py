"""The command ``prowl``: works from any folder where the package is installed, without a checkout.

Each subcommand imports what it needs when it is called: ``prowl node`` must start as fast as the node it is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from prowl.chaos.commands import interrupt

USAGE_ERROR = 4
PIPE_CLOSED = 141  # as a shell has it for a program that SIGPIPE ended

SUBCOMMANDS = """\
  run       pytest with Prowl's checks and scenarios: prowl run --target embedded [--chaos] [pytest's options]
  judge     judge a saved timeline (or every one of a run) again, with no cluster
  report    print a run's verdict and write its report.html anew (without a RUN: the newest)
  history   what each item was in the last runs, or one: prowl history [ITEM]
  diff      what changed from one run to another: prowl diff RUN RUN
  bundle    pack what a run has left, without secrets: prowl bundle [RUN]
  gate      go or no-go for an upgrade: prowl gate --target testnet.toml [--node-home OLD --next-home NEW]
            prowl gate init github|systemd writes what runs it by itself
  alerts    compare rule files with the manual's five alerts: prowl alerts FILE... (without one: print the five);
            prowl alerts render: rule files with Prowl's own; prowl alerts seen RUN: when alerts fired in a run
  inventory write, check or describe a testnet.toml: prowl inventory init URL..., check FILE, schema
  manual    list the manual's items and what asserts each; --topology: what to expect under which fault
  node      start a reference node, or list its defects
  backup    pack a reference node's data, running or not: prowl backup DIR OUT
  restore   put a backup in the place of a stopped node's data: prowl restore FILE DIR
  cluster   write a cluster of containers as a compose file: prowl cluster export DIR
  image     make the images that containers run, or try one of your own: prowl image build, check IMAGE;
            prowl image prune removes those of former builds
  heal      end what a run that died has left behind
  doctor    say what this machine allows, and which faults and scenarios it can't do
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    interrupt.heed()
    try:
        code = _subcommand(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # who read our output has gone, as head does; what Python still holds of it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _subcommand(words: list[str]) -> int:
    commands = {
        "run": _run,
        "judge": _judge,
        "report": _report,
        "history": _history,
        "diff": _diff,
        "bundle": _bundle,
        "gate": _gate,
        "alerts": _alerts,
        "inventory": _inventory,
        "manual": _manual,
        "node": _node,
        "backup": _backup,
        "restore": _restore,
        "cluster": _cluster,
        "image": _image,
        "heal": _heal,
        "doctor": _doctor,
    }
    if not words or words[0] in {"-h", "--help"}:
        print(f"usage: prowl SUBCOMMAND ...\n\n{SUBCOMMANDS}")
        return 0 if words else USAGE_ERROR
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"prowl {version('prowl-testnet')}")
        return 0
    if words[0] not in commands:
        from difflib import get_close_matches

        near = get_close_matches(words[0], commands, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        print(f"prowl: there is no subcommand {words[0]!r}.{hint} There are:\n\n{SUBCOMMANDS}", file=sys.stderr)
        return USAGE_ERROR
    return commands[words[0]](words[1:])


class _Parser(argparse.ArgumentParser):
    """Ends with the contract's exit code for wrong usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(USAGE_ERROR, f"{self.prog}: {message}. Usage: {self.format_usage().removeprefix('usage: ')}")


def _run(words: list[str]) -> int:
    import pytest

    from prowl.reports.run import PROGRAM_VARIABLE

    os.environ[PROGRAM_VARIABLE] = "prowl run"
    begun = time.time()
    code = int(pytest.main(["-p", "prowl.chaos.plugin", f"--rootdir={Path.cwd()}", *words]))
    if code == USAGE_ERROR:
        from prowl.reports.junit import replace_stale

        replace_stale(words, begun)
    return code


def _gate(words: list[str]) -> int:
    if words[:1] == ["init"]:
        from prowl.chaos.commands import automation

        return automation.main(words[1:])
    # pytest has a --strict of its own.
    return _run(["--gate", *("--strict-gate" if word == "--strict" else word for word in words)])


def _judge(words: list[str]) -> int:
    from prowl.chaos.commands import runs
    from prowl.checks import judge
    from prowl.reports.run import RunError

    parser = _Parser(prog="prowl judge", description="Judge a saved timeline again.")
    parser.add_argument(
        "path",
        type=Path,
        nargs="?",
        metavar="FILE|RUN",
        help="a timeline, a run's folder, or its name (default: newest)",
    )
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    whole = "judge by every invariant (default: by safety and by what the scenario names, as its run did)"
    parser.add_argument("--all", action="store_true", help=whole)
    asked = parser.parse_args(words)
    try:
        return judge.main(runs.chosen(asked.path), asked.json, every=asked.all)
    except RunError as error:
        print(f"prowl judge: {error}", file=sys.stderr)
        return USAGE_ERROR


def _report(words: list[str]) -> int:
    from shutil import get_terminal_size

    from prowl.chaos.commands import runs
    from prowl.reports import html, schema, terminal
    from prowl.reports.redaction import one_line
    from prowl.reports.run import Report, RunError

    parser = _Parser(prog="prowl report", description="Print a run's verdict and write its report.html anew.")
    parser.add_argument(
        "path", type=Path, nargs="?", metavar="RUN", help="a run's folder or name (default: the newest run)"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of report.json")
    parser.add_argument("--all", action="store_true", help="print every finding whole, however many there are")
    asked = parser.parse_args(words)
    if asked.schema:
        print(json.dumps(schema.schema(), indent=2))
        return 0
    try:
        path = runs.chosen(asked.path)
        report = Report.load(path)
        page = html.write(report, path if path.is_dir() else path.parent)
    except (RunError, OSError) as error:
        print(f"prowl report: {one_line(str(error))}", file=sys.stderr)
        return USAGE_ERROR
    height = None if asked.all else terminal.SCREEN
    print("\n".join(terminal.screen(report, get_terminal_size().columns, height, [str(page)])))
    return 0


def _history(words: list[str]) -> int:
    from prowl.chaos.commands import runs

    parser = _Parser(prog="prowl history", description="What each item, or one, was in the last runs of a target.")
    runs.add_history(parser)
    return runs.history(parser.parse_args(words))


def _diff(words: list[str]) -> int:
    from prowl.chaos.commands import runs

    parser = _Parser(prog="prowl diff", description="Say what changed from one run to another.")
    parser.add_argument("before", type=Path, metavar="RUN", help="a run's folder, its name, or its report.json")
    parser.add_argument("after", type=Path, metavar="RUN", help="a later run's")
    asked = parser.parse_args(words)
    return runs.diff(asked.before, asked.after)


def _bundle(words: list[str]) -> int:
    from prowl.chaos.commands import runs
    from prowl.reports.run import RunError

    parser = _Parser(prog="prowl bundle", description="Pack what a run has left into one file, without secrets.")
    parser.add_argument(
        "run", type=Path, nargs="?", metavar="RUN", help="a run's folder or name (default: the newest run)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="the file (default: prowl-RUN.tar.gz, here)")
    asked = parser.parse_args(words)
    try:
        return runs.bundle(runs.chosen(asked.run), asked.output)
    except RunError as error:
        print(f"prowl bundle: {error}", file=sys.stderr)
        return USAGE_ERROR


def _alerts(words: list[str]) -> int:
    from prowl.checks import alerts_command

    if words[:1] == ["render"]:
        return _alerts_render(words[1:])
    if words[:1] == ["seen"]:
        return _alerts_seen(words[1:])
    parser = _Parser(prog="prowl alerts", description="Compare rule files with the manual's five alerts.")
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="a rule file of Prometheus")
    return alerts_command.main(parser.parse_args(words).files)


def _alerts_render(words: list[str]) -> int:
    from prowl.checks import alerts_render
    from prowl.fixtures.alerts import own

    parser = _Parser(prog="prowl alerts render", description="Write the manual's alerts, and Prowl's own.")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where both files go (default: print Prometheus's)")
    parser.add_argument("--nodes", type=int, metavar="N", help="how many nodes Prometheus must have as targets")
    parser.add_argument("--job", default=own.JOB, help="the job of the nodes in Prometheus (default: %(default)s)")
    parser.add_argument("--manual", default=own.MANUAL, metavar="URL", help="where the operations manual is read")
    parser.add_argument("--target", default=own.TARGET, help="the inventory that the commands name")
    parser.add_argument("--datasource", default="prometheus", metavar="UID", help="Grafana's uid of the Prometheus")
    return alerts_render.render(alerts_render.Asked(**vars(parser.parse_args(words))))


def _alerts_seen(words: list[str]) -> int:
    from prowl.chaos.commands import runs
    from prowl.checks import alerts_render
    from prowl.reports.run import RunError

    parser = _Parser(prog="prowl alerts seen", description="Say when alerts fired in a run that a Prometheus watched.")
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder or name, or a timeline")
    try:
        return alerts_render.seen(runs.chosen(parser.parse_args(words).run))
    except RunError as error:
        print(f"prowl alerts seen: {error}", file=sys.stderr)
        return USAGE_ERROR


def _inventory(words: list[str]) -> int:
    from prowl.chaos.commands import inventory as inventory_command

    parser = _Parser(prog="prowl inventory", description="Write, check or describe a testnet.toml.")
    inventory_command.add_arguments(parser)
    return inventory_command.run(parser.parse_args(words))


def _manual(words: list[str]) -> int:
    from prowl.chaos.commands.coverage import coverage
    from prowl.checks import topology

    parser = _Parser(prog="prowl manual", description="List the manual's items and what asserts each.")
    what = "print instead what to expect of 3, 4, 5 and 7 validators, and of unequal stakes, under each class of fault"
    parser.add_argument("--topology", action="store_true", help=what)
    if parser.parse_args(words).topology:
        print("\n".join(topology.lines()))
        return 0
    rows = coverage()
    for row in rows:
        print(f"{row.item.id:<26} {', '.join(row.asserted_by) or row.item.pending}")
        print(f"{'':<26}   {row.item.section}: {row.item.sentence}")
    waiting = [row for row in rows if not row.asserted_by]
    print(f"{len(rows)} items, {len(rows) - len(waiting)} asserted, {len(waiting)} to come.")
    return 0


def _node(words: list[str]) -> int:
    from prowl.fixtures.reference.main import run

    return run(words)


def _backup(words: list[str]) -> int:
    from prowl.fixtures.reference.defects.catalogue import plant
    from prowl.fixtures.reference.storage.backup import BackupFailed, backup

    parser = _Parser(prog="prowl backup", description="Pack a reference node's data, while it runs or not.")
    parser.add_argument("data_dir", type=Path, metavar="DIR", help="the node's data directory")
    parser.add_argument("out_dir", type=Path, metavar="OUT", help="where coc-backup-{date}-h{height}.tar.gz is put")
    parser.add_argument("--defect", metavar="NAME", help="plant a defect of prowl node --list-defects: backup-torn")
    asked = parser.parse_args(words)
    try:
        print(backup(asked.data_dir, asked.out_dir, packed=plant(asked.defect).packed))
    except LookupError as error:
        print(f"prowl backup: {error.args[0]}", file=sys.stderr)
        return USAGE_ERROR
    except BackupFailed as error:
        print(f"prowl backup: {error}", file=sys.stderr)
        return 1
    return 0


def _restore(words: list[str]) -> int:
    from prowl.fixtures.reference.storage.backup import BackupFailed, restore

    parser = _Parser(prog="prowl restore", description="Put a backup in the place of a stopped node's data.")
    parser.add_argument("archive", type=Path, metavar="FILE", help="a backup, as prowl backup wrote it")
    parser.add_argument("data_dir", type=Path, metavar="DIR", help="the node's data directory")
    asked = parser.parse_args(words)
    try:
        restore(asked.archive, asked.data_dir)
    except BackupFailed as error:
        print(f"prowl restore: {error}", file=sys.stderr)
        return 1
    return 0


def _cluster(words: list[str]) -> int:
    from prowl.chaos.commands import cluster as cluster_command

    parser = _Parser(prog="prowl cluster", description="Write a cluster of containers as a compose file.")
    cluster_command.add_arguments(parser)
    return cluster_command.run(parser.parse_args(words))


def _image(words: list[str]) -> int:
    from prowl.chaos.commands import image as image_command

    parser = _Parser(prog="prowl image", description="Make the images that clusters of containers run, or try one.")
    image_command.add_arguments(parser)
    return image_command.run(parser.parse_args(words))


def _heal(words: list[str]) -> int:
    from prowl.chaos.commands.heal import heal

    parser = _Parser(prog="prowl heal", description="End what a run that died has left behind.")
    parser.add_argument("run", nargs="?", type=Path, help="a run's folder or name (default: all below .prowl/runs)")
    asked = parser.parse_args(words)
    return heal(asked.run)


def _doctor(words: list[str]) -> int:
    from prowl.chaos.commands import doctor

    _Parser(prog="prowl doctor", description="Say what this machine allows, and what it can't do.").parse_args(words)
    return doctor.main()


if __name__ == "__main__":
    sys.exit(main())
