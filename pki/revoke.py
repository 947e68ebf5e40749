"""Revoke: a name, a serial, or an authority; the new list is written at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from pki.build import make_revocation
from pki.errors import Code, PkiRefused
from pki.issue import grace_end, revoked_serials
from pki.state import ROOT, Secrets, State, list_number

#: RFC 5280's words; a certificate is never put on hold here.
REASONS: Mapping[str, x509.ReasonFlags] = {
    reason.value: reason
    for reason in (
        x509.ReasonFlags.unspecified,
        x509.ReasonFlags.key_compromise,
        x509.ReasonFlags.ca_compromise,
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
        x509.ReasonFlags.privilege_withdrawn,
    )
}


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was revoked, and the number of the list that says so."""

    authority: str
    serials: tuple[int, ...]
    list_number: int


def revoke(state: State, wanted: str, reason: str, secrets: Secrets, now: datetime) -> Revoked:
    """Revoke all that a name has, or one serial, and write the new list.

    A name loses every certificate that is in force, or could still renew itself.

    Args:
        state: the folder.
        wanted: a name, a serial in hex, or an authority; the latter needs the root.
        reason: a word of REASONS.
        secrets: of the authority's key.
        now: with a time zone.

    Raises:
        PkiRefused: there is no such certificate, all are revoked already, a name stands
            for two authorities' certificates, or a file is damaged.
    """
    found = _find(state, wanted, now)
    if not found:
        raise PkiRefused(Code.ZP004, wanted=wanted, known=_known(state))
    if len(found) > 1:
        raise PkiRefused(Code.ZP027, name=wanted, profiles=", ".join(found))
    ((authority, serials),) = found.items()
    new = sorted(serials - revoked_serials(state, authority))
    if not new:
        raise PkiRefused(Code.ZP005, wanted=wanted)
    entries = tuple(make_revocation(serial, REASONS[reason], now) for serial in new)
    after = state.write_list(state.issuer(authority, secrets), authority, entries, now)
    return Revoked(authority, tuple(new), list_number(after))


def renew_list(state: State, authority: str, secrets: Secrets, now: datetime) -> int:
    """Write an authority's list again, fresh; give its number.

    Raises:
        PkiRefused: the list before it is missing, damaged or another's.
    """
    return list_number(state.write_list(state.issuer(authority, secrets), authority, (), now))


def list_is_due(revocations: x509.CertificateRevocationList, now: datetime) -> bool:
    """Tell whether a quarter of a list's life is over.

    So whoever fetched it last and is then cut off has most of its life before him.
    """
    begin, end = revocations.last_update_utc, revocations.next_update_utc
    return end is None or now >= begin + (end - begin) / 4


def _find(state: State, wanted: str, now: datetime) -> dict[str, set[int]]:
    """Give the serials that are meant, by the authority that issued them."""
    found: dict[str, set[int]] = {}
    number = _as_serial(wanted)
    for authority in state.authority_names():
        revoked = revoked_serials(state, authority)
        for record in state.records(authority):
            counts = now <= grace_end(state, record) or record.serial in revoked
            named = record.name == wanted and counts
            if named or record.serial == number:
                found.setdefault(authority, set()).add(record.serial)
    if wanted in state.authority_names() and wanted != ROOT:
        found.setdefault(ROOT, set()).add(state.certificate(wanted).serial_number)
    return found


def _as_serial(wanted: str) -> int | None:
    """Read a serial as our status writes it, or as OpenSSL does; None for a name."""
    try:
        return int(wanted.replace(":", ""), 16)
    except ValueError:
        return None


def _known(state: State) -> str:
    names = {r.name for a in state.authority_names() for r in state.records(a)}
    return ", ".join(sorted(names)) or "-"
