"""What was done to a log is found, and said with its place; a log that holds is said to hold."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli.main import main
from gateway.errors import ExitStatus
from gateway.observe.chain import Chain
from gateway.observe.checkpoint import Checkpoint, signed_note
from gateway.observe.merkle import leaf_hash
from gateway.observe.records import Record
from tests.decision_logs import ORIGIN, Site, line, lines, records, refusal

Captured = pytest.CaptureFixture[str]
Lines = list[bytes]

FIRST_DAY, SECOND_DAY = "2025-11-26", "2025-11-27"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C.UTF-8")


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Site:
    """Give a log of two days: records 0 to 13, with checkpoints at 6, 11 and 14."""
    site = Site(tmp_path)
    site.take(lines(1, 2, 3, 4, 5))
    site.sign()
    shutil.copy(site.log / "checkpoint", tmp_path / "kept")
    site.take(line(refusal(6)) + b"?\n" + lines(7, 8, 9))
    site.sign()
    site.now += 86_400
    site.take(lines(10, 11, 12))
    site.sign()
    site.follower.store.close()
    return site


def verified(site: Site, *words: str) -> int:
    """Call the command."""
    return main(["log", "verify", str(site.log), *words])


def rewrite(site: Site, day: str, change: Callable[[Lines], Lines]) -> None:
    """Change the lines of a day."""
    file = site.log / f"{day}.jsonl"
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))


def chained_again(old: Lines) -> Lines:
    """Give lines a chain that holds, as somebody would who knows how, and has no key."""
    new: Lines = []
    first = Record.read(old[0].rstrip())
    number, before = first.number, first.before
    for text in old:
        record = replace(Record.read(text.rstrip()), number=number, before=before)
        written = record.line()
        new.append(written + b"\n")
        number, before = number + 1, leaf_hash(written).hex()
    return new


def altered(old: Lines, at: int) -> Lines:
    """Have a record say another subject."""
    return [*old[:at], old[at].replace(b"tax_clerk", b"tax_chief"), *old[at + 1 :]]


def test_a_log_as_it_was_written_holds(site: Site, capsys: Captured) -> None:
    """Also from an older checkpoint, and with a key that was kept elsewhere."""
    key = site.base / "kept.vkey"
    shutil.copy(site.log / "key.vkey", key)

    assert verified(site, "--key", str(key), "--from", str(site.base / "kept")) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "14 records, 5 checkpoints hold; 0 records since the last one" in said
    assert "accepted 11, dropped 1, without a request 0, unreadable 1" in said
    assert "as it was written" in said


def test_records_since_the_last_checkpoint_are_counted(site: Site, capsys: Captured) -> None:
    """And a line that is being written is no damage."""
    site.again()
    site.take(lines(13))
    site.take(lines(14))
    rewrite(site, SECOND_DAY, lambda old: [*old, old[-1][:50]])

    assert verified(site, "--json") == ExitStatus.OK
    found = json.loads(capsys.readouterr().out)
    assert (found["records"], found["signed"]) == (16, 15)


@pytest.mark.parametrize(
    ("day", "change", "said"),
    [
        pytest.param(
            FIRST_DAY,
            lambda old: [*old[:3], *old[4:]],
            rf"{FIRST_DAY}.jsonl:4: ZG982 records 3 to 3 are missing: record 4",
            id="removed",
        ),
        pytest.param(
            SECOND_DAY,
            lambda old: old[1:],
            rf"{SECOND_DAY}.jsonl:1: ZG982 records 11 to 11 are missing: record 12",
            id="removed at the beginning of a day",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: altered(old, 4),
            rf"{FIRST_DAY}.jsonl:6: ZG984 record 4 is not as it was written",
            id="altered",
        ),
        pytest.param(
            SECOND_DAY,
            lambda old: altered(old, 2),
            rf"{SECOND_DAY}.checkpoints:1: ZG984 record 13 is not as it was written: 11 ... 13",
            id="altered the last one",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: [*old[:4], old[4].replace(b'":', b'": ', 1), *old[5:]],
            rf"{FIRST_DAY}.jsonl:5: ZG984 record 4 is not as it was written",
            id="written otherwise",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: [*old[:4], b"\n", *old[4:]],
            rf"{FIRST_DAY}.jsonl:5: ZG984 record 4 is not as it was written",
            id="an empty line",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: [*old[:4], old[3], *old[4:]],
            rf"{FIRST_DAY}.jsonl:5: ZG983 record 3 is out of place: record 4 belongs there",
            id="added, a copy",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: chained_again([*old[:4], old[3].replace(b"1000.3", b"1000.99"), *old[4:]]),
            rf"{FIRST_DAY}.checkpoints:1: ZG984 record 5 is not as it was written: 0 ... 5",
            id="added, and chained again",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: [*old[:7], old[8], old[7], *old[9:]],
            rf"{FIRST_DAY}.jsonl:8: ZG983 record 8 is out of place: record 7 belongs there",
            id="reordered",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: chained_again([*old[:7], old[8], old[7], *old[9:]]),
            rf"{FIRST_DAY}.checkpoints:6: ZG984 record 10 is not as it was written: 6 ... 10",
            id="reordered, and chained again",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: chained_again(altered(old, 2)),
            rf"{FIRST_DAY}.checkpoints:1: ZG984 record 5 is not as it was written: 0 ... 5",
            id="altered, and chained again",
        ),
        pytest.param(
            FIRST_DAY,
            lambda old: chained_again([*old[:4], old[3], *old[4:]]),
            rf"{FIRST_DAY}.jsonl:5: ZG984 record 4 is not .*: another one has the number of",
            id="a decision twice, and chained again",
        ),
        pytest.param(
            SECOND_DAY,
            lambda old: old[:-1],
            rf"{SECOND_DAY}.jsonl: ZG986 the log ends after 13 records, and .* signed for 14",
            id="the end cut off",
        ),
        pytest.param(
            SECOND_DAY,
            lambda _: [],
            rf"{SECOND_DAY}.jsonl: ZG986 the log ends after 11 records, and .* signed for 14",
            id="a day emptied",
        ),
    ],
)
def test_what_was_done_to_records_is_found(
    site: Site, capsys: Captured, day: str, change: Callable[[Lines], Lines], said: str
) -> None:
    """In one sentence, with the place."""
    rewrite(site, day, change)

    assert verified(site) == ExitStatus.REFUSED
    assert re.search(said, capsys.readouterr().err)


def test_a_day_that_was_taken_away_is_found(site: Site, capsys: Captured) -> None:
    """Whichever it is."""
    (site.log / f"{FIRST_DAY}.jsonl").unlink()

    assert verified(site) == ExitStatus.REFUSED
    assert "ZG982 records 0 to 10 are missing: record 11" in capsys.readouterr().err


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(
            lambda _: signed_note(Checkpoint(ORIGIN, 14, bytes(32)), Ed25519PrivateKey.generate()),
            id="by another key",
        ),
        pytest.param(lambda note: note.replace("\n14\n", "\n11\n"), id="of another size"),
        pytest.param(lambda note: note[:-8] + "AAAAAAA=\n"[-8:], id="a false signature"),
        pytest.param(lambda _: "", id="empty"),
    ],
)
@pytest.mark.parametrize("name", ["checkpoint", f"{SECOND_DAY}.checkpoints"])
def test_a_forged_checkpoint_is_found(
    site: Site, capsys: Captured, name: str, forge: Callable[[str], str]
) -> None:
    """The newest and those of a day alike; one that is not there at all is not forged."""
    file = site.log / name
    file.write_text(forge(file.read_text()))
    if not file.read_text():
        file.write_text("nothing\n\n" + (site.base / "kept").read_text())

    assert verified(site) == ExitStatus.REFUSED
    assert "ZG985 the checkpoint is not one that the log's key signed" in capsys.readouterr().err


def test_what_the_gateway_itself_wrote_anew_is_found_by_an_older_checkpoint(
    site: Site, capsys: Captured
) -> None:
    """Root has the key: then only what was kept elsewhere tells, and it does."""
    chain = Chain()
    old = records(site.log)
    for file in site.log.glob("2025-*"):
        file.unlink()
    texts = [text for each in old if (text := _appended(chain, each))]
    (site.log / f"{FIRST_DAY}.jsonl").write_bytes(b"".join(texts))
    note = signed_note(
        Checkpoint(ORIGIN, chain.tree.size, chain.tree.root()), site.follower.store.key
    )
    (site.log / "checkpoint").write_text(note)

    alone = verified(site)
    with_older = verified(site, "--from", str(site.base / "kept"))

    assert (alone, with_older) == (ExitStatus.OK, ExitStatus.REFUSED)
    assert "kept: ZG984 record 5 is not as it was written" in capsys.readouterr().err


def _appended(chain: Chain, record: Record) -> bytes:
    """Give a record again, with another subject."""
    body = {**record.body, "subject": "nobody"} if record.kind == "decision" else record.body
    new = replace(record, before=chain.before, body=body)
    chain.take(new, new.line())
    return new.line() + b"\n"


def test_a_log_that_was_cut_off_with_its_checkpoints_needs_an_older_one(
    site: Site, capsys: Captured
) -> None:
    """It is the same as one that never went on; who kept a checkpoint sees the difference."""
    shutil.copy(site.log / "checkpoint", site.base / "newest")
    rewrite(site, SECOND_DAY, lambda _: [])
    rewrite(site, FIRST_DAY, lambda old: old[:6])
    for file in site.log.glob("*.checkpoints"):
        file.unlink()
    shutil.copy(site.base / "kept", site.log / "checkpoint")

    alone = verified(site)
    with_newest = verified(site, "--from", str(site.base / "newest"))

    assert (alone, with_newest) == (ExitStatus.OK, ExitStatus.REFUSED)
    assert "ZG986 the log ends after 6 records" in capsys.readouterr().err


def test_decisions_that_never_came_are_found(site: Site, capsys: Captured) -> None:
    """Until somebody who has seen to it keeps a newer checkpoint; awaited ones are only counted."""
    site.again()
    site.take(lines(16))
    awaited = verified(site)
    site.now += 901
    site.sign()
    missing = verified(site)
    said = capsys.readouterr().err
    shutil.copy(site.log / "checkpoint", site.base / "newer")
    known = verified(site, "--from", str(site.base / "newer"))

    assert (awaited, missing, known) == (ExitStatus.OK, ExitStatus.REFUSED, ExitStatus.OK)
    assert "ZG987 decisions 13 to 15 of the process city-gw.1764081000 were made" in said
    assert "missed before 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["--key", "nowhere"], "ZG988", id="no key"),
        pytest.param(["--from", "nowhere"], "ZG981", id="no older checkpoint"),
        pytest.param(["--from", str(Path(__file__))], "ZG985", id="an older one that is none"),
    ],
)
def test_what_it_cannot_judge_by_it_refuses(
    site: Site, capsys: Captured, words: list[str], code: str
) -> None:
    """It never says that a log holds that it could not judge."""
    assert verified(site, *words) == ExitStatus.REFUSED
    assert code in capsys.readouterr().err


def test_no_log_is_no_log_that_holds(site: Site, tmp_path: Path, capsys: Captured) -> None:
    """An empty folder, or none."""
    key = str(site.log / "key.vkey")
    (tmp_path / "empty").mkdir()

    for folder in ("empty", "none"):
        words = ["log", "verify", str(tmp_path / folder), "--key", key, "--lang", "zh"]
        assert main(words) == ExitStatus.REFUSED
        assert "ZG981 无法读取或写入判定日志" in capsys.readouterr().err
