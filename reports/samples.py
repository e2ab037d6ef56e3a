"""Samples, kept small: of each node and value only where it changes.

What a node shows is mostly what it showed a moment ago, so a :class:`Track` holds the times of all its samples, and for
each name of a value the numbers of the samples in which another value begins. It is a sequence of :class:`Sample`, made
as they are asked for; who reads long recordings reads :meth:`Track.runs`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple, overload

MANY, MOST_REMEMBERED = 1000, 2000
MISSING = object()
"""Stands where a sample does not have a value."""
ERROR, PROCESS, ANSWERED = " error", " process", " answered"
"""Names of columns that are no values; none of a recording begins with a blank."""
UNREAD = ("health_ms", "rpc_ms", "uptime_seconds", "fork_choice_max_depth_blocks", "tx_pool_pending")
"""Values for people who look into the file. They change with every sample, and no judge and no picture reads them: who
asks for one gets a LookupError, for it would look missing in every recording."""


class Sample(NamedTuple):
    """What one node answered at ``t`` seconds; ``values`` is empty if it did not answer (then ``error`` says how).

    ``process`` is what its process was seen to do, where the recorder could see it.
    """

    t: float
    node: str
    values: Mapping[str, Any]
    error: str | None = None
    process: str | None = None

    @property
    def answered(self) -> bool:
        """Whether the node answered anything at all."""
        return bool(self.values)


class _Column:
    """A value of a node's samples: ``values[n]`` stands from sample ``starts[n]`` to the next start."""

    __slots__ = ("at_hand", "starts", "values")

    def __init__(self) -> None:
        self.starts = array("I")
        self.values: list[Any] | array[float] = []
        self.at_hand = 0

    def append(self, number: int, value: Any) -> None:
        """Let another value stand from a sample on; many numbers are kept without an object for each."""
        self.starts.append(number)
        if len(self.values) == MANY and all(type(each) is float for each in self.values):
            self.values = array("d", self.values)
        if type(self.values) is array and type(value) is not float:
            self.values = list(self.values)
        self.values.append(value)

    def at(self, number: int) -> Any:
        """Return the value of a sample; fast where the next one is asked for."""
        starts, place = self.starts, self.at_hand
        if not (starts[place] <= number and (place + 1 == len(starts) or number < starts[place + 1])):
            place = bisect_right(starts, number) - 1
            if place < 0:
                return MISSING
            self.at_hand = place
        return self.values[place]


class _Values(Mapping[str, Any]):
    """The values of one sample, looked up as they are asked for."""

    __slots__ = ("_number", "_track")

    def __init__(self, track: Track, number: int) -> None:
        self._track, self._number = track, number

    def __getitem__(self, name: str) -> Any:
        column = self._track.column(name)
        value = MISSING if column is None else column.at(self._number)
        if value is MISSING or name.startswith(" "):
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        column = self._track.column(name)
        value = MISSING if column is None else column.at(self._number)
        return default if value is MISSING else value

    def __iter__(self) -> Iterator[str]:
        for name, column in self._track.columns.items():
            if not name.startswith(" ") and column.at(self._number) is not MISSING:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return bool(self._track.columns[ANSWERED].at(self._number))

    def __repr__(self) -> str:
        return repr(dict(self))


class Track(Sequence[Sample]):
    """The samples of one node in the order of time; ``order`` breaks ties between nodes."""

    def __init__(self, node: str, one: Callable[[str, Any], Any] = lambda _name, value: value) -> None:
        self.node = node
        self._one = one
        self.times = array("d")
        self.order = array("I")
        self.columns: dict[str, _Column] = {}
        self._names: Iterable[str] = ()
        self._state: tuple[bool, str | None, str | None] | None = None

    def append(self, t: float, order: int, row: Mapping[str, Any], error: str | None, process: str | None) -> None:
        """Add a sample, of a time that is not before the last."""
        number = len(self.times)
        self.times.append(t)
        self.order.append(order)
        names = row.keys()
        if self._names != names:
            for name in self._names:
                if name not in names:
                    self._put(name, number, MISSING)
            self._names = names
        for name, value in row.items():
            column = self.columns.get(name)
            if column is not None:
                last = column.values[-1]
                if last is value or (last == value and type(last) is type(value)):
                    continue
            self._put(name, number, value)
        state = (bool(row), error, process)
        if state != self._state:
            before: tuple[object, ...] = self._state or (MISSING,) * 3
            self._state = state
            for name, value, last in zip((ANSWERED, ERROR, PROCESS), state, before, strict=True):
                if value != last:
                    self._put(name, number, value)

    def _put(self, name: str, number: int, value: Any) -> None:
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = _Column()
        column.append(number, self._one(name, value))

    def column(self, name: str) -> _Column | None:
        """Return a value's column, or None; LookupError for what is not kept."""
        column = self.columns.get(name)
        if column is None and name in UNREAD:
            raise LookupError(f"{name} is kept of no recording; who reads it takes it from UNREAD in {__name__}.")
        return column

    def runs(self, name: str) -> Iterator[tuple[int, int, Any]]:
        """Return stretches of samples, by the number of the first and of that behind the last, with one value each."""
        column = self.column(name)
        if column is None:
            if len(self.times):
                yield 0, len(self.times), MISSING
            return
        if column.starts[0]:
            yield 0, column.starts[0], MISSING
        yield from zip(column.starts, [*column.starts[1:], len(self.times)], column.values, strict=True)

    def together(self, *names: str) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """Return the like for several values: stretches in which none of them changes; MISSING is None."""
        columns = [(place, column) for place, name in enumerate(names) if (column := self.column(name)) is not None]
        changes = [zip(column.starts, repeat(place), column.values, strict=False) for place, column in columns]
        found: list[Any] = [None] * len(names)
        begin = 0
        for start, place, value in merge(*changes, key=itemgetter(0)):
            if start > begin:
                yield begin, start, tuple(found)
                begin = start
            found[place] = None if value is MISSING else value
        if begin < len(self.times):
            yield begin, len(self.times), tuple(found)

    def answers(self, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, int, bool]]:
        """Return the stretches of samples in which the node answered, or did not, between two of them."""
        end = len(self.times) if end is None else end
        for first, behind, answered in self.runs(ANSWERED):
            if first < end and behind > begin:
                yield max(first, begin), min(behind, end), answered

    def numbers(self, begin: float, end: float) -> range:
        """Return the numbers of the samples from one time until before another."""
        return range(bisect_left(self.times, begin), bisect_left(self.times, end))

    def before(self, t: float, order: int) -> int:
        """Return how many samples came before a sample of any node."""
        number = bisect_left(self.times, t)
        while number < len(self.times) and self.times[number] == t and self.order[number] < order:
            number += 1
        return number

    def between(self, begin: float, end: float) -> Iterator[Sample]:
        """Return the samples from one time until before another."""
        return map(self._at, self.numbers(begin, end))

    def _at(self, number: int) -> Sample:
        error, process = self.columns[ERROR].at(number), self.columns[PROCESS].at(number)
        return Sample(self.times[number], self.node, _Values(self, number), error, process)

    @overload
    def __getitem__(self, number: int) -> Sample: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Sample]: ...
    def __getitem__(self, number: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(number, slice):
            return [self._at(each) for each in range(len(self.times))[number]]
        return self._at(range(len(self.times))[number])

    def __iter__(self) -> Iterator[Sample]:
        return map(self._at, range(len(self.times)))

    def __len__(self) -> int:
        return len(self.times)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


class Samples(Sequence[Sample]):
    """The samples of all nodes, in the order of time and, at one time, in the order in which they came."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self.tracks: dict[str, Track] = {}
        self._count = 0
        self._same: dict[str, str] = {}
        self._few: dict[str, Any] = {}
        self._recent: dict[str, Any] = {}
        self._sorted = True
        for sample in samples:
            self.add(sample.t, sample.node, dict(sample.values), sample.error, sample.process)
        self.close()

    def add(self, t: float, node: str, row: dict[str, Any], error: str | None, process: str | None) -> None:
        """Add a sample; ``row`` is changed."""
        for name in UNREAD:
            row.pop(name, None)
        track = self.tracks.get(node)
        if track is None:
            track = self.tracks[node] = Track(node, self._one)
        self._sorted = self._sorted and (not track.times or track.times[-1] <= t)
        track.append(t, self._count, row, error, process)
        self._count += 1

    def _one(self, name: str, value: Any) -> Any:
        """Return the object that another node showed before where it is the same: nodes show the same blocks."""
        last = self._recent.get(name)
        if last == value and type(last) is type(value):
            return last
        if isinstance(value, str):
            value = self._text(value)
        elif isinstance(value, dict):
            value = {self._same.setdefault(key, key): self._text(each) for key, each in value.items()}
            value = self._few.setdefault(repr(value), value)
        elif isinstance(value, list):
            value = [self._text(each) for each in value]
        self._recent[name] = value
        for memory in (self._same, self._few):
            if len(memory) > MOST_REMEMBERED:
                memory.clear()
        return value

    def _text(self, value: Any) -> Any:
        return self._same.setdefault(value, value) if isinstance(value, str) else value

    def close(self) -> None:
        """Bring each node's samples into the order of time, once all are there."""
        disordered = {} if self._sorted else self.tracks
        for node, track in disordered.items():
            fresh = Track(node, self._one)
            for number in sorted(range(len(track)), key=lambda each, times=track.times: times[each]):  # type: ignore[misc]
                each = track[number]
                fresh.append(each.t, track.order[number], dict(each.values), each.error, each.process)
            self.tracks[node] = fresh  # the key is there already
        self._sorted = True
        self._same.clear()
        self._few.clear()
        self._recent.clear()

    def __iter__(self) -> Iterator[Sample]:
        numbered = (zip(track.times, track.order, track, strict=True) for track in self.tracks.values())
        return (sample for _, _, sample in merge(*numbered, key=lambda each: each[:2]))

    @overload
    def __getitem__(self, number: int) -> Sample: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Sample]: ...
    def __getitem__(self, number: int | slice) -> Sample | Sequence[Sample]:
        return tuple(self)[number]

    def __len__(self) -> int:
        return sum(map(len, self.tracks.values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]
