"""What is due: every certificate and list of a folder, and how long each has left."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pki.issue import revoked_serials
from pki.parts import CLOCK_DIFFERENCE
from pki.ssh import certified_line, revoked_keys, ssh_certificates
from pki.state import ROOT, Record, State, list_number

_DAY_SECONDS = 86_400


class Standing(StrEnum):
    """How a certificate or a list stands; the later ones are for somebody to act on."""

    GOOD = "good"
    DUE = "due"
    REPLACED = "replaced"
    REVOKED = "revoked"
    OVERDUE = "overdue"
    EXPIRED = "expired"


#: What makes `status` end with 1.
ALARMING = frozenset({Standing.OVERDUE, Standing.EXPIRED})


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """One certificate."""

    authority: str
    profile: str
    name: str
    serial: str
    ends_at: str
    days_left: float
    standing: Standing


@dataclass(frozen=True, slots=True)
class ListLine:
    """One authority's list of revocations."""

    authority: str
    number: int
    revoked: int
    age_days: float
    days_left: float
    next_update: str
    standing: Standing


def standing_at(begin: datetime, end: datetime, now: datetime) -> Standing:
    """Say how far something is in its life: due from half, overdue from two thirds."""
    if now > end:
        return Standing.EXPIRED
    gone = (now - begin) / (end - begin)
    if gone * 3 >= 2:  # noqa: PLR2004 - two thirds
        return Standing.OVERDUE
    return Standing.DUE if gone * 2 >= 1 else Standing.GOOD


def certificate_lines(state: State, now: datetime) -> Iterator[CertificateLine]:
    """Give every certificate of a folder: authorities first, then what they issued."""
    revoked = revoked_serials(state, ROOT)
    for name in state.authority_names():
        record = Record(ROOT, state.folder, state.certificate(name))
        yield _line(record, "authority", now, is_revoked=record.serial in revoked, is_last=True)
    for authority in state.authority_names():
        revoked = revoked_serials(state, authority)
        records = state.records(authority)
        newest = {record.name: record.serial for record in records}
        for record in records:
            leaf = state.leaf_of(record)
            yield _line(
                record,
                leaf.name if leaf else "-",
                now,
                is_revoked=record.serial in revoked,
                is_last=newest[record.name] == record.serial,
            )
    for ssh in state.profiles.ssh:
        yield from _ssh_lines(state, ssh.name, now)


def list_lines(state: State, now: datetime) -> Iterator[ListLine]:
    """Give every authority's list of revocations."""
    for name in state.authority_names():
        found = state.revocations(name)
        begin, end = found.last_update_utc, found.next_update_utc
        if end is None:
            end = begin
        yield ListLine(
            authority=name,
            number=list_number(found),
            revoked=len(found),
            age_days=_days(begin + CLOCK_DIFFERENCE, now),
            days_left=_days(now, end),
            next_update=end.isoformat(),
            standing=standing_at(begin, end, now),
        )


def _ssh_lines(state: State, profile: str, now: datetime) -> Iterator[CertificateLine]:
    certificates = ssh_certificates(state, profile)
    revoked = revoked_keys(state, profile)
    newest = {certificate.key_id: certificate.serial for certificate in certificates}
    for certificate in certificates:
        begin = datetime.fromtimestamp(certificate.valid_after, UTC)
        end = datetime.fromtimestamp(certificate.valid_before, UTC)
        if certified_line(certificate) in revoked:
            standing = Standing.REVOKED
        elif newest[certificate.key_id] == certificate.serial:
            standing = standing_at(begin, end, now)
        else:
            standing = Standing.REPLACED
        yield CertificateLine(
            authority=profile,
            profile=profile,
            name=certificate.key_id.decode(),
            serial=f"{certificate.serial:x}",
            ends_at=end.isoformat(),
            days_left=_days(now, end),
            standing=standing,
        )


def _line(
    record: Record, profile: str, now: datetime, *, is_revoked: bool, is_last: bool
) -> CertificateLine:
    if is_revoked:
        standing = Standing.REVOKED
    elif is_last:
        standing = standing_at(record.issued_at, record.ends_at, now)
    else:
        standing = Standing.REPLACED
    return CertificateLine(
        authority=record.authority,
        profile=profile,
        name=record.name,
        serial=f"{record.serial:x}",
        ends_at=record.ends_at.isoformat(),
        days_left=_days(now, record.ends_at),
        standing=standing,
    )


def _days(begin: datetime, end: datetime) -> float:
    return round((end - begin).total_seconds() / _DAY_SECONDS, 1)
