"""What becomes of a watcher: scrapes that are lost, a page that hangs, a restart, a kill, a target that vanishes."""

from __future__ import annotations

from dataclasses import dataclass

from prowl.chaos.engine.watching import Watcher


@dataclass(frozen=True)
class DropEverySecond:
    """Every second scrape of each node is lost on its way."""

    words = "every second scrape is dropped"

    def begin(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:  # noqa: ARG002 - of all nodes
        """Drop."""
        watcher.scrapes.drop_every_second()

    def end(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:  # noqa: ARG002
        """Let everything pass."""
        watcher.scrapes.pass_all()


@dataclass(frozen=True)
class HangingPage:
    """The metrics page of some nodes does not come, and the connection stays open; the nodes are well."""

    words = "the metrics page hangs of"

    def begin(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:
        """Hold back their pages."""
        watcher.scrapes.hang([place for place, name in watcher.server.instances.items() if name in nodes])

    def end(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:  # noqa: ARG002
        """Let everything pass."""
        watcher.scrapes.pass_all()


@dataclass(frozen=True)
class RestartWatcher:
    """Prometheus is ended in order and started again on its store, at once."""

    words = "Prometheus is restarted"

    def begin(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:  # noqa: ARG002
        """Restart it."""
        watcher.server.restart()

    def end(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:
        """Nothing is left to be done."""


@dataclass(frozen=True)
class KillWatcher:
    """Prometheus is killed, and is away until it is started again."""

    words = "Prometheus is killed"

    def begin(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:  # noqa: ARG002
        """Kill it."""
        watcher.server.kill()

    def end(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:  # noqa: ARG002
        """Start it on its store."""
        watcher.server.start_again()


@dataclass(frozen=True)
class VanishedTarget:
    """Some instances are no targets any more, as if somebody had taken them out of the configuration."""

    words = "no target any more:"

    def begin(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:
        """Take them out."""
        watcher.server.aim(nodes)

    def end(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:  # noqa: ARG002
        """Put them back."""
        watcher.server.aim(())
