"""What is wrong with our own certificate, the lists or the clock is named, with the times."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.diagnose.credentials import Held, held, list_fault, own_fault
from gateway.vici import Vici
from pki.issue import renew
from pki.revoke import revoke
from pki.state import State
from tests.authorities import (
    GATEWAY,
    GATEWAY_HOST,
    NO_SECRETS,
    NOW,
    certify,
    make_state,
    request,
)
from tests.strongswan import Daemon, Said, running

SITE = "huichuan"
DAY = timedelta(days=1)


@dataclass(slots=True)
class Strongswan:
    """A daemon, and the authorities whose certificates and lists it holds."""

    state: State
    daemon: Daemon
    said: list[Said] = field(default_factory=list)

    def has(self, certificate: x509.Certificate, *, key: bool = True) -> None:
        """Have it hold one of ours."""
        data = certificate.public_bytes(Encoding.DER)
        more = {"has_privkey": "yes"} if key else {}
        self.said.append({"type": "X509", "flag": "NONE", "data": data, **more})

    def has_authorities(self, *, lists: tuple[str, ...] = ("root", "links")) -> None:
        """Have it hold the authorities, and the lists of some."""
        for name in ("root", "links"):
            folder = self.state.folder / name
            whole = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
            der = whole.public_bytes(Encoding.DER)
            self.said.append({"type": "X509", "flag": "CA", "data": der})
            if name in lists:
                found = x509.load_pem_x509_crl((folder / "crl.pem").read_bytes())
                der = found.public_bytes(Encoding.DER)
                self.said.append({"type": "X509_CRL", "flag": "NONE", "data": der})

    @property
    def held(self) -> Held:
        """Ask it."""
        self.daemon.told["list-certs"] = self.said
        with Vici(self.daemon.path) as vici:
            return held(vici, GATEWAY_HOST)

    def fault(self, now: datetime = NOW) -> str | None:
        """Give the code of what is wrong with our own."""
        found = own_fault(self.held, GATEWAY_HOST, SITE, now)
        return found.code if found else None

    def fault_of_lists(self, now: datetime = NOW) -> str | None:
        """Give the code of what is wrong with the lists."""
        found = list_fault(self.held, now)
        return found.code if found else None


@pytest.fixture
def strongswan(tmp_path: Path) -> Iterator[Strongswan]:
    """A daemon with nothing yet."""
    with running(tmp_path / "vici") as daemon:
        yield Strongswan(make_state(tmp_path / "pki"), daemon)


def test_a_certificate_in_order_is_no_fault(strongswan: Strongswan) -> None:
    """With its key, in its time, on no list."""
    strongswan.has(certify(strongswan.state).record.certificate)
    strongswan.has_authorities()

    assert strongswan.fault() is None
    assert strongswan.fault_of_lists() is None


@pytest.mark.parametrize(
    ("now", "code"),
    [
        pytest.param(NOW + 31 * DAY, "ZG951", id="it has ended"),
        pytest.param(NOW - DAY, "ZG960", id="the clock is behind"),
        pytest.param(NOW - timedelta(minutes=4), None, id="a clock a little behind is no fault"),
    ],
)
def test_a_certificate_is_judged_by_this_clock(
    strongswan: Strongswan, now: datetime, code: str | None
) -> None:
    """It begins five minutes before it was signed."""
    strongswan.has(certify(strongswan.state).record.certificate)
    strongswan.has_authorities()

    assert strongswan.fault(now) == code


def test_both_times_are_named(strongswan: Strongswan) -> None:
    """The certificate's and the clock's."""
    strongswan.has(certify(strongswan.state).record.certificate)

    found = own_fault(strongswan.held, GATEWAY_HOST, SITE, NOW + 31 * DAY)

    assert found is not None
    assert dict(found.params)["until"].startswith("2026-12-2")
    assert dict(found.params)["now"] == "2026-12-24 09:00:00 UTC"


@pytest.mark.parametrize("is_there", [True, False])
def test_without_a_key_there_is_nothing_to_show(
    strongswan: Strongswan,
    is_there: bool,  # noqa: FBT001 - an example of a table
) -> None:
    """Nor without a certificate; what a peer has shown does not count as ours."""
    strongswan.has(certify(strongswan.state, name="suiyang-gw").record.certificate)
    if is_there:
        strongswan.has(certify(strongswan.state).record.certificate, key=False)

    found = own_fault(strongswan.held, GATEWAY_HOST, SITE, NOW)

    assert found is not None
    assert found.code == "ZG950"
    assert dict(found.params)["what_en"] == ("private key" if is_there else "certificate")


def test_who_was_revoked_knows_it_by_the_list(strongswan: Strongswan) -> None:
    """And since when."""
    issued = certify(strongswan.state)
    revoke(strongswan.state, GATEWAY, "superseded", NO_SECRETS, NOW)
    strongswan.has(issued.record.certificate)
    strongswan.has_authorities()

    found = own_fault(strongswan.held, GATEWAY_HOST, SITE, NOW)

    assert found is not None
    assert found.code == "ZG952"
    assert dict(found.params)["since"].startswith("2026-11-23")


def test_a_renewed_certificate_beside_an_old_one_is_enough(strongswan: Strongswan) -> None:
    """One that is good is shown."""
    old, later = certify(strongswan.state), NOW + 25 * DAY
    (record,) = strongswan.state.records("links")
    new = renew(strongswan.state, record, request(), NO_SECRETS, later)
    strongswan.has(old.record.certificate)
    strongswan.has(new.record.certificate)

    assert strongswan.fault(NOW + 31 * DAY) is None


@pytest.mark.parametrize(
    ("lists", "now", "code"),
    [
        pytest.param(("root",), NOW, "ZG953", id="none of the links' authority"),
        pytest.param(("links",), NOW, "ZG953", id="none of the root's"),
        pytest.param(("root", "links"), NOW + 8 * DAY, "ZG954", id="run out"),
        pytest.param(("root", "links"), NOW - DAY, "ZG961", id="the clock is behind"),
        pytest.param(("links",), NOW + 8 * DAY, "ZG954", id="run out counts before missing"),
    ],
)
def test_lists_are_judged_by_this_clock(
    strongswan: Strongswan, lists: tuple[str, ...], now: datetime, code: str
) -> None:
    """Each authority above our own certificate needs one, the root too."""
    strongswan.has(certify(strongswan.state).record.certificate)
    strongswan.has_authorities(lists=lists)

    assert strongswan.fault_of_lists(now) == code


def test_a_list_counts_for_the_plans_grace_and_no_longer(strongswan: Strongswan) -> None:
    """It holds seven days; who has no list has no grace."""
    strongswan.has(certify(strongswan.state).record.certificate)
    strongswan.has_authorities()
    found = strongswan.held

    assert list_fault(found, NOW + 8 * DAY, grace_hours=48) is None
    ended = list_fault(found, NOW + 10 * DAY, grace_hours=48)
    assert ended is not None
    assert ended.code == "ZG954"


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"0\x03\x02\x01\x01", id="no certificate"),
        pytest.param(b"\xff" * 700, id="no encoding"),
    ],
)
def test_what_strangers_have_shown_is_not_stumbled_over(
    strongswan: Strongswan, shown: bytes
) -> None:
    """The daemon remembers whatever it was sent."""
    strongswan.said.append({"type": "X509", "flag": "NONE", "data": shown})
    strongswan.has(certify(strongswan.state).record.certificate)
    strongswan.has_authorities()

    assert strongswan.fault() is None
