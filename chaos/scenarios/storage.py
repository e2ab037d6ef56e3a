"""Failure Recovery, Storage Corruption: a store is damaged, and the manual's restore brings the node back."""

from __future__ import annotations

from prowl.chaos.engine.operations import Backup, Restore
from prowl.chaos.engine.preload import Preload
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.start_damaged import StartDamaged
from prowl.chaos.engine.steps import Do, During, Each, Hold, Recover
from prowl.chaos.engine.targets import minority, one, proposer_next, third, two_after_next
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.disk_full import DiskFull
from prowl.chaos.faults.disk_hung import DiskHung
from prowl.chaos.faults.disk_read_only import DiskReadOnly
from prowl.chaos.faults.power_loss import PowerLoss
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.store_damage import StoreDamage
from prowl.chaos.faults.tools.damage import Cell, Damage, Part, Store, When
from prowl.chaos.faults.wipe import Wipe

CORRUPT = "recovery/corrupt-store"
RESTORE = "recovery/restore-latest"
FOUR = Shape(nodes=4)
STANDS = (Hold(rounds=2),)
MINORITY = ("progress-with-quorum", "progress-after-heal", "recovery")
CELLS = (
    ("restore-latest", Cell(Store.CHAIN, Part.MANIFEST, Damage.TRUNCATED, When.STOPPED)),
    ("chain-current-deleted", Cell(Store.CHAIN, Part.CURRENT, Damage.DELETED, When.STOPPED)),
    ("chain-log-bit-flip", Cell(Store.CHAIN, Part.LOG, Damage.BIT_FLIP, When.STOPPED)),
    ("chain-directory-deleted", Cell(Store.CHAIN, Part.DIRECTORY, Damage.DELETED, When.STOPPED)),
    ("state-manifest-bit-flip", Cell(Store.STATE, Part.MANIFEST, Damage.BIT_FLIP, When.STOPPED)),
    ("state-current-zeroed", Cell(Store.STATE, Part.CURRENT, Damage.ZEROED, When.STOPPED)),
    ("state-log-truncated", Cell(Store.STATE, Part.LOG, Damage.TRUNCATED, When.STOPPED)),
    ("votes-emptied", Cell(Store.VOTES, Part.FILE, Damage.EMPTIED, When.STOPPED)),
)


def _is_noticed(cell: Cell) -> bool:
    """Whether LevelDB refuses such a store: one whose log was cut short, or whose folder is gone, it opens."""
    return cell.part in {Part.CURRENT, Part.MANIFEST} or cell.damage is Damage.BIT_FLIP


def _damaged(name: str, cell: Cell) -> Scenario:
    symptom = (Do(StartDamaged(ends=_is_noticed(cell))),) if cell.part is not Part.FILE else ()
    return Scenario(
        name,
        RESTORE,
        f"{cell}: the newest backup is restored, and the node syncs what it missed and votes again",
        (Do(Backup()), During(StoreDamage(cell), one, (*symptom, Hold(), Do(Restore()), Recover()))),
        ("progress-with-quorum", "recovery", *(("corrupt-store",) if symptom else ())),
        shape=FOUR,
        quick=name == "restore-latest",
    )


SCENARIOS: tuple[Scenario, ...] = (
    *(_damaged(name, cell) for name, cell in CELLS),
    Scenario(
        "wiped-node",
        CORRUPT,
        "a validator loses its whole data: it fetches the chain from the others, and votes again",
        (During(Wipe(), one), Recover()),
        MINORITY,
        shape=FOUR,
        quick=True,
    ),
    Scenario(
        "two-wiped",
        CORRUPT,
        "two of five validators lose their whole data at once: the chain stands still safely, and comes back",
        (During(Wipe(), third, (Hold(rounds=5),)), Recover()),
        ("progress-after-heal", "recovery"),
        shape=Shape(nodes=5),
    ),
    Scenario(
        "old-votes-restored",
        RESTORE,
        "a proposer whose height stands still gets a backup older than its votes: it signs nothing twice",
        (
            Do(Backup()),
            Each(
                proposer_next, lambda node: (During(Crash(), two_after_next, (*STANDS, Do(Restore(), node), *STANDS)),)
            ),
            Recover(),
        ),
        ("progress-after-heal", "recovery"),
        shape=Shape(nodes=4, block_ms=1000),
    ),
    Scenario(
        "all-compact-under-load",
        CORRUPT,
        "all validators sort and compact stores of many entries under load: the chain goes on",
        (Do(Preload()), Hold(), Recover()),
        ("progress-with-quorum", "recovery"),
        shape=FOUR,
    ),
    Scenario(
        "killed-between-block-and-head",
        CORRUPT,
        "a validator is killed again and again at any moment of its writing: its store is whole each time",
        (During(Repeated(Crash(), 0.7), one), Recover()),
        MINORITY,
        shape=FOUR,
    ),
    Scenario(
        "power-loss",
        CORRUPT,
        "the power of a minority goes, and with it what was not flushed: it signs nothing twice and comes back",
        (During(PowerLoss(), minority), Recover()),
        MINORITY,
        shape=FOUR,
    ),
    Scenario(
        "disk-full",
        CORRUPT,
        "no room is left on a validator's disk: the others go on, and it takes part once there is room",
        (During(DiskFull(), minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
    Scenario(
        "disk-read-only",
        CORRUPT,
        "a validator's disk becomes read-only: the others go on, and it takes part once it can write",
        (During(DiskReadOnly(), minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
    Scenario(
        "disk-hung",
        CORRUPT,
        "a validator's disk takes writes and finishes none: the others go on, and it takes part once they end",
        (During(DiskHung(), minority), Recover()),
        ("progress-with-quorum",),
        shape=FOUR,
    ),
)
