"""Collects the results of a run, prints the verdict first, and writes the reports of it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from prowl.reports import changes, evidence, files, gate, history, html, junit, markdown, run, terminal, textfile, usage
from prowl.reports.causes import Cause
from prowl.reports.history import HistoryError
from prowl.reports.run import Report, Run
from prowl.reports.verdicts import NotAsked, Result, Verdict, worst

PROGRAM_ARGUMENTS = 3  # what ``prowl run`` puts before the user's words: -p, the plugin, --rootdir=...

RUN = pytest.StashKey[Run]()
NOTES = pytest.StashKey[list[str]]()
NOT_ASKED = pytest.StashKey[list[NotAsked]]()
GATE = pytest.StashKey[gate.Demands]()
KEPT = pytest.StashKey[bool]()
Diagnose = Callable[[list[Result]], tuple[list[Result], list[Cause]]]
DIAGNOSE = pytest.StashKey[Diagnose]()
RESULTS_ATTRIBUTE = "prowl_results"  # on a test report, a list of rows: survives the way from an xdist worker
MODULE_ATTRIBUTE = "prowl_module"  # likewise: JUnit's name of the class, by which readers link an item to its past
ROOMS = Path(__file__).resolve().parent.parent
WORKER_KEY = "prowl_run"
COLOURS: dict[str, dict[str, bool]] = {
    "HELD": {"green": True, "bold": True},
    "GO": {"green": True, "bold": True},
    "UNKNOWN": {"yellow": True, "bold": True},
    "PARTIAL,": {"yellow": True, "bold": True},
    "BROKEN": {"red": True, "bold": True},
    "NO-GO": {"red": True, "bold": True},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options about the run itself."""
    group = parser.getgroup("prowl", "Prowl")
    usage.put_first(parser)
    usage.name_near_options(parser, program())
    group.addoption("--seed", type=int, metavar="N", help="seed of all chance in this run (default: drawn, printed)")
    group.addoption("--plan", action="store_true", help="print what would be done to whom, touch nothing, and end")
    group.addoption("--run-dir", type=Path, metavar="DIR", help="the run's folder (default: .prowl/runs/<time>-<seed>)")
    group.addoption(
        "--textfile",
        type=Path,
        metavar="PATH",
        help="also write the run's metrics there, for node_exporter's textfile collector (a name that ends in .prom)",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Where a run ends before it began, replace what the run before it has left for machines."""
    try:
        return (yield)
    except pytest.UsageError as error:
        if not config.getoption("plan") and not hasattr(config, "workerinput"):
            _ended_early(config, str(error))
        raise


def _ended_early(config: pytest.Config, sentence: str) -> None:
    if config.option.xmlpath:
        junit.ended_early(Path(os.path.expandvars(config.option.xmlpath)).expanduser(), sentence)
    path: Path | None = config.getoption("textfile")
    if path is not None:
        target = config.getoption("target") or os.environ.get("PROWL_TARGET") or config.getini("prowl_target")
        with suppress(OSError):  # why the run ended is said in any case
            files.write_whole(path, textfile.ended_early(str(target or "")), files.READABLE_BY_ALL)


def program() -> str:
    """Return how this run was called: ``pytest``, or ``prowl run``."""
    return os.environ.get(run.PROGRAM_VARIABLE, "pytest")


def _arguments(config: pytest.Config) -> list[str]:
    """Return what the user typed behind the program's name."""
    arguments = [str(argument) for argument in config.invocation_params.args]
    return arguments[PROGRAM_ARGUMENTS:] if program() != "pytest" else arguments


def begin(config: pytest.Config, target: str, cluster: str) -> Run:
    """Begin the run (in an xdist worker: join it), and collect and report its results."""
    config.stash[NOT_ASKED] = []
    config.stash[NOTES] = []
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is not None:
        joined = Run.from_json(worker_input[WORKER_KEY])
    else:
        try:
            joined = run.begin(
                config.getoption("run_dir"),
                config.getoption("seed"),
                target,
                cluster,
                _arguments(config),
                program(),
            )
        except run.RunError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(_Collector(config, joined), "prowl-collector")
        config.pluginmanager.register(_Workers(joined, config.stash[NOT_ASKED]), "prowl-workers")
    config.stash[RUN] = joined
    return joined


def planned(config: pytest.Config, target: str, cluster: str) -> Run:
    """Return the run that would begin, which has no folder; nothing is made and nothing will be reported."""
    config.stash[NOT_ASKED] = []
    seed = config.getoption("seed")
    seed = run.drawn() if seed is None else seed
    words = [word for word in _arguments(config) if word != "--plan"]
    return Run(Path(), seed, target, cluster, run.repeat(program(), words, seed), 0.0)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Let the line of an item that passed without being held say why it did: waived, or advisory."""
    excused = [row for row in getattr(report, RESULTS_ATTRIBUTE, ()) if row["verdict"] != Verdict.HELD]
    if not report.passed or not excused:
        return None
    word = "waived" if any(row["waiver"] for row in excused) else "advisory"
    verdict = worst(Verdict(row["verdict"]) for row in excused)
    return "passed", word[0], (f"PASSED ({word}: {verdict})", {"yellow": True})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a report know its item's module: an installed one's path begins outside of pytest's root."""
    report = yield
    setattr(report, MODULE_ATTRIBUTE, _module_of(item))
    return report


def _module_of(item: pytest.Item) -> str:
    """Return the name by which Python imports an item's module, alike in a checkout and where it is installed."""
    path = item.path.resolve()
    if path.is_relative_to(ROOMS / "checks") or path.is_relative_to(ROOMS / "chaos"):
        return ".".join(["prowl", *path.relative_to(ROOMS).with_suffix("").parts])
    module = getattr(item, "module", None)
    return str(getattr(module, "__name__", ""))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In an xdist worker: hand what was not asked to the controller."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[WORKER_KEY] = [row.as_json() for row in session.config.stash.get(NOT_ASKED, [])]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back the room for the reports of a run that came to none."""
    if RUN in config.stash and not hasattr(config, "workerinput"):
        run.free_reserve(config.stash[RUN].folder)


def discard(config: pytest.Config) -> None:
    """Leave nothing of a run that ran no test: the newest run is one that has something to say."""
    collector = config.pluginmanager.get_plugin("prowl-collector")
    if collector is not None and not config.stash.get(KEPT, config.getoption("run_dir") is not None):
        collector.forget()


def note(config: pytest.Config, line: str) -> None:
    """Add a sentence about the run to its summary and its report."""
    config.stash[NOTES].append(line)


def say(config: pytest.Config, line: str) -> None:
    """Print a line of progress, at once and past pytest's capture; silent under ``-q`` and in xdist workers."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or config.get_verbosity() < 0:
        return
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"prowl: {line}")
            terminal.flush()


class _Workers:
    """Hands the run to each xdist worker, and takes back what its target does not offer (the same in each)."""

    def __init__(self, joined: Run, not_asked: list[NotAsked]) -> None:
        self.joined = joined
        self.not_asked = not_asked

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        rows = [NotAsked.from_json(row) for row in getattr(node, "workeroutput", {}).get(WORKER_KEY, ())]
        self.not_asked += [row for row in rows if row not in self.not_asked]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[WORKER_KEY] = self.joined.as_json()


class _Collector:
    """Gathers the results in the one process that reports: the only one, or xdist's controller."""

    def __init__(self, config: pytest.Config, joined: Run) -> None:
        self.config = config
        self.run = joined
        versions = run.versions()
        record = {
            "id": joined.id,
            "seed": joined.seed,
            "commit": run.commit(),
            "target": joined.target,
            "cluster": joined.cluster,
            "versions": versions,
            "started": joined.started,
            "again": joined.again,
        }
        self.report = Report(record)
        self.history = history.beside(Path(".prowl/runs").absolute())
        self.number = self._begun(str(record["commit"]) or f"version {versions['prowl-testnet']}")

    def _begun(self, made: str) -> int | None:
        """Write the run into the history; one that can't be written is no reason to judge nothing."""
        try:
            return self.history.begin(self.run, made)
        except HistoryError as error:
            self.config.stash[NOTES].append(str(error))
            return None

    def _compare(self) -> None:
        """Say what changed since each item was last seen on this target, and write this run into the history."""
        if self.number is None:
            return
        report = self.report
        try:
            before = self.history.before(self.run.target, self.number, [changes.key(row) for row in report.results])
            if before:
                report.run["changed"] = changes.changes(report.results, before).sentence(report, "it was last asked")
            self.history.end(self.number, report)
        except HistoryError as error:
            report.run["notes"].append(str(error))

    def forget(self) -> None:
        """Delete the run's folder and its row of the history."""
        shutil.rmtree(self.run.folder, ignore_errors=True)
        if self.number is not None:
            with suppress(HistoryError):  # then it is a run that did not end
                self.history.forget(self.number)

    def _said_nothing(self, exitstatus: int) -> bool:
        """Whether no test was run, and nothing else is to be read of this run."""
        if self.report.results or GATE in self.config.stash or self.config.getoption("run_dir") is not None:
            return False
        # -m chooses among items alone: what is not asked is none of what it asked for.
        reasons = self.config.stash[NOT_ASKED] and not self.config.getoption("markexpr")
        nothing_selected = exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not reasons
        return nothing_selected or exitstatus == pytest.ExitCode.USAGE_ERROR or self.config.option.collectonly

    def pytest_report_header(self) -> list[str]:
        """Print the seed, the commit and the repeat command first."""
        of_commit = f", commit {self.report.run['commit']}" if self.report.run["commit"] else ""
        return [
            f"prowl: seed {self.run.seed}{of_commit}, on {self.run.target}, run folder {self.run.folder}",
            f"again: {self.run.again}",
        ]

    def pytest_sessionstart(self) -> None:
        """Put the same into JUnit's report, if one is written."""
        junit.begin(self.config, self.report)

    def begin_gate(self, demands: gate.Demands) -> None:
        """Write down a no-go that stands until there is a decision, whatever ends this run."""
        self.config.stash[GATE] = demands
        self.report.run |= {"gate": gate.unfinished(demands, self.run.target).as_json(), "partial": True}
        with suppress(OSError):  # said in any case when the run ends
            self.report.save(self.run.folder)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results of an item; a failure without any counts as an unknown result."""
        junit.name(self.config, report, getattr(report, MODULE_ATTRIBUTE, ""))
        rows = getattr(report, RESULTS_ATTRIBUTE, None)
        if rows is not None:
            self.report.results += [Result.from_json(row) for row in rows]
        elif report.failed:
            where = f"{report.nodeid} ({report.when})"
            observed = str(report.longrepr or "no reason given").strip().splitlines()[-1]
            self.report.results.append(Result(report.nodeid, Verdict.UNKNOWN, where, "a verdict", observed))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the report; a run that was interrupted or broke down says that it is partial."""
        self.config.stash[KEPT] = not self._said_nothing(int(exitstatus))
        partial = int(exitstatus) in (int(pytest.ExitCode.INTERRUPTED), int(pytest.ExitCode.INTERNAL_ERROR))
        self.report.run["partial"] = partial or bool(session.shouldstop) or bool(session.shouldfail)
        self.report.run["exit_code"] = int(exitstatus)
        self.report.run["seconds"] = round(time.time() - self.run.started, 3)
        notes: list[str] = self.config.stash[NOTES]
        self.report.run["notes"] = notes
        not_asked: list[NotAsked] = self.config.stash[NOT_ASKED]
        self.report.not_asked += not_asked
        if DIAGNOSE in self.config.stash and any(row.counts for row in self.report.results):
            self.report.results, self.report.causes = self.config.stash[DIAGNOSE](self.report.results)
        if GATE in self.config.stash:
            self._decide(session, self.config.stash[GATE])
        if self.config.stash[KEPT]:
            self._compare()
        self.written = self._write()
        junit.finish(self.config, self.report)

    def _decide(self, session: pytest.Session, demands: gate.Demands) -> None:
        """Say go or no-go; a no-go fails a run that would have passed (an item that was not asked fails none)."""
        rows, partial = self.report.results, bool(self.report.run["partial"])
        decision = gate.decide(demands, rows, self.report.not_asked, self.run.target, partial)
        self.report.run["gate"] = decision.as_json()
        if not decision.go and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self.report.run["exit_code"] = int(session.exitstatus)

    def _write(self) -> list[str]:
        """Write every report, each whatever becomes of the others; return where they are, or why not."""
        folder, report = self.run.folder, self.report
        run.free_reserve(folder)
        report.pictures = html.timelines_of(folder)
        paths: dict[Path, Callable[[], object]] = {
            folder / "report.json": lambda: report.save(folder),
            folder / "report.html": lambda: html.write(report, folder),
            folder / markdown.NAME: lambda: markdown.write(report, folder),
            folder / evidence.AGAIN: lambda: evidence.write(report, folder),
            folder / textfile.NAME: lambda: textfile.write(report, folder / textfile.NAME),
        }
        kept = self.config.stash[KEPT]
        if not kept:
            paths.clear()
        also: Path | None = self.config.getoption("textfile")
        if also is not None:
            paths[also] = lambda: textfile.write(report, also)
        troubles = []
        for path, write in paths.items():
            try:
                write()
            except OSError as error:
                troubles.append(f"{path} could not be written: {error.strerror or error}")
        page = folder / "report.html"
        near = page.relative_to(Path.cwd()) if page.is_relative_to(Path.cwd()) else page
        return [*troubles, f"report: {near}" if kept else "no test was run: no report is kept"]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Print the first screen; pytest's own sections then say nothing of it again."""
        verbosity = self.config.get_verbosity()
        if verbosity >= 0:
            terminalreporter.section("verdict")
        width = shutil.get_terminal_size().columns
        sizes = {0: terminal.SCREEN} if verbosity >= 0 else {verbosity: terminal.QUIET_SCREEN}
        height = sizes.get(verbosity)
        for line in terminal.screen(self.report, width, height, [*self.written, *self._others()]):
            terminalreporter.write_line(line, **COLOURS.get(line.partition(" ")[0].rstrip(":"), {}))
        stats = terminalreporter.stats
        whole = {key: stats.get(key, []) for key in ("failed", "error")}
        for key, reports in whole.items():
            stats[key] = [each for each in reports if not hasattr(each, RESULTS_ATTRIBUTE)]
        yield
        stats.update(whole)

    def _others(self) -> list[str]:
        """Return what pytest will print below: it has its place on the screen, too."""
        return [""] * (1 + bool(self.config.option.xmlpath))
