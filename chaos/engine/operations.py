"""What the manual tells an operator to do: back up, restore, restart, start, change a key."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prowl.chaos.engine.stage import Stage
from prowl.fixtures.clusters import backups
from prowl.fixtures.clusters.protocol import GONE, HasData
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Event

BACKUPS = "backups"


def row(stage: Stage, step: str, words: str, **changes: Any) -> None:
    """Write an operator's step.

    A node that it starts is held down by no fault any more; a fault that held only such nodes is over.
    """
    running = {name for names in changes.values() for name in names}
    for name in running:
        stage.play.holds.release(name)
    event: Any = Event(0.0, words, step=step)
    stage.write(replace(event, **changes))


def folder_of(stage: Stage, name: str) -> Path:
    """Return where a node's backups lie."""
    return stage.cluster.folder / BACKUPS / name


class _Everywhere:
    """An operation that can be done on every machine."""

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002
        """Return None."""
        return None


@dataclass(frozen=True)
class Backup(_Everywhere):
    """Pack each node's data, as the manual's script does; its height is that of the moment."""

    words = "back up"
    needs = (HasData,)

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Pack, one after the other."""
        for name in nodes:
            archive = backups.backup(stage.cluster.spec, stage.cluster.node(name), folder_of(stage, name))
            stage.write(Event(0.0, f"backup {name} : {archive.name}", step="backup"))


@dataclass(frozen=True)
class Restore:
    """Stop each node, put its newest backup in place, start it: the manual's Restore from Backup.

    ``ends`` the enclosing fault: what it did to the store, or held down, is over.
    """

    words = "restore the newest backup of"
    needs = (HasData,)

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the node's own restore can't be run here."""
        return backups.unavailable(spec)

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Stop, restore, start; one after the other."""
        for name in nodes:
            archive = backups.newest(folder_of(stage, name))
            stage.play.holds.release(name)
            last = name == nodes[-1]
            stage.write(
                Event(
                    0.0,
                    f"restore {name} : {archive.name}",
                    step="restore",
                    restarted=(name,),
                    surgery=(name,),
                    ends=stage.faults[-1:] if last else (),
                )
            )
            if stage.cluster.state(name) != GONE:
                stage.cluster.terminate(name)
            backups.restore(stage.cluster.spec, archive, stage.cluster.node(name))
            stage.cluster.start_node(name)


@dataclass(frozen=True)
class Restart(_Everywhere):
    """Restart nodes that run, one after the other; ``settings`` are keys of their configuration that are changed."""

    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Return what is done."""
        changed = ", ".join(f"{key} {value}" for key, value in self.settings.items())
        return f"set {changed} and restart" if changed else "restart"

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Stop and start."""
        for name in nodes:
            row(stage, "restart", f"{self.words} {name}", restarted=(name,))
            if stage.cluster.state(name) != GONE:
                stage.cluster.terminate(name)
            stage.cluster.start_node(name, settings=self.settings)


@dataclass(frozen=True)
class Start(_Everywhere):
    """Start nodes that are down, side by side, whoever took them down."""

    words = "start"

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Start what is gone."""
        down = tuple(name for name in nodes if stage.cluster.state(name) == GONE)
        row(stage, "start", f"start {' '.join(down) or 'nobody'}", started=down)
        with ThreadPoolExecutor(max(1, len(down))) as pool:
            list(pool.map(stage.cluster.start_node, down))
