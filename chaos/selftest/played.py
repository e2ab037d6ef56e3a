"""Which proof plays which fault of the catalogue, and all that is missing for one."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Set
from importlib import import_module
from pathlib import Path

from prowl.chaos import faults
from prowl.chaos.engine.fault import Fault, described
from prowl.chaos.faults.catalogue import FAULTS
from prowl.chaos.faults.tools.damage import MATRIX
from prowl.fixtures.clusters.protocol import CAPABILITIES
from prowl.fixtures.clusters.spec import ClusterSpec

NODES = ("node-1", "node-2", "node-3", "node-4")
# Every cell that can be, by proof_store_damage; what ends by itself has no triple, and test_faults_process plays it. A
# network that forked stays so: what brings that about is played by the scenario that must break.
ELSEWHERE = {*map(str, MATRIX), "second process, same store", "keys on both sides"}
# By proof_faults: whatever else the catalogue has, on the second node where nothing is said here.
ON: Mapping[str, tuple[str, ...]] = {
    **{f"cut, {shape}, {mode}": NODES[:2] for shape in ("split", "isolate") for mode in ("refuse", "black hole")},
    **{f"cut, ring, {mode}": NODES for mode in ("refuse", "black hole")},
    "cut that flaps": NODES[:2],
}
TRIPLES: Mapping[str, tuple[str, ...]] = {name: ON.get(name, NODES[1:2]) for name in FAULTS if name not in ELSEWHERE}

MEMBERS = tuple(name for name in vars(Fault) if not name.startswith("_"))
ACTS = ("inject", "effect_trouble", "heal", "heal_trouble")


def classes() -> dict[str, list[type]]:
    """Return the classes of each file of faults that act as faults do."""
    found = {}
    for path in sorted(Path(faults.__path__[0]).glob("*.py")):
        module = import_module(f"{faults.__name__}.{path.stem}")
        own = [
            each for _name, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__
        ]
        found[path.name] = [each for each in own if any(hasattr(each, act) for act in ACTS)]
    return found


def missing(files: Mapping[str, Iterable[type]], catalogue: Mapping[str, Fault], played: Set[str]) -> list[str]:
    """Return all that is missing for the faults of these files and this catalogue, a sentence each."""
    return [
        *(
            f"{file}: {each.__name__} has no line in chaos/faults/catalogue.py"
            for file, found in files.items()
            for each in found
            if not any(isinstance(fault, each) for fault in catalogue.values())
        ),
        *(f"{name!r} is played by no proof" for name in catalogue if name not in played),
        *(f"{name!r} is played and has no line in chaos/faults/catalogue.py" for name in played - catalogue.keys()),
        *(line for name, fault in catalogue.items() for line in _faulty(name, fault)),
    ]


def _faulty(name: str, fault: Fault) -> list[str]:
    """Return what one fault lacks of what every fault has."""
    lacking = [member for member in MEMBERS if not hasattr(fault, member)]
    if lacking:
        return [f"{name!r} has no {', '.join(lacking)}"]
    unknown = [str(need) for need in fault.needs if need not in CAPABILITIES]
    lines = [f"{name!r} needs what is no capability: {', '.join(unknown)}"] if unknown else []
    if fault.limit_seconds <= 0:
        lines.append(f"{name!r} has a limit of {fault.limit_seconds} s")
    try:
        effects = fault.effects(described(ClusterSpec(len(NODES)), TRIPLES.get(name, NODES[1:2])))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the rest
        return [*lines, f"{name!r} can't tell its effects before a cluster is started: {error!r}"]
    if not effects.kind or not effects.words:
        lines.append(f"{name!r} tells effects without a kind or without words")
    return lines
