"""A gateway's disk is lost, and what the monitoring host remembers: both get it back from archives.

The gateway is the second of the city's pair, so that the others go on meanwhile.
"""

import json
import os
import tarfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.evidence.hosts_asked import AskedHost
from gateway.evidence.judge import Outcome
from tests.decision_logs import START, lines
from tests.lab.evidence import Asked
from tests.lab.pair import BOTH, who
from tests.lab.power import new_disk
from tests.lab.town import Done, Town, until

pytestmark = pytest.mark.lab

GATEWAY, OTHER, HOST, SENDER = "city-gw-2", "city-gw", "city.monitoring", "suiyang-gw"
RAW, LOG = "/var/lib/loushan-proxy/decisions.raw", "/var/lib/loushan-log"
DECISION = f"city-gw.{START}.3"

_ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"


@dataclass(frozen=True)
class Kept:
    """What was kept before anything was lost: the archives, a time, and a word in a journal."""

    folder: Path
    done: Done
    at: str
    word: str

    def of(self, host: str) -> Path:
        """Give the one archive of a host."""
        (found,) = self.folder.glob(f"{host}-2*.tar.gz")
        return found


def is_settled(town: Town) -> bool:
    """Tell whether both of the pair are proven, and one of them is active."""
    return all(town.is_proven(host) for host in BOTH) and len(who(town)) == 1


def log(town: Town) -> dict[str, object]:
    """Give what the gateway says of its decision log; the earlier ones with it."""
    body: dict[str, object] = json.loads(
        town.run(GATEWAY, "loushan", "log", "verify", "--json").stdout or "{}"
    )
    return body


def decides(town: Town, *numbers: int) -> None:
    """Have decisions recorded there, as its proxy writes them, and signed."""
    town.must(GATEWAY, "sh", "-c", f"cat >>{RAW}", text=lines(*numbers).decode())
    assert until(lambda: (found := log(town)).get("signed") == found.get("records", -1))


def samples(town: Town, at: str) -> list[object]:
    """Ask Prometheus for what it knew at a moment."""
    asked = urllib.parse.urlencode({"query": 'count(up{job="loushan"} == 1)', "time": at})
    done = town.run(HOST, "python3", "-c", _ASK, f"http://127.0.0.1:9090/api/v1/query?{asked}")
    found: list[object] = json.loads(done.stdout)["data"]["result"] if done.stdout else []
    return found


def is_kept(town: Town, word: str) -> bool:
    """Tell whether the log host has a word that the county's gateway has said."""
    words = (SENDER, "--output=cat", f"--grep={word}", "--no-pager")
    return word in town.run(HOST, "loushan-logs", *words).stdout


def restore(town: Town, host: str, archive: Path, *words: str) -> Done:
    """Give a host back what is in an archive."""
    named = ("--limit", host, "-e", f"restore_from={archive}")
    return town.playbook("restore", *named, *words)


def said(done: Done) -> str:
    """Give what a playbook said, in one line."""
    return " ".join(done.stdout.split())


@pytest.fixture(scope="module")
def kept(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Have decisions, samples and an entry of a journal, and all of it kept."""
    assert until(lambda: is_settled(town), 60)
    folder = tmp_path_factory.mktemp("backups")
    folder.chmod(0o700)
    decides(town, 1, 2, 3)
    word = f"mark-{os.urandom(6).hex()}"
    town.must(SENDER, "logger", word)
    assert until(lambda: is_kept(town, word))
    at = town.must(HOST, "date", "+%s").strip()
    assert until(lambda: bool(samples(town, at)))
    done = town.playbook("backup", "--limit", f"{GATEWAY},{HOST}", "-e", f"backup_to={folder}")
    assert done.returncode == 0, done.stdout[-3000:]
    return Kept(folder, done, at, word)


@pytest.mark.parametrize("host", [GATEWAY, HOST])
def test_an_archive_is_its_owners_alone_and_has_no_key(town: Town, kept: Kept, host: str) -> None:
    """Of a running host, by name and by content; the host has the time, and no archive any more."""
    archive = kept.of(host)
    with tarfile.open(archive) as opened:
        for member in opened:
            content = opened.extractfile(member)
            assert content is not None
            assert b"PRIVATE KEY" not in content.read()
            assert not member.name.endswith((".key", ".pem"))

    assert archive.stat().st_mode & 0o777 == 0o600
    state = "/var/lib/loushan-history"
    assert town.must(host, "ls", "-A", state) == "kept.json\n"
    assert json.loads(town.must(host, "cat", f"{state}/kept.json"))["kept"] > 0


def test_evidence_shows_that_it_was_kept_and_fails_without(town: Town, kept: Kept) -> None:
    """By the host's own word of when that was."""
    assert kept.done.returncode == 0
    evidence = Asked(town, {GATEWAY: AskedHost(GATEWAY)})
    file = "/var/lib/loushan-history/kept.json"
    shown = evidence.judged(GATEWAY, "history_kept").outcome
    town.must(GATEWAY, "mv", file, f"{file}.away")
    try:
        without = evidence.judged(GATEWAY, "history_kept").outcome
    finally:
        town.must(GATEWAY, "mv", f"{file}.away", file)

    assert (shown, without) == (Outcome.PASS, Outcome.FAIL)


def revoke(town: Town) -> None:
    """Have all revoked that was certified for the gateway alone, each by its number."""
    folder = str(town.places.authorities)
    names = {GATEWAY, f"{GATEWAY}-metrics", f"{GATEWAY}-logs"}
    listed = [line.split() for line in town.loushan("pki", "status", folder).stdout.splitlines()]
    good = [each for each in listed if each[-2] in names and each[0] != "revoked"]
    numbers = [[each[-1]] for each in good if not each[3].startswith("ssh-host/")]
    of_ssh = [[GATEWAY, "--profile", "ssh-host"]] if len(good) > len(numbers) else []
    assert len(numbers) >= len(names), listed
    for words in (*numbers, *of_ssh):
        done = town.loushan("pki", "revoke", folder, *words)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def lost(town: Town, kept: Kept) -> Kept:
    """Have the gateway's disk go, with all that was on it; what was certified for it is revoked.

    It is made a gateway again, with new keys, and nothing was given back yet.
    """
    new_disk(town, GATEWAY)
    assert not town.ask(GATEWAY).file(LOG).exists
    revoke(town)
    made = town.playbook("provision", "--limit", GATEWAY)
    assert made.returncode == 0, made.stdout[-3000:]
    return kept


@pytest.mark.parametrize(
    ("host", "cut", "code"),
    [
        pytest.param(HOST, 0, "ZG282", id="another host's"),
        pytest.param(GATEWAY, 40, "ZG280", id="one that was cut off"),
    ],
)
def test_a_wrong_archive_is_refused(town: Town, lost: Kept, host: str, cut: int, code: str) -> None:
    """Before the host is changed."""
    file = lost.folder / "archive"
    content = lost.of(host).read_bytes()
    file.write_bytes(content[: len(content) - cut])

    done = restore(town, GATEWAY, file)

    assert done.returncode != 0
    assert code in said(done)
    assert not town.ask(GATEWAY).file(f"{LOG}/earlier").exists


def test_nothing_is_put_back_by_a_slip(town: Town, lost: Kept) -> None:
    """Two hosts, or another one confirmed."""
    for words in (("--limit", f"{GATEWAY},{HOST}"), ("-e", f"restore_confirm={HOST}")):
        done = restore(town, GATEWAY, lost.of(GATEWAY), *words)
        assert done.returncode != 0
        assert "nothing was done" in said(done)


def test_a_lost_gateway_is_missed_by_the_next_backup(town: Town, lost: Kept) -> None:
    """Its decision log was kept before, and is not there."""
    done = town.playbook("backup", "--limit", GATEWAY, "-e", f"backup_to={lost.folder}")

    assert done.returncode != 0
    assert "ZG284" in said(done)
    newest = max(lost.folder.glob(f"{GATEWAY}-2*.tar.gz"))
    newest.unlink()


def test_a_check_says_what_would_be_put_back(town: Town, lost: Kept) -> None:
    """And puts nothing back."""
    done = restore(town, GATEWAY, lost.of(GATEWAY), "--check", "--diff")

    assert done.returncode == 0, done.stdout[-3000:]
    assert "+decisions -> /var/lib/loushan-log/earlier/" in done.stdout
    assert "nothing older than revision" in done.stdout
    assert not town.ask(GATEWAY).file(f"{LOG}/earlier").exists


def test_a_lost_gateway_has_its_history_again_and_serves(town: Town, lost: Kept) -> None:
    """The old log is judged by its old key and the new one by its own; it is proven, and fit."""
    done = restore(town, GATEWAY, lost.of(GATEWAY))
    floor = json.loads(town.must(GATEWAY, "cat", "/var/lib/loushan/accepted.json"))
    again = restore(town, GATEWAY, lost.of(GATEWAY))
    enforced = town.playbook("enforce", "--limit", GATEWAY)
    # No number is left out, so that nobody waits for it.
    decides(town, 1, 2)
    found = log(town)
    kept_again = town.playbook("backup", "--limit", GATEWAY, "-e", f"backup_to={lost.folder}")

    assert done.returncode == 0, done.stdout[-3000:]
    assert floor == json.loads(town.must(OTHER, "cat", "/var/lib/loushan/accepted.json"))
    assert "changed=0 " in again.stdout, again.stdout[-2000:]
    assert enforced.returncode == 0, enforced.stdout[-3000:]
    assert (found["holds"], [each["records"] for each in found["earlier"]]) == (True, [4])  # type: ignore[attr-defined]  # JSON
    assert DECISION in town.must(GATEWAY, "loushan", "decision", DECISION)
    assert kept_again.returncode == 0, kept_again.stdout[-3000:]
    assert until(lambda: is_settled(town), 60)


def test_the_monitoring_host_has_its_memory_again(town: Town, kept: Kept) -> None:
    """Samples and journals are gone, and are there again; only where somebody says so."""
    prometheus, store = "loushan-prometheus.service", "loushan-logs-store.service"
    wipe = "rm -rf /var/lib/private/loushan-prometheus/*; rm /var/log/loushan-logs/*"
    with town.without(HOST, "loushan-logs-door.service", store, prometheus):
        town.must(HOST, "sh", "-c", wipe)
    assert until(lambda: bool(samples(town, town.must(HOST, "date", "+%s").strip())))
    empty = (samples(town, kept.at), is_kept(town, kept.word))

    refused = restore(town, HOST, kept.of(HOST))
    done = restore(town, HOST, kept.of(HOST), "-e", f"restore_confirm={HOST}")

    assert empty == ([], False)
    assert refused.returncode != 0
    assert "it has its own history" in said(refused)
    assert done.returncode == 0, done.stdout[-3000:]
    assert until(lambda: bool(samples(town, kept.at)))
    assert is_kept(town, kept.word)
    fresh = f"mark-{os.urandom(6).hex()}"
    town.must(SENDER, "logger", fresh)
    assert until(lambda: is_kept(town, fresh)), "and journals arrive as before"
