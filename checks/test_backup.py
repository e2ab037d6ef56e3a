"""The manual's backup strategy, as far as looking at a host shows it; nothing is unpacked and nothing is written."""

from __future__ import annotations

from prowl.checks import backups, chain
from prowl.checks.backups import DAY, HOUR
from prowl.checks.registry import check
from prowl.fixtures.hosts.facts import Folder
from prowl.fixtures.survey.survey import NodeView
from prowl.reports.findings import Broken, Claim, Unknown

EVERY_SECONDS = 6 * HOUR
GRACE_SECONDS = HOUR  # cron starts it at the full hour; packing takes its time
# find's -mtime +7 spares what is less than eight whole days old, and cron asks it once a day.
OLDEST_SECONDS = 9 * DAY
CLOCK_SECONDS = 120.0  # the height is asked some time before the name is made, and clocks differ
WRITING_SECONDS = 600.0  # the script writes in place
MOST_CRON_HOURS = 6.0
SPACE_FACTOR = 1.2
STORES = ("leveldb-chain", "leveldb-state")
GB = 1e9

MAKE_ONE = "Backup Strategy > Manual Backup: bash scripts/backup-node.sh /var/lib/coc /backups"
SEE_CRON = "Backup Strategy > Automated Backup (cron): see /var/log/coc/backup.log"


@check("backup/every-six-hours", needs=("host", "backup_dir"), next=SEE_CRON, gate=True)
def test_newest_backup_is_fresh(node: NodeView) -> None:
    """There is a backup every six hours: the newest is not older than that and an hour of grace."""
    expected = f"the newest backup is at most {(EVERY_SECONDS + GRACE_SECONDS) / HOUR:.0f} h old"
    seen = backups.host_of(node, expected).backups
    if seen is not None and seen.is_missing:
        raise Broken(Claim(expected, backups.NO_FOLDER.format(path=seen.path)))
    folder = backups.folder_of(node, expected)
    found = backups.backups_in(folder)
    if not found:
        raise Broken(Claim(expected, f"{folder.path} holds no backup ({len(folder.files)} files)"))
    # A copy has the time of its copying: a backup is as old as the older of its file and of its name.
    newest = max(found, key=backups.since)
    old = backups.now_of(node) - backups.since(newest)
    observed = f"{newest.name} is {backups.age(old)} old"
    if backups.since(newest) < newest.modified - CLOCK_SECONDS:
        observed += f" by its name (its file {backups.age(backups.now_of(node) - newest.modified)})"
    node.expect(expected, -CLOCK_SECONDS <= old <= EVERY_SECONDS + GRACE_SECONDS, observed)


@check("backup/name", needs=("host", "backup_dir"), next="delete or rename what is no backup, then see the script")
def test_names(node: NodeView) -> None:
    """Backups are called coc-backup-{date}-h{height}.tar.gz."""
    expected = "each is called coc-backup-YYYYMMDD-HHMMSS-hN.tar.gz"
    folder = _some(node, expected)
    found = [file.name for file in folder.files if file.name.startswith(backups.PREFIX)]
    strange = [name for name in found if backups.named(backups.without_check_sum(name)) is None]
    observed = f"{len(backups.backups_in(folder))} backups, the newest {backups.backups_in(folder)[0].name}"
    node.expect(expected, not strange, f"not so called: {chain.some(strange)}" if strange else observed)


@check("backup/height", needs=("host", "backup_dir", "rpc"), next="restore this backup elsewhere and look (--drill)")
def test_height_in_the_name(node: NodeView) -> None:
    """The height in the newest backup's name is the chain's at the time in its name."""
    expected = "the height in the name is the chain's at that time"
    newest = backups.backups_in(_some(node, expected))[0].name
    says = backups.named(newest)
    if says is None:
        raise Unknown(Claim(expected, f"{newest} is not of the manual's pattern"))
    if says.height is None:
        raise Broken(Claim(expected, f"{newest}: the script could not ask the node for its height"))
    blocks = node.seen.blocks
    tip = max(blocks, default=None)
    if tip is None:
        raise Unknown(Claim(expected, node.seen.blocks_problem or "the node showed no block"))
    if says.height > tip:
        raise Broken(Claim(expected, f"{newest}: the chain has only come to block {tip}"))
    if says.height not in blocks:
        raise Unknown(Claim(expected, f"{newest}: the node did not show block {says.height}"))
    early = blocks[says.height].timestamp - says.made
    if early > CLOCK_SECONDS:
        raise Broken(Claim(expected, f"{newest}: block {says.height} came {backups.age(early)} later"))
    follower = blocks.get(says.height + 1)
    if follower is None and says.height != tip:
        raise Unknown(Claim(expected, f"{newest}: the node did not show block {says.height + 1}"))
    late = says.made - follower.timestamp if follower is not None else 0.0
    observed = f"{newest}: block {says.height} came {backups.age(-early) if early < 0 else 'just'} before"
    if late > CLOCK_SECONDS:
        observed = f"{newest}: block {says.height + 1} had come {backups.age(late)} before that time"
    node.expect(expected, late <= CLOCK_SECONDS, observed)


@check("backup/manual", gate=True, needs=("host", "backup_dir"), next=MAKE_ONE)
def test_newest_backup_is_whole(node: NodeView) -> None:
    """The newest backup can be read to its end and holds the node's stores."""
    expected = f"tar reads it to its end, and it holds {' and '.join(STORES)}, each with CURRENT and a MANIFEST"
    folder, host_time = _some(node, expected), backups.now_of(node)
    archive = backups.host_of(node, expected).newest_archive
    if archive is None or archive.whole is None:
        raise Unknown(Claim(expected, archive.problem if archive else "no backup was read"))
    if not archive.whole:
        torn = f"{archive.name} is torn: {archive.said or 'tar ended with an error'}"
        if any(file.name == archive.name and host_time - file.modified < WRITING_SECONDS for file in folder.files):
            raise Unknown(Claim(expected, f"{torn}; it is so new that it may still be written"))
        raise Broken(Claim(expected, torn))
    wrong = backups.store_problems(archive, STORES)
    observed = f"{archive.name} can be read to its end" + (f", but {'; '.join(wrong)}" if wrong else " and holds both")
    node.expect(expected, not wrong, observed)


@check("backup/seven-days", needs=("host", "backup_dir"), next=SEE_CRON)
def test_old_backups_are_deleted(node: NodeView) -> None:
    """Only the last seven days' backups are kept, as find -mtime +7 counts them once a day."""
    expected = f"none is older than {OLDEST_SECONDS / DAY:.0f} d (find -mtime +7 deletes after 8 d, once a day)"
    found = backups.backups_in(backups.folder_of(node, expected))
    host_time = backups.now_of(node)
    old = [file for file in found if host_time - file.modified > OLDEST_SECONDS + GRACE_SECONDS]
    oldest = found[-1] if found else None
    observed = f"{len(found)} backups"
    observed += (
        f", the oldest {oldest.name}: {backups.age(host_time - oldest.modified)} old" if oldest is not None else ""
    )
    node.expect(expected, not old, observed + (f"; {len(old)} should be gone" if old else ""))


@check(
    "backup/cron", needs=("host", "backup_dir", "crontab"), next="Backup Strategy > Automated Backup (cron): crontab -e"
)
def test_cron(node: NodeView) -> None:
    """Cron makes a backup every six hours, and deletes old ones each day."""
    expected = "a job with backup-node.sh every 6 h, and one with find ... -mtime +7 -delete each day"
    cron = backups.host_of(node, expected).cron
    if cron is None:
        raise Unknown(Claim(expected, "no crontab was looked at"))
    jobs = [job for line in cron.lines if (job := backups.job(line)) is not None]
    makes = [job for job in jobs if "backup-node.sh" in job.command]
    deletes = [job for job in jobs if "coc-backup-" in job.command and "-mtime +7" in job.command]
    deletes = [job for job in deletes if "-delete" in job.command]
    wrong = _wrong(makes, MOST_CRON_HOURS, "makes backups") + _wrong(deletes, 24.0, "deletes old backups")
    if wrong and cron.left_out:
        wrong.append(f"cron does not run: {chain.some(cron.left_out)}")
    if wrong and cron.problem:
        raise Unknown(Claim(expected, f"{'; '.join(wrong)}; not seen: {cron.problem}"))
    observed = "; ".join(f"{' '.join(job.times)} {job.command}" for job in (*makes[:1], *deletes[:1]))
    node.expect(expected, not wrong, "; ".join(wrong) or observed)


def _wrong(jobs: list[backups.CronJob], most_hours: float, what: str) -> list[str]:
    if not jobs:
        return [f"no job {what}"]
    wait = backups.longest_wait_hours(*(job.times for job in jobs))
    if wait is not None and wait <= most_hours:
        return []
    at = " and ".join(f"'{' '.join(job.times)}'" for job in jobs[:4])
    return [f"the job that {what} runs at {at}, not every {most_hours:.0f} h"]


@check("backup/space", needs=("host", "backup_dir"), next=SEE_CRON)
def test_space_for_the_next(node: NodeView) -> None:
    """There is space for the next backup."""
    expected = f"free space for {SPACE_FACTOR} times the larger of the two newest backups"
    found = backups.backups_in(_some(node, expected))
    disk = backups.host_of(node, expected).backup_disk
    if disk is None or disk.used_bytes is None or disk.total_bytes is None:
        raise Unknown(Claim(expected, disk.problem if disk else "the space of the backup folder was not looked at"))
    free = disk.total_bytes - disk.used_bytes
    needed = SPACE_FACTOR * max(file.size_bytes for file in found[:2])  # the newest may be torn, and small for that
    observed = f"{free / GB:.2f} GB free, {needed / GB:.2f} GB needed ({disk.what})"
    node.expect(expected, free >= needed, observed)


def _some(node: NodeView, expected: str) -> Folder:
    folder = backups.folder_of(node, expected)
    if not backups.backups_in(folder):
        raise Unknown(Claim(expected, f"{folder.path} holds no backup, so there is none to look at"))
    return folder
