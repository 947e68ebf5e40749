"""A hub takes a certificate by the rules of RFC 5280, whatever chain comes with it.

Who shows them is a program of ours: strongSwan would show no such chain.  Who judges them is
the strongSwan of a booted hub, and its journal says why.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.lab.forged import Pair, authority, below, leaf, stranger
from tests.lab.initiator import Answer, show
from tests.lab.spoke import Spoke
from tests.lab.town import Town

pytestmark = pytest.mark.lab

HOST, OTHER = "yangchuan-gw.gw.lab.internal", "suiyang-housing-gw.gw.lab.internal"

#: Below the number that is for examples (RFC 5612).
UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")

ADDRESS = x509.IPAddress(ip_address("192.0.2.1"))

Thief = Callable[[str], Pair]


@pytest.fixture(scope="module")
def spoke(town: Town) -> Iterator[Spoke]:
    """A township's gateway, owned, and its strongSwan silenced."""
    spoke = Spoke(town, "yangchuan", "suiyang")
    assert spoke.comes_back()
    with spoke.owned(), spoke.silent():
        yield spoke


@dataclass(frozen=True, slots=True)
class Chain:
    """What is shown: the certificates in their order, and whose key it is signed with."""

    shown: tuple[Pair, ...]
    key: Pair


def shows(spoke: Spoke, chain: Chain) -> Answer:
    """Show a chain to the hub, which has forgotten what it was shown before."""
    town, line = spoke.town, spoke.line
    town.run(spoke.hub, "swanctl", "--terminate", "--ike", spoke.site, "--force")
    town.must(spoke.hub, "swanctl", "--flush-certs")
    certificates = [pair.shown for pair in chain.shown]
    place = town.namespace(spoke.host)
    return show(place, (line.own, line.far), HOST, certificates, chain.key.key)


# --- what is taken --------------------------------------------------------------------------------


def alone(thief: Thief) -> Chain:
    """Show one's certificate."""
    own = leaf(thief("links"), HOST)
    return Chain((own,), own)


def with_all_above(thief: Thief) -> Chain:
    """Show who certified it too, up to the root."""
    own = leaf(thief("links"), HOST)
    return Chain((own, thief("links"), thief("root")), own)


def with_a_neighbours(thief: Thief) -> Chain:
    """Show another site's too."""
    own = leaf(thief("links"), HOST)
    return Chain((own, leaf(thief("links"), OTHER), thief("links")), own)


def not_critical(thief: Thief) -> Chain:
    """Have something in it that nobody knows, and that nobody must know."""
    own = leaf(thief("links"), HOST, more={x509.UnrecognizedExtension(UNKNOWN, b"\5\0"): False})
    return Chain((own,), own)


@pytest.mark.parametrize("make", [alone, with_all_above, with_a_neighbours, not_critical])
def test_what_is_right_is_taken(spoke: Spoke, make: Callable[[Thief], Chain]) -> None:
    """By the same program, and by certificates of the same hand: so it is the chain that counts."""
    answer = shows(spoke, make(partial(authority, spoke.town.places.authorities)))

    assert answer.is_taken
    said = spoke.town.must(spoke.hub, "swanctl", "--list-sas", "--ike", spoke.site)
    assert "ESTABLISHED" in said
    assert "INSTALLED" in said


# --- what is not ----------------------------------------------------------------------------------


def critical(thief: Thief) -> Chain:
    """Have something in it that nobody knows, and that everybody must know."""
    own = leaf(thief("links"), HOST, more={x509.UnrecognizedExtension(UNKNOWN, b"\5\0"): True})
    return Chain((own,), own)


def before_anothers_chain(thief: Thief) -> Chain:
    """Be certified by a stranger, and fill it up with another site's whole chain."""
    own = leaf(stranger(thief("links")), HOST)
    return Chain((own, leaf(thief("links"), OTHER), thief("links"), thief("root")), own)


def behind_anothers_chain(thief: Thief) -> Chain:
    """The same, and the other site's first."""
    own = leaf(stranger(thief("links")), HOST)
    return Chain((leaf(thief("links"), OTHER), thief("links"), own), own)


def without_its_key(thief: Thief) -> Chain:
    """Show the right certificate, which everybody may see, and sign with another key."""
    return Chain((leaf(thief("links"), HOST),), leaf(thief("links"), OTHER))


def as_the_neighbour(thief: Thief) -> Chain:
    """Be another site, rightly certified, and show beside it who one wants to be."""
    own = leaf(thief("links"), OTHER)
    return Chain((own, leaf(thief("links"), HOST), thief("links")), own)


def by_a_neighbour(thief: Thief, *, issues: bool = False) -> Chain:
    """Be certified by another site, which is no authority."""
    other = leaf(thief("links"), OTHER, issues=issues)
    own = leaf(other, HOST)
    return Chain((own, other, thief("links")), own)


def by_one_too_many(thief: Thief) -> Chain:
    """Be certified by an authority that the authority of links had no right to make."""
    middle = below(thief("links"))
    own = leaf(middle, HOST)
    return Chain((own, middle, thief("links")), own)


def by_oneself(thief: Thief) -> Chain:
    """Be certified by nobody."""
    own = leaf(stranger(thief("links")), HOST)
    return Chain((own,), own)


def not_for_signing(thief: Thief, *, issues: bool = False) -> Chain:
    """Have a key that may agree on another one, or certify, and may not sign."""
    own = leaf(thief("links"), HOST, signs=False, issues=issues)
    return Chain((own,), own)


def of_a_person(thief: Thief) -> Chain:
    """Be a gateway, and called as if among people."""
    own = leaf(thief("links"), HOST, unit="people")
    return Chain((own,), own)


def named(name: x509.GeneralName) -> Callable[[Thief], Chain]:
    """Have a name more, of a kind that the authority of links never gives."""

    def make(thief: Thief) -> Chain:
        names = x509.SubjectAlternativeName([x509.DNSName(HOST), name])
        own = leaf(thief("links"), more={names: False})
        return Chain((own,), own)

    return make


MISSING, CONSTRAINED = "no issuer certificate found", "permitted name constraints"
FALSE, NO_SIGNER = "signature validation failed", "without digitalSignature"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(critical, "unsupported critical X.509 extension", id="unknown and critical"),
        pytest.param(before_anothers_chain, MISSING, id="before another's chain"),
        pytest.param(behind_anothers_chain, MISSING, id="behind another's chain"),
        pytest.param(without_its_key, FALSE, id="without its key"),
        pytest.param(as_the_neighbour, FALSE, id="as the neighbour"),
        pytest.param(by_a_neighbour, MISSING, id="by a neighbour"),
        pytest.param(partial(by_a_neighbour, issues=True), MISSING, id="by one that may certify"),
        pytest.param(by_one_too_many, "violates", id="by an authority too many"),
        pytest.param(by_oneself, MISSING, id="by nobody"),
        pytest.param(not_for_signing, NO_SIGNER, id="not for signing"),
        pytest.param(partial(not_for_signing, issues=True), NO_SIGNER, id="for certifying alone"),
        pytest.param(of_a_person, CONSTRAINED, id="among people"),
        pytest.param(named(x509.RFC822Name("li@a.example")), CONSTRAINED, id="and a mailbox"),
        pytest.param(named(ADDRESS), "matches excluded name constraint", id="and an address"),
    ],
)
def test_what_is_wrong_is_not(spoke: Spoke, make: Callable[[Thief], Chain], why: str) -> None:
    """The hub does not say who it is itself, and its journal says why."""
    town = spoke.town
    cursor = town.cursor(spoke.hub)

    answer = shows(spoke, make(partial(authority, town.places.authorities)))

    assert not answer.is_taken
    assert town.says(spoke.hub, cursor, why)
    said = town.must(spoke.hub, "swanctl", "--list-sas", "--ike", spoke.site)
    assert "ESTABLISHED" not in said


@pytest.mark.parametrize("use", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.OCSP_SIGNING])
def test_strongswan_does_not_ask_what_a_key_is_for(
    spoke: Spoke, use: x509.ObjectIdentifier
) -> None:
    """It reads no extended key usage of a peer: so the authority of links certifies gateways alone.

    When this fails, strongSwan has learnt it, and decision 0013 is to be changed.
    """
    own = leaf(authority(spoke.town.places.authorities, "links"), HOST, use=use)

    assert shows(spoke, Chain((own,), own)).is_taken
