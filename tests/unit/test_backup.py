"""What would be lost with a host is kept whole, without a key, and put back where it belongs.

A folder stands for each host's disk; the decision log in it is a real one.
"""

import errno
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail

from gateway.backup import judge
from gateway.backup.archive import Archive, check_private, opened
from gateway.backup.judge import Note, check_logs, check_policy, note_of
from gateway.cli.main import main
from gateway.errors import ExitStatus, Refused
from gateway.load.accepted import Accepted
from gateway.load.inforce import Stamp
from playbooks.plugins.action import host_history as controller
from playbooks.plugins.modules import host_history as host
from playbooks.plugins.modules.host_history import Places, RefusedError
from tests.decision_logs import START, Site, lines

NAME, MADE = "city-gw", datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
LATER = MADE.replace(hour=3)
STAMP = "20261126T020000Z"

ACCEPTED = Stamp("lab", 5, "ab" * 32)
BLOCK = "01KB0000000000000000000000"


@dataclass
class Host:
    """A host's disk, and the follower that writes its decision log."""

    root: Path
    log: Site

    @property
    def places(self) -> Places:
        """Where things are on it."""
        return Places(self.root)

    def pack(self, now: datetime = MADE, name: str = NAME) -> Path:
        """Have it make an archive."""
        said = host.pack(self.places, {"host": name}, now)
        return Path(said["path"])


def installed(base: Path, machine: str) -> Host:
    """Give a host as its playbooks leave it, which has decided nothing yet."""
    places = Places(base / "disk")
    for folder in (places.decisions, places.accepted.parent, base / "disk/etc"):
        folder.mkdir(parents=True)
    (base / "disk/etc/machine-id").write_text(f"{machine}\n")
    site = Site(base, changes={"folder": places.decisions})
    return Host(places.root, site)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no service of this machine's stopped, and speak English."""
    monkeypatch.setattr(host, "LEFT_BYTES", 0)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C.UTF-8")


@pytest.fixture(name="old")
def _old(tmp_path: Path) -> Host:
    """Give a host with decisions, an accepted policy, metrics and journals."""
    old = installed(tmp_path / "old", "1" * 32)
    old.log.take(lines(1, 2, 3))
    old.log.sign()
    Accepted(old.places.accepted.parent).record(ACCEPTED)
    for name, content in {
        f"var/lib/private/loushan-prometheus/{BLOCK}/meta.json": "{}",
        f"var/lib/private/loushan-prometheus/{BLOCK}/chunks/000001": "samples",
        "var/lib/private/loushan-prometheus/wal/00000003": "newest samples",
        "var/lib/private/loushan-prometheus/wal/checkpoint.00000002.tmp/00000000": "half",
        "var/lib/private/loushan-alertmanager/silences": "silences",
        "var/log/loushan-logs/remote-127.1.2.3.journal": "written to",
        "var/log/loushan-logs/remote-127.1.2.3@aa-01-02.journal": "closed",
        "var/log/sudo.log": "who was root",
        "var/lib/loushan-log/key.pem": "secret",
        "var/lib/loushan-log/decisions/more.pem": "secret",
        "var/lib/private/loushan-prometheus/key.pem": "secret",
        "var/log/loushan-logs/key.pem": "secret",
        "etc/swanctl/private/gateway.key": "secret",
    }.items():
        file = old.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return old


@pytest.fixture(name="new")
def _new(tmp_path: Path) -> Host:
    """Give the same host, installed anew: it has a log of its own already, under another key."""
    new = installed(tmp_path / "new", "2" * 32)
    new.log.take(lines(1))
    new.log.sign()
    state = new.root / "var/lib/private"
    for name in (
        "loushan-prometheus/wal",
        "loushan-prometheus/chunks_head",
        "loushan-alertmanager",
    ):
        (state / name).mkdir(parents=True)
    for name in ("wal/00000000", "chunks_head/000001", "queries.active"):
        (state / "loushan-prometheus" / name).write_text("minutes")
    (new.root / "var/log/loushan-logs").mkdir(parents=True)
    (new.root / "var/log/loushan-logs/remote-127.1.2.3.journal").write_text("of the new one")
    return new


@contextmanager
def judged(file: Path, name: str = NAME, noted: dict[str, str] | None = None) -> Iterator[Archive]:
    """Open an archive and have its logs judged."""
    with opened(file, name) as archive:
        check_logs(archive, Note(file, noted or {}))
        yield archive


def given_back(
    new: Host, file: Path, *, anyway: bool = False, check: bool = False
) -> dict[str, Any]:
    """Judge an archive and put it back, as the controller does."""
    with judged(file) as archive:
        wanted = {
            "manifest": dict(archive.manifest),
            "sha256": host.digest_of(file),
            "anyway": anyway,
        }
        if check or not host.examine(new.places, wanted)["changed"]:
            return host.examine(new.places, wanted)
        host.receive(new.places, wanted)
        shutil.copy(file, new.places.archive)
        return host.put_back(new.places, wanted)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    """Give the codes of what was said."""
    return [each.code for each in refused.value.problems]


# --- what is kept ---------------------------------------------------------------------------------


def test_what_is_documented_is_what_is_taken() -> None:
    """Else `ansible-doc` lies."""
    assert set(yaml.safe_load(host.DOCUMENTATION)["options"]) == set(host.SPEC)


def test_what_would_be_lost_is_in_it_and_nothing_else(old: Host) -> None:
    """By name: no key, and nothing that somebody has left in the same folders."""
    file = old.pack()
    with tarfile.open(file) as archive:
        names = archive.getnames()
        content = b"".join(
            opened_file.read() for m in archive if (opened_file := archive.extractfile(m))
        )

    assert names == [
        "decisions/checkpoint",
        "decisions/key.vkey",
        "decisions/2025-11-26.checkpoints",
        "decisions/2025-11-26.jsonl",
        "notes/sudo.log",
        "alertmanager/silences",
        "prometheus/wal/00000003",
        f"prometheus/{BLOCK}/chunks/000001",
        f"prometheus/{BLOCK}/meta.json",
        "journals/remote-127.1.2.3.journal",
        "journals/remote-127.1.2.3@aa-01-02.journal",
        "manifest.json",
    ]
    assert b"secret" not in content
    assert b"PRIVATE KEY" not in content
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_it_says_of_itself_is_what_is_in_it(old: Host) -> None:
    """Whose it is, when it was made, of which installation, and what was accepted."""
    with judged(old.pack()) as archive:
        assert (archive.host, archive.made, archive.machine) == (NAME, MADE, "1" * 32)
        assert archive.accepted == ACCEPTED
        (log,) = archive.logs
        assert (log / "2025-11-26.jsonl").read_bytes() == (
            old.log.log.parent / "disk/var/lib/loushan-log/decisions/2025-11-26.jsonl"
        ).read_bytes()


def test_what_is_written_meanwhile_does_no_harm(old: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint more is signed after the first was read, and a line is half written."""
    write = host._write_archive  # noqa: SLF001 - the moment that is meant

    def late(*words: Any) -> None:  # noqa: ANN401 - as they come
        old.log.take(lines(4, 5))
        old.log.sign()
        with (old.places.decisions / "2025-11-26.jsonl").open("ab") as file:
            file.write(b'{"half')
        write(*words)

    monkeypatch.setattr(host, "_write_archive", late)

    with judged(old.pack()) as archive:
        assert (archive.logs[0] / "2025-11-26.jsonl").read_bytes().count(b"/cases/") == 5


@pytest.mark.parametrize("moment", ["01KB", "wal", "chunks"])
def test_what_prometheus_takes_away_meanwhile_is_looked_for_again(
    old: Host, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """It has put two blocks together in that moment: the new one is there, and nothing is half."""
    link, seen = os.link, set[str]()
    folder = old.places.prometheus

    def quicker(file: Path, place: Path) -> None:
        if moment in str(file) and not seen:
            seen.add(moment)
            (folder / BLOCK).rename(folder / BLOCK.replace("K", "L"))
        link(file, place)

    monkeypatch.setattr(os, "link", quicker)

    with judged(old.pack()) as archive:
        names = [name for name in archive.manifest["files"] if "/01" in name]
    assert seen
    assert names == [
        f"prometheus/{BLOCK.replace('K', 'L')}/{n}" for n in ("chunks/000001", "meta.json")
    ]


def test_a_journal_that_comes_to_its_end_meanwhile_is_kept(
    old: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer gives it another name, and begins another one, until it stands still."""
    folder = old.places.journals

    def stop(words: list[str], **_: Any) -> None:  # noqa: ANN401 - as they come
        if "--signal=STOP" in words:
            (folder / "remote-127.1.2.3.journal").rename(folder / "remote-127.1.2.3@bb.journal")
            (folder / "remote-127.1.2.3.journal").write_text("begun")

    monkeypatch.setattr(subprocess, "run", stop)

    with judged(old.pack()) as archive:
        names = [name for name in archive.manifest["files"] if name.startswith("journals/")]
    assert len(names) == 3


def test_a_disk_of_its_own_is_read_where_it_is(old: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be linked from one disk to another."""

    def elsewhere(*_: Path) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", elsewhere)

    with judged(old.pack()) as archive:
        assert f"prometheus/{BLOCK}/meta.json" in archive.manifest["files"]


def test_a_disk_with_little_room_is_left_alone(old: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway whose log is short of room closes its gates."""
    monkeypatch.setattr(host, "LEFT_BYTES", 1 << 60)

    with pytest.raises(RefusedError, match="no room"):
        old.pack()
    assert not old.places.archive.exists()


def test_when_it_was_kept_is_noted_where_it_was(old: Host) -> None:
    """And not where the controller has not got it; the archive is gone from the host either way."""
    old.pack()
    host.noted(old.places, {"sha256": ""})
    assert not old.places.kept.exists()
    old.pack()
    host.noted(old.places, {"sha256": "ab"})

    assert json.loads(old.places.kept.read_text())["sha256"] == "ab"
    assert not old.places.archive.exists()


# --- what is refused ------------------------------------------------------------------------------


def changed(file: Path, change: Callable[[str, bytes], bytes | None], more: str = "") -> Path:
    """Pack an archive again, each file changed or left out; the manifest is changed as well."""
    new = file.with_name("changed")
    with tarfile.open(file) as archive, tarfile.open(new, "w:gz") as other:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            if more and member.name == "manifest.json":
                extra = tarfile.TarInfo(more)
                extra.size = 1
                other.addfile(extra, io.BytesIO(b"x"))
            text = change(member.name, content.read())
            if text is not None:
                member.size = len(text)
                other.addfile(member, io.BytesIO(text))
    return new


def replaced(wanted: str, old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    """Change one file."""
    return lambda name, text: text.replace(old, new) if name == wanted else text


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        pytest.param("decisions/2025-11-26.jsonl", "", "not what it was", id="a record"),
        pytest.param("journals/remote-127.1.2.3.journal", "", "not what it was", id="a journal"),
        pytest.param("", "journals/x/../../../etc/passwd", "not known", id="a file elsewhere"),
        pytest.param("", "decisions/key.pem", "not known", id="a file of another name"),
        pytest.param("", "notes/sudo.log.1", "not what it was", id="a file that it does not name"),
    ],
)
def test_an_altered_archive_is_refused(old: Host, name: str, more: str, said: str) -> None:
    """By the digest of each file, and by the names that there are."""
    file = changed(old.pack(), lambda n, text: text + b"x" if n == name else text, more)

    with pytest.raises(Refused) as refused, judged(file):
        pass
    assert codes(refused) == ["ZG281"]
    assert said in str(refused.value)


def test_a_file_that_was_left_out_is_missed(old: Host) -> None:
    """As a record of somebody's deeds."""
    file = changed(old.pack(), lambda name, text: None if "sudo" in name else text)

    with pytest.raises(Refused) as refused, judged(file):
        pass
    assert codes(refused) == ["ZG281"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda file: os.truncate(file, file.stat().st_size // 2), id="cut off"),
        pytest.param(
            lambda file: os.truncate(file, file.stat().st_size - 9), id="its end is missing"
        ),
        pytest.param(lambda file: file.write_bytes(b"?" * 600), id="none"),
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: file.unlink(), id="not there"),
    ],
)
def test_an_archive_that_cannot_be_read_is_refused(old: Host, spoil: Callable[[Path], Any]) -> None:
    """Whatever was meant by it."""
    file = old.pack()
    spoil(file)

    with pytest.raises(Refused) as refused, judged(file):
        pass
    assert codes(refused) == ["ZG280"]


@pytest.mark.parametrize("manifest", [b"{}", b"[]", b'{"format": 2}', b"\xff"])
def test_an_archive_that_says_something_else_of_itself_is_refused(
    old: Host, manifest: bytes
) -> None:
    """Of another format, or none."""
    file = changed(old.pack(), lambda n, text: manifest if n == "manifest.json" else text)

    with pytest.raises(Refused) as refused, judged(file):
        pass
    assert codes(refused) == ["ZG280"]


def test_an_archive_of_another_host_is_refused(old: Host) -> None:
    """Also where somebody has given the file another name."""
    with pytest.raises(Refused) as refused, judged(old.pack(), "tax-gw"):
        pass
    assert codes(refused) == ["ZG282"]


def test_a_log_that_was_changed_on_its_host_is_found_when_it_is_kept(old: Host) -> None:
    """The archive is what the host gave, and the log in it does not hold."""
    log = old.places.decisions / "2025-11-26.jsonl"
    log.write_bytes(log.read_bytes().replace(b"/cases/2", b"/cases/9"))

    with pytest.raises(Refused) as refused, judged(old.pack()):
        pass
    assert codes(refused) == ["ZG984", "ZG283"]


def test_a_decision_that_never_came_is_no_reason_to_keep_nothing(old: Host) -> None:
    """Nobody has touched a record: what there is, is kept."""
    old.log.take(lines(9))
    old.log.now += 901
    old.log.go()
    old.log.sign()

    with judged(old.pack()) as archive:
        assert archive.logs


def noted(file: Path) -> dict[str, str]:
    """Give what is noted of an archive's logs."""
    with judged(file) as archive:
        return dict(note_of(archive)["logs"])


def test_a_log_goes_on_from_what_was_kept_before(old: Host) -> None:
    """A checkpoint that was kept here is what root on the gateway cannot alter."""
    before = noted(old.pack())
    old.log.take(lines(4))
    old.log.sign()

    with judged(old.pack(LATER), noted=before) as archive:
        assert dict(note_of(archive)["logs"]).keys() == before.keys()


def test_a_log_that_was_written_anew_under_its_key_is_found(old: Host) -> None:
    """By who has become root and holds the key: it is whole, and another one."""
    before = noted(old.pack())
    shutil.rmtree(old.places.decisions)
    old.log.raw.write_bytes(b"")
    old.log.again()
    old.log.take(lines(1, 3, 4, 5))
    old.log.sign()

    with pytest.raises(Refused) as refused, judged(old.pack(LATER), noted=before):
        pass
    assert set(codes(refused)) == {"ZG283", "ZG984"}


def test_a_log_that_is_gone_is_missed(old: Host, new: Host) -> None:
    """The host was installed anew, and nobody has given its history back."""
    before = noted(old.pack())

    with pytest.raises(Refused) as refused, judged(new.pack(LATER), noted=before):
        pass
    assert codes(refused) == ["ZG284"]


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        pytest.param(Stamp("lab", 5, "ab" * 32), None, id="what is signed"),
        pytest.param(Stamp("lab", 4, "cd" * 32), None, id="an older one"),
        pytest.param(Stamp("lab", 6, "ab" * 32), "ZG285", id="a newer one"),
        pytest.param(Stamp("lab", 5, "cd" * 32), "ZG285", id="another one of this number"),
        pytest.param(Stamp("else", 5, "ab" * 32), "ZG285", id="another plan's"),
    ],
)
def test_an_archive_keeps_no_host_from_what_is_signed(
    old: Host, monkeypatch: pytest.MonkeyPatch, accepted: Stamp, code: str | None
) -> None:
    """Who forges a number that nobody ever signed would have it refuse every policy."""
    old.places.accepted.unlink()
    Accepted(old.places.accepted.parent).record(accepted)
    signed = type("Release", (), {"statement": ACCEPTED})()
    monkeypatch.setattr(judge, "read_release", lambda _: (signed, b""))

    with judged(old.pack()) as archive:
        if code is None:
            check_policy(archive, Path("plan"))
            return
        with pytest.raises(Refused) as refused:
            check_policy(archive, Path("plan"))
    assert codes(refused) == [code]


def test_a_folder_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Archives say who asked for what."""
    tmp_path.chmod(0o750)
    with pytest.raises(Refused) as refused:
        check_private(tmp_path)
    tmp_path.chmod(0o700)

    check_private(tmp_path)
    assert codes(refused) == ["ZG286"]


def test_who_made_an_encrypted_archive_cannot_read_it(
    old: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who has the key it was encrypted to; nothing plain is left where it lies."""
    file = Path(shutil.copy(old.pack(), tmp_path / "fetched"))
    content = file.read_bytes()
    monkeypatch.undo()
    for name in ("audit", "other"):
        subprocess.run(["age-keygen", "-o", tmp_path / name], check=True, capture_output=True)
    public = re.findall(r"public key: (\S+)", (tmp_path / "audit").read_text())[0]
    folder = tmp_path / "kept"
    folder.mkdir()

    place = controller.sealed(file, folder / "city-gw.tar.gz", public)

    assert [each.name for each in folder.iterdir()] == ["city-gw.tar.gz.age"]
    assert place.stat().st_mode & 0o777 == 0o600
    assert b"/cases/" not in place.read_bytes()
    with controller.plain(place, tmp_path / "audit") as read:
        assert read.read_bytes() == content
    for identity in (tmp_path / "other", None):
        with pytest.raises(AnsibleActionFail), controller.plain(place, identity):
            pass


# --- what is put back -----------------------------------------------------------------------------


def test_the_old_log_stands_beside_the_new_one(
    old: Host, new: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are judged, each by its key; a decision of before is found again."""
    given_back(new, old.pack())
    assert main(["log", "verify", str(new.places.decisions)]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "earlier, " in said
    assert re.findall(r"^([0-9]+) records", said, re.MULTILINE) == ["2", "4"]

    words = ["decision", f"city-gw.{START}.3", "--log", str(new.places.decisions)]
    assert main(words) == ExitStatus.OK
    assert main([*words[:1], f"city-gw.{START}.77", *words[2:]]) == ExitStatus.REFUSED


def test_an_earlier_log_that_was_altered_is_found(
    old: Host, new: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is closed, and judged as the other one is."""
    given_back(new, old.pack())
    file = new.places.earlier / STAMP / "2025-11-26.jsonl"
    file.chmod(0o600)
    file.write_bytes(file.read_bytes().replace(b"/cases/2", b"/cases/9"))

    assert main(["log", "verify", str(new.places.decisions), "--json"]) == ExitStatus.REFUSED
    said = json.loads(capsys.readouterr().out)
    assert (said["holds"], [each["holds"] for each in said["earlier"]]) == (False, [False])


def test_the_history_is_kept_again_and_goes_on(old: Host, new: Host) -> None:
    """The next archive has both logs, and nothing is missed."""
    file = old.pack()
    before = noted(file)
    given_back(new, file)

    with judged(new.pack(LATER), noted=before) as archive:
        assert [log.name for log in archive.logs] == ["decisions", STAMP]


def test_an_older_policy_is_refused_from_then_on(old: Host, new: Host) -> None:
    """What the host had accepted before it was lost counts; the loader itself says so."""
    given_back(new, old.pack())
    accepted = Accepted(new.places.accepted.parent)

    accepted.check_not_older(ACCEPTED, ())
    for other in (Stamp("lab", 4, "cd" * 32), Stamp("lab", 5, "cd" * 32)):
        with pytest.raises(Refused):
            accepted.check_not_older(other, ())


def test_what_the_host_has_accepted_since_stays(old: Host, new: Host) -> None:
    """It is newer than what the archive knows."""
    newer = Stamp("lab", 6, "cd" * 32)
    Accepted(new.places.accepted.parent).record(newer)

    given_back(new, old.pack())

    assert Accepted(new.places.accepted.parent).read() == {"lab": newer}


@pytest.mark.parametrize("there", [Stamp("lab", 4, "cd" * 32), Stamp("else", 9, "cd" * 32)])
def test_a_host_with_an_older_policy_in_force_is_given_the_newest_first(
    old: Host, new: Host, there: Stamp
) -> None:
    """It is brought no further back, and nothing else is touched."""
    Accepted(new.places.accepted.parent).record(there)

    with pytest.raises(RefusedError):
        given_back(new, old.pack())
    assert not new.places.earlier.exists()


def test_metrics_silences_and_journals_are_there_again(old: Host, new: Host) -> None:
    """What the new host has in files of its own stays; who was writing is another file now."""
    given_back(new, old.pack())

    state, logs = new.root / "var/lib/private", new.root / "var/log/loushan-logs"
    assert (state / f"loushan-prometheus/{BLOCK}/chunks/000001").read_text() == "samples"
    assert (state / "loushan-prometheus/queries.active").exists()
    assert [f.name for f in (state / "loushan-prometheus/wal").iterdir()] == ["00000003"]
    assert not (state / "loushan-prometheus/chunks_head").exists()
    assert (state / "loushan-alertmanager/silences").read_text() == "silences"
    assert {file.name: file.read_text() for file in logs.iterdir()} == {
        "remote-127.1.2.3.journal": "of the new one",
        f"remote-127.1.2.3@{STAMP}.journal": "written to",
        "remote-127.1.2.3@aa-01-02.journal": "closed",
    }
    assert (new.places.history / STAMP / "sudo.log").read_text() == "who was root"


def test_a_check_says_what_would_come_and_changes_nothing(old: Host, new: Host) -> None:
    """Each kind, and where it would go."""
    file = old.pack()
    before = sorted(new.root.rglob("*"))

    said = given_back(new, file, check=True)

    assert sorted(new.root.rglob("*")) == before
    assert said["changed"]
    assert f"decisions -> {new.places.earlier / STAMP}" in said["words"]
    assert "nothing older than revision 5 of lab is accepted" in said["words"]


def test_a_second_time_changes_nothing(old: Host, new: Host) -> None:
    """It is the same archive."""
    file = old.pack()
    assert given_back(new, file)["changed"]

    assert not given_back(new, file)["changed"]


def test_a_host_that_was_not_installed_anew_keeps_its_own(old: Host) -> None:
    """Unless somebody says so: as where the disk with the metrics alone was lost."""
    file = shutil.copy(old.pack(), old.root / "kept")
    with pytest.raises(RefusedError, match="its own history"):
        given_back(old, Path(file))

    assert given_back(old, Path(file), anyway=True)["changed"]


def test_an_older_archive_than_the_one_that_was_put_back_is_refused(old: Host, new: Host) -> None:
    """History does not go backwards."""
    older = Path(shutil.copy(old.pack(), old.root / "older"))
    newer = Path(shutil.copy(old.pack(LATER), old.root / "newer"))
    given_back(new, newer)

    with pytest.raises(RefusedError, match="which is newer"):
        given_back(new, older)


def test_what_arrives_otherwise_than_it_was_sent_is_not_put_back(old: Host, new: Host) -> None:
    """Somebody, or the line, has changed a byte."""
    file = old.pack()
    with judged(file) as archive:
        wanted = {"manifest": dict(archive.manifest), "sha256": "0" * 64, "anyway": False}
    host.receive(new.places, wanted)
    shutil.copy(file, new.places.archive)

    with pytest.raises(RefusedError, match="not what was sent"):
        host.put_back(new.places, wanted)
    with pytest.raises(Exception, match="not what was sent"):
        controller.check_arrived(file, "0" * 64)
    assert not new.places.earlier.exists()
