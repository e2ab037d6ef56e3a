"""The house rules that a machine can hold, one function each: source in, sentences out."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

ROOMS = ("reports", "fixtures", "checks", "chaos")  # each may import those before it
LONGEST_FUNCTION = 70
LONGEST_FILE = 400
HTTP_MODULES = {"httpx", "requests"}
HTTP_VERBS = {"get", "post", "put", "delete", "head", "patch", "request", "stream", "Client", "AsyncClient"}
LIMIT_NAMES = {"timeout", "deadline", "delay", "ttl"}
EMPTY_NAMES = {"its", "told", "known", "now"}  # a function may be called so: ``observer.now()``
ASSERTING = re.compile(r"\bassert\b|raises|fnmatch_lines|assert_|expect|prove|run_state_machine_as_test")


@dataclass(frozen=True)
class Source:
    """A file of the project: its path from the root, its text, and its tree."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return the parsed text."""
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """Return the room that the file lies in."""
        return PurePath(self.path).parts[0]

    @property
    def selftest(self) -> bool:
        """Whether it is a test of the suite itself."""
        return "selftest" in PurePath(self.path).parts


Rule = Callable[[Source], Iterator[str]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    """Add a rule."""
    RULES.append(function)
    return function


def _imports(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "prowl" else [node.module]
            yield from ((node.lineno, name) for name in names)


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def _calls(source: Source) -> Iterator[ast.Call]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))


@rule
def imports_go_rightwards(source: Source) -> Iterator[str]:
    """Imports go chaos -> checks -> fixtures -> reports, and never to a room's bare name."""
    own = ROOMS.index(source.room) if source.room in ROOMS else len(ROOMS)
    for line, name in _imports(source):
        parts = name.split(".")
        if parts[0] in ROOMS:
            yield f"line {line}: import {name}: the installed name is prowl.{name}"
        elif parts[0] == "prowl" and len(parts) > 1 and parts[1] in ROOMS[own + 1 :]:
            yield f"line {line}: {source.room} may not know {parts[1]}"


ISLAND = "prowl.fixtures.reference"
LOOKING = {"manual", "inventory", "hosts", "clients", "survey", "alerts"}  # at networks that are not the run's own
OWNING = ("prowl.fixtures.clusters", "prowl.fixtures.proxies", "prowl.fixtures.cleanup")


@rule
def the_reference_node_is_an_island(source: Source) -> Iterator[str]:
    """Of the rest of Prowl the reference node imports ``waiting`` only."""
    if not source.path.startswith("fixtures/reference/") or source.selftest:
        return
    for line, name in _imports(source):
        if name.startswith("prowl.") and not name.startswith((ISLAND, "prowl.fixtures.waiting")):
            yield f"line {line}: import {name}: the reference node imports prowl.fixtures.waiting only"


@rule
def who_looks_owns_nothing(source: Source) -> Iterator[str]:
    """In ``fixtures/`` what looks at networks does not know what owns clusters."""
    parts = PurePath(source.path).parts
    if parts[0] != "fixtures" or parts[1] not in LOOKING:
        return
    for line, name in _imports(source):
        if name.startswith(OWNING):
            yield f"line {line}: import {name}: what looks at networks owns no cluster"


@rule
def nothing_is_too_long(source: Source) -> Iterator[str]:
    """No function over 70 lines, no file over 400."""
    lines = len(source.text.splitlines())
    if lines > LONGEST_FILE:
        yield f"{lines} lines; a file has at most {LONGEST_FILE}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"line {node.lineno}: {node.name} has {length} lines; a function has at most {LONGEST_FUNCTION}"


@rule
def nothing_is_left_over(source: Source) -> Iterator[str]:
    """No leftover marks."""
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(rf"\b({marks})\b", line):
            yield f"line {number}: a leftover mark: {line.strip()[:60]}"


@rule
def only_waiting_sleeps(source: Source) -> Iterator[str]:
    """Nothing sleeps but ``fixtures/waiting.py``."""
    if source.path == "fixtures/waiting.py":
        return
    for call in _calls(source):
        if _called(call) in {"time.sleep", "asyncio.sleep", "sleep"}:
            yield f"line {call.lineno}: {_called(call)}: wait with prowl.fixtures.waiting"


@rule
def every_call_has_a_limit(source: Source) -> Iterator[str]:
    """No process is run and no address asked without a time-out."""
    for call in _calls(source):
        name = _called(call)
        module, _, verb = name.rpartition(".")
        http = module in HTTP_MODULES and verb in HTTP_VERBS
        if (http or name in {"subprocess.run", "subprocess.check_output", "urllib.request.urlopen"}) and not any(
            keyword.arg in {"timeout", None} for keyword in call.keywords
        ):
            yield f"line {call.lineno}: {name} without a timeout"


@rule
def limits_name_their_unit(source: Source) -> Iterator[str]:
    """A parameter that is a limit has its unit in its name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                if argument.arg in LIMIT_NAMES:
                    yield f"line {node.lineno}: {node.name}({argument.arg}): name its unit: {argument.arg}_seconds"


@rule
def names_are_nouns(source: Source) -> Iterator[str]:
    """No variable, parameter or attribute has a name that says nothing of what it holds."""
    for node in ast.walk(source.tree):
        name = ""
        if isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.attr
        if name in EMPTY_NAMES:
            yield f"line {getattr(node, 'lineno', 0)}: {name}: name it by what it holds"


@rule
def no_error_is_swallowed(source: Source) -> Iterator[str]:
    """No handler of every error that does nothing."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and all(isinstance(step, ast.Pass) for step in node.body):
            kind = ast.unparse(node.type) if node.type is not None else "everything"
            if kind in {"everything", "Exception", "BaseException"}:
                yield f"line {node.lineno}: swallows {kind} in silence"


@rule
def all_chance_is_passed(source: Source) -> Iterator[str]:
    """All chance comes from a passed ``random.Random``: same seed, same plan."""
    for call in _calls(source):
        name = _called(call)
        if name.startswith("random.") and name != "random.Random" and not name.startswith("random.SystemRandom"):
            yield f"line {call.lineno}: {name}: draw from a passed random.Random"
        if name == "random.Random" and not call.args:
            yield f"line {call.lineno}: random.Random() without a seed"


@rule
def no_skip_looks_green(source: Source) -> Iterator[str]:
    """No check or scenario skips or expects to fail: what can't be judged is unknown."""
    if source.selftest:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {
            "pytest.skip", "pytest.xfail", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail",
            "pytest.importorskip",
        }:  # fmt: skip
            yield f"line {node.lineno}: {ast.unparse(node)}: a verdict is held, unknown or broken"


@rule
def toxiproxy_lives_in_one_module(source: Source) -> Iterator[str]:
    """Its client's traps are dealt with in one place."""
    if source.path != "fixtures/proxies/toxiproxy.py":
        yield from (
            f"line {line}: import {name}: use prowl.fixtures.proxies.toxiproxy"
            for line, name in _imports(source)
            if name.split(".")[0] == "toxiproxy"
        )


@rule
def tests_assert_something(source: Source) -> Iterator[str]:
    """A selftest asserts, or calls a function of its module that does; what lies within a function is no test."""
    if not source.selftest:
        return
    functions = [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    asserting = {node.name for node in functions if ASSERTING.search(ast.unparse(node))}
    within = {inner for node in functions for inner in ast.walk(node) if inner is not node}
    for node in functions:
        if node in within:
            continue
        called = {_called(call) for call in ast.walk(node) if isinstance(call, ast.Call)}
        if node.name.startswith("test_") and node.name not in asserting and not called & asserting:
            yield f"line {node.lineno}: {node.name} asserts nothing"


def class_names_twice(sources: Iterable[Source]) -> Iterator[str]:
    """No class name twice outside the reference node, nor twice inside it; tests may use a name again."""
    places: dict[tuple[bool, str], str] = {}
    for source in sources:
        island = source.path.startswith("fixtures/reference/")
        for node in [] if source.selftest else ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                other = places.setdefault((island, node.name), source.path)
                if other != source.path:
                    yield f"{source.path}: line {node.lineno}: {other} has a class {node.name}, too; rename one"


def offences(source: Source) -> list[str]:
    """Return every offence of a file, each a sentence with its rule."""
    return [f"{source.path}: {sentence}" for each in RULES for sentence in each(source)]
