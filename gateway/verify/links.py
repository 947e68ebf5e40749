"""What strongSwan really holds, beside the links that the plan asks for.

It reads the daemon's connections, associations and authorities.  A connection
that the plan does not have is a finding, also while nobody uses it, and so is
an association that was agreed with less than the plan's algorithms.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import takewhile
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.errors import Problem, problem
from gateway.policy.freshness import Freshness, freshness
from gateway.policy.lines import Line, lines_of
from gateway.policy.model import Plan
from gateway.policy.names import gateway_identity, identifier
from gateway.policy.wiring import ranges_below
from gateway.vici import Section, Vici

#: The authorities that a gateway was given; only root writes here.
AUTHORITIES = Path("/etc/swanctl/x509ca")

#: How strongSwan calls what each association must have been agreed with.
_IKE_ALGORITHMS = {
    "encr-alg": "AES_GCM_16",
    "encr-keysize": "256",
    "prf-alg": "PRF_HMAC_SHA2_384",
    "dh-group": "ECP_384",
}
_POST_QUANTUM = {"ke1": "ML_KEM_768"}
_ESP_ALGORITHMS = {
    "protocol": "ESP",
    "mode": "TUNNEL",
    "encr-alg": "AES_GCM_16",
    "encr-keysize": "256",
}
_PUBLIC_KEY = "public key"

#: The plugins by which a certificate is read, and judged by its path and by a list (RFC 5280).
_JUDGES = frozenset({"constraints", "revocation", "x509"})

#: `revocation = strict`: nobody is taken whose list of revocations does not say that all is well.
#: Within a plan's grace, who stands on a list that has run out is refused, and nobody else.
_REVOCATION: Mapping[Freshness, str | None] = {
    Freshness.FRESH: "GOOD",
    Freshness.GRACE: None,
    Freshness.ENDED: "GOOD",
}

#: In no family of addresses, so within no range of a plan's.
_NO_RANGE = (0, 0, 0)

#: A stranger who shows an authority again and again does not always come between.
_TIMES_FORGOTTEN = 5

#: Family, first and last address.
Range: TypeAlias = "tuple[int, int, int]"

#: Disjoint and in order.
_Ranges: TypeAlias = "tuple[Range, ...]"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One connection as the plan has it.

    `number` is that of the link's interface, 0 where all links share one.
    """

    name: str
    site: str
    number: int
    own: str
    far: str
    own_identity: str
    far_identity: str
    local: _Ranges
    remote: _Ranges
    agreed: Mapping[str, str]
    begins: bool


def find_in_links(plan: Plan, site: str, daemon: Path) -> list[Problem]:
    """Give everything in the daemon that the plan does not ask for, or asks for otherwise.

    Raises:
        ViciRefused: it cannot be asked.
        OSError: the gateway's own authorities cannot be read.
        ValueError: as above, they are none.
    """
    wanted = {one.name: one for one in wanted_links(plan, site)}
    with Vici(daemon) as vici:
        connections = _by_name(vici.stream("list-conns", "list-conn"))
        associations = vici.stream("list-sas", "list-sa")
        given = _given()
        certificates = vici.stream("list-certs", "list-cert")
        standing = freshness(
            _ends(certificates), len(given), plan.links.grace_hours, datetime.now(UTC)
        )
        trusted = _trusted(vici, given, _listed(certificates))
        plugins = vici.ask("stats").get("plugins")
    return [
        *_judges(plugins if isinstance(plugins, list) else []),
        *_connections(wanted, connections, _REVOCATION[standing]),
        *_associations(wanted, associations),
        *_authorities(given, trusted),
    ]


def _judges(plugins: Iterable[object]) -> Iterator[Problem]:
    """Find what strongSwan does not judge a certificate by.

    Its own reader of certificates must come before OpenSSL's, which passes over constraints.
    """
    before = takewhile(lambda each: each != "openssl", map(str, plugins))
    for missing in sorted(_JUDGES - set(before)):
        yield problem("ZG656", plugin=missing)


def wanted_links(plan: Plan, site: str) -> list[Wanted]:
    """Give the connections that a gateway must have."""
    return [_wanted(plan, site, line) for line in lines_of(plan, site)]


def _wanted(plan: Plan, site: str, line: Line) -> Wanted:
    lower = site if line.is_up else line.neighbour
    below = _joined(
        (r.version, int(r.network_address), int(r.broadcast_address))
        for r in ranges_below(plan, lower)
    )
    above = _rest(below) if plan.shares_link else _rest(())
    local, remote = (below, above) if line.is_up else (above, below)
    return Wanted(
        name=identifier(line.neighbour),
        site=line.neighbour,
        number=0 if plan.shares_link else line.number,
        own=str(line.own),
        far=str(line.far),
        own_identity=gateway_identity(plan.name, site),
        far_identity=gateway_identity(plan.name, line.neighbour),
        local=local,
        remote=remote,
        agreed=_IKE_ALGORITHMS | (_POST_QUANTUM if plan.links.post_quantum else {}),
        begins=line.is_up,
    )


def _connections(
    wanted: Mapping[str, Wanted], found: Mapping[str, Section], revocation: str | None
) -> Iterator[Problem]:
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield problem("ZG650", link=name)
        elif name not in wanted:
            yield problem("ZG651", link=name)
        else:
            yield from _unlike(
                name, _connection_of(wanted[name], revocation), _reduced(found[name])
            )


def _connection_of(wanted: Wanted, revocation: str | None) -> dict[str, object]:
    """Give what the daemon must say of a connection."""
    return {
        "version": "IKEv2",
        "local_addrs": [wanted.own],
        "remote_addrs": [wanted.far],
        "local-1": (_PUBLIC_KEY, wanted.own_identity),
        "remote-1": (_PUBLIC_KEY, wanted.far_identity, revocation, 1),
        "rounds": 2,
        "children": [wanted.name],
        "mode": "TUNNEL",
        "close_action": "trap | start" if wanted.begins else "none",
        "local-ts": wanted.local,
        "remote-ts": wanted.remote,
    }


def _reduced(found: Section) -> dict[str, object]:
    """Give the same of what it does say."""
    local, remote = _inner(found, "local-1"), _inner(found, "remote-1")
    children = _inner(found, "children")
    child = _inner(children, next(iter(children), ""))
    authorities = remote.get("cacerts", [])
    return {
        "version": found.get("version"),
        "local_addrs": _addresses(found.get("local_addrs")),
        "remote_addrs": _addresses(found.get("remote_addrs")),
        "local-1": (local.get("class"), local.get("id")),
        "remote-1": (
            remote.get("class"),
            remote.get("id"),
            remote.get("revocation"),
            len(authorities) if isinstance(authorities, list) else 0,
        ),
        "rounds": sum(name.startswith(("local-", "remote-")) for name in found),
        "children": list(children),
        "mode": child.get("mode"),
        "close_action": child.get("close_action", "none"),
        "local-ts": _selectors(child.get("local-ts")),
        "remote-ts": _selectors(child.get("remote-ts")),
    }


def _associations(wanted: Mapping[str, Wanted], told: Iterable[Section]) -> Iterator[Problem]:
    for name, found in ((n, s) for section in told for n, s in section.items()):
        if not isinstance(found, dict) or found.get("state") != "ESTABLISHED":
            continue
        if name not in wanted:
            yield problem("ZG652", link=name, peer=found.get("remote-id", "?"))
            continue
        one = wanted[name]
        ends = {
            "local-id": one.own_identity,
            "remote-id": one.far_identity,
            **one.agreed,
        }
        yield from _unlike(name, ends, {key: found.get(key) for key in ends})
        children = _inner(found, "child-sas")
        for child in (_inner(children, each) for each in children):
            yield from _unlike(
                name, _ESP_ALGORITHMS, {key: child.get(key) for key in _ESP_ALGORITHMS}
            )
            for side, ranges in (("local-ts", one.local), ("remote-ts", one.remote)):
                if not inside(_selectors(child.get(side)), ranges):
                    yield _differs(name, side, child.get(side), "-")


def _given() -> frozenset[str]:
    """Give the fingerprints of the authorities that the gateway was given."""
    return frozenset(
        x509.load_pem_x509_certificate(file.read_bytes()).fingerprint(SHA256()).hex()
        for file in AUTHORITIES.glob("*.pem")
    )


def _ends(certificates: Iterable[Section]) -> list[datetime | None]:
    """Give until when the lists speak that the daemon has, the newest of each authority."""
    newest: dict[x509.Name, tuple[int, datetime | None]] = {}
    for told in certificates:
        data = told.get("data")
        if told.get("type") == "X509_CRL" and isinstance(data, bytes):
            found = x509.load_der_x509_crl(data)
            number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            one = number, found.next_update_utc
            newest[found.issuer] = max(newest.get(found.issuer, one), one, key=lambda each: each[0])
    return [end for _, end in newest.values()]


def _trusted(vici: Vici, given: frozenset[str], listed: frozenset[str]) -> frozenset[str]:
    """Give the fingerprints of the authorities that the daemon trusts.

    It lists those too that strangers have shown it, which it remembers and does not
    trust.  They are forgotten here; what is still listed was loaded.
    """
    for _ in range(_TIMES_FORGOTTEN):
        if listed <= given:
            break
        vici.ask("flush-certs")
        listed &= _listed(vici.stream("list-certs", "list-cert")) | given
    return listed


def _listed(certificates: Iterable[Section]) -> frozenset[str]:
    return frozenset(
        x509.load_der_x509_certificate(data).fingerprint(SHA256()).hex()
        for certificate in certificates
        if certificate.get("flag") == "CA" and isinstance(data := certificate.get("data"), bytes)
    )


def _authorities(given: frozenset[str], trusted: frozenset[str]) -> Iterator[Problem]:
    """Compare the authorities that the daemon trusts with those that the gateway was given."""
    for fingerprint in sorted(given ^ trusted):
        yield problem("ZG654" if fingerprint in trusted else "ZG655", fingerprint=fingerprint[:16])


def _unlike(
    name: str, wanted: Mapping[str, object], found: Mapping[str, object]
) -> Iterator[Problem]:
    for key, value in wanted.items():
        if found.get(key) != value:
            yield _differs(name, key, found.get(key), value)


def _differs(name: str, what: str, found: object, wanted: object) -> Problem:
    return problem("ZG653", link=name, what=what, found=_shown(found), wanted=_shown(wanted))


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _by_name(told: Iterable[Section]) -> dict[str, Section]:
    return {n: s for section in told for n, s in section.items() if isinstance(s, dict)}


def _inner(section: Section, name: str) -> Section:
    inner = section.get(name, {})
    return inner if isinstance(inner, dict) else {}


def _addresses(value: object) -> list[str]:
    """Read addresses; what is none, as `%any`, stays as it is and is like none of the plan's."""
    return [_address(str(each)) for each in value] if isinstance(value, list) else []


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def _selectors(value: object) -> _Ranges:
    """Read selectors: networks, and ranges as in `10.0.0.0..10.255.255.255`."""
    return _joined(range_of(str(each)) for each in value) if isinstance(value, list) else ()


def range_of(text: str) -> Range:
    """Read one selector; what is none is in no plan's range."""
    low, dots, high = text.partition("..")
    try:
        if dots:
            first, last = ip_address(low), ip_address(high)
            return first.version, int(first), int(last)
        network: IPv4Network | IPv6Network = ip_network(text)
    except ValueError:  # as `dynamic`, or with ports: no plan has it
        return _NO_RANGE
    return network.version, int(network.network_address), int(network.broadcast_address)


def _joined(ranges: Iterable[Range]) -> _Ranges:
    """Put ranges in order, and join those that touch."""
    joined: list[Range] = []
    for version, low, high in sorted(ranges):
        if joined and joined[-1][0] == version and low <= joined[-1][2] + 1:
            joined[-1] = (version, joined[-1][1], max(high, joined[-1][2]))
        else:
            joined.append((version, low, high))
    return tuple(joined)


def _rest(ranges: _Ranges) -> _Ranges:
    """Give all addresses of both families that are in no range."""
    rest = []
    for family, bits in ((4, 32), (6, 128)):
        free = 0
        for _, low, high in (r for r in ranges if r[0] == family):
            if low > free:
                rest.append((family, free, low - 1))
            free = high + 1
        if free < 1 << bits:
            rest.append((family, free, (1 << bits) - 1))
    return tuple(rest)


def inside(inner: Collection[Range], outer: Iterable[Range]) -> bool:
    """Tell whether some ranges are there, and each lies in one of others that do not touch."""
    outer = tuple(outer)
    return bool(inner) and all(
        any(v == version and low <= first and last <= high for version, low, high in outer)
        for v, first, last in inner
    )
