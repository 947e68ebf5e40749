"""A gateway keeps its certificate and its lists fresh by itself; what runs out stops links.

The enrolment server is the lab's authority, in the city's operations zone; the
client is strongSwan's own.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.compile.links import compile_links
from tests.lab.forged import authority
from tests.lab.spoke import Spoke
from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

KEY, NEXT_KEY = "/etc/swanctl/private/gateway.key", "/etc/swanctl/private/gateway.next.key"
CERTIFICATE, LIST = "/etc/swanctl/x509/gateway.pem", "/etc/swanctl/x509crl/links.crl"
RECORD = "/run/loushan/links"

#: An hour more than the lab's plan gives, and some hours less.
BEYOND, WITHIN = timedelta(hours=73), timedelta(hours=50)


@pytest.fixture
def spoke(town: Town) -> Iterator[Spoke]:
    """A township's gateway and its hub's, with the link up before and after."""
    made = Spoke(town, "yangchuan", "suiyang")
    assert made.comes_back()
    yield made
    assert made.comes_back()


# --- the certificate ------------------------------------------------------------------------------


def test_a_gateway_renews_its_certificate_with_a_new_key(spoke: Spoke) -> None:
    """Without Ansible and without a person; the link that stands is not shaken."""
    town, host = spoke.town, spoke.host
    before = [town.must(host, "cat", file) for file in (KEY, CERTIFICATE)]
    association = number_of(spoke)

    done = spoke.renew(host, "--now")

    assert done.returncode == 0, done.stderr
    after = [town.must(host, "cat", file) for file in (KEY, CERTIFICATE)]
    assert not set(before) & set(after)
    assert town.must(host, "stat", "-c%a %U", KEY).split() == ["600", "root"]
    assert town.run(host, "test", "-e", NEXT_KEY).returncode
    assert number_of(spoke) == association


def test_the_next_link_is_made_by_the_new_one(spoke: Spoke) -> None:
    """It is shown, and the hub takes it."""
    assert spoke.renew(spoke.host, "--now").returncode == 0
    serial = serial_of(spoke.town, spoke.host)
    spoke.town.must(spoke.hub, "swanctl", "--flush-certs")

    assert spoke.begins()
    shown = spoke.town.must(spoke.hub, "swanctl", "--list-certs", "--type", "x509")
    assert serial in shown.replace(":", "")


def test_the_timer_renews_what_is_due_and_leaves_what_is_not(spoke: Spoke) -> None:
    """By its unit, in its sandbox: as it runs every few minutes."""
    before = serial_of(spoke.town, spoke.host)

    spoke.town.must(spoke.host, "systemctl", "start", "loushan-renewal.service")

    assert serial_of(spoke.town, spoke.host) == before
    listed = spoke.town.must(spoke.host, "systemctl", "is-active", "loushan-renewal.timer")
    assert listed.strip() == "active"
    said = spoke.town.must(spoke.host, "systemctl", "show", "-PResult", "loushan-renewal.service")
    assert said.strip() == "success"


def test_a_renewal_that_breaks_off_leaves_a_working_link(spoke: Spoke) -> None:
    """The line is cut in the middle of it, as it were: nobody answers."""
    town, host = spoke.town, spoke.host
    before = [town.must(host, "cat", file) for file in (KEY, CERTIFICATE)]
    hosts = town.must(host, "cat", "/etc/hosts")
    nowhere = re.sub(r"(?m)^\S+ (est\.svc)", r"127.0.0.1 \1", hosts)
    town.must(host, "sh", "-c", "cat >/etc/hosts", text=nowhere)
    try:
        done = spoke.renew(host, "--now")
    finally:
        town.must(host, "sh", "-c", "cat >/etc/hosts", text=hosts)

    assert done.returncode == 1
    assert "ZG520" in done.stderr
    assert [town.must(host, "cat", file) for file in (KEY, CERTIFICATE)] == before
    assert spoke.is_up()


def number_of(spoke: Spoke) -> list[str]:
    """Give the number of the association at the lower site."""
    said = spoke.swanctl("--list-sas", "--ike", spoke.hub_site).stdout
    return re.findall(r"^\S+: #(\d+), ESTABLISHED", said, re.MULTILINE)


def serial_of(town: Town, host: str) -> str:
    """Give the number of a gateway's certificate, in hex."""
    certificate = x509.load_pem_x509_certificate(town.must(host, "cat", CERTIFICATE).encode())
    return f"{certificate.serial_number:x}"


# --- lists that run out ---------------------------------------------------------------------------


@contextmanager
def aged_list(spoke: Spoke, ended: timedelta, revoked: tuple[int, ...] = ()) -> Iterator[None]:
    """Have a hub hold a list that ended so long ago; the authority's newest after that."""
    town = spoke.town
    folder = town.places.authorities
    known = x509.load_pem_x509_crl((folder / "links" / "crl.pem").read_bytes())
    before = known.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    text = made_list(folder, before + 1, datetime.now(UTC) - ended, revoked)
    try:
        with spoke.fetching_nothing(spoke.hub):
            town.must(spoke.hub, "sh", "-c", f"cat >{LIST}", text=text)
            town.must(spoke.hub, "loushan", "link", "refresh")
            yield
    finally:
        for _ in range(2):
            assert town.loushan("pki", "crl", str(folder), "--authority", "links").returncode == 0
        # A hub without a link to the city cannot fetch it.
        done = town.playbook("revoke", "--limit", spoke.hub)
        assert done.returncode == 0, done.stdout
        town.must(spoke.hub, "loushan", "agent", "prove")


def made_list(folder: Path, number: int, ended: datetime, revoked: tuple[int, ...]) -> str:
    """Make a list as the authority of links would have, days ago."""
    pair = authority(folder, "links")
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(pair.certificate.subject)
        .last_update(ended - timedelta(days=7))
        .next_update(ended)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(pair.key.public_key()),
            critical=False,
        )
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial)
        builder = builder.add_revoked_certificate(
            entry.revocation_date(ended - timedelta(days=7)).build()
        )
    made = builder.sign(pair.key, hashes.SHA384())
    return made.public_bytes(Encoding.PEM).decode()


@contextmanager
def unguarded(spoke: Spoke) -> Iterator[None]:
    """Have the hub's agent look at nothing, until it is told to or this is over."""
    agent = ("loushan-agent.service", "loushan-agent.socket")
    spoke.town.must(spoke.hub, "systemctl", "stop", *agent)
    try:
        yield
    finally:
        guard(spoke)


def guard(spoke: Spoke) -> None:
    """Have the hub's agent look again."""
    agent = ("loushan-agent.socket", "loushan-agent.service")
    spoke.town.must(spoke.hub, "systemctl", "start", *agent)


def prove(spoke: Spoke) -> None:
    """Have the hub's agent look, as it does every minute; what it finds is no drift."""
    done = spoke.town.run(spoke.hub, "loushan", "agent", "prove")
    assert done.returncode == 0, done.stdout + done.stderr


def test_within_the_grace_a_link_is_made_by_a_list_that_has_run_out(spoke: Spoke) -> None:
    """The plan gives three days; the gateway stays proven, and knows that it is so."""
    with unguarded(spoke), aged_list(spoke, WITHIN):
        before = spoke.begin()
        guard(spoke)
        prove(spoke)

        is_made = spoke.begins()
        record = spoke.town.must(spoke.hub, "cat", RECORD)
        prove(spoke)

    assert before.returncode != 0
    assert is_made
    plan = replace(spoke.town.plan, shares_link=True)
    assert record == compile_links(plan, spoke.hub_site, in_grace=True).digest
    strict = compile_links(plan, spoke.hub_site).digest
    assert spoke.town.must(spoke.hub, "cat", RECORD) == strict


def test_within_the_grace_who_stands_on_the_list_is_refused(spoke: Spoke) -> None:
    """It is old, and what it says of him is true."""
    serial = int(serial_of(spoke.town, spoke.host), 16)
    with aged_list(spoke, WITHIN, (serial,)):
        prove(spoke)
        cursor = spoke.town.cursor(spoke.hub)
        done = spoke.begin()
        is_said = spoke.town.says(spoke.hub, cursor, "certificate was revoked on")

    assert done.returncode != 0
    assert is_said


def test_after_the_grace_no_link_is_made_and_none_stands(spoke: Spoke) -> None:
    """The gateway is as signed all the same, its own zones with it; a new list opens again."""
    with unguarded(spoke), aged_list(spoke, BEYOND):
        stood = spoke.is_up()
        guard(spoke)
        prove(spoke)
        stands = spoke.is_up()
        cursor = spoke.town.cursor(spoke.hub)
        done = spoke.begin()
        is_said = spoke.town.says(spoke.hub, cursor, "crl is stale")
        is_proven = spoke.town.is_proven(spoke.hub)

    assert (stood, stands) == (True, False)
    assert done.returncode != 0
    assert is_said
    assert is_proven
    assert until(lambda: spoke.begin().returncode == 0, 30)
