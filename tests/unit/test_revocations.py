"""A new list ends the links of who is on it, and a wrong one changes nothing."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Refused
from gateway.load import revocations
from gateway.load.revocations import Taken, take_up
from pki.issue import renew
from pki.revoke import renew_list, revoke
from pki.state import State
from tests.authorities import NO_SECRETS, NOW, certify, make_state, request
from tests.strongswan import Daemon, Said, running

NAMES = ("huichuan-gw", "suiyang-gw")


@dataclass(slots=True)
class Gateway:
    """A gateway's disk, the daemon on it, and the authorities that deliver to it."""

    state: State
    credentials: Path
    daemon: Daemon
    swanctl: Path

    @property
    def list_file(self) -> Path:
        """The list of the authority of links, as delivered."""
        return self.credentials / "x509crl" / "links.crl"

    def deliver(self) -> None:
        """Bring the newest lists."""
        for name in ("root", "links"):
            for kind, source in (("x509ca", "authority.pem"), ("x509crl", "crl.pem")):
                there = self.credentials / kind
                there.mkdir(parents=True, exist_ok=True)
                suffix = ".pem" if kind == "x509ca" else ".crl"
                shutil.copy(self.state.folder / name / source, there / f"{name}{suffix}")

    def load(self) -> None:
        """Have the daemon hold what lies on the disk, as after `swanctl --load-creds`."""
        others = [s for s in self.daemon.told.get("list-certs", []) if s["type"] == "X509"]
        lists = sorted((self.credentials / "x509crl").glob("*.crl"))
        loaded = [x509.load_pem_x509_crl(file.read_bytes()) for file in lists]
        crls = [{"type": "X509_CRL", "data": each.public_bytes(Encoding.DER)} for each in loaded]
        self.daemon.told["list-certs"] = [*others, *crls]

    def hears(self, command: str) -> None:
        """Hold the disk's lists, where the daemon was given them."""
        if command == "list-certs" and self.has_loaded:
            self.load()

    def show(self, *certificates: x509.Certificate) -> None:
        """Have the daemon know some certificates of peers."""
        shown: list[Said] = [
            {"type": "X509", "flag": "NONE", "data": each.public_bytes(Encoding.DER)}
            for each in certificates
        ]
        self.daemon.told["list-certs"] = [*self.daemon.told["list-certs"], *shown]

    def revoke(self, name: str) -> None:
        """Revoke all that a name has."""
        revoke(self.state, name, "keyCompromise", NO_SECRETS, NOW + timedelta(days=1))

    @property
    def ended(self) -> list[str]:
        """The numbers of the associations that the daemon was told to end."""
        return [str(m["ike-id"]) for name, m in self.daemon.asked if name == "terminate"]

    @property
    def has_loaded(self) -> bool:
        """Whether the daemon was given the disk's lists."""
        return self.swanctl.with_name("called").exists()


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway with two links, of which the daemon knows the peers' certificates."""
    state = make_state(tmp_path / "pki")
    swanctl = tmp_path / "swanctl"
    swanctl.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n')
    swanctl.chmod(0o755)
    monkeypatch.setattr(revocations, "SWANCTL", str(swanctl))
    with running(tmp_path / "vici") as daemon:
        gateway = Gateway(state, tmp_path / "swanctl.d", daemon, swanctl)
        gateway.deliver()
        gateway.load()
        gateway.show(*(certify(state, name=name).record.certificate for name in NAMES))
        daemon.told["list-sas"] = [
            association(name, number) for number, name in enumerate(NAMES, start=1)
        ]
        daemon.heard = lambda name: (
            gateway.load() if name == "list-certs" and gateway.has_loaded else None
        )
        yield gateway


def association(name: str, number: int) -> Said:
    """Give what the daemon says of one that stands."""
    site = name.removesuffix("-gw")
    remote = f"{name}.gw.zunyi.internal"
    return {site: {"uniqueid": str(number), "state": "ESTABLISHED", "remote-id": remote}}


def test_who_is_newly_revoked_is_ended_and_nobody_else(gateway: Gateway) -> None:
    """By the number of the association, at once, and without waiting for its peer's word."""
    gateway.revoke("huichuan-gw")
    gateway.deliver()

    assert take_up(gateway.daemon.path, gateway.credentials) == Taken(1, ("huichuan",))
    told = [message for name, message in gateway.daemon.asked if name == "terminate"]
    assert told == [{"ike-id": "1", "force": "yes", "timeout": "-1"}]
    assert gateway.has_loaded


def test_a_fresh_list_that_says_the_same_ends_nothing(gateway: Gateway) -> None:
    """Lists are renewed every few days."""
    renew_list(gateway.state, "links", NO_SECRETS, NOW + timedelta(days=1))
    gateway.deliver()

    assert take_up(gateway.daemon.path, gateway.credentials) == Taken(0, ())
    assert not gateway.ended


def test_who_was_admitted_again_is_not_ended_by_the_next_list(gateway: Gateway) -> None:
    """The old certificate stays on the list; the new one is good."""
    gateway.revoke("huichuan-gw")
    gateway.deliver()
    take_up(gateway.daemon.path, gateway.credentials)
    later = NOW + timedelta(days=2)
    gateway.show(certify(gateway.state, name="huichuan-gw", now=later).record.certificate)
    gateway.daemon.asked.clear()
    renew_list(gateway.state, "links", NO_SECRETS, later)
    gateway.deliver()

    assert take_up(gateway.daemon.path, gateway.credentials) == Taken(0, ())
    assert not gateway.ended


def test_each_certificate_of_a_name_counts(gateway: Gateway) -> None:
    """The name was renewed; the link that stands may be of the older one."""
    record = next(r for r in gateway.state.records("links") if r.name == "huichuan-gw")
    renew(gateway.state, record, request(), NO_SECRETS, NOW + timedelta(days=1))
    gateway.revoke("huichuan-gw")
    gateway.deliver()

    taken = take_up(gateway.daemon.path, gateway.credentials)

    assert taken == Taken(2, ("huichuan",))


def test_a_peer_of_whom_nothing_is_known_is_ended_with_it(gateway: Gateway) -> None:
    """It may be the one; if it is good, it comes back at once."""
    gateway.daemon.told["list-sas"].append(association("tax-gw", 3))
    gateway.revoke("huichuan-gw")
    gateway.deliver()

    assert take_up(gateway.daemon.path, gateway.credentials).ended == ("huichuan", "tax")
    assert gateway.ended == ["1", "3"]


def test_what_waits_is_begun_again(gateway: Gateway) -> None:
    """What it was refused for may be over; what stands, and what a hub waits for, is left."""
    begins = {"children": {"x": {"close_action": "trap | start"}}}
    waits = {"children": {"x": {"close_action": "none"}}}
    gateway.daemon.told["list-conns"] = [{"up": begins}, {"suiyang": begins}, {"below": waits}]

    take_up(gateway.daemon.path, gateway.credentials)

    begun = [message["child"] for name, message in gateway.daemon.asked if name == "initiate"]
    assert begun == ["up"]


# --- lists that are not in order ------------------------------------------------------------------


def cut_off(gateway: Gateway) -> None:
    """Deliver half of it."""
    gateway.list_file.write_bytes(gateway.list_file.read_bytes()[:200])


def emptied(gateway: Gateway) -> None:
    """Deliver nothing, as a full disk does."""
    gateway.list_file.write_bytes(b"")


def anothers(gateway: Gateway) -> None:
    """Deliver the list of an authority that the gateway was not given."""
    shutil.copy(gateway.state.folder / "people" / "crl.pem", gateway.list_file)


def of_the_same_name(gateway: Gateway) -> None:
    """Deliver what another authority signed, which is called the same."""
    other = make_state(gateway.credentials.with_name("other"))
    renew_list(other, "links", NO_SECRETS, NOW + timedelta(days=1))
    shutil.copy(other.folder / "links" / "crl.pem", gateway.list_file)


def older(gateway: Gateway) -> None:
    """Deliver what was true yesterday, while the daemon holds today's."""
    before = gateway.list_file.read_bytes()
    gateway.revoke("huichuan-gw")
    gateway.deliver()
    gateway.load()
    gateway.list_file.write_bytes(before)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        pytest.param(cut_off, "ZG517", id="cut off"),
        pytest.param(emptied, "ZG517", id="empty"),
        pytest.param(anothers, "ZG517", id="another authority's"),
        pytest.param(of_the_same_name, "ZG517", id="a stranger's of the same name"),
        pytest.param(older, "ZG518", id="an older one"),
    ],
)
def test_a_list_that_is_not_in_order_changes_nothing(
    gateway: Gateway, damage: Callable[[Gateway], None], code: str
) -> None:
    """It is said which file; the daemon is given nothing, and every link stays."""
    damage(gateway)

    with pytest.raises(Refused) as refused:
        take_up(gateway.daemon.path, gateway.credentials)

    (found,) = refused.value.problems
    assert (found.code, found.where.file) == (code, str(gateway.list_file))
    assert not gateway.has_loaded
    assert gateway.daemon.commands() == []


def test_a_daemon_that_does_not_take_the_lists_is_an_error(gateway: Gateway) -> None:
    """And with its words."""
    gateway.swanctl.write_text("#!/bin/sh\necho no such key >&2\nexit 22\n")

    with pytest.raises(Refused, match="ZG516"):
        take_up(gateway.daemon.path, gateway.credentials)

    assert not gateway.ended


@pytest.mark.parametrize("name", ["nobody", "swanctl"])
def test_a_daemon_that_does_not_run_is_an_error(gateway: Gateway, name: str) -> None:
    """The lists stay on the disk for its next start."""
    with pytest.raises(Refused, match="ZG516"):
        take_up(gateway.daemon.path.with_name(name), gateway.credentials)

    assert not gateway.has_loaded
