"""A node's disk becomes read-only under its open files, as the kernel makes it when it meets an error."""

from __future__ import annotations

import errno
import os

from prowl.chaos.engine.fault import Scene
from prowl.chaos.faults.disk import DiskFault
from prowl.chaos.faults.tools.small_disk import SmallDisk


class DiskReadOnly(DiskFault):
    """Lets the kernel find an error in the node's file system, which it then keeps from every write."""

    words = "read-only disk"

    def strike(self, scene: Scene, name: str, disk: SmallDisk) -> None:  # noqa: ARG002
        """Trigger the error."""
        disk.break_it()

    def disk_trouble(self, scene: Scene, name: str, disk: SmallDisk) -> str:  # noqa: ARG002
        """Proven by a write of a probe's own, which the kernel refuses as read-only."""
        found = disk.write_trouble()
        if found == errno.EROFS:
            return ""
        return f"a write to the disk of {name} {'went through' if not found else f'failed with {os.strerror(found)}'}"
