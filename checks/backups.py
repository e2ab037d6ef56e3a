"""What the backup checks read out of a host's facts: names, ages and the lines of cron; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prowl.fixtures.hosts.facts import Archive, FileSeen, Folder, HostFacts, Member
from prowl.fixtures.survey.survey import NodeView
from prowl.reports.findings import Claim, Unknown

PREFIX = "coc-backup-"
SUFFIX = ".tar.gz"
KINDS = {"-": "a file", "d": "a folder", "l": "a link", "h": "a hard link"}
NAME = re.compile(r"coc-backup-(\d{8}-\d{6})-h(\d{1,18}|unknown)\.tar\.gz", re.ASCII)
NO_FOLDER = "{path} does not exist, so there is no backup"
# What lies beside a backup to prove it: no backup itself.
PROOF = re.compile(
    r"\.(?:(?:sha(?:1|224|256|384|512)|md5|b2|b3|blake2b?|blake3)(?:sums?)?|asc|sig|minisig|sigstore|par2)$"
)
HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True)
class Named:
    """What a backup's name says: when it was made (seconds since 1970) and at which height (None: unknown)."""

    made: float
    height: int | None


def named(name: str) -> Named | None:
    """Return what a backup's name says; None if it is not of the manual's pattern, or names no day of the calendar."""
    match = NAME.fullmatch(name)
    if match is None:
        return None
    try:
        made = datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Named(made.timestamp(), None if match[2] == "unknown" else int(match[2]))


def without_check_sum(name: str) -> str:
    """Return a file's name without the ending of a check sum or a signature."""
    return PROOF.sub("", name)


def store_problems(archive: Archive, stores: Sequence[str]) -> list[str]:
    """Return what an archive lacks of some stores: below one folder, which a restore would put back.

    A store is a folder with a CURRENT and a MANIFEST that are files with something in them.
    """
    members = {member.name: member for member in archive.members}  # of two of one name the last one stays
    tops = dict.fromkeys(name.partition("/")[0] for name in members)
    bases = [base for base in archive.bases or tops if base in tops]
    if not bases:
        wanted = " or ".join(archive.bases) or "a folder"
        return [f"nothing lies below {wanted} (it has {', '.join(list(tops)[:3])[:80] or 'nothing at all'})"]
    found = ([problem for store in stores if (problem := _store_problem(members, base, store))] for base in bases)
    return min(found, key=len)


def _store_problem(members: Mapping[str, Member], base: str, store: str) -> str:
    path = f"{base}/{store}"
    for name in (base, path):
        if name in members and members[name].kind != "d":
            goes = f" to {members[name].target[:80]}" if members[name].target else ""
            return f"{name} is no folder, but {KINDS.get(members[name].kind, 'of another kind')}{goes}"
    current = members.get(f"{path}/CURRENT")
    manifests = [content for name, content in members.items() if re.fullmatch(re.escape(path) + r"/MANIFEST-\d+", name)]
    for what, found in (("CURRENT", [current] if current is not None else []), ("MANIFEST", manifests)):
        if not found:
            return f"{path} has no {what}"
        if not any(_holds(members, member) for member in found):
            kind = KINDS.get(found[0].kind, "of another kind")
            return f"the {what} of {path} is " + ("empty" if found[0].kind == "-" else kind)
    return ""


def _holds(members: Mapping[str, Member], member: Member) -> bool:
    """Whether a member is a file with something in it, or a hard link to one that the archive has."""
    other = members.get(member.target.removeprefix("./")) if member.kind == "h" else member
    return other is not None and other.kind == "-" and other.size_bytes > 0


def host_of(node: NodeView, expected: str) -> HostFacts:
    """Return what was seen of the node's host; Unknown if nothing was."""
    if node.seen.host is None:
        raise Unknown(Claim(expected, "nothing was seen of the host"))
    return node.seen.host


def folder_of(node: NodeView, expected: str) -> Folder:
    """Return the backup folder; Unknown if it could not be read or does not exist."""
    folder = host_of(node, expected).backups
    if folder is not None and folder.is_missing:
        raise Unknown(Claim(expected, NO_FOLDER.format(path=folder.path)))
    if folder is None or folder.problem:
        raise Unknown(Claim(expected, folder.problem if folder else "no backup folder was looked at"))
    return folder


def backups_in(folder: Folder) -> list[FileSeen]:
    """Return the files that are meant as backups, by the names that the manual's own find matches, newest first."""
    files = [file for file in folder.files if file.name.startswith(PREFIX) and file.name.endswith(SUFFIX)]
    return sorted(files, key=lambda file: (-file.modified, file.name))


def since(file: FileSeen) -> float:
    """Return of when a backup is, in seconds since 1970: its file's time, or its name's if that is older."""
    says = named(file.name)
    return file.modified if says is None else min(file.modified, says.made)


def now_of(node: NodeView) -> float:
    """Return the time by the host's clock when the survey ended (by this machine's, where the host's is not known)."""
    clock = node.seen.host.clock if node.seen.host is not None else None
    offset = clock.offset_seconds if clock is not None else None
    return node.survey.started + node.survey.seconds + (offset or 0.0)


def age(seconds: float) -> str:
    """Return an age as an operator says it.

    >>> age(7.5 * 86400)
    '7 d 12 h'
    """
    if seconds < 0:
        return f"{-seconds:.0f} s in the future"
    days, rest = divmod(int(seconds), int(DAY))
    hours, rest = divmod(rest, int(HOUR))
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min"


@dataclass(frozen=True)
class CronJob:
    """A line of a crontab: its five fields of time, and what is run (with the user, in a system crontab)."""

    times: tuple[str, ...]
    command: str


DAYS = (range(1, 32), range(1, 13), range(7))  # of the month, months, of the week
SUNDAY_TOO = 7  # 0 and 7 are one day

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def job(line: str) -> CronJob | None:
    """Return the job of a crontab's line; None for a setting, a comment, or what is no job at a time (@reboot)."""
    words = line.split()
    if words and words[0] in NICKNAMES:
        words = [*NICKNAMES[words[0]].split(), *words[1:]]
    if len(words) < 6 or not all(re.fullmatch(r"[\d*/,\-a-zA-Z]+", word) for word in words[:5]):
        return None
    if not re.match(r"[\d*]", words[0]):
        return None
    return CronJob(tuple(words[:5]), " ".join(words[5:]))


def longest_wait_hours(*jobs: tuple[str, ...]) -> float | None:
    """Return the most hours between two runs of any of the jobs, over the days; None if none runs every day.

    A job whose fields can't be read counts as none.
    """
    runs = sorted({run for times in jobs for run in _daily_runs(times)})
    if not runs:
        return None
    waits = [later - earlier for earlier, later in zip(runs, [*runs[1:], runs[0] + 24 * 60], strict=True)]
    return max(waits) / 60


def _daily_runs(times: tuple[str, ...]) -> list[int]:
    """Return the minutes of the day at which a job runs; empty if it does not run every day."""
    minute, hour, *days = times
    if not all(_is_every(day, whole) for day, whole in zip(days, DAYS, strict=True)):
        return []
    return [60 * each + at for each in _values(hour, 23) for at in _values(minute, 59)]


def _is_every(field: str, whole: range) -> bool:
    week = whole.stop == SUNDAY_TOO
    values = _values(field, SUNDAY_TOO if week else whole.stop - 1)
    return {number % SUNDAY_TOO if week else number for number in values} >= set(whole)


def _values(field: str, most: int) -> list[int]:
    """Return the numbers that a field of a crontab stands for; empty if it can't be read."""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part)
        if match is None:
            return []
        low = 0 if match[1] else int(match[2])
        high = most if match[1] or (match[4] and not match[3]) else int(match[3] or match[2])
        step = int(match[4] or 1)
        if step < 1 or not low <= high <= most:
            return []
        found.update(range(low, high + 1, step))
    return sorted(found)
