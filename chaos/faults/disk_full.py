"""No room is left on a node's disk."""

from __future__ import annotations

import errno
import os

from prowl.chaos.engine.fault import Scene
from prowl.chaos.faults.disk import DiskFault
from prowl.chaos.faults.tools.small_disk import SmallDisk

CHUNK_BYTES = 65_536
BALLAST = ".prowl-ballast"


class DiskFull(DiskFault):
    """Fills the node's disk to the last byte; the heal makes room again before it moves the node back."""

    words = "full disk"

    def strike(self, scene: Scene, name: str, disk: SmallDisk) -> None:  # noqa: ARG002
        """Write until the kernel says that there is no room, in ever smaller pieces."""
        with (disk.data / BALLAST).open("ab", buffering=0) as file:
            for size in (CHUNK_BYTES, 1024, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
            os.fsync(file.fileno())

    def disk_trouble(self, scene: Scene, name: str, disk: SmallDisk) -> str:  # noqa: ARG002
        """Proven by a write of a probe's own, which the kernel refuses for want of room."""
        found = disk.write_trouble()
        return "" if found == errno.ENOSPC else f"a write to the disk of {name} {_outcome(found)}"

    def relieve(self, scene: Scene, name: str, disk: SmallDisk) -> None:  # noqa: ARG002
        """Make room."""
        (disk.data / BALLAST).unlink(missing_ok=True)
        (disk.data / ".prowl-probe").unlink(missing_ok=True)


def _outcome(number: int) -> str:
    return "went through" if not number else f"failed with {os.strerror(number)}"
