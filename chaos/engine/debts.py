"""How a fault says what must be undone if the run dies: one optional method, ``undo(scene)``, beside the others.

.. code-block:: python

    from prowl.fixtures.cleanup.undo import Mount, Thaw, Undo

    class HungDisk:
        def undo(self, scene: Scene) -> tuple[Undo, ...]:
            return tuple(Thaw(str(scene.cluster.folder / name / "data")) for name in scene.nodes)

What it returns is in the cluster's ledger, flushed to the disk, before ``inject`` is called. It is asked for before
anything is touched: name what is about to be made (the image's file rather than the loop device, the cgroup that will
be created), in the order in which it is done; it is undone backwards. What is known only later is added by
``scene.owe(...)`` before it is done. A fault whose only effects are on processes of the cluster's register and on its
proxies needs none of it: these are killed.

The steps are in :mod:`prowl.fixtures.cleanup.undo` (Kill, Resume, Thaw, Mount, Loop, Cgroup, Netns, Restore,
Remove; one more is one class there). Paths lie below ``cluster.folder``; the last name of a cgroup and the name of a
network namespace carry ``cluster.ledger.tag``, and a process that is to be killed has the folder in its environment, as
each that ``cluster.spawn`` starts has. Nothing else is undone by any of them.

What is not a fault's but a cluster's own, such as a small file system that is mounted before its node starts, is owed
by itself, for as long as it is there::

    debt = cluster.ledger.owe("a file system of 64 MB for node-1", ("node-1",), (Loop(str(image)), Mount(str(data))))
    ...
    debt.healed()  # once it is undone; if that never comes, the cluster's end, the watchdog or prowl heal undoes it

A step is taken only if ``trouble`` sees that it is needed, so one that the fault's own heal has taken costs nothing.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from prowl.chaos.engine.fault import Fault, Scene
from prowl.fixtures.cleanup.undo import Undo


@runtime_checkable
class Owing(Protocol):
    """A fault that leaves something behind which no end of a process undoes."""

    def undo(self, scene: Scene) -> tuple[Undo, ...]:
        """Return the steps that undo it, in the order in which it is done."""


def owed(fault: Fault, scene: Scene) -> tuple[Undo, ...]:
    """Return the steps that undo a fault; none for one that does not say any. (A fault made of others asks this.)"""
    return fault.undo(scene) if isinstance(fault, Owing) else ()
