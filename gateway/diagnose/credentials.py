"""Certificates and lists of revocations as strongSwan holds them, and the clock they are judged by.

Certificates and lists begin some minutes before they are signed, so that one which has not
begun yet shows that this clock is behind; one that has ended may also show a clock that is ahead.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.errors import NOWHERE, Problem, problem
from gateway.load.revocations import newest_lists
from gateway.policy.names import gateway_host
from gateway.vici import Section, Vici

#: What a sentence about a certificate calls what is missing.
CERTIFICATE = {"what_en": "certificate", "what_zh": "证书"}
PRIVATE_KEY = {"what_en": "private key", "what_zh": "私钥"}


@dataclass(frozen=True, slots=True)
class Held:
    """What strongSwan has: our certificates, those of them with a key, authorities, lists."""

    own: tuple[x509.Certificate, ...]
    keyed: tuple[x509.Certificate, ...]
    authorities: Mapping[x509.Name, x509.Certificate]
    lists: Mapping[x509.Name, x509.CertificateRevocationList]


def held(vici: Vici, identity: str) -> Held:
    """Ask strongSwan what it has under our name.

    Raises:
        ViciRefused: it cannot be asked.
    """
    told = vici.stream("list-certs", "list-cert")
    certificates = list(_certificates(told))
    own = [(e, c) for e, c in certificates if e.get("flag") != "CA" and identity in _names(c)]
    return Held(
        own=tuple(certificate for _, certificate in own),
        keyed=tuple(certificate for each, certificate in own if each.get("has_privkey") == "yes"),
        authorities={c.subject: c for each, c in certificates if each.get("flag") == "CA"},
        lists=newest_lists(told),
    )


def own_fault(what: Held, identity: str, site: str, now: datetime) -> Problem | None:
    """Give what keeps every peer from letting us in; None where one certificate is in order."""
    ours = {"identity": identity, "host": gateway_host(site)}
    if not what.own:
        return problem("ZG950", NOWHERE, **CERTIFICATE, **ours)
    if not what.keyed:
        return problem("ZG950", NOWHERE, **PRIVATE_KEY, **ours)
    faults = [_fault(each, what, site, now) for each in what.keyed]
    return None if None in faults else faults[-1]


def list_fault(what: Held, now: datetime, grace_hours: int = 0) -> Problem | None:
    """Give what is wrong with the lists by which peers are judged, beyond a plan's grace.

    They are those of the authorities above our own certificate: peers have the same.
    """
    found = list(_list_faults(what, now, timedelta(hours=grace_hours)))
    order = ("ZG961", "ZG954", "ZG953")
    return min(found, key=lambda each: order.index(each.code), default=None)


def moment(at: datetime) -> str:
    """Write a time, which is in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _fault(certificate: x509.Certificate, what: Held, site: str, now: datetime) -> Problem | None:
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < since:
        return problem("ZG960", now=moment(now), since=moment(since))
    if now > until:
        return problem("ZG951", now=moment(now), until=moment(until), host=gateway_host(site))
    found = what.lists.get(certificate.issuer)
    entry = (
        found.get_revoked_certificate_by_serial_number(certificate.serial_number) if found else None
    )
    return problem("ZG952", since=moment(entry.revocation_date_utc)) if entry else None


def _list_faults(what: Held, now: datetime, grace: timedelta) -> Iterator[Problem]:
    for name in _issuers(what):
        found, authority = what.lists.get(name), _called(name)
        if found is None:
            yield problem("ZG953", authority=authority)
            continue
        since, until = found.last_update_utc, found.next_update_utc
        if now < since:
            yield problem("ZG961", now=moment(now), since=moment(since), authority=authority)
        elif until is None or now > until + grace:
            ended = moment(until) if until else "-"
            yield problem("ZG954", now=moment(now), until=ended, authority=authority)


def _issuers(what: Held) -> Iterator[x509.Name]:
    """Give the authorities above our certificates, up to the root, each once."""
    seen: set[x509.Name] = set()
    waiting = [certificate.issuer for certificate in what.own]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        if name in what.authorities:
            waiting.append(what.authorities[name].issuer)


def _certificates(told: Iterable[Section]) -> Iterator[tuple[Section, x509.Certificate]]:
    """Read what can be read: it remembers what strangers have shown it, too."""
    for each in told:
        data = each.get("data")
        if each.get("type") == "X509" and isinstance(data, bytes):
            with suppress(ValueError):
                yield each, x509.load_der_x509_certificate(data)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _called(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()
