"""The follower takes every line once, whatever happens to it and to the files."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.observe import raw as raw_module
from gateway.observe import unasked
from gateway.observe.status import is_recording, write_status
from gateway.observe.verify import verify_log
from tests.decision_logs import Site, decision, line, lines, recorded, records, refusal


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def kinds(site: Site) -> list[str]:
    """Give the kind of each record."""
    return [str(each.kind) for each in records(site.log)]


@contextmanager
def longest_file(limit_bytes: int) -> Iterator[None]:
    """Have no file of this process grow beyond a limit, as on a disk that is full there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_each_line_becomes_a_record(site: Site) -> None:
    """In its order; what is written while it reads, too; half a line waits for its end."""
    site.take(lines(1, 2))
    text = line(decision(3))
    site.take(text[:40])
    half = recorded(site.log)
    site.take(text[40:])

    assert half == [1, 2]
    assert recorded(site.log) == [1, 2, 3]
    assert records(site.log)[-1].body == decision(3)


def test_what_is_no_decision_is_a_record_too(site: Site) -> None:
    """Counted by what is wrong with it; nothing is thrown away."""
    site.take(b"[NOTICE] ready\n\n" + line(refusal(1, "mood")) + lines(2) + b"x" * 70_000 + b"\n")
    site.go()

    whys = [each.body["why"] for each in records(site.log) if each.kind == "unreadable"]
    assert whys == ["not_json", "not_json", "unknown_reason", "too_long", "not_json"]
    assert recorded(site.log) == [2]
    assert sum(each.raw[1] - each.raw[0] for each in records(site.log)) == site.raw.stat().st_size


def test_who_was_refused_before_a_request_is_a_record(site: Site) -> None:
    """Counted by its reason; another follower goes on after it, and takes it once."""
    told = {"at": 1, "port": 443, "certificate": 10, "above": 0, "tls": 9, "connection": 31,
            "status": 0, **dict.fromkeys(unasked.TEXTS, "x")}  # fmt: skip
    site.take(lines(1) + line(told))
    site.again()
    site.take(line(told) + lines(2))

    assert kinds(site).count("unasked") == 2
    assert recorded(site.log) == [1, 2]
    assert site.chain.counts.unasked == {"certificate_expired": 2}
    assert not kinds(site).count("repeated")


def test_the_counters_are_the_records(site: Site) -> None:
    """Refusals by reason in the status: exactly as many as are recorded, after a restart too."""
    for number, reason in enumerate(["no_grant", "revoked", "no_grant", "wrong_zone"], start=1):
        site.write(line(refusal(number, reason)))
    site.take(lines(5, 6) + b"?\n")
    site.again()
    site.take(line(refusal(7, "revoked")) + line(refusal(7, "revoked")))
    site.follower.ending = True
    site.follower.run(0)

    refused: dict[str, int] = {}
    for each in records(site.log):
        if each.kind == "decision" and each.body["verdict"] == "DROP":
            refused[each.body["reason"]] = refused.get(each.body["reason"], 0) + 1
    assert site.status["decisions"] == {"DROP": refused, "ACCEPT": {"grant": 2}}
    assert refused == {"no_grant": 2, "revoked": 2, "wrong_zone": 1}
    assert site.status["repeated"] == 1
    assert site.status["unreadable"] == {"not_json": 1}


def test_a_missing_number_becomes_a_gap(site: Site) -> None:
    """Once it has been awaited as long as a request may take; a late one still counts."""
    site.take(lines(1, 2, 6))
    waiting = (site.chain.numbers.awaited_count, kinds(site).count("gap"))
    site.now += 901
    site.go()
    gap = records(site.log)[-1]
    site.take(lines(4))

    assert waiting == (3, 0)
    assert gap.kind == "gap"
    assert gap.body == {"process": "city-gw.1764081000", "first": 3, "last": 5}
    assert kinds(site).count("gap") == 1
    assert site.chain.numbers.missed_count == 2


def test_what_comes_late_in_the_round_that_gives_it_up_is_no_gap(site: Site) -> None:
    """Lines first, then gaps."""
    site.take(lines(1, 3))
    site.now += 901
    site.take(lines(2))

    assert kinds(site).count("gap") == 0
    assert site.chain.numbers.missed_count == 0


def test_an_awaited_number_is_remembered(site: Site) -> None:
    """A restart makes nobody forget what is missing, nor when it began to be."""
    site.take(lines(1, 3))
    site.sign()
    site.again()
    site.go()
    site.now += 895
    site.go()

    assert records(site.log)[-1].kind == "gap"


def test_a_number_that_comes_twice_is_said_to(site: Site) -> None:
    """It is kept, and is no decision more."""
    site.take(lines(1, 2, 2, 1))

    assert kinds(site) == ["source", "decision", "decision", "repeated", "repeated"]


@pytest.mark.parametrize("signed", [True, False], ids=["after a checkpoint", "before any"])
def test_a_restart_goes_on_where_the_records_end(site: Site, signed: bool) -> None:  # noqa: FBT001 - an example of a table
    """Nothing is lost and nothing doubled, whether or not a state was kept."""
    site.take(lines(1, 2))
    if signed:
        site.sign()
    site.take(lines(3))
    site.write(lines(4))
    site.again()
    site.take(lines(5))

    assert recorded(site.log) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.unlink(), id="lost"),
        pytest.param(lambda file: file.write_text("{}"), id="empty"),
        pytest.param(lambda file: file.write_bytes(b"\0" * 900), id="zeros"),
        pytest.param(
            lambda file: file.write_text(file.read_text().replace('"before": "', '"before": "0')),
            id="another record's",
        ),
        pytest.param(
            lambda file: file.write_text(file.read_text().replace('"peaks": ["', '"peaks": ["00')),
            id="another tree's",
        ),
    ],
)
def test_the_state_only_spares_reading(site: Site, damage) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a lambda of the table
    """The records count: without it all of them are read again."""
    site.take(lines(1, 2))
    site.sign()
    damage(site.log / "state.json")
    site.again()
    site.take(lines(3))
    site.sign()

    assert recorded(site.log) == [1, 2, 3]
    assert verify_log(site.log, site.follower.store.verifier).holds


def test_a_day_has_a_file(site: Site) -> None:
    """By the days of China; a clock that goes back opens no old file."""
    site.take(lines(1))
    site.now += 86_400
    site.take(lines(2))
    site.now -= 86_400
    site.take(lines(3))
    site.again()
    site.go()

    names = [file.name for file in sorted(site.log.glob("*.jsonl"))]
    assert names == ["2025-11-26.jsonl", "2025-11-27.jsonl"]
    assert recorded(site.log) == [1, 2, 3]


def test_what_was_recorded_is_given_back_to_the_disk(tmp_path: Path) -> None:
    """The proxy goes on appending through its old descriptor, and every line is taken."""
    site = Site(tmp_path, changes={"free_bytes": 65_536})
    with site.raw.open("ab", buffering=0) as proxy:
        for first in range(1, 2001, 400):
            proxy.write(lines(*range(first, first + 400)))
            site.go()
        site.again()
        proxy.write(lines(2001))
        site.go()

    assert recorded(site.log) == list(range(1, 2002))
    assert site.raw.stat().st_blocks * 512 < 2 * 65_536 < site.raw.stat().st_size


def test_nothing_is_given_back_that_is_not_on_the_disk(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the raw file is synced, then the records, then the hole is made."""
    done: list[str] = []
    synced = os.fdatasync

    def sync(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().suffix)
        synced(descriptor)

    def punch(*_: int) -> bool:
        done.append("punched")
        return True

    monkeypatch.setattr(os, "fdatasync", sync)
    monkeypatch.setattr(raw_module, "_punch", punch)
    site.changes["free_bytes"] = 4096
    site.begin()
    site.write(lines(*range(1, 40)))
    site.now = 0.0  # no checkpoint is due
    site.follower.once()

    assert done == [".raw", ".jsonl", "punched"]


def test_a_disk_that_cannot_make_holes_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is given back, and everything is recorded."""
    monkeypatch.setattr(raw_module, "_punch", lambda *_: False)
    site.changes["free_bytes"] = 4096
    site.begin()
    site.take(lines(*range(1, 40)))
    site.follower.ending = True
    site.follower.run(0)

    assert site.status["raw_is_freed"] is False
    assert len(recorded(site.log)) == 39


def test_a_raw_file_that_may_only_be_read_is_followed_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is given back then, and that is said."""
    opened = os.open

    def may_read(path: Path, flags: int, *mode: int) -> int:
        if path == site.raw and flags & os.O_RDWR:
            raise PermissionError(path)
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", may_read)
    site.changes["free_bytes"] = 4096
    site.begin()
    site.take(lines(*range(1, 40)))
    site.follower.ending = True
    site.follower.run(0)

    assert site.status["raw_is_freed"] is False
    assert recorded(site.log) == list(range(1, 40))


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        pytest.param(lambda raw: raw.write_bytes(lines(3)), "shortened", id="emptied"),
        pytest.param(
            lambda raw: raw.write_bytes(lines(3) + b"x" * 5000 + b"\n"),
            "replaced",
            id="written over",
        ),
        pytest.param(
            lambda raw: raw.replace(raw.with_name("old")) and raw.write_bytes(lines(3)),
            "replaced",
            id="renamed",
        ),
    ],
)
def test_another_raw_file_is_read_from_its_beginning(site: Site, exchange, why: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a lambda of the table
    """And the log says that it is another."""
    site.take(lines(1, 2))
    exchange(site.raw)
    site.go()
    site.go()

    assert [e.body["why"] for e in records(site.log) if e.kind == "source"] == ["first", why]
    assert recorded(site.log) == [1, 2, 3]


def test_a_new_log_begins_where_the_raw_file_still_has_something(tmp_path: Path) -> None:
    """What an older log was made of and gave back is no line any more."""
    site = Site(tmp_path, changes={"free_bytes": 4096})
    site.take(lines(*range(1, 100)))
    site.follower.store.close()
    site.log.replace(tmp_path / "old")
    site.settings.key.unlink()
    site.begin()
    site.take(lines(100))

    source = records(site.log)[0]
    assert source.body["why"] == "first"
    assert source.raw[0] >= 4096
    assert recorded(site.log)[-1] == 100


def test_the_rest_of_a_renamed_file_is_kept(site: Site) -> None:
    """Also a last line without an end, as what it is."""
    site.take(lines(1))
    site.write(lines(2) + b"half")
    site.raw.replace(site.raw.with_name("old"))
    site.take(lines(3))
    site.go()

    assert recorded(site.log) == [1, 2, 3]
    assert [e.body["why"] for e in records(site.log) if e.kind == "unreadable"] == ["no_end"]


def test_a_full_disk_is_said_and_loses_nothing(site: Site) -> None:
    """A write that goes half way is taken back; with room again, every line is recorded once."""
    site.take(lines(1, 2))
    size = (site.log / "2025-11-26.jsonl").stat().st_size
    site.write(lines(*range(3, 30)))
    with longest_file(size + 700):
        for _ in range(3):
            site.follower.once()
        full = site.status
        held = len(records(site.log))
    site.go()
    site.sign()

    assert (full["recording"], full["why"]) == (False, ["cannot_write"])
    assert sum(full["decisions"]["ACCEPT"].values()) == held - 1
    assert recorded(site.log) == list(range(1, 30))
    assert site.status["recording"] is True
    assert verify_log(site.log, site.follower.store.verifier).holds


def test_a_disk_that_is_nearly_full_is_said_before(site: Site) -> None:
    """Under the reserve nothing may be served, and what comes is recorded all the same."""
    site.changes["reserve_bytes"] = 1 << 60
    site.begin()
    site.take(lines(1))

    assert (site.status["recording"], site.status["why"]) == (False, ["disk_full"])
    assert recorded(site.log) == [1]


def test_without_a_raw_file_nothing_is_recorded(site: Site) -> None:
    """It is said, and is over when the file is there."""
    site.raw.unlink()
    site.go()
    before = site.status
    site.take(lines(1))

    assert (before["recording"], before["why"]) == (False, ["no_raw_file"])
    assert is_recording(site.settings.status)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no status"),
        pytest.param("", id="an empty one"),
        pytest.param('{"recording": true}', id="of no time"),
        pytest.param('{"recording": true, "written": 1.0}', id="of long ago"),
        pytest.param('{"recording": true, "written": 1e12}', id="of the future"),
        pytest.param('{"recording": 1, "written": 1.0}', id="no word of ours"),
    ],
)
def test_what_is_not_known_to_be_recorded_is_not(tmp_path: Path, content: str | None) -> None:
    """A follower that was killed says nothing any more."""
    file = tmp_path / "status.json"
    if content is not None:
        file.write_text(content)

    assert not is_recording(file)


def test_a_fresh_status_is_believed(tmp_path: Path) -> None:
    """As it says."""
    write_status(tmp_path / "yes", {"recording": True})
    write_status(tmp_path / "no", {"recording": False})

    assert is_recording(tmp_path / "yes")
    assert not is_recording(tmp_path / "no")


def test_who_ends_says_so(site: Site) -> None:
    """What came until then is taken and signed."""
    site.write(lines(1))
    site.follower.ending = True
    site.follower.run(0)

    assert site.told == ["READY=1", "WATCHDOG=1", "STOPPING=1"]
    assert (site.status["recording"], site.status["why"]) == (False, ["ended"])
    assert (site.log / "checkpoint").read_text().splitlines()[1] == "2"


def test_two_followers_do_not_write_into_one_log(site: Site) -> None:
    """The second is refused."""
    site.take(lines(1))
    other = Site(site.base)

    with pytest.raises(Refused, match="ZG981"):
        other.go()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        pytest.param(lambda text: text[: text.index(b"\n") + 1], "ZG986", id="cut off"),
        pytest.param(lambda text: text.replace(b"/cases/2", b"/cases/9"), "ZG984", id="altered"),
        pytest.param(
            lambda text: text.replace(b"/cases/3", b"/cases/9"), "ZG984", id="altered the last one"
        ),
        pytest.param(lambda text: text + text[-900:], "ZG984", id="added to"),
    ],
)
def test_nothing_is_built_on_a_damaged_log(site: Site, damage, code: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a lambda of the table
    """Its key would otherwise sign what somebody else wrote."""
    site.take(lines(1, 2, 3))
    site.sign()
    (site.log / "state.json").unlink()
    file = site.log / "2025-11-26.jsonl"
    file.write_bytes(damage(file.read_bytes()))
    site.again()

    with pytest.raises(Refused, match=code):
        site.go()


def test_a_damaged_log_is_told_of(site: Site) -> None:
    """Whoever is to be alarmed reads the status alone; one that only ended is not damaged."""
    site.take(lines(1, 2, 3))
    site.follower.ending = True
    site.follower.run(0)
    ended = site.status
    (site.log / "state.json").unlink()
    file = site.log / "2025-11-26.jsonl"
    file.write_bytes(file.read_bytes().replace(b"/cases/2", b"/cases/9"))
    site.begin()
    with pytest.raises(Refused, match="ZG984"):
        site.follower.run(0)

    assert (ended["recording"], ended["damaged"]) == (False, "")
    assert (site.status["recording"], site.status["damaged"]) == (False, "ZG984")


def test_what_came_before_the_end_is_taken_all_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much that is: it comes in pieces."""
    monkeypatch.setattr(raw_module, "CHUNK_BYTES", len(lines(1, 2)))
    monkeypatch.setattr("gateway.observe.follow.CHUNK_BYTES", len(lines(1, 2)))
    site.write(lines(*range(1, 20)))
    site.follower.ending = True
    site.follower.run(0)

    assert kinds(site).count("decision") == 19


def test_who_ends_for_new_programs_stops_nobody(site: Site) -> None:
    """It is begun again at once; its last word holds meanwhile. Who is told to end says so."""
    site.take(lines(1))
    site.follower.is_current = lambda: False
    site.follower.run(0)
    for_new = site.status["recording"]
    site.begin()
    site.follower.ending = True
    site.follower.run(0)

    assert (for_new, site.status["recording"]) == (True, False)


def test_nothing_is_built_on_records_that_do_not_follow(site: Site) -> None:
    """Also on those that no checkpoint covers yet."""
    site.take(lines(1))
    site.take(lines(2))
    site.take(lines(3))
    file = site.log / "2025-11-26.jsonl"
    *most, last, newest = file.read_bytes().splitlines(keepends=True)
    assert b"/cases/2" in last
    file.write_bytes(b"".join([*most, newest]))
    site.again()

    with pytest.raises(Refused, match="ZG984"):
        site.go()


def test_what_somebody_else_writes_meanwhile_is_not_signed(site: Site) -> None:
    """The follower knows how long its file is."""
    site.take(lines(1))
    with (site.log / "2025-11-26.jsonl").open("ab") as file:
        file.write(b"{}\n")

    with pytest.raises(Refused, match="ZG981"):
        site.take(lines(2))


def test_a_checkpoint_that_was_half_written_is_cut_off(site: Site) -> None:
    """The next one stands alone."""
    site.take(lines(1))
    site.sign()
    file = site.log / "2025-11-26.checkpoints"
    with file.open("ab") as opened:
        opened.write(file.read_bytes()[:60])
    site.again()
    site.take(lines(2))
    site.sign()

    assert verify_log(site.log, site.follower.store.verifier).holds
