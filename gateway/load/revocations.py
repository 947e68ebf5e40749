"""Takes up new lists of revocations, and ends the links of who is on them.

strongSwan asks a list only while a link is being set up; a link that stands is
ended here.  A list that is damaged, foreign or older than the one in force is
not taken, and nothing changes.
"""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from gateway.errors import Problem, Refused, Where, problem, refuse_any
from gateway.load.links import SWANCTL, begin, end_association
from gateway.policy.freshness import Freshness, freshness
from gateway.vici import Section, Vici, ViciRefused

#: What a gateway was given; only root writes here.
CREDENTIALS = Path("/etc/swanctl")

_PATIENCE_SECONDS = 30

#: A certificate is known by its issuer and its serial number (RFC 5280 section 4.1.2.2).
_Serials = frozenset[tuple[x509.Name, int]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: how many certificates are newly revoked, and whose links were ended."""

    revoked: int
    ended: tuple[str, ...]


def take_up(daemon: Path, credentials: Path = CREDENTIALS) -> Taken:
    """Have the daemon take the lists that stand on the disk, and end what they forbid.

    Raises:
        Refused: ZG517, a list is not in order; ZG516, the daemon does not take them.
    """
    try:
        with Vici(daemon) as vici:
            told = vici.stream("list-certs", "list-cert")
            before = newest_lists(told)
            refuse_any(_bad_lists(credentials, before))
            # The certificates of peers, before they are forgotten.
            known = [*_certificates(told)]
            _load(daemon)
            after = newest_lists(vici.stream("list-certs", "list-cert"))
            newly = _serials(after.values()) - _serials(before.values())
            ended = tuple(_end(vici, known, newly)) if newly else ()
        begin(daemon)
    except ViciRefused as fault:
        raise Refused(problem("ZG516", error=fault)) from fault
    return Taken(len(newly), ended)


def freshness_of(daemon: Path, grace_hours: int, credentials: Path = CREDENTIALS) -> Freshness:
    """Judge the lists that the daemon holds; there must be one of each authority.

    Raises:
        Refused: ZG516, the daemon cannot be asked.
    """
    try:
        with Vici(daemon) as vici:
            lists = newest_lists(vici.stream("list-certs", "list-cert"))
    except ViciRefused as fault:
        raise Refused(problem("ZG516", error=fault)) from fault
    wanted = len([*(credentials / "x509ca").glob("*.pem")])
    ends = [each.next_update_utc for each in lists.values()]
    return freshness(ends, wanted, grace_hours, datetime.now(UTC))


def newest_lists(told: Iterable[Section]) -> dict[x509.Name, x509.CertificateRevocationList]:
    """Give the newest list of each authority that the daemon holds."""
    lists: dict[x509.Name, x509.CertificateRevocationList] = {}
    for each in told:
        data = each.get("data")
        if each.get("type") != "X509_CRL" or not isinstance(data, bytes):
            continue
        found = x509.load_der_x509_crl(data)
        if found.issuer not in lists or number_of(found) > number_of(lists[found.issuer]):
            lists[found.issuer] = found
    return lists


def number_of(found: x509.CertificateRevocationList) -> int:
    """Give a list's number, which grows with each (RFC 5280 section 5.2.3); -1 if it has none."""
    try:
        return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return -1


def _load(daemon: Path) -> None:
    command = [SWANCTL, "--load-creds", "--clear", "--noprompt", "--uri", f"unix://{daemon}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise Refused(problem("ZG516", error=fault)) from fault
    if done.returncode:
        raise Refused(problem("ZG516", error=done.stderr.strip() or done.stdout.strip()))


def _bad_lists(
    credentials: Path, before: Mapping[x509.Name, x509.CertificateRevocationList]
) -> Iterator[Problem]:
    """Judge the lists on the disk before anything that works is forgotten."""
    authorities = {}
    for file in sorted((credentials / "x509ca").glob("*.pem")):
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        authorities[certificate.subject] = certificate
    for file in sorted((credentials / "x509crl").glob("*.crl")):
        where = Where(str(file))
        try:
            found = x509.load_pem_x509_crl(file.read_bytes())
            authority = authorities[found.issuer]
            if not found.is_signature_valid(authority.public_key()):  # type: ignore[arg-type]  # an authority's key is one that signs
                yield problem("ZG517", where, error="signature")
        except (OSError, ValueError, TypeError) as fault:
            yield problem("ZG517", where, error=fault)
        except KeyError:
            yield problem("ZG517", where, error="issuer")
        else:
            if found.issuer in before and number_of(found) < number_of(before[found.issuer]):
                yield problem(
                    "ZG518", where, found=number_of(found), known=number_of(before[found.issuer])
                )


def _certificates(told: Iterable[Section]) -> Iterator[x509.Certificate]:
    for each in told:
        data = each.get("data")
        if each.get("type") == "X509" and isinstance(data, bytes):
            yield x509.load_der_x509_certificate(data)


def _serials(lists: Iterable[x509.CertificateRevocationList]) -> _Serials:
    return frozenset((each.issuer, entry.serial_number) for each in lists for entry in each)


def _end(vici: Vici, known: Iterable[x509.Certificate], newly: _Serials) -> Iterator[str]:
    """End each association of who was revoked, or whose certificate is not known any more.

    Who has another certificate that is good comes back by it.
    """
    revoked: set[str] = set()
    good: set[str] = set()
    for certificate in known:
        is_revoked = (certificate.issuer, certificate.serial_number) in newly
        (revoked if is_revoked else good).update(_names(certificate))
    for section in vici.stream("list-sas", "list-sa"):
        for name, association in section.items():
            if not isinstance(association, dict):
                continue
            peer = str(association.get("remote-id"))
            if peer in revoked or peer not in good:
                end_association(vici, association)
                yield name


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)
