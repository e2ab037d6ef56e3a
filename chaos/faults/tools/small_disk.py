"""A small file system for one node: an image file in the node's folder, with ext4, mounted at its data directory.

A node is moved onto it while it is stopped, and back again. What undoes that is on the ledger before each step: the
data directory as it was, the loop device, the mount.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prowl.chaos.engine.fault import Scene
from prowl.fixtures.cleanup.undo import Loop, Mount, PutBack, Remove, Thaw
from prowl.fixtures.clusters.protocol import data_of
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.machine import run

MEGABYTES = 48
FIFREEZE = 0xC0045877  # from the kernel's linux/fs.h
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN; 2: without flushing the journal, as if the power had gone
WITHOUT_FLUSH = 2
LOST_AND_FOUND = "lost+found"


@dataclass(frozen=True)
class SmallDisk:
    """The small disk of one node, mounted or not."""

    folder: Path
    data: Path

    @classmethod
    def of(cls, scene: Scene, name: str) -> SmallDisk:
        """Return the disk that a node has, or would have."""
        return cls(scene.cluster.folder_of(name), data_of(scene.cluster, name))

    @property
    def image(self) -> Path:
        """Return the image file."""
        return self.folder / "disk.img"

    @property
    def _aside(self) -> Path:
        return self.folder / "data-aside"

    def is_mounted(self) -> bool:
        """Whether it is, by the kernel's table."""
        return self._mount_line() is not None

    @property
    def device(self) -> str:
        """Return the name of its loop device, such as loop0; ClusterError if it is not mounted."""
        line = self._mount_line()
        if line is None:
            raise ClusterError(f"{self.data} is not mounted.")
        return Path(line[line.index("-") + 2]).name

    def _mount_line(self) -> list[str] | None:
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            fields = line.split(" ")
            if fields[4].replace("\\040", " ") == str(self.data.resolve()):
                return fields
        return None

    def move_onto(self, scene: Scene) -> None:
        """Put the data directory of a stopped node onto a new small disk, mounted in its place."""
        scene.owe(Remove(str(self.image)), PutBack(str(self.data), str(self._aside)))
        shutil.rmtree(self._aside, ignore_errors=True)
        with self.image.open("wb") as file:
            file.truncate(MEGABYTES * 1024 * 1024)
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(self.image))
        self.data.rename(self._aside)
        self.data.mkdir()
        scene.owe(Loop(str(self.image)), Mount(str(self.data)), Thaw(str(self.data)))
        self.mount()
        shutil.copytree(self._aside, self.data, dirs_exist_ok=True)
        _flush(self.data)

    def mount(self) -> None:
        """Mount it."""
        run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.data))

    def unmount(self) -> None:
        """Unmount it; the loop device goes with the mount."""
        run("umount", str(self.data))

    def move_back(self) -> None:
        """Put what is on the disk back into a directory of the machine's own; the node is stopped."""
        if self.is_mounted():
            passing = self._aside.with_name("data-passing")
            shutil.rmtree(passing, ignore_errors=True)
            shutil.copytree(self.data, passing, ignore=lambda _folder, _names: [LOST_AND_FOUND])
            self.unmount()
            shutil.rmtree(self.data)
            passing.rename(self.data)
            # Until here the ledger would put back what was aside; half of it must never be.
            old = self._aside.with_name("data-old")
            self._aside.rename(old)
            shutil.rmtree(old)
        self.image.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let every write wait until it is thawed."""
        with _opened(self.data) as folder:
            fcntl.ioctl(folder, FIFREEZE, 0)

    def lose_power(self) -> None:
        """End it as a power cut does: what was not flushed is gone, and nothing more can be written."""
        with _opened(self.data) as folder:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))

    def break_it(self) -> None:
        """Let the kernel meet an error in it: by its mount option it is read-only from then on."""
        Path(f"/sys/fs/ext4/{self.device}/trigger_fs_error").write_text("1", encoding="ascii")

    def write_trouble(self, size_bytes: int = 4096) -> int:
        """Write, flush and delete a file of a probe's own; return the error's number, 0 if it could be written."""
        probe = self.data / ".prowl-probe"
        try:
            with probe.open("wb") as file:
                file.write(os.urandom(size_bytes))
                file.flush()
                os.fsync(file.fileno())
            probe.unlink()
        except OSError as error:
            return error.errno or errno.EIO
        return 0


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield file
    finally:
        os.close(file)


def _flush(folder: Path) -> None:
    """Bring every file of a folder to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
