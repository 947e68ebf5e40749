"""Who of those that could ask at gates was revoked, by the lists that the authorities signed.

A list that is missing, damaged, foreign or older than one that was seen stops
everything at the gates; a list whose time is over does when the plan's grace
is over too.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.errors import Problem, Refused, Where, problem, refuse_any
from gateway.load.accepted import put_in_place
from gateway.load.revocations import number_of

#: The authorities of who asks, and the one above them.
_ASKING = ("people", "services")
AUTHORITIES = ("root", *_ASKING)

SEEN_FILE = "gate-lists.json"


@dataclass(frozen=True, slots=True)
class GateLists:
    """The lists taken together.

    `revoked` has the day of each revocation by its authority and serial number, as in
    `people/3A0F`; `until` is when they count no more.
    """

    revoked: Mapping[str, str]
    until: datetime
    numbers: Mapping[str, int]


def read_lists(folder: Path, trusted: Path, grace_hours: int, seen: Path) -> GateLists:
    """Read and judge the lists of a gateway.

    Args:
        folder: where they lie, as `people.crl`, in PEM.
        trusted: the certificates of their authorities, in PEM.
        grace_hours: how long after its end a list still counts.
        seen: the file in which the numbers of lists are kept.

    Raises:
        Refused: ZG517, a list is not in order; ZG518, it is older than one that was seen;
            ZG534, an authority was revoked.
    """
    above = _by_name(trusted)
    found = {name: _list(folder / f"{name}.crl", above[name]) for name in AUTHORITIES}
    numbers = {name: number_of(each) for name, each in found.items()}
    refuse_any(_older(folder, numbers, _seen(seen)))
    refuse_any(_revoked_authorities(found["root"], above))
    ends = [_end(folder / f"{name}.crl", each) for name, each in found.items()]
    return GateLists(
        dict(entry for name in _ASKING for entry in _entries(name, found[name])),
        min(ends) + timedelta(hours=grace_hours),
        numbers,
    )


def put_newer(folder: Path, trusted: Path, name: str, content: bytes) -> bool:
    """Put a list that came, in DER, in the place of an older one; tell whether it was newer.

    Raises:
        Refused: ZG517, it is none, or not this authority's.
    """
    file, authority = folder / f"{name}.crl", _by_name(trusted)[name]
    found = _judged(x509.load_der_x509_crl, content, authority, Where(str(file)))
    with suppress(Refused):
        if number_of(found) <= number_of(_list(file, authority)):
            return False
    put_in_place(file, found.public_bytes(Encoding.PEM))
    return True


def remember(seen: Path, lists: GateLists) -> None:
    """Keep the numbers of lists that were taken, so that no older one is taken for newer."""
    if _seen(seen) == lists.numbers:
        return
    put_in_place(seen, json.dumps(lists.numbers).encode("ascii"))


def as_shown(serial: int) -> str:
    """Write a serial number as the proxy does: its bytes in hex, without what DER puts before."""
    return serial.to_bytes((serial.bit_length() + 7) // 8, "big").hex().upper()


def _by_name(trusted: Path) -> Mapping[str, x509.Certificate]:
    """Give the authorities by their short names, which stand in their own names."""
    try:
        certificates = x509.load_pem_x509_certificates(trusted.read_bytes())
    except (OSError, ValueError) as fault:
        raise Refused(problem("ZG517", Where(str(trusted)), error=fault)) from fault
    named = {
        name: certificate
        for certificate in certificates
        for name in AUTHORITIES
        if f" {name} authority" in _common_name(certificate)
    }
    if missing := [name for name in AUTHORITIES if name not in named]:
        raise Refused(problem("ZG517", Where(str(trusted)), error=", ".join(missing)))
    return named


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _list(file: Path, authority: x509.Certificate) -> x509.CertificateRevocationList:
    where = Where(str(file))
    try:
        content = file.read_bytes()
    except OSError as fault:
        raise Refused(problem("ZG517", where, error=fault)) from fault
    return _judged(x509.load_pem_x509_crl, content, authority, where)


def _judged(
    read: Callable[[bytes], x509.CertificateRevocationList],
    content: bytes,
    authority: x509.Certificate,
    where: Where,
) -> x509.CertificateRevocationList:
    """Read a list, and see that it is this authority's."""
    try:
        found = read(content)
        is_ours = found.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # an authority's key is one that signs
    except (ValueError, TypeError) as fault:
        raise Refused(problem("ZG517", where, error=fault)) from fault
    if found.issuer != authority.subject or not is_ours:
        raise Refused(problem("ZG517", where, error="signature"))
    return found


def _end(file: Path, found: x509.CertificateRevocationList) -> datetime:
    if found.next_update_utc is None:
        raise Refused(problem("ZG517", Where(str(file)), error="next update"))
    return found.next_update_utc


def _older(folder: Path, found: Mapping[str, int], seen: Mapping[str, int]) -> Iterator[Problem]:
    for name, number in found.items():
        if number < seen.get(name, -1):
            where = Where(str(folder / f"{name}.crl"))
            yield problem("ZG518", where, found=number, known=seen[name])


def _revoked_authorities(
    root: x509.CertificateRevocationList, above: Mapping[str, x509.Certificate]
) -> Iterator[Problem]:
    for name in _ASKING:
        if root.get_revoked_certificate_by_serial_number(above[name].serial_number) is not None:
            yield problem("ZG534", authority=name)


def _entries(authority: str, found: x509.CertificateRevocationList) -> Iterator[tuple[str, str]]:
    for entry in found:
        day = entry.revocation_date_utc.date().isoformat()
        yield f"{authority}/{as_shown(entry.serial_number)}", day


def _seen(file: Path) -> Mapping[str, int]:
    try:
        return {str(k): int(v) for k, v in json.loads(file.read_text("ascii")).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as fault:
        raise Refused(problem("ZG517", Where(str(file)), error=fault)) from fault
