"""Issue and renew: one request, one name that somebody authorised, one certificate.

The rules are here and nowhere else, for the command line and the enrolment server alike.
"""

import secrets as random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki.build import Leaf, make_leaf
from pki.errors import Code, PkiRefused
from pki.keys import key_identity
from pki.names import hosts_of
from pki.profiles import AuthorityProfile, LeafProfile
from pki.requests import judge_request, read_request
from pki.state import Record, Secrets, State

#: So many certificates of one name may be in force; renewal at half leaves two or three.
MOST_IN_FORCE = 8


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with the authority's above it; `again` where it was there before."""

    record: Record
    authority: x509.Certificate
    again: bool

    def chain(self) -> bytes:
        """Give both as PEM, the issued one first."""
        above = (self.record.certificate, self.authority)
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in above)


def issue(  # noqa: PLR0913 - what was authorised, for whom, by which means, and when
    state: State,
    profile_name: str,
    name: str,
    untrusted_request: bytes,
    *,
    secrets: Secrets,
    now: datetime,
) -> Issued:
    """Certify a name that has no certificate in force.

    The same request again gets the same certificate, so that what was cut off may ask again.

    Raises:
        PkiRefused: the request is not in order, another certificate of that name is in
            force, or the key was revoked.
    """
    profile = state.profiles.get(profile_name, LeafProfile)
    records = state.records(profile.authority)
    mine = [record for record in _in_force(state, profile, records, now) if record.name == name]
    number = random.token_hex(8) if profile.numbered else None
    leaf = _judge(state, profile, name, number, untrusted_request)
    _check_key(state, profile, records, leaf)
    for record in mine:
        if record.key == key_identity(leaf.key) and state.leaf_of(record) == profile:
            return Issued(record, state.certificate(profile.authority), again=True)
    if mine:
        serials = ", ".join(f"{record.serial:x}" for record in mine)
        raise PkiRefused(Code.ZP036, name=name, serials=serials)
    return _certify(state, profile, leaf, secrets, now)


def renew(
    state: State, record: Record, untrusted_request: bytes, secrets: Secrets, now: datetime
) -> Issued:
    """Certify a name once more, as what it is; a person or the name's own certificate asks.

    Args:
        state: the folder.
        record: a certificate of the name, not revoked.
        untrusted_request: as it came; its key may be a new one.
        secrets: of the authority's key.
        now: with a time zone.

    Raises:
        PkiRefused: the record was revoked, the request is not in order, or too many
            certificates of that name are in force.
    """
    profile = state.leaf_of(record)
    if profile is None:
        raise PkiRefused(Code.ZP039, name=record.name)
    if record.serial in revoked_serials(state, record.authority):
        raise PkiRefused(Code.ZP045, name=record.name, serial=f"{record.serial:x}")
    numbers = record.certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    leaf = _judge(
        state,
        profile,
        record.name,
        str(numbers[0].value) if numbers else None,
        untrusted_request,
    )
    records = state.records(profile.authority)
    _check_key(state, profile, records, leaf)
    mine = [r for r in _in_force(state, profile, records, now) if r.name == record.name]
    if len(mine) >= MOST_IN_FORCE:
        raise PkiRefused(Code.ZP038, name=record.name, most=MOST_IN_FORCE)
    return _certify(state, profile, leaf, secrets, now)


def newest_of(state: State, name: str, profile_name: str | None = None) -> Record:
    """Find the newest certificate of a name, of whatever kind where none is said.

    Several hosts may show one name: a revoked one is given only where all are.

    Raises:
        PkiRefused: there is none, or the name stands for two things.
    """
    found: dict[str, Record] = {}
    for authority in state.profiles.authorities:
        records, revoked = state.records(authority.name), revoked_serials(state, authority.name)
        for record in sorted(records, key=lambda each: each.serial not in revoked):
            leaf = state.leaf_of(record)
            if leaf and record.name == name and profile_name in {None, leaf.name}:
                found[leaf.name] = record
    if not found:
        raise PkiRefused(Code.ZP039, name=name)
    if len(found) > 1:
        raise PkiRefused(Code.ZP027, name=name, profiles=", ".join(found))
    return next(iter(found.values()))


def revoked_serials(state: State, authority: str) -> frozenset[int]:
    """Give the numbers on an authority's list."""
    return frozenset(entry.serial_number for entry in state.revocations(authority))


def grace_end(state: State, record: Record) -> datetime:
    """Give the moment until which a certificate may still renew itself."""
    leaf = state.leaf_of(record)
    return record.ends_at + timedelta(days=leaf.grace_days if leaf else 0)


def _judge(
    state: State, profile: LeafProfile, name: str, number: str | None, untrusted_request: bytes
) -> Leaf:
    """Give what the certificate will say: the authorised name, and the request's key."""
    hosts = hosts_of(
        state.realm, state.profiles.get(profile.authority, AuthorityProfile), profile, name
    )
    subject = state.realm.subject(profile.authority, name, number)
    key = judge_request(read_request(untrusted_request), profile.keys, subject, hosts)
    url = f"{state.list_url}/{profile.authority}.crl" if state.list_url else None
    return Leaf(subject, hosts, key, url)


def _check_key(state: State, profile: LeafProfile, records: Iterable[Record], leaf: Leaf) -> None:
    """Refuse a key that was ever revoked, or that a name had before it was revoked.

    Re-admission needs a new key: who took the old one may still have it.
    """
    revoked = {e.serial_number: e.revocation_date_utc for e in state.revocations(profile.authority)}
    fallen: dict[str, datetime] = {}
    records = tuple(records)
    for record in records:
        at = revoked.get(record.serial)
        if at is not None:
            fallen[record.name] = max(at, fallen.get(record.name, at))
    wanted = key_identity(leaf.key)
    for record in records:
        before = record.name in fallen and record.issued_at < fallen[record.name]
        if record.key == wanted and (before or record.serial in revoked):
            raise PkiRefused(Code.ZP037, name=record.name, serial=f"{record.serial:x}")


def _in_force(
    state: State, profile: LeafProfile, records: Iterable[Record], now: datetime
) -> list[Record]:
    revoked = revoked_serials(state, profile.authority)
    return [r for r in records if now <= r.ends_at and r.serial not in revoked]


def _certify(
    state: State, profile: LeafProfile, leaf: Leaf, secrets: Secrets, now: datetime
) -> Issued:
    issuer = state.issuer(profile.authority, secrets)
    record = state.keep(profile.authority, make_leaf(profile, leaf, issuer, now))
    return Issued(record, issuer.certificate, again=False)
