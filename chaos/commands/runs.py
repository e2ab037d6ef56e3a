"""``prowl history``, ``prowl diff``, ``prowl bundle``: what is said of runs that are over, and which run is meant."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tarfile
import time
from difflib import get_close_matches
from pathlib import Path

from prowl.chaos.engine.evidence import HEAD_BYTES, SECRET_FILES, TEXTS
from prowl.reports.changes import difference
from prowl.reports.history import SHOWN_RUNS, HistoryError, Past, RunHistory, Series, beside
from prowl.reports.redaction import HIDDEN, clean, one_line, printable
from prowl.reports.run import Report, RunError
from prowl.reports.verdicts import Verdict

USAGE_ERROR = 4
LONGEST = 500
RUNS = Path(".prowl/runs")
LETTERS = {Verdict.HELD: ".", Verdict.UNKNOWN: "?", Verdict.BROKEN: "X"}
LARGEST_FILE_BYTES, LARGEST_BUNDLE_BYTES = 50_000_000, 1_000_000_000
LEFT_OUT = {"clusters", "target", "drill", "slots"}  # data of nodes, and what only a living run needs
HTML = ".html"


def named(path: Path) -> Path:
    """Return the path, or the run below ``.prowl/runs`` that has this bare name, where only that is there."""
    run = RUNS / path
    return run if len(path.parts) == 1 and not os.path.lexists(path) and os.path.lexists(run) else path


def chosen(path: Path | None) -> Path:
    """Return the run that is meant: the newest, which is then said on stderr, where none is named.

    RunError, with a sentence, if it is not there.
    """
    if path is not None:
        path = named(path)
        if not os.path.lexists(path):
            near = get_close_matches(path.name, [each.name for each in RUNS.glob("*")], n=1)
            hint = f" Did you mean {one_line(near[0])}?" if near else ""
            said = f"There is no {one_line(str(path))!r}, neither as a path nor as a run in {RUNS.absolute()}."
            raise RunError(said + hint)
        return path
    found = sorted(each for each in RUNS.glob("*") if (each / "report.json").exists())
    if not found:
        raise RunError(f"No run is named, and there is none in {RUNS.absolute()}.")
    print(f"prowl: the newest run, {found[-1]}", file=sys.stderr)
    return found[-1]


def add_history(parser: argparse.ArgumentParser) -> None:
    """Add the words of ``prowl history``."""
    parser.add_argument("item", nargs="?", metavar="ITEM", help="an item, such as daily/peers (default: all, shortly)")
    parser.add_argument("--target", metavar="SPEC", help="runs of this target alone (default: of the newest run's)")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write it as a page")


def history(asked: argparse.Namespace) -> int:
    """Print the last runs, or what an item was in each; returns the exit code."""
    try:
        kept = beside(RUNS.absolute())
        newest = kept.runs(asked.target, 1) if kept.path.exists() else []
        if not newest:
            raise HistoryError(f"There is no run{f' of {asked.target}' if asked.target else ''} in {kept.path}.")
        runs = kept.runs(newest[0].target)
        rows = kept.series(list(reversed(runs)), asked.item)
        if asked.item and not rows:
            near = get_close_matches(asked.item, {each.item for each in kept.series(runs)}, n=3)
            hint = f" Near it: {', '.join(near)}." if near else ""
            raise HistoryError(f"No run of {newest[0].target} has asked {asked.item!r} ({_count(runs)} seen).{hint}")
        if asked.page is not None:
            from prowl.reports.history_page import write

            print(write(runs, rows, asked.page))
    except (HistoryError, OSError) as error:
        print(f"prowl history: {error}", file=sys.stderr)
        return USAGE_ERROR
    for line in _of_item(runs, rows) if asked.item else _of_all(kept, runs, rows):
        print(line)
    return 0


def _said(runs: list[Past], series: Series) -> str:
    """Return the label of a series, and since which run an item that is new or failing is not held."""
    since = {run.number: run.id for run in runs}.get(series.since or 0)
    return f"{series.label}, not held since {since}" if since and series.label != "flaky" else series.label


def _of_item(runs: list[Past], rows: list[Series]) -> list[str]:
    """Return a line for each node or scenario: a sign a run, oldest first, and what is to be said of it."""
    width = max(len(each.whose) for each in rows)
    lines = [f"each sign is a run, the newest last: {', '.join(f'{sign} {word}' for word, sign in LETTERS.items())}"]
    for each in rows:
        strip = "".join(LETTERS[verdict] for verdict in each.verdicts[-SHOWN_RUNS:])
        lines.append(f"  {each.whose:<{width}}  {strip}  {_said(runs, each)}".rstrip())
        recoveries = [f"{seconds:.1f}" for seconds in each.recoveries[-10:] if seconds is not None]
        lines += [f"  {'':<{width}}  recovered after {', '.join(recoveries)} s"] if recoveries else []
        lines += [f"  {'':<{width}}  REGRESSION: {each.regression}"] if each.regression else []
    return lines


def _count(runs: list[Past]) -> str:
    return f"{len(runs)} run{'s' if len(runs) > 1 else ''}"


def _of_all(kept: RunHistory, runs: list[Past], rows: list[Series]) -> list[str]:
    lines = [f"{_count(runs)} of {runs[0].target} in {kept.path}"]
    for run in runs[:20]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        took = f"{run.seconds:.0f} s" if run.seconds is not None else ""
        lines.append(f"  {when}  {run.id}  {took:>6}  {run.sentence or 'did not end'}")
    labelled = ((_said(runs, each), each) for each in rows if each.label)
    lines += [f"  {said}: {each.item}{f' on {each.whose}' if each.whose else ''}" for said, each in labelled]
    lines += [f"  regression: {each.item} in {each.whose}: {each.regression}" for each in rows if each.regression]
    return lines


def diff(before: Path, after: Path) -> int:
    """Print what changed from one run to another; returns the exit code: 1 if something is newly not held."""
    try:
        first, second = Report.load(chosen(before)), Report.load(chosen(after))
    except RunError as error:
        print(f"prowl diff: {error}", file=sys.stderr)
        return USAGE_ERROR
    found = difference(first, second)
    print(found.sentence(second, str(first.run.get("id", before))))
    for word, rows in (("new", found.new), ("fixed", found.fixed), ("still", found.still)):
        for row in rows:
            whose = f" on {row.node}" if row.node else f" in {row.scenario}" if row.scenario else ""
            print(f"  {word:<5} {row.verdict.upper()} {row.item}{whose}: {row.observed}")
    return 1 if found.new else 0


def bundle(run: Path, out: Path | None) -> int:
    """Pack what a run has left into one file, without secrets and without its nodes' data; returns the exit code."""
    place = out or Path(f"prowl-{run.resolve().name}.tar.gz")
    try:
        Report.load(run)
        left = _pack(run, place)
    except (RunError, OSError) as error:
        print(f"prowl bundle: {printable(error, LONGEST)}", file=sys.stderr)
        return USAGE_ERROR
    for path in left:
        print(f"left out, for it is too large: {one_line(str(path))}", file=sys.stderr)
    print(one_line(str(place)))
    return 0


def _pack(run: Path, place: Path) -> list[Path]:
    left, room = [], LARGEST_BUNDLE_BYTES
    with tarfile.open(place, "w:gz") as archive:
        for path in sorted(run.rglob("*")):
            inside = path.relative_to(run)
            if inside.parts[0] in LEFT_OUT or path.is_symlink() or not path.is_file() or path.samefile(place):
                continue
            if path.stat().st_size > min(LARGEST_FILE_BYTES, room):
                left.append(inside)
                continue
            body = _body(path)
            room -= len(body)
            entry = tarfile.TarInfo(f"{run.resolve().name}/{inside}")
            entry.size, entry.mtime, entry.mode = len(body), int(path.stat().st_mtime), path.stat().st_mode & 0o755
            archive.addfile(entry, io.BytesIO(body))
    return left


def _body(path: Path) -> bytes:
    """Return a file as it may be given away."""
    if SECRET_FILES.fullmatch(path.name):
        return HIDDEN.encode()
    body = path.read_bytes()
    if path.suffix not in {*TEXTS, HTML, ".md", ".prom", ".sh"} or b"\0" in body[:HEAD_BYTES]:
        return body
    return clean(body.decode("utf-8", "replace")).encode()
