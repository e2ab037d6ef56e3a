"""Mutants of the invariants: ``python chaos/bench/mutants.py [--seed N] [--count N] [--part K/N] [NAME ...]``.

Draws small changes of ``checks/invariants`` (a limit moved by one, a comparison turned round), and runs each against
the tests of its own file: a mutant that no test notices is a case that is missing. The files are not touched: each
mutant lives in a forked process that compiles the changed source in place of the module.
"""

from __future__ import annotations

import argparse
import ast
import importlib.machinery
import importlib.util
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis  # noqa: F401 - once, before the forks
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "prowl.checks.invariants"
CPU_SECONDS = 60
MEMORY_BYTES = 6_000_000_000
LEFT_OUT = {"Invariant", "dataclass", "lru_cache"}  # calls whose arguments decide nothing
OTHER_TESTS = {
    "agreement": ("safety", "limits"),
    "finality": ("safety",),
    "linkage": ("safety",),
    "text": ("safety", "reached"),
    "history": ("history", "safety"),
    "pace": ("history", "limits", "progress"),
    "actions": ("network_state", "limits"),
    "network_state": ("network_state", "limits", "equivocation"),
    "quorum": ("network_state",),
    "no_progress_without_quorum": ("votes", "progress", "limits"),
    "progress_with_quorum": ("progress", "limits"),
    "progress_after_heal": ("progress", "limits"),
    "recovery": ("recovery", "recovery_kinds", "limits"),
    "signals": ("signals", "history", "limits"),
    "peers": ("peers", "limits"),
}
"""Which tests are a file's own, where it is not the one of the same name."""
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}  # fmt: skip
NAMES = {
    "min": "max", "max": "min", "any": "all", "all": "any", "bisect_left": "bisect_right",
    "bisect_right": "bisect_left",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A change of one node of a file's syntax tree; ``place`` counts the nodes, and the operators of a comparison."""

    name: str
    place: int
    operator: int = 0


def mutants(name: str, source: str) -> Iterator[Mutant]:
    """Return every mutant of a file."""
    tree = ast.parse(source)
    skipped = {id(part) for node in ast.walk(tree) for part in _decides_nothing(node)}
    for place, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Compare):
            yield from (Mutant(name, place, number) for number in range(len(node.ops)))
        elif _is_one(node):
            yield Mutant(name, place)


def _decides_nothing(node: ast.AST) -> Iterator[ast.AST]:
    """Return what is not worth a change: annotations, the words of a sentence, what a name is made with."""
    parts = [part for field in ("annotation", "returns") if (part := getattr(node, field, None)) is not None]
    made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LEFT_OUT
    for part in [*parts, *([node] if made or isinstance(node, ast.JoinedStr) else [])]:
        yield from ast.walk(part)


def _is_one(node: ast.AST) -> bool:
    if isinstance(node, ast.BoolOp | ast.BinOp):
        return type(node.op) in SWAPS
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    return isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load)


def changed(mutant: Mutant, source: str) -> tuple[ast.Module, str]:
    """Return the tree of a mutant, and what was changed in words."""
    tree = ast.parse(source)
    node: Any = list(ast.walk(tree))[mutant.place]
    before, line = ast.unparse(node), node.lineno
    if isinstance(node, ast.Compare):
        node.ops[mutant.operator] = SWAPS[type(node.ops[mutant.operator])]()
    elif isinstance(node, ast.BoolOp | ast.BinOp):
        node.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.UnaryOp):
        node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Name):
        node.id = NAMES[node.id]
    else:
        value = node.value
        node.value = not value if isinstance(value, bool) else value - 1 if value == 1 or value > 2 else value + 1
    return ast.fix_missing_locations(tree), f"{mutant.name}.py:{line}: {before} -> {ast.unparse(node)}"


class _Instead:
    """Finds the mutant where the module is imported."""

    def __init__(self, name: str, tree: ast.Module, path: Path) -> None:
        self._module, self._tree, self._path = f"{PACKAGE}.{name}", tree, path

    def find_spec(self, name: str, _path: object, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Return how the module is loaded."""
        return importlib.util.spec_from_loader(name, self, origin=str(self._path)) if name == self._module else None

    def create_module(self, _spec: object) -> None:
        """Leave that to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        exec(compile(self._tree, str(self._path), "exec"), vars(module))  # noqa: S102 - it is our own source


def fate(mutant: Mutant, tree: ast.Module, log: Path) -> str:
    """Run the tests of a mutant's file in a process of its own; return what became of it."""
    pid = os.fork()
    if pid == 0:
        _run(mutant, tree, log)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return "SURVIVED" if code == 0 else "killed" if code in (1, 2) or code < 0 else f"ODD {code}"


def _run(mutant: Mutant, tree: ast.Module, log: Path) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for descriptor in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.meta_path.insert(0, _Instead(mutant.name, tree, _path(mutant.name)))  # type: ignore[arg-type]
    code: int = 9
    try:
        os.chdir(ROOT)
        usual = ["--noconftest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"]
        code = int(pytest.main([*usual, *map(str, tests_of(mutant.name))]))
    finally:
        os._exit(code)


def tests_of(name: str) -> list[Path]:
    """Return the tests of a file."""
    parts = OTHER_TESTS.get(name, (name,))
    return [path for part in parts if (path := ROOT / f"checks/selftest/test_invariants_{part}.py").exists()]


def _path(name: str) -> Path:
    return ROOT / "checks" / "invariants" / f"{name}.py"


def main(words: Sequence[str] | None = None) -> int:
    """Draw, run and print; 1 if a mutant survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--part", default="1/1", help="K/N: only each N-th of those drawn, from the K-th on")
    parser.add_argument("names", nargs="*", help="files of checks/invariants, without .py (none: all that have tests)")
    given = parser.parse_args(words)
    names = given.names or [path.stem for path in sorted(_path("x").parent.glob("[!_]*.py")) if tests_of(path.stem)]
    sources = {name: _path(name).read_text(encoding="utf-8") for name in names}
    every = [mutant for name, source in sources.items() for mutant in mutants(name, source)]
    part, parts = map(int, given.part.split("/"))
    chance = random.Random(given.seed)
    drawn = chance.sample(every, min(given.count, len(every)))[part - 1 :: parts]
    print(f"seed {given.seed}: {len(drawn)} of {len(every)} mutants of {len(names)} files", flush=True)
    survived = 0
    log = Path(tempfile.gettempdir()) / f"prowl-mutant-{os.getpid()}.log"
    for mutant in drawn:
        began = time.monotonic()
        tree, sentence = changed(mutant, sources[mutant.name])
        found = fate(mutant, tree, log)
        survived += found != "killed"
        print(f"{found:<8} {time.monotonic() - began:4.0f} s  {sentence}", flush=True)
    log.unlink(missing_ok=True)
    print(f"{len(drawn) - survived} of {len(drawn)} killed, {1 - survived / max(1, len(drawn)):.1%}")
    return 1 if survived else 0


if __name__ == "__main__":
    raise SystemExit(main())
