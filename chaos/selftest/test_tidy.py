"""The house rules hold, and each rule catches what it is for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from prowl.chaos.selftest import tidy
from prowl.chaos.selftest.tidy import Source

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for room in (*tidy.ROOMS, "conftest.py")
    for path in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
    if "__pycache__" not in path.parts
)
CHECKOUT = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not a checkout")

LONG_BODY = "\n".join(f"    x{number} = {number}" for number in range(70))
CASES = [
    ("imports_go_rightwards", "reports/a.py", "import prowl.fixtures.node", "import prowl.reports.node"),
    ("imports_go_rightwards", "fixtures/a.py", "from prowl.checks import x", "from prowl.reports import x"),
    ("imports_go_rightwards", "checks/a.py", "from prowl import chaos", "from prowl import reports"),
    ("imports_go_rightwards", "chaos/a.py", "from fixtures import x", "from prowl.fixtures import x"),
    (
        "the_reference_node_is_an_island",
        "fixtures/reference/rpc/a.py",
        "from prowl.fixtures.network import x",
        "from prowl.fixtures.waiting import x",
    ),
    (
        "the_reference_node_is_an_island",
        "fixtures/reference/a.py",
        "import prowl.reports.run",
        "import prowl.fixtures.reference.log",
    ),
    (
        "who_looks_owns_nothing",
        "fixtures/survey/a.py",
        "from prowl.fixtures.clusters.spec import x",
        "from prowl.fixtures.hosts.facts import x",
    ),
    ("who_looks_owns_nothing", "fixtures/hosts/a.py", "import prowl.fixtures.cleanup.ledger", "import prowl.reports"),
    (
        "nothing_is_too_long",
        "chaos/a.py",
        f"def f():\n{LONG_BODY}",
        f"def f():\n{LONG_BODY[: LONG_BODY.rfind(chr(10))]}",
    ),
    ("nothing_is_too_long", "chaos/a.py", "x = 1\n" * 401, "x = 1\n" * 400),
    ("nothing_is_left_over", "chaos/a.py", "x = 1  # TO" + "DO", "x = 1  # to do"),
    ("only_waiting_sleeps", "chaos/a.py", "time.sleep(1)", "wait_until(look, 1)"),
    ("only_waiting_sleeps", "chaos/a.py", "await_ = asyncio.sleep(1)", "await_ = tick(1)"),
    ("only_waiting_sleeps", "chaos/a.py", "time.sleep(1)", None),
    ("every_call_has_a_limit", "chaos/a.py", "httpx.get(url)", "httpx.get(url, timeout=1)"),
    ("every_call_has_a_limit", "chaos/a.py", "subprocess.run(x)", "subprocess.run(x, timeout=1)"),
    ("limits_name_their_unit", "chaos/a.py", "def f(timeout): pass", "def f(timeout_seconds): pass"),
    ("names_are_nouns", "chaos/a.py", "def f(now): pass", "def now(at): pass"),
    ("names_are_nouns", "chaos/a.py", "for its in rows: f(its)", "for row in rows: f(its())"),
    ("names_are_nouns", "chaos/a.py", "class A:\n    told: str", "class A:\n    words: str"),
    ("names_are_nouns", "chaos/a.py", "self.known = 1", "x = self.known"),
    ("no_error_is_swallowed", "chaos/a.py", "try: f()\nexcept Exception: pass", "try: f()\nexcept KeyError: pass"),
    ("no_error_is_swallowed", "chaos/a.py", "try: f()\nexcept: pass", "try: f()\nexcept OSError: g()"),
    ("all_chance_is_passed", "chaos/a.py", "random.choice(x)", "chance.choice(x)"),
    ("all_chance_is_passed", "chaos/a.py", "random.Random()", "random.Random(seed)"),
    ("all_chance_is_passed", "chaos/a.py", "random.random()", "random.SystemRandom().randrange(9)"),
    ("no_skip_looks_green", "checks/a.py", "pytest.skip('x')", "raise Unknown(claim)"),
    ("no_skip_looks_green", "checks/a.py", "@pytest.mark.xfail\ndef f(): pass", "def f(): pass"),
    ("toxiproxy_lives_in_one_module", "fixtures/a.py", "import toxiproxy", "import prowl.fixtures.proxies.toxiproxy"),
    ("tests_assert_something", "chaos/selftest/a.py", "def test_a(): f()", "def test_a(): assert f()"),
    ("tests_assert_something", "fixtures/selftest/a.py", "def test_a(): f()", "def f(): assert 1\ndef test_a(): f()"),
    (
        "tests_assert_something",
        "fixtures/selftest/a.py",
        "class A:\n    def test_a(self): f()",
        "def test_a():\n    def test_b(): f()\n    assert test_b",
    ),
]


@CHECKOUT
@pytest.mark.parametrize("path", FILES)
def test_no_rule_is_broken(path: str) -> None:
    assert tidy.offences(Source(path, (ROOT / path).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(("name", "path", "offence", "innocent"), CASES)
def test_each_rule_catches_something_and_spares_its_neighbour(
    name: str, path: str, offence: str, innocent: str | None
) -> None:
    rule = next(rule for rule in tidy.RULES if rule.__name__ == name)
    assert list(rule(Source(path, offence)))
    if innocent is not None:
        assert not list(rule(Source(path, innocent)))


def test_every_rule_has_a_case() -> None:
    assert {rule.__name__ for rule in tidy.RULES} == {case[0] for case in CASES}


@CHECKOUT
def test_no_class_name_stands_twice() -> None:
    sources = [Source(path, (ROOT / path).read_text(encoding="utf-8")) for path in FILES]
    assert list(tidy.class_names_twice(sources)) == []


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("checks/a.py", "reports/a.py", 1),
        ("fixtures/reference/a.py", "fixtures/reference/rpc/a.py", 1),
        ("fixtures/a.py", "fixtures/reference/a.py", 0),
        ("fixtures/a.py", "fixtures/selftest/a.py", 0),
    ],
)
def test_a_class_name_that_stands_twice_is_named(one: str, other: str, found: int) -> None:
    sources = [Source(path, "def f():\n    class A: pass") for path in (one, other)]
    assert len(list(tidy.class_names_twice(sources))) == found


@CHECKOUT
def test_the_frame() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "pytest11" not in project["project"].get("entry-points", {}), "Prowl does nothing in a stranger's run"
    assert len((ROOT / "conftest.py").read_text(encoding="utf-8").splitlines()) <= 10
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 60
    assert not (ROOT / "prowl").exists(), "a folder called prowl would hide the installed package"
    packages = {
        "prowl." + path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for room in tidy.ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == packages
    assert project["tool"]["distutils"]["aliases"]["bdist_wheel"].startswith("clean --all "), (
        "nothing of a build before"
    )
    for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        assert not (line.startswith('    "') and ">=" in line) or "  # " in line, f"a dependency has a reason: {line}"
