"""Damages to a store's files: which there are, what each does to the bytes, and the reading back that proves it.

The matrix is every *part* of a store x every *damage* x both stores x a node that runs or is stopped, and the same
damages to the vote ledger's file. :func:`why_not` says why a cell can't be.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path

SECTOR_BYTES = 512
LEDGER = "bft-vote-ledger.json"


class Store(StrEnum):
    """What is damaged: one of a node's two LevelDB stores, or the file of its votes."""

    CHAIN = "leveldb-chain"
    STATE = "leveldb-state"
    VOTES = LEDGER


class Part(StrEnum):
    """A part of a LevelDB store; *file* is the vote ledger, which has no parts."""

    CURRENT = "CURRENT"
    MANIFEST = "MANIFEST"
    LOG = ".log"
    TABLE = ".ldb"
    LOCK = "LOCK"
    DIRECTORY = "whole directory"
    FILE = "file"


class Damage(StrEnum):
    """What is done to a part."""

    BIT_FLIP = "bit flip"
    ZEROED = "zeroed block"
    TRUNCATED = "truncated"
    EMPTIED = "emptied"
    DELETED = "deleted"
    SWAPPED = "swapped with an older copy"


class When(StrEnum):
    """What the node does meanwhile."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    store: Store
    part: Part
    damage: Damage
    when: When

    def __str__(self) -> str:
        what = self.store if self.part is Part.FILE else f"{self.store}/{self.part}"
        return f"{what} {self.damage}, {self.when}"


MATRIX = tuple(
    Cell(store, part, damage, when)
    for store in Store
    for part, damage, when in product(Part, Damage, When)
    if (store is Store.VOTES) == (part is Part.FILE)
)


def why_not(cell: Cell) -> str | None:
    """Return why a cell can't be, in a sentence; None for one that can."""
    if (cell.store is Store.VOTES) != (cell.part is Part.FILE):
        return f"{cell.store} has no {cell.part}"
    if cell.part is Part.LOCK and cell.damage is not Damage.DELETED:
        return "LevelDB's LOCK is empty at all times: there is no byte to damage, and an older copy is the same file"
    if cell.part is Part.DIRECTORY and cell.damage in {Damage.BIT_FLIP, Damage.ZEROED, Damage.TRUNCATED}:
        return "a directory has no bytes of its own; those of its files are the other cells"
    if cell.part is Part.TABLE and cell.damage is Damage.SWAPPED:
        return "LevelDB never changes a table once it has its name: an older copy would be the same bytes"
    return None


class NothingToDamageError(Exception):
    """A part that is not there, or holds no byte; the text is a sentence."""


def part_of(folder: Path, part: Part, chance: random.Random) -> Path:
    """Return the file (or folder) that plays a part in a store now; NothingToDamageError if none does.

    The log and the MANIFEST are the newest ones; of several tables, chance draws one.
    """
    if part in {Part.DIRECTORY, Part.FILE, Part.CURRENT, Part.LOCK}:
        path = folder if part in {Part.DIRECTORY, Part.FILE} else folder / part
        found = [path] if path.exists() else []
    elif part is Part.MANIFEST:
        found = sorted(folder.glob("MANIFEST-*"))[-1:]
    elif part is Part.LOG:
        found = sorted(folder.glob("*.log"))[-1:]
    else:
        tables = sorted(folder.glob("*.ldb"))
        found = [chance.choice(tables)] if tables else []
    if not found:
        raise NothingToDamageError(f"{folder} has no {part} now.")
    if part not in {Part.LOCK, Part.DIRECTORY} and not found[0].stat().st_size:
        raise NothingToDamageError(f"{found[0]} is empty: nothing was written to it yet.")
    return found[0]


@dataclass(frozen=True)
class Harm:
    """A damage that was done: where, in words, and the look that tells whether it stands."""

    path: Path
    words: str
    look: Callable[[], str]

    def trouble(self) -> str:
        """Read back; return what is not as the damage left it, "" while it stands."""
        return self.look()


def harm(path: Path, damage: Damage, older: Path | None, chance: random.Random) -> Harm:
    """Do a damage to a file or a folder and return it; ``older`` is what a swap puts in its place.

    A file is changed in place, so that a process that has it open is struck as well.
    """
    if path.is_dir():
        return _harm_folder(path, damage, older)
    before = path.read_bytes()
    if damage is Damage.DELETED:
        path.unlink()
        return Harm(path, f"{_told(before)}, then deleted", lambda: f"{path} is there" if path.exists() else "")
    begin, after = _changed(before, damage, older.read_bytes() if older else b"", chance)
    whole = damage in {Damage.BIT_FLIP, Damage.ZEROED}
    with path.open("r+b") as file:
        file.seek(begin)
        if not whole:
            file.truncate(begin)
        file.write(after)
        file.flush()
        os.fsync(file.fileno())
    end = begin + len(after) if whole else len(before)
    lost = before[begin:end]
    where = f"at byte {begin}" if begin else "from its first byte"
    words = f"{_told(before)}; {where} {_told(lost)} became {_told(after)}"
    return Harm(path, words, lambda: _differs(path, begin, lost, after))


def _changed(before: bytes, damage: Damage, older: bytes, chance: random.Random) -> tuple[int, bytes]:
    """Return from which byte on a file changes, and what stands there instead."""
    if damage is Damage.BIT_FLIP:
        at = chance.randrange(len(before))
        return at, bytes([before[at] ^ 1 << chance.randrange(8)])
    if damage is Damage.ZEROED:
        sectors = [at for at in range(0, len(before), SECTOR_BYTES) if any(before[at : at + SECTOR_BYTES])]
        if not sectors:
            raise NothingToDamageError("The file holds zeros only.")
        at = chance.choice(sectors)
        return at, bytes(len(before[at : at + SECTOR_BYTES]))
    if damage is Damage.TRUNCATED:
        return chance.randrange(1, len(before)) if len(before) > 1 else 0, b""
    return 0, older if damage is Damage.SWAPPED else b""


def _differs(path: Path, begin: int, lost: bytes, after: bytes) -> str:
    try:
        with path.open("rb") as file:
            file.seek(begin)
            found = file.read(len(lost))
    except FileNotFoundError:
        return f"{path} is not there any more: the node has put another in its place"
    if found == lost:
        return f"{path} holds at byte {begin} what it held before"
    # Beyond where the file ended a node that runs writes on, at its own place.
    ours = after[: len(lost)]
    return "" if found[: len(ours)] == ours else f"{path} was written anew at byte {begin}"


def _harm_folder(path: Path, damage: Damage, older: Path | None) -> Harm:
    before = fingerprint(path)
    shutil.rmtree(path)
    if damage is not Damage.DELETED:
        path.mkdir()
    wanted = {} if older is None else fingerprint(older)
    if older is not None:
        shutil.copytree(older, path, dirs_exist_ok=True)

    def look() -> str:
        if damage is Damage.DELETED:
            return f"{path} is there" if path.exists() else ""
        there = fingerprint(path)
        back = sorted(name for name, digest in before.items() if there.get(name) == digest != wanted.get(name))
        lacking = sorted(name for name, digest in wanted.items() if there.get(name) != digest)
        if back:
            return f"{path} still holds {', '.join(back)}"
        return f"{path} does not hold the older {', '.join(lacking)}" if lacking else ""

    return Harm(path, f"{len(before)} files before, {len(fingerprint(path)) if path.exists() else 'none'} after", look)


def fingerprint(folder: Path) -> dict[str, str]:
    """Return the hash of every file that holds something, by its path in the folder; no lock and no log of words."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in {"LOCK", "LOG", "LOG.old"} and file.stat().st_size
    }


def _told(data: bytes) -> str:
    return f"{len(data)} bytes (sha256 {hashlib.sha256(data).hexdigest()[:12]})"
