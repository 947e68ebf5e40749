"""A gateway renews itself: the enrolment server is real, by TLS on the loopback interface.

What strongSwan's client does with it is tried in tests/lab; here its part is
played by a program that hands over what the test has it hand over.
"""

import fcntl
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Refused
from gateway.load.revocations import Taken, number_of
from gateway.renewal import certificate, course, server
from gateway.renewal import follow as follow_module
from gateway.renewal.certificate import Identity, is_due, read_certificate, settle
from gateway.renewal.course import Round, go_round
from gateway.renewal.follow import AtGates, Follower, follow
from gateway.renewal.server import News, Server
from pki.est import make_app
from pki.issue import Issued, issue
from pki.keys import key_text
from pki.parts import Key, make_key
from pki.revoke import renew_list, revoke
from pki.serve import TlsFiles, authorities_text, serving
from pki.state import State
from tests.authorities import GATEWAY, NO_SECRETS, make_state, request

NOW = datetime.now(UTC)
HOST = "est.svc.zunyi.internal"

#: What is awaited comes at once; on a busy machine, later.
PATIENCE_SECONDS = 30


@dataclass
class Site:
    """A gateway's credentials, the authority's folder, and the server between them."""

    state: State
    identity: Identity
    folder: Path
    port: int = 0
    taken: list[Path] = field(default_factory=list)

    def take_up(self, _daemon: Path, credentials: Path) -> Taken:
        """Be strongSwan, which takes what lies on the disk."""
        self.taken.append(credentials)
        return Taken(0, ())

    def go(self, *, anyway: bool = False) -> Round:
        """Do one round."""
        return go_round(
            f"{HOST}:{self.port}",
            self.folder / "vici",
            anyway=anyway,
            credentials=self.identity.credentials,
            lock=self.folder / "lock",
        )

    def hands_over(self, content: bytes, status: int = 0) -> None:
        """Have strongSwan's client say this."""
        (self.folder / "answer").write_bytes(content)
        program = self.folder / "pki-client"
        program.write_text(f"#!/bin/sh\ncat {self.folder}/answer\nexit {status}\n")
        program.chmod(0o755)

    def next_key(self) -> Key:
        """Lay down the key that the next certificate is for."""
        key = make_key("ecdsa-p384")
        self.identity.next_key.write_bytes(key_text(key, None))
        return key

    def files(self) -> dict[str, bytes]:
        """Give everything that the gateway has."""
        there = sorted(self.identity.credentials.rglob("*.*"))
        return {str(each.relative_to(self.folder)): each.read_bytes() for each in there}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A gateway that is admitted, and a server that answers under its name."""
    state = make_state(tmp_path / "pki", NOW - timedelta(days=1))
    identity = Identity(tmp_path / "swanctl")
    for folder in ("private", "x509", "x509ca", "x509crl"):
        (identity.credentials / folder).mkdir(parents=True)
    for name in ("root", "links"):
        shutil.copy(state.folder / name / "authority.pem", identity.authority(name))
        shutil.copy(state.folder / name / "crl.pem", identity.revocations(name))
    made = Site(state, identity, tmp_path)
    key = make_key("ecdsa-p384")
    identity.key.write_bytes(key_text(key, None))
    issued = issued_for(state, "gateway", GATEWAY, key)
    identity.certificate.write_bytes(issued.record.certificate.public_bytes(Encoding.PEM))
    own = make_key("ecdsa-p384")
    (tmp_path / "est.key").write_bytes(key_text(own, None))
    (tmp_path / "est.pem").write_bytes(issued_for(state, "service", "est", own).chain())
    monkeypatch.setattr(certificate, "_PKI", str(tmp_path / "pki-client"))
    monkeypatch.setattr(course, "take_up", made.take_up)
    monkeypatch.setattr(follow_module, "take_up", made.take_up)
    names(monkeypatch)
    tls = TlsFiles(tmp_path / "est.pem", tmp_path / "est.key", authorities_text(state))
    app = make_app(state.folder, NO_SECRETS, lambda: datetime.now(UTC))
    with serving("127.0.0.1:0", app, tls) as answering:
        made.port = answering.port
        thread = threading.Thread(target=answering.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        answering.shutdown()
        thread.join()


def issued_for(state: State, profile: str, name: str, key: Key, now: datetime = NOW) -> Issued:
    """Certify a name with a key."""
    return issue(state, profile, name, request(name, key), secrets=NO_SECRETS, now=now)


def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine know the server's name, as /etc/hosts does on a gateway."""
    before = socket.getaddrinfo

    def known(host: str, *more: object, **words: object) -> object:
        return before("127.0.0.1" if host == HOST else host, *more, **words)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(socket, "getaddrinfo", known)


def refusal(do: Callable[[], object]) -> str:
    """Give the code with which something is refused."""
    with pytest.raises(Refused) as refused:
        do()
    (found,) = refused.value.problems
    return found.code


# --- lists ----------------------------------------------------------------------------------------


def test_a_round_with_nothing_new_changes_nothing(site: Site) -> None:
    """And strongSwan is not troubled."""
    before = site.files()

    done = site.go()

    assert (done.lists, done.renewed, done.ended) == ((), False, ())
    assert site.files() == before
    assert site.taken == []


def test_a_new_list_is_fetched_and_taken_up(site: Site) -> None:
    """Nobody delivered it."""
    revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    assert site.go().lists == ("links",)
    assert len(site.taken) == 1
    there = x509.load_pem_x509_crl(site.identity.revocations("links").read_bytes())
    assert len(there) == 1


def test_a_lost_or_damaged_list_is_fetched_again(site: Site) -> None:
    """As after a power cut in the middle of writing."""
    site.identity.revocations("root").unlink()
    site.identity.revocations("links").write_bytes(b"-----BEGIN X509 CRL-----\n")

    assert site.go().lists == ("root", "links")


def test_an_older_list_is_not_taken(site: Site) -> None:
    """Whoever answers in the server's name cannot bring back who was revoked."""
    older = site.identity.revocations("links").read_bytes()
    renew_list(site.state, "links", NO_SECRETS, NOW)
    site.go()
    newer = site.identity.revocations("links").read_bytes()
    (site.state.folder / "links" / "crl.pem").write_bytes(older)

    assert site.go().lists == ()
    assert site.identity.revocations("links").read_bytes() == newer


def test_a_list_of_another_authority_is_refused(site: Site) -> None:
    """Also of one with the same name."""
    other = make_state(site.folder / "other", NOW)
    renew_list(other, "links", NO_SECRETS, NOW)
    before = site.files()
    site.identity.authority("links").write_bytes(
        (other.folder / "links" / "authority.pem").read_bytes()
    )

    assert refusal(site.go) == "ZG517"
    changed = {name for name, content in site.files().items() if before[name] != content}
    assert changed == {"swanctl/x509ca/links.pem"}


def test_a_server_that_is_somebody_else_is_not_believed(site: Site) -> None:
    """Its certificate is of another root."""
    other = make_state(site.folder / "other", NOW)
    root = (other.folder / "root" / "authority.pem").read_bytes()
    site.identity.authority("root").write_bytes(root)

    assert refusal(site.go) == "ZG520"


def test_a_server_that_is_away_is_said_to_be(site: Site) -> None:
    """The site may be cut off; the next round comes in minutes."""
    site.port = 1

    assert refusal(site.go) == "ZG520"
    assert site.taken == []


def test_the_server_makes_a_list_anew_in_time(site: Site) -> None:
    """From a quarter of its life on; who is cut off then has most of a list's life before him."""
    made = site.state.revocations("links")
    begin, end = made.last_update_utc, made.next_update_utc
    assert end is not None
    clock = [begin + (end - begin) / 4 - timedelta(seconds=1), begin + (end - begin) / 4]
    numbers = []
    for now in clock:
        client = make_app(site.state.folder, NO_SECRETS, partial(_same, now)).test_client()
        for name in ("links", "root"):
            client.get(f"/crl/{name}.crl")
        numbers.append(number(site, "links"))

    assert numbers == [1, 2]
    assert number(site, "root") == 1


def _same(now: datetime) -> datetime:
    return now


def number(site: Site, authority: str) -> int:
    """Give the number of an authority's list."""
    found = site.state.revocations(authority).extensions
    return found.get_extension_for_class(x509.CRLNumber).value.crl_number


# --- the clock ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "is_taken"),
    [(240, True), (-240, True), (360, False), (-360, False), (-20 * 365 * 86_400, False)],
)
def test_a_clock_that_is_far_off_takes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, seconds: int, is_taken: bool
) -> None:
    """Five minutes are told, and more is refused with that reason, by how much it is off."""
    monkeypatch.setattr(server, "_ahead", lambda _date: float(seconds))
    revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    if is_taken:
        assert site.go().clock_ahead_seconds == seconds
        return
    assert refusal(site.go) == "ZG523"
    assert site.taken == []


def test_how_far_a_clock_is_off_is_read_from_the_servers_answer() -> None:
    """By RFC 9110's date."""
    minute = timedelta(minutes=1)
    theirs = (datetime.now(UTC) - minute).strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert 59 <= server._ahead(theirs) <= 62  # noqa: SLF001 - the server's clock is ours here
    assert server._ahead("yesterday") == 0  # noqa: SLF001 - as above
    assert server._ahead(None) == 0  # noqa: SLF001 - as above


# --- news of revocations --------------------------------------------------------------------------


def follower(site: Site, *, at_gates: bool = False) -> Follower:
    """Give who waits for news on this gateway."""
    gates = None
    if at_gates:
        lists = site.folder / "lists"
        lists.mkdir()
        for name in ("root", "people", "services"):
            shutil.copy(site.state.folder / name / "crl.pem", lists / f"{name}.crl")
        names = ("root", "people", "services")
        pem = [(site.state.folder / name / "authority.pem").read_text() for name in names]
        (site.folder / "clients.pem").write_text("".join(pem))
        gates = AtGates(lists, site.folder / "clients.pem")
    known = Server.named(f"{HOST}:{site.port}", site.identity.authority("root"))
    lock = site.folder / "lock"
    return Follower(known, site.folder / "vici", gates, site.identity.credentials, lock)


def heard(waiting: Follower) -> Future[tuple[str, ...]]:
    """Have somebody wait, who has surely asked by now."""
    done: Future[tuple[str, ...]] = Future()

    def wait() -> None:
        try:
            done.set_result(waiting.once())
        except Refused as refused:
            done.set_exception(refused)

    asked = threading.Event()
    before = server.news_of

    def asking(*words: object) -> object:
        asked.set()
        return before(*words)  # type: ignore[arg-type]  # handed on

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow_module, "news_of", asking)
        threading.Thread(target=wait, daemon=True).start()
        assert asked.wait(PATIENCE_SECONDS)
    return done


def test_a_revocation_is_heard_of_when_it_is_signed(site: Site) -> None:
    """Nobody fetched it, and nobody delivered it."""
    done = heard(follower(site))

    revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    assert done.result(PATIENCE_SECONDS) == ("links",)
    there = x509.load_pem_x509_crl(site.identity.revocations("links").read_bytes())
    assert len(there) == 1
    assert len(site.taken) == 1


def test_the_gates_hear_of_who_may_ask_no_more(site: Site) -> None:
    """Of people and services; and strongSwan, which knows neither, is not troubled."""
    issued_for(site.state, "person", "样例", make_key("ecdsa-p384"))
    waiting = follower(site, at_gates=True)
    done = heard(waiting)

    revoke(site.state, "样例", "keyCompromise", NO_SECRETS, NOW)

    assert done.result(PATIENCE_SECONDS) == ("people",)
    there = x509.load_pem_x509_crl((site.folder / "lists/people.crl").read_bytes())
    assert len(there) == 1
    assert site.taken == []


def test_what_was_missed_is_heard_at_once(site: Site) -> None:
    """Of a gateway that was away."""
    revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    assert heard(follower(site)).result(PATIENCE_SECONDS) == ("links",)


def test_where_nothing_is_new_nothing_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says so in the end, and nothing was touched."""
    monkeypatch.setattr("pki.est.NEWS_SECONDS", 0.2)
    before = site.files()

    assert follower(site).once() == ()
    assert site.files() == before
    assert site.taken == []


def test_news_of_another_authority_is_refused(site: Site) -> None:
    """It has the same name, and is not the one that this gateway was given."""
    other = make_state(site.folder / "other", NOW)
    for name in ("root", "links"):
        shutil.copy(other.folder / name / "crl.pem", site.identity.revocations(name))
    site.identity.authority("links").write_bytes(
        (other.folder / "links" / "authority.pem").read_bytes()
    )
    revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    assert refusal(follower(site).once) == "ZG517"
    assert site.taken == []


def test_bad_news_for_links_keeps_no_good_news_from_the_gates(site: Site) -> None:
    """Each is judged for itself."""
    waiting = follower(site, at_gates=True)
    site.identity.authority("links").unlink()
    for name in ("links", "people"):
        renew_list(site.state, name, NO_SECRETS, NOW)

    assert refusal(waiting.once) == "ZG517"
    there = x509.load_pem_x509_crl((site.folder / "lists/people.crl").read_bytes())
    assert number_of(there) == 2


def test_a_clock_that_is_far_off_hears_no_news(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the timer's round."""
    monkeypatch.setattr(server, "_ahead", lambda _date: 360.0)
    revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    assert refusal(follower(site).once) == "ZG523"
    assert site.taken == []


def test_news_that_is_none_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says the same without end would be asked without end."""
    waiting = follower(site)
    held = site.state.revocations("links").public_bytes(Encoding.DER)
    monkeypatch.setattr(follow_module, "news_of", lambda *_: News({"links": held}, 0.0))

    assert refusal(waiting.once) == "ZG520"


def test_what_a_playbook_brought_meanwhile_is_no_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there, and that is all that is wanted."""
    waiting = follower(site)
    revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)
    newest = site.state.revocations("links").public_bytes(Encoding.DER)

    def brought(*_: object) -> News:
        shutil.copy(site.state.folder / "links" / "crl.pem", site.identity.revocations("links"))
        return News({"links": newest}, 0.0)

    monkeypatch.setattr(follow_module, "news_of", brought)

    assert waiting.once() == ()


def test_who_answers_in_the_servers_name_is_not_heard(site: Site) -> None:
    """Its certificate is of another root; and where nobody answers, that is said too."""
    waiting = follower(site)
    other = make_state(site.folder / "other", NOW)
    shutil.copy(other.folder / "root" / "authority.pem", site.identity.authority("root"))
    strange = refusal(waiting.once)
    site.port = 1

    assert (strange, refusal(follower(site).once)) == ("ZG520", "ZG520")


def test_who_cannot_be_heard_is_asked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Later and later, and the journal has it once."""
    pauses: list[float] = []
    monkeypatch.setattr("gateway.renewal.follow.time.sleep", pauses.append)
    rounds = iter([True] * 8 + [False])
    site.port = 1

    follow(follower(site), lambda: next(rounds))

    assert pauses == sorted(pauses[:5]) + pauses[5:]
    assert all(15 <= each <= 22.5 for each in pauses[4:])
    assert capfd.readouterr().err.count("ZG520") == 1


def test_news_waits_for_the_timers_round(site: Site) -> None:
    """What the round has taken is not taken again."""
    waiting = follower(site)
    with (site.folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        revoke(site.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)
        done = heard(waiting)
        with pytest.raises(TimeoutError):
            done.result(0.3)

    assert done.result(PATIENCE_SECONDS) == ("links",)


# --- the certificate ------------------------------------------------------------------------------


def test_a_certificate_is_due_from_half_of_its_life(site: Site) -> None:
    """Two thirds is when somebody must look."""
    own = read_certificate(site.identity)
    half = own.not_valid_before_utc + timedelta(days=15)

    assert not is_due(own, half - timedelta(minutes=10))
    assert is_due(own, half + timedelta(minutes=10))


def test_what_is_certified_takes_the_old_ones_place(site: Site) -> None:
    """Certificate and key, and the key is root's alone."""
    key = site.next_key()
    site.hands_over(renewed(site, key))

    done = site.go(anyway=True)

    assert done.renewed
    assert site.identity.key.read_bytes() == key_text(key, None)
    assert site.identity.key.stat().st_mode & 0o077 == 0
    assert not site.identity.next_key.exists()
    assert len(site.taken) == 1


def renewed(site: Site, key: Key, name: str = GATEWAY, now: datetime = NOW) -> bytes:
    """Certify a key by a folder of authorities in which the name has none yet."""
    state = site.state
    (state.folder / "links" / "issued").rename(state.folder / "links" / "kept")
    (state.folder / "links" / "issued").mkdir()
    return issued_for(state, "gateway", name, key, now).record.certificate.public_bytes(
        Encoding.PEM
    )


def of_another_key(site: Site) -> bytes:
    """Certify a key that is somebody else's."""
    site.next_key()
    return renewed(site, make_key("ecdsa-p384"))


def of_another_name(site: Site) -> bytes:
    """Certify the right key by another name."""
    return renewed(site, site.next_key(), "city-gw")


def of_another_authority(site: Site) -> bytes:
    """Certify it by an authority that calls itself the same."""
    other = make_state(site.folder / "other", NOW)
    issued = issued_for(other, "gateway", GATEWAY, site.next_key())
    return issued.record.certificate.public_bytes(Encoding.PEM)


def that_has_ended(site: Site) -> bytes:
    """Certify it for last month."""
    other = site.folder / "past"
    shutil.copytree(site.state.folder, other)
    return renewed(site, site.next_key(), now=NOW - timedelta(days=31))


def nothing(site: Site) -> bytes:
    """Say nothing at all."""
    site.next_key()
    return b""


def half(site: Site) -> bytes:
    """Break off in the middle."""
    return renewed(site, site.next_key())[:300]


@pytest.mark.parametrize(
    "wrong", [of_another_key, of_another_name, of_another_authority, that_has_ended, nothing, half]
)
def test_what_is_not_ours_does_not_take_its_place(
    site: Site, wrong: Callable[[Site], bytes]
) -> None:
    """The certificate and the key in use stay, and the link with them."""
    site.hands_over(wrong(site))
    before = site.identity.certificate.read_bytes(), site.identity.key.read_bytes()

    assert refusal(lambda: site.go(anyway=True)) == "ZG522"
    assert (site.identity.certificate.read_bytes(), site.identity.key.read_bytes()) == before
    assert site.taken == []


def test_a_server_that_refuses_leaves_what_works(site: Site) -> None:
    """Its words are told."""
    site.hands_over(b"", status=1)

    assert refusal(lambda: site.go(anyway=True)) == "ZG522"


def test_a_renewal_that_was_killed_is_finished(site: Site) -> None:
    """The certificate was in place, and its key was not yet."""
    key = site.next_key()
    site.identity.certificate.write_bytes(renewed(site, key))

    settle(site.identity)

    assert site.identity.key.read_bytes() == key_text(key, None)
    assert not site.identity.next_key.exists()


def test_a_key_that_waits_is_used_by_the_next_try(site: Site) -> None:
    """So that who is refused a hundred times does not make a hundred keys."""
    key = site.next_key()
    site.hands_over(b"", status=1)
    refusal(lambda: site.go(anyway=True))

    assert site.identity.next_key.read_bytes() == key_text(key, None)


def without_certificate(identity: Identity) -> None:
    """Lose it."""
    identity.certificate.unlink()


def damaged(identity: Identity) -> None:
    """Cut it off."""
    identity.certificate.write_bytes(identity.certificate.read_bytes()[:200])


def without_key(identity: Identity) -> None:
    """Lose the key."""
    identity.key.unlink()


def with_another_key(identity: Identity) -> None:
    """Have somebody else's key."""
    identity.key.write_bytes(key_text(make_key("ecdsa-p384"), None))


@pytest.mark.parametrize("harm", [without_certificate, damaged, without_key, with_another_key])
def test_a_certificate_without_its_key_renews_nothing(
    site: Site, harm: Callable[[Identity], None]
) -> None:
    """And it is said whose file it is."""
    harm(site.identity)

    assert refusal(site.go) == "ZG521"
    assert site.taken == []


def test_two_renewals_at_once_are_one(site: Site) -> None:
    """The second says so, and changes nothing."""
    with (site.folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        assert refusal(site.go) == "ZG519"
