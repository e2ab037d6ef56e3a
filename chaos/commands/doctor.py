"""``prowl doctor``: what this machine allows, tried where a look does not tell, and which faults it can't do."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import psutil

from prowl.chaos.engine.refusals import obstacle
from prowl.chaos.engine.registry import all_scenarios
from prowl.chaos.faults.catalogue import FAULTS, IMPOSSIBLE
from prowl.fixtures import machine
from prowl.fixtures.cleanup import engines
from prowl.fixtures.clusters import installed_node, netns
from prowl.fixtures.clusters.protocol import lack
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.fixtures.proxies import binary as toxiproxy_binary

TRIAL_SECONDS = 10.0
SHIFT_SECONDS = 3600.0
DESCRIPTORS_WANTED = 4096


@dataclass(frozen=True)
class Row:
    """One thing that was looked at: whether it is there, and what it is or what is missing, in words."""

    what: str
    there: bool
    words: str


def examine() -> list[Row]:
    """Look at the machine, and try what a look does not tell."""
    return [
        _system(),
        _descriptors(),
        *(_cgroup(controller) for controller in ("memory", "cpu", "blkio")),
        _small_disk(),
        _namespaces(),
        _clock(),
        *map(_engine, engines.named()),
        _toxiproxy(),
        _go(),
        _installed_node(),
    ]


def unavailable(kind: str = "processes") -> Mapping[str, Mapping[str, list[str]]]:
    """Return what can't be done here to a kind of cluster: the reasons, and which faults and scenarios each keeps."""
    spec = ClusterSpec(4, kind=kind)
    faults = ((name, lack(spec, fault.needs) or fault.unavailable(spec)) for name, fault in FAULTS.items())
    scenarios = ((scenario.name, obstacle(scenario, spec)) for scenario in all_scenarios(()))
    return {
        "faults": _by_reason((name, reason) for name, reason in faults if name not in IMPOSSIBLE),
        "scenarios": _by_reason(scenarios),
    }


def _by_reason(found: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, reason in found:
        if reason:
            reasons[reason].append(name)
    return dict(reasons)


def main(out: TextIO = sys.stdout) -> int:
    """Print the table and return 0: what a machine can't do is no fault of its user."""
    rows = examine()
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:<{width}}  {'yes' if row.there else 'NO ':<3}  {row.words}", file=out)
    reasons = unavailable()
    possible = len(FAULTS) - len(IMPOSSIBLE)
    for kind, count in (("faults", possible), ("scenarios", len(all_scenarios(())))):
        missing = sum(len(names) for names in reasons[kind].values())
        print(f"\n{count - missing} of {count} {kind} can be done here.", file=out)
        for reason, names in reasons[kind].items():
            print(f"  unavailable: {', '.join(names)}\n    {reason}", file=out)
    print(f"\n{len(IMPOSSIBLE)} cells of the storage matrix can be nowhere:", file=out)
    for reason, cells in _by_reason(IMPOSSIBLE.items()).items():
        print(f"  {len(cells)}: {reason}", file=out)
    print(f"\n{_of_containers(reasons)}", file=out)
    return 0


def _of_containers(reasons: Mapping[str, Mapping[str, list[str]]]) -> str:
    """Return what clusters of containers can't do besides, in words."""
    from prowl.fixtures.clusters.containers.engine import unavailable as no_engine

    if no_engine() is not None:
        return f"Clusters of containers can't be had here: {no_engine()}."
    besides = [
        f"  unavailable: {', '.join(names)}\n    {reason}"
        for what, found in unavailable("containers").items()
        for reason, names in found.items()
        if reason not in reasons[what]
    ]
    sentence = "Clusters of containers can do here what those of processes can"
    return "\n".join([f"{sentence}, but for:", *besides]) if besides else f"{sentence}."


def _system() -> Row:
    memory = psutil.virtual_memory()
    words = (
        f"Linux {platform.release()}, {len(os.sched_getaffinity(0))} cores, {memory.total / 1e9:.1f} GB of memory "
        f"({memory.available / 1e9:.1f} available), {shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB free here, "
        f"{'root' if os.geteuid() == 0 else f'user {os.geteuid()}'}"
    )
    return Row("machine", True, words)


def _descriptors() -> Row:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS_WANTED
    hint = "" if allowed else f": many nodes need {DESCRIPTORS_WANTED}, raise it (ulimit -Hn)"
    return Row("descriptors", allowed, f"{soft} open files, up to {hard}{hint}")


def _cgroup(controller: str) -> Row:
    reason, place = machine.no_cgroup(controller), machine.hierarchy(controller)
    words = "" if place is None else f"version {place.version}, in {place.root}"
    return Row(f"cgroup {controller}", reason is None, reason or words)


def _small_disk() -> Row:
    reason = machine.no_mounts()
    return Row("small file systems", reason is None, reason or "ext4 in a file, on a loop device")


def _namespaces() -> Row:
    reason = netns.unavailable()
    return Row("network namespaces", reason is None, reason or "a node each with --netns")


def _clock() -> Row:
    """Ask a Python under the library what time it is."""
    what = "libfaketime"
    library = machine.faketime_library()
    if library is None:
        return Row(what, False, str(machine.no_faketime()))
    environment = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME": f"+{SHIFT_SECONDS:g}"}
    try:
        done = subprocess.run(
            [sys.executable, "-S", "-c", "import time; print(time.time())"],
            capture_output=True,
            text=True,
            timeout=TRIAL_SECONDS,
            check=True,
            env=environment,
        )
        off = float(done.stdout) - time.time()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Row(what, False, f"{library} can't be used: {error}")
    moved = abs(off - SHIFT_SECONDS) < TRIAL_SECONDS
    return Row(what, moved, str(library) if moved else f"{library} moves no clock: it was {off:+.1f} s off")


def _engine(url: str) -> Row:
    from prowl.fixtures.clusters.containers import base
    from prowl.fixtures.clusters.containers.engine import EngineError, reached

    what = "container engine"
    try:
        engine = reached(url)
        made = engine.image(base.BASE_IMAGE) is not None
    except EngineError as error:
        return Row(what, False, str(error).rstrip("."))
    return Row(what, True, engine.words if made else f"{engine.words}, no {base.BASE_IMAGE} yet (prowl image build)")


def _toxiproxy() -> Row:
    try:
        found = toxiproxy_binary.find()
    except toxiproxy_binary.ToxiproxyBinaryError as error:
        return Row("Toxiproxy", False, str(error))
    return Row("Toxiproxy", True, str(found) if found else "none yet; Go will build it once")


def _go() -> Row:
    if machine.program("go") is None:
        return Row("Go", False, "there is no go: install golang (needed only where there is no toxiproxy-server)")
    return _tried("Go", lambda: machine.run("go", "version"))


def _installed_node() -> Row:
    try:
        return Row("Node for an installed node", True, installed_node.node_program())
    except ClusterError as error:
        return Row("Node for an installed node", False, str(error))


def _tried(what: str, trial: Callable[[], str]) -> Row:
    try:
        return Row(what, True, " ".join(trial().split()))
    except ClusterError as error:
        return Row(what, False, " ".join(str(error).split()))
