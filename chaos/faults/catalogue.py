"""Every fault, one line each, by the name under which ``prowl doctor`` lists it."""

from __future__ import annotations

from prowl.chaos.engine.fault import Fault
from prowl.chaos.faults import cut
from prowl.chaos.faults.bandwidth import Bandwidth
from prowl.chaos.faults.both_sides import KeysOnBothSides
from prowl.chaos.faults.byzantine import CONDUCTS, Byzantine
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.cpu_starvation import CpuStarvation
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.disk_full import DiskFull
from prowl.chaos.faults.disk_hung import DiskHung
from prowl.chaos.faults.disk_read_only import DiskReadOnly
from prowl.chaos.faults.disk_slow import DiskSlow
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.limit import Limit
from prowl.chaos.faults.memory import Memory
from prowl.chaos.faults.out_of_memory import OutOfMemory
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.power_loss import PowerLoss
from prowl.chaos.faults.process_limit import ALLOCATIONS, DESCRIPTORS
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.reset import Reset
from prowl.chaos.faults.same_key import SameKey
from prowl.chaos.faults.second_process import SecondProcess
from prowl.chaos.faults.slow_close import SlowClose
from prowl.chaos.faults.slow_start import SlowStart
from prowl.chaos.faults.store_damage import StoreDamage
from prowl.chaos.faults.terminate import Terminate
from prowl.chaos.faults.tools.damage import MATRIX, why_not
from prowl.chaos.faults.wipe import Wipe

SHAPES = {
    "split": cut.split,
    "isolate": cut.isolate,
    "one way": cut.one_way,
    "bridge": cut.bridge,
    "ring": cut.ring,
}

FAULTS: dict[str, Fault] = {
    "kill": Crash(),
    "terminate": Terminate(),
    "pause": Pause(),
    "crash loop": Repeated(Crash()),
    "slow start": SlowStart(),
    "second process, same store": SecondProcess(),
    "second process, same key": SameKey(),
    "keys on both sides": KeysOnBothSides(),
    **{f"cut, {name}, {mode}": Cut(shape, mode) for name, shape in SHAPES.items() for mode in Mode},
    "cut that flaps": Repeated(Cut()),
    "latency and jitter": Latency(),
    "bandwidth": Bandwidth(),
    "slow close": SlowClose(),
    "reset": Reset(),
    "reset of a share": Reset(0.3),
    "limit of bytes": Limit(),
    "wipe": Wipe(),
    **{str(cell): StoreDamage(cell) for cell in MATRIX},
    "full disk": DiskFull(),
    "read-only disk": DiskReadOnly(),
    "hung disk": DiskHung(),
    "slow disk": DiskSlow(),
    "power loss": PowerLoss(),
    "out of memory": OutOfMemory(),
    "memory that is used": Memory(200_000_000),
    "limit of open files": DESCRIPTORS,
    "limit of allocations": ALLOCATIONS,
    "starvation": CpuStarvation(),
    "clock that is off": Clock(),
    "clock that jumps": Clock(jump=True),
    **{conduct.defect: Byzantine(conduct) for conduct in CONDUCTS},
}
# What no machine can do, with the reason: cells of the storage matrix that can't be.
IMPOSSIBLE = {str(cell): reason for cell in MATRIX if (reason := why_not(cell)) is not None}
