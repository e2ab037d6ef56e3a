"""Backups beside their nearest miss: of every age, torn, of a wrong height, of a wrong name, and none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from prowl.checks import backups, test_backup
from prowl.checks.backups import DAY, HOUR
from prowl.checks.selftest.survey_kit import BROKEN, HEIGHT, HELD, NOW, UNKNOWN, block, chain, hosts, survey, verdict
from prowl.fixtures.hosts.facts import Archive, ClockOffset, Cron, DiskUse, FileSeen, Folder, HostFacts, Member

CRON = (
    "0 */6 * * * /opt/coc/scripts/backup-node.sh /var/lib/coc /backups >> /var/log/coc/backup.log 2>&1",
    '0 1 * * * find /backups -name "coc-backup-*.tar.gz" -mtime +7 -delete',
)
SOUND = tuple(
    Member(f"coc/{store}/{name}", "-", 16)
    for store in ("leveldb-chain", "leveldb-state")
    for name in ("CURRENT", "MANIFEST-000002")
)
CHAIN, STATE = SOUND[:2], SOUND[2:]
ITEMS = {
    "every-six-hours": test_backup.test_newest_backup_is_fresh,
    "name": test_backup.test_names,
    "height": test_backup.test_height_in_the_name,
    "manual": test_backup.test_newest_backup_is_whole,
    "seven-days": test_backup.test_old_backups_are_deleted,
    "cron": test_backup.test_cron,
    "space": test_backup.test_space_for_the_next,
}


def name(age_seconds: float, height: int | str) -> str:
    return f"coc-backup-{datetime.fromtimestamp(NOW - age_seconds, UTC):%Y%m%d-%H%M%S}-h{height}.tar.gz"


def file(age_seconds: float, height: int | str = HEIGHT, size_bytes: int = 10**6) -> FileSeen:
    return FileSeen(name(age_seconds, height), size_bytes, NOW - age_seconds)


def host(*files: FileSeen, **fields: object) -> HostFacts:
    newest = files[0].name if files else ""
    facts = HostFacts(
        access="local",
        backups=Folder("/backups", files),
        newest_archive=Archive(newest, True, SOUND, bases=("coc",)),
        cron=Cron(CRON),
        backup_disk=DiskUse(50 * 10**9, 100 * 10**9, "the file system of /backups"),
        clock=ClockOffset(0.0, 0.01),
    )
    return replace(facts, **fields)  # type: ignore[arg-type]


def verdicts(facts: HostFacts, **fields: object) -> dict[str, str]:
    """The items that are not held, with their verdicts."""
    seen = {item: verdict(check, hosts(facts, **fields))[0] for item, check in ITEMS.items()}
    return {item: said for item, said in seen.items() if said != HELD}


# Backups of the chain of the kit, a block a second: the one of an hour ago would be of long before its blocks.
AT_TIP = chain(HEIGHT - 1, HEIGHT)


def sound(age_seconds: float) -> FileSeen:
    return file(age_seconds, HEIGHT)


@pytest.mark.parametrize(
    ("files", "expected", "reason"),
    [
        ((5 * HOUR,), {}, ""),
        ((7 * HOUR,), {}, ""),
        ((7 * HOUR + 60,), {"every-six-hours": BROKEN}, "7 h 1 min old"),
        ((5 * HOUR, 7 * DAY + 12 * HOUR), {}, ""),
        ((5 * HOUR, 9 * DAY), {}, ""),
        ((5 * HOUR, 10 * DAY), {"seven-days": BROKEN}, "10 d old"),
        ((7 * DAY + 12 * HOUR,), {"every-six-hours": BROKEN}, "7 d 12 h old"),
        ((9 * DAY,), {"every-six-hours": BROKEN}, "9 d old"),
        ((10 * DAY,), {"every-six-hours": BROKEN, "seven-days": BROKEN}, "10 d old"),
        ((-600,), {"every-six-hours": BROKEN}, "in the future"),
    ],
)
def test_a_backup_of_each_age(files: tuple[float, ...], expected: dict[str, str], reason: str) -> None:
    facts = host(*(sound(each) for each in files))
    blocks = {HEIGHT - 1: block(HEIGHT - 1, stamp=NOW - 20 * DAY), HEIGHT: block(HEIGHT, stamp=NOW - 20 * DAY)}
    assert verdicts(facts, blocks=blocks) == expected
    for item in expected:
        assert reason in verdict(ITEMS[item], hosts(facts))[1].observed


def test_no_backup_is_one_broken_promise_and_nothing_to_look_at() -> None:
    looked = {"name": UNKNOWN, "height": UNKNOWN, "manual": UNKNOWN, "space": UNKNOWN}
    assert verdicts(host()) == {"every-six-hours": BROKEN, **looked}
    assert "holds no backup" in verdict(ITEMS["every-six-hours"], hosts(host()))[1].observed


@pytest.mark.parametrize(
    ("said", "broken"),
    [
        ("find: '/backups': No such file or directory", True),
        ("find: /backups: No such file or directory", True),
        ("find: '/backups': Not a directory", True),
        ("find: '/backups': Permission denied", False),
        ("find: '/backups': Input/output error", False),
        ("find: '/backups/2026': No such file or directory", False),
        ("find: '/backup': No such file or directory", False),
        ("sh: 1: find: not found", False),
        ("no answer within 10 s", False),
        ("find: '/backups': Too many levels of symbolic links", False),
        ("ssh: 'find: '/backups': No such file or directory' was not run", False),
    ],
)
def test_a_folder_that_does_not_exist_is_one_broken_promise_and_one_that_cannot_be_read_is_none(
    said: str, broken: bool
) -> None:
    facts = host(backups=Folder("/backups", (), f"/backups can't be read: {said}"), newest_archive=None)
    found = verdicts(facts)
    assert found.pop("every-six-hours") == (BROKEN if broken else UNKNOWN)
    assert found == dict.fromkeys(("name", "height", "manual", "space", "seven-days"), UNKNOWN)
    output = {verdict(ITEMS[item], hosts(facts))[1].observed for item in ("every-six-hours", *found)}
    assert len(output) == 1, "one reason, so that it is one finding"
    assert ("/backups does not exist, so there is no backup" in output) is broken


def test_a_torn_backup_is_broken_unless_it_may_still_be_written() -> None:
    torn = Archive(name(5 * HOUR, HEIGHT), False, (), "gzip: stdin: unexpected end of file")
    said, claim = verdict(ITEMS["manual"], hosts(host(file(5 * HOUR), newest_archive=torn)))
    assert (said, "unexpected end of file" in claim.observed) == (BROKEN, True)
    fresh = Archive(name(60, HEIGHT), False, (), "gzip: stdin: unexpected end of file")
    assert verdict(ITEMS["manual"], hosts(host(file(60), newest_archive=fresh)))[0] == UNKNOWN


def moved(members: tuple[Member, ...], to: str) -> tuple[Member, ...]:
    return tuple(replace(member, name=member.name.replace("coc/", to, 1)) for member in members)


def without(index: int, *instead: Member) -> tuple[Member, ...]:
    return (*SOUND[:index], *instead, *SOUND[index + 1 :])


@pytest.mark.parametrize(
    ("members", "bases", "expected", "reason"),
    [
        (SOUND, ("coc",), HELD, ""),
        (SOUND, (), HELD, ""),
        (SOUND, ("data", "coc"), HELD, ""),
        ((Member("coc", "d"), Member("coc/leveldb-chain", "d"), *SOUND), ("coc",), HELD, ""),
        ((*SOUND, Member("coc/old/leveldb-chain/CURRENT", "-", 0)), ("coc",), HELD, ""),
        ((*SOUND, Member("coc/leveldb-state/MANIFEST-000009", "-", 0)), ("coc",), HELD, ""),
        ((*SOUND, Member("coc/storage", "l", 0, "/mnt/x")), ("coc",), HELD, ""),
        (
            without(0, Member("coc/x", "-", 16), Member("coc/leveldb-chain/CURRENT", "h", 0, "coc/x")),
            ("coc",),
            HELD,
            "",
        ),
        ((), ("coc",), BROKEN, "nothing at all"),
        (CHAIN, ("coc",), BROKEN, "coc/leveldb-state has no CURRENT"),
        ((*CHAIN, Member("coc/leveldb-state", "l", 0, "/mnt/ssd/state")), ("coc",), BROKEN, "a link to /mnt/ssd/state"),
        ((Member("coc", "l", 0, "/srv/coc"), *SOUND), ("coc",), BROKEN, "coc is no folder, but a link to /srv/coc"),
        ((Member("coc/leveldb-chain", "d"), Member("coc/leveldb-state", "d")), ("coc",), BROKEN, "has no CURRENT"),
        (moved(SOUND, "coc/old/"), ("coc",), BROKEN, "coc/leveldb-chain has no CURRENT"),
        (moved(SOUND, "old/"), ("coc",), BROKEN, "nothing lies below coc (it has old)"),
        (moved(SOUND, "old/"), (), HELD, ""),
        (moved(SOUND, "coc/old/"), (), BROKEN, "has no CURRENT"),
        (moved(SOUND, ""), (), BROKEN, "has no CURRENT"),
        ((*moved(CHAIN, "a/"), *moved(STATE, "b/")), (), BROKEN, "has no CURRENT"),
        (moved(SOUND, "coc/leveldb-chain-old/"), ("coc",), BROKEN, "has no CURRENT"),
        (
            without(0, Member("coc/leveldb-chain/CURRENT", "-", 0)),
            ("coc",),
            BROKEN,
            "CURRENT of coc/leveldb-chain is empty",
        ),
        ((*SOUND, Member("coc/leveldb-chain/CURRENT", "-", 0)), ("coc",), BROKEN, "is empty"),
        (without(0, Member("coc/leveldb-chain/CURRENT", "l", 0, "/x")), ("coc",), BROKEN, "is a link"),
        (without(0, Member("coc/leveldb-chain/CURRENT", "d")), ("coc",), BROKEN, "is a folder"),
        (without(0, Member("coc/leveldb-chain/CURRENT", "h", 0, "coc/y")), ("coc",), BROKEN, "is a hard link"),
        (without(1), ("coc",), BROKEN, "coc/leveldb-chain has no MANIFEST"),
        (without(1, Member("coc/leveldb-chain/MANIFEST-000002", "-", 0)), ("coc",), BROKEN, "the MANIFEST of coc/"),
        (without(1, Member("coc/leveldb-chain/MANIFEST-old", "-", 16)), ("coc",), BROKEN, "no MANIFEST"),
        (without(1, Member("coc/MANIFEST-000002", "-", 16)), ("coc",), BROKEN, "no MANIFEST"),
    ],
)
def test_what_an_archive_holds(members: tuple[Member, ...], bases: tuple[str, ...], expected: str, reason: str) -> None:
    archive = Archive("a", True, members, bases=bases)
    said, claim = verdict(ITEMS["manual"], hosts(host(file(HOUR), newest_archive=archive)))
    assert (said, reason in claim.observed) == (expected, True), claim


def test_an_archive_that_was_not_read_is_unknown() -> None:
    for archive in (Archive("a", None, problem="not read to its end within 120 s"), None):
        assert verdict(ITEMS["manual"], hosts(host(file(HOUR), newest_archive=archive)))[0] == UNKNOWN


@pytest.mark.parametrize(
    ("made", "height", "expected", "reason"),
    [
        (0.0, HEIGHT, HELD, ""),
        (0.0, HEIGHT + 1, BROKEN, "only come to block 100"),
        (-119.0, HEIGHT, HELD, ""),
        (-121.0, HEIGHT, BROKEN, "came 2 min later"),
        (118.0, HEIGHT - 1, HELD, ""),
        (122.0, HEIGHT - 1, BROKEN, "had come 2 min before"),
        (122.0, HEIGHT, HELD, ""),
        (0.0, HEIGHT - 5, UNKNOWN, "did not show block 95"),
        (0.0, "unknown", BROKEN, "could not ask"),
        (0.0, "12x", UNKNOWN, "not of the manual's pattern"),
    ],
)
def test_the_height_in_the_name(made: float, height: int | str, expected: str, reason: str) -> None:
    said, claim = verdict(ITEMS["height"], hosts(host(file(-made, height)), blocks=AT_TIP))
    assert (said, reason in claim.observed) == (expected, True), claim


def test_a_height_is_unknown_where_its_follower_is_not_shown() -> None:
    blocks = {HEIGHT - 5: block(HEIGHT - 5), HEIGHT: block(HEIGHT)}
    assert verdict(ITEMS["height"], hosts(host(file(0, HEIGHT - 5)), blocks=blocks))[0] == UNKNOWN
    assert verdict(ITEMS["height"], hosts(host(file(0)), blocks={}, blocks_problem="gone"))[0] == UNKNOWN


@pytest.mark.parametrize(
    ("text", "height", "good"),
    [
        ("coc-backup-20260819-060001-h1234.tar.gz", 1234, True),
        ("coc-backup-20260819-060001-hunknown.tar.gz", None, True),
        ("coc-backup-20260819-060001-h.tar.gz", None, False),
        ("coc-backup-20260819-060001-h-5.tar.gz", None, False),
        ("coc-backup-20261319-060001-h5.tar.gz", None, False),
        ("coc-backup-2026-08-19-h5.tar.gz", None, False),
        ("coc-backup-20260819-060001-h5.tar.gz.part", None, False),
        ("coc-backup-20260819-060001-h\u0665.tar.gz", None, False),
        ("xcoc-backup-20260819-060001-h5.tar.gz", None, False),
    ],
)
def test_names(text: str, height: int | None, good: bool) -> None:
    says = backups.named(text)
    assert (says is not None) == good
    assert says is None or says.height == height


def test_a_file_that_is_called_almost_so_is_named() -> None:
    strange = FileSeen("coc-backup-20260819.tar.gz", 1, NOW - HOUR)
    said, claim = verdict(ITEMS["name"], hosts(host(file(HOUR), strange)))
    assert (said, "coc-backup-20260819.tar.gz" in claim.observed) == (BROKEN, True)
    for ending, expected in [
        (".sha256", HELD), (".sha512sums", HELD), (".md5", HELD), (".asc", HELD), (".sig", HELD), (".b3", HELD),
        (".part", BROKEN), (".tmp", BROKEN), (".sha256.tmp", BROKEN), (".gpg", BROKEN), ("~", BROKEN), (".1", BROKEN),
    ]:  # fmt: skip
        beside = FileSeen(name(HOUR, HEIGHT) + ending, 1, NOW - HOUR)
        assert verdict(ITEMS["name"], hosts(host(file(HOUR), beside)))[0] == expected, ending
    assert verdict(ITEMS["name"], hosts(host(file(HOUR), FileSeen("coc-backup-1.tar.gz.md5", 1, NOW))))[0] == BROKEN
    other = FileSeen("notes.txt", 1, NOW - HOUR)
    assert verdict(ITEMS["name"], hosts(host(file(HOUR), other)))[0] == HELD


@pytest.mark.parametrize(
    ("lines", "problem", "expected"),
    [
        (CRON, "", HELD),
        ((CRON[0].replace("* * * /opt", "* * * root /opt"), CRON[1]), "", HELD),
        ((CRON[0].replace("0 */6", "0 */4"), CRON[1]), "", HELD),
        ((CRON[0].replace("0 */6", "15 0,6,12,18"), CRON[1]), "", HELD),
        ((CRON[0].replace("0 */6", "0 */8"), CRON[1]), "", BROKEN),
        ((CRON[0].replace("0 */6 * * *", "0 */6 * * 1-5"), CRON[1]), "", BROKEN),
        ((CRON[0].replace("* * *", "1-31 1-12 0-6"), CRON[1].replace("1 * * *", "1 */1 * 1-7")), "", HELD),
        ((CRON[0].replace("* * *", "1-30 * *"), CRON[1]), "", BROKEN),
        ((CRON[0].replace("0 */6", "0 0,12"), CRON[0].replace("0 */6", "0 6,18"), CRON[1]), "", HELD),
        ((CRON[0].replace("0 */6", "0 0,12"), CRON[0].replace("0 */6", "0 5,17"), CRON[1]), "", BROKEN),
        (("#" + CRON[0], CRON[1]), "", BROKEN),
        ((CRON[0], CRON[1].replace("+7", "+30")), "", BROKEN),
        ((CRON[0], CRON[1].replace(" -delete", "")), "", BROKEN),
        ((CRON[0], CRON[1].replace("0 1 * * *", "@daily")), "", HELD),
        ((CRON[0], CRON[1].replace("0 1 * * *", "@weekly")), "", BROKEN),
        ((), "", BROKEN),
        ((), "root's own crontab, which only root may read", UNKNOWN),
        (CRON, "root's own crontab, which only root may read", HELD),
    ],
)
def test_cron(lines: tuple[str, ...], problem: str, expected: str) -> None:
    assert verdict(ITEMS["cron"], hosts(host(file(HOUR), cron=Cron(lines, problem))))[0] == expected


def test_a_line_that_cron_leaves_out_is_shown_where_none_runs() -> None:
    out = ("/etc/cron.d/coc: a line names no user",)
    said, claim = verdict(ITEMS["cron"], hosts(host(file(HOUR), cron=Cron(CRON[1:], left_out=out))))
    assert (said, "cron does not run: /etc/cron.d/coc: a line names no user" in claim.observed) == (BROKEN, True)
    assert verdict(ITEMS["cron"], hosts(host(file(HOUR), cron=Cron(CRON, left_out=out))))[0] == HELD


@pytest.mark.parametrize(
    ("times", "hours"),
    [
        ("0 */6 * * *", 6.0),
        ("0 * * * *", 1.0),
        ("* * * * *", 1 / 60),
        ("30 2-22/4 * * *", 4.0),
        ("0 0,12 * * *", 12.0),
        ("0 3 * * *", 24.0),
        ("0 20/2 * * *", 22.0),
        ("0 25 * * *", None),
        ("0 */0 * * *", None),
        ("x 1 * * *", None),
        ("0 1 1 * *", None),
        ("0 1 * 1-11 *", None),
        ("0 1 * * 1-6", None),
        ("0 1 * * 0-5,7", None),
        ("0 1 * * 1-7", 24.0),
    ],
)
def test_the_longest_wait(times: str, hours: float | None) -> None:
    assert backups.longest_wait_hours(tuple(times.split())) == (pytest.approx(hours) if hours else None)


@pytest.mark.parametrize(("free", "expected"), [(12 * 10**8, HELD), (12 * 10**8 - 1, BROKEN), (None, UNKNOWN)])
def test_space(free: int | None, expected: str) -> None:
    total = 100 * 10**9
    disk = DiskUse(total - free if free is not None else None, total, "x", "" if free is not None else "can't be read")
    assert verdict(ITEMS["space"], hosts(host(file(HOUR, size_bytes=10**9), backup_disk=disk)))[0] == expected


def test_a_torn_newest_backup_asks_for_no_less_space() -> None:
    disk = DiskUse(99 * 10**9, 100 * 10**9, "x")
    torn, whole = file(HOUR, size_bytes=0), file(7 * HOUR, size_bytes=10**9)
    assert verdict(ITEMS["space"], hosts(host(torn, whole, backup_disk=disk)))[0] == BROKEN
    assert verdict(ITEMS["space"], hosts(host(torn, replace(whole, size_bytes=10**8), backup_disk=disk)))[0] == HELD


@pytest.mark.parametrize(
    ("named_hours", "file_hours", "expected"),
    [(5, 5, HELD), (5, 4, HELD), (240, 1, BROKEN), (8, 1, BROKEN), (1, 8, BROKEN)],
)
def test_a_copy_is_as_old_as_what_it_holds(named_hours: int, file_hours: int, expected: str) -> None:
    """A folder that was copied, or touched, makes no old backup a fresh one; its file's time is no name's either."""
    copied = FileSeen(name(named_hours * HOUR, HEIGHT), 10**6, NOW - file_hours * HOUR)
    said, claim = verdict(ITEMS["every-six-hours"], hosts(host(copied)))
    assert (said, "by its name" in claim.observed) == (expected, named_hours > file_hours), claim
    fresh = file(2 * HOUR)
    assert verdict(ITEMS["every-six-hours"], hosts(host(copied, fresh)))[0] == HELD, "another is fresh"


def test_what_could_not_be_read_is_unknown() -> None:
    blind = host(backups=Folder("/backups", (), "/backups can't be read: Permission denied"))
    for item in ("every-six-hours", "name", "height", "manual", "seven-days", "space"):
        said, claim = verdict(ITEMS[item], hosts(blind))
        assert (said, "Permission denied" in claim.observed) == (UNKNOWN, True), item
    assert {verdict(check, survey())[0] for check in ITEMS.values()} == {UNKNOWN}, "no host was seen"


def test_ages_are_by_the_hosts_own_clock() -> None:
    late = host(file(5 * HOUR), clock=ClockOffset(3 * HOUR, 0.1))
    assert verdict(ITEMS["every-six-hours"], hosts(late))[0] == BROKEN
