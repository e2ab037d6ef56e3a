"""What older versions saved as words, translated into data: the events of timelines, the judgements of reports.

A timeline's events are words in files of schema 1, and in those of other recorders.

The words are ``cluster started``; ``kill X [Y ...]``, ``terminate``, ``stop``; ``start X [Y ...]``; ``restart X``;
``pause X``, ``unpause X`` or ``resume X``; ``partition A B | C D`` and ``cut A>B [C>D ...]`` (one-way edges), until
``heal`` (all edges); ``wipe X`` (stopped, stores deleted, started); ``corrupt ... of X``, perhaps ``and restart``;
``restore X ...`` (starts it, too). ``kill all`` means every node. Any other text is a note.

A report of schema 1 holds its judgements among the lines of evidence, ``<invariant>[ on <node>]: <verdict>: <what was
seen>``; any other line is evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from prowl.reports.events import Event, Phase
from prowl.reports.verdicts import Judgement, Verdict

DOWN = {"kill", "terminate", "stop", "pause"}
CUT = {"partition", "cut"}
AGAIN = {"restart", "restore", "wipe"}
SURGERY = {"wipe", "restore", "corrupt"}


def translated(events: Iterable[Event], nodes: tuple[str, ...]) -> tuple[Event, ...]:
    """Return events with those that are words only read as what they say; ``nodes`` are the names they may speak of."""
    translator = _Translator(nodes)
    return tuple(translator.read(event) if event.fault is None and not event.step else event for event in events)


def judgement_of(line: str) -> Judgement | None:
    """Return the judgement that a line of evidence is, without promise and time; None for any other line."""
    head, _, rest = line.partition(": ")
    verdict, found, observed = rest.partition(": ")
    if not found or verdict not in {each.value for each in Verdict}:
        return None
    invariant, _, node = head.partition(" on ")
    return Judgement(invariant, "", Verdict(verdict), node or None, 0.0, 0.0, observed)


class _Translator:
    """Numbers the faults that words began, from -1 downwards, and remembers which of them are not over."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self.nodes = nodes
        self.down: dict[int, set[str]] = {}
        self.cuts: list[int] = []
        self.count = 0

    def read(self, event: Event) -> Event:
        """Return one event as what it says."""
        text = event.words.strip()
        verb = text.split(" ", 1)[0]
        if text.startswith("cluster started"):
            return replace(event, step="launch", started=self.nodes)
        named = tuple(dict.fromkeys(word for word in re.split(r"[\s,:;()|>]+", text) if word in self.nodes))
        whom = self.nodes if text == f"{verb} all" else named
        if verb in DOWN:
            return self._fault(event, verb, down=whom)
        if verb in CUT:
            edges = _groups(text, self.nodes) if verb == "partition" else _one_way(text, self.nodes)
            return self._fault(event, verb, cut=edges)
        if verb == "heal":
            ended, self.cuts = tuple(self.cuts), []
            return replace(event, step=verb, ends=ended)
        again = verb in AGAIN or (verb == "corrupt" and re.search(r"\brestart", text) is not None)
        surgery = whom if verb in SURGERY else ()
        if again:
            return replace(event, step=verb, restarted=whom, surgery=surgery, ends=self._released(whom))
        if verb == "start":
            return replace(event, step=verb, started=whom, ends=self._released(whom))
        if verb in {"unpause", "resume"}:
            return replace(event, step=verb, resumed=whom, ends=self._released(whom))
        return replace(event, step=verb, surgery=surgery) if surgery else event

    def _fault(
        self, event: Event, kind: str, down: tuple[str, ...] = (), cut: tuple[tuple[str, str], ...] = ()
    ) -> Event:
        self.count -= 1
        if down:
            self.down[self.count] = set(down)
        if kind in CUT:
            self.cuts.append(self.count)
        return replace(event, fault=self.count, phase=Phase.INJECT, kind=kind, down=down, cut=cut)

    def _released(self, nodes: tuple[str, ...]) -> tuple[int, ...]:
        """Return the faults that hold nobody down any longer once these nodes run."""
        for held in self.down.values():
            held.difference_update(nodes)
        over = tuple(number for number, held in self.down.items() if not held)
        for number in over:
            del self.down[number]
        return over


def _groups(text: str, nodes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """``partition A B | C D``: every edge between two groups, both ways; a node in no group stays connected."""
    sides = [[word for word in re.split(r"[\s,]+", side) if word in nodes] for side in text.split(":", 1)[0].split("|")]
    return tuple(
        sorted(
            {
                (one, other)
                for number, side in enumerate(sides)
                for beyond in sides[:number] + sides[number + 1 :]
                for one in side
                for other in beyond
                if one != other
            }
        )
    )


def _one_way(text: str, nodes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """``cut A>B C>D``: what A sends to B is lost, what C sends to D."""
    pairs = (word.split(">") for word in text.split() if word.count(">") == 1)
    return tuple(sorted({(pair[0], pair[1]) for pair in pairs if pair[0] in nodes and pair[1] in nodes}))
