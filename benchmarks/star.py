"""A city that is one hub with any number of sites below it, and their gateways' certificates."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.labels import Label, Level
from gateway.policy.model import NetworkName, Plan, Role, Site, Tier, Zone
from gateway.policy.names import gateway_host
from pki.build import Issuer, Leaf, make_leaf
from pki.initialise import initialise, root_key_in_file
from pki.keys import key_text
from pki.names import Realm, host_of
from pki.parts import make_key
from pki.profiles import AuthorityProfile, LeafProfile
from pki.state import CERTIFICATE, LIST_PEM, NO_SECRETS, ROOT, State, open_state

HUB = "hub"

#: What is between a site's first host and the next site's.
_SITE_ADDRESSES = 256

_FIRST = IPv4Address("10.0.0.0")
_INTERNAL = Label(Level.内部)
_LINKS, _PROFILE = "links", "gateway"

#: The algorithm of every key that is made here.
KEY = "ecdsa-p384"

#: The root's key is not needed after the first moment, and its folder is gone with the run.
PASSPHRASE = b"a folder that is gone in a minute"


def names(count: int) -> tuple[str, ...]:
    """Give the names of so many sites."""
    return tuple(f"site{number:03}" for number in range(count))


def plan(count: int) -> Plan:
    """Make the plan; all links of a gateway share one interface, as where the lab runs."""
    sites = {name: _site(name) for name in (HUB, *names(count))}
    zones = {zone.name: zone for zone in map(_zone, sites, range(1 + count))}
    return Plan(
        name="star",
        title="样例",
        ceiling=_INTERNAL,
        commissioning_approval=None,
        sites=sites,
        zones=zones,
        services={},
        conduits=(),
        subjects={},
        resources={},
        grants=(),
        expectations=(),
        waivers=(),
        shares_link=True,
    )


def address(given: Plan, site: str) -> IPv4Address:
    """Give the address of a site's first host."""
    (network,) = given.zones[f"{site}.zone"].ranges
    return IPv4Address(int(network.network_address) + 1)


@dataclass(frozen=True, slots=True)
class Authorities:
    """The authorities of a star, opened once: the commands read anew what was issued each time."""

    state: State
    links: Issuer

    def furnish(self, folder: Path, sites: tuple[str, ...]) -> None:
        """Lay keys, certificates, authorities and lists where a gateway has them in `/etc`."""
        swanctl = folder / "swanctl"
        for part in ("private", "x509", "x509ca", "x509crl"):
            (swanctl / part).mkdir(parents=True)
        for name in (ROOT, _LINKS):
            above = self.state.folder / name
            (swanctl / f"x509ca/{name}.pem").write_bytes((above / CERTIFICATE).read_bytes())
            (swanctl / f"x509crl/{name}.crl").write_bytes((above / LIST_PEM).read_bytes())
        for site in sites:
            name = gateway_host(site)
            key, certificate = certified(self.state, _LINKS, _PROFILE, name, self.links)
            (swanctl / f"private/{site}.key").write_bytes(key)
            text = certificate.public_bytes(Encoding.PEM)
            (swanctl / f"x509/{site}.pem").write_bytes(text)


def certified(
    state: State, authority: str, profile: str, name: str, issuer: Issuer | None = None
) -> tuple[bytes, x509.Certificate]:
    """Have a new key certified by an authority; give both.  Nothing is written down of it."""
    kind = state.profiles.get(profile, LeafProfile)
    above = state.profiles.get(authority, AuthorityProfile)
    host = host_of(state.realm, above, kind, name)
    key = make_key(KEY)
    subject = state.realm.subject(authority, name, None)
    leaf = Leaf(subject, (host,) if host else (), key.public_key(), None)
    by = issuer or state.issuer(authority, NO_SECRETS)
    return key_text(key, None), make_leaf(kind, leaf, by, datetime.now(UTC))


def authorities(folder: Path, given: Plan) -> Authorities:
    """Make the authorities of a star in a folder."""
    now = datetime.now(UTC)
    initialise(folder, Realm(given.name, given.title), root_key_in_file(KEY, PASSPHRASE), now)
    state = open_state(folder, now)
    return Authorities(state, state.issuer(_LINKS, NO_SECRETS))


def _site(name: str) -> Site:
    return Site(
        name=name,
        title=name,
        kind="made",
        tier=Tier.CITY,
        role=Role.CENTRE if name == HUB else Role.DEPARTMENT,
        hub=None if name == HUB else HUB,
        counterpart=None,
        managed=True,
        zones=(f"{name}.zone",),
    )


def _zone(site: str, number: int) -> Zone:
    return Zone(
        name=f"{site}.zone",
        title=site,
        site=site,
        network=NetworkName.OFFICE,
        ceiling=_INTERNAL,
        ranges=(IPv4Network((int(_FIRST) + number * _SITE_ADDRESSES, 24)),),
        interface="zone",
    )
