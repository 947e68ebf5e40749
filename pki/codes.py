"""Enrolment codes: a host that has no certificate yet shows that somebody expects it.

A code is good once, for one name and profile, until a time.  Only its digest is
kept, so who reads the folder cannot enrol; 160 random bits need no slow digest.
"""

import json
import secrets as random
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from pki.errors import Code, PkiRefused
from pki.files import read_file, replace_file
from pki.initialise import CODES
from pki.issue import Issued, issue
from pki.keys import key_identity
from pki.names import host_of
from pki.parts import whole
from pki.profiles import AuthorityProfile, LeafProfile
from pki.requests import read_request
from pki.state import Secrets, State

_BYTES = 20
_GROUP = 4


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a code stands for; `used_by` is the digest of the key it was used for."""

    name: str
    profile: str
    ends_at: str
    used_by: str | None = None


def enrol(state: State, profile_name: str, name: str, hours: int, now: datetime) -> str:
    """Make a code for a name, which ends every earlier one for it.

    Returns:
        The code, which is nowhere else.

    Raises:
        PkiRefused: there is no such profile, or the name cannot be one.
    """
    profile = state.profiles.get(profile_name, LeafProfile)
    host_of(state.realm, state.profiles.get(profile.authority, AuthorityProfile), profile, name)
    for file, before in _enrolments(state):
        if (before.name, before.profile) == (name, profile_name):
            file.unlink()
    letters = b32encode(random.token_bytes(_BYTES)).decode()
    ends_at = (whole(now) + timedelta(hours=hours)).isoformat()
    _write(_file(state, letters), Enrolment(name, profile_name, ends_at))
    return "-".join(letters[i : i + _GROUP] for i in range(0, len(letters), _GROUP))


def issue_by_code(  # noqa: PLR0913 - what was authorised, for whom, by which means, and when
    state: State,
    untrusted_code: str,
    name: str,
    untrusted_request: bytes,
    *,
    secrets: Secrets,
    now: datetime,
    profile_name: str | None = None,
) -> Issued:
    """Certify a name for whoever has its code.

    The code is used up before the certificate is made, and given back where none is;
    the same request may use it again, so that what was cut off may ask again.

    Args:
        state: the folder.
        untrusted_code: as it came.
        name: who says that the code is theirs.
        untrusted_request: as it came.
        secrets: of the authority's key.
        now: with a time zone.
        profile_name: the kind that is asked for; None for what the code says.

    Raises:
        PkiRefused: the code is not this name's, has ended or was used, or the request is
            not in order.
    """
    file = _file(state, untrusted_code.replace("-", "").replace(" ", "").upper())
    enrolment = _read(file) if file.exists() else None
    if enrolment is None or (enrolment.name, enrolment.profile) != (
        name,
        profile_name or enrolment.profile,
    ):
        raise PkiRefused(Code.ZP040, name=ascii(name))
    if now > datetime.fromisoformat(enrolment.ends_at):
        raise PkiRefused(Code.ZP041, name=name, end=enrolment.ends_at)
    key = _key_digest(untrusted_request)
    if enrolment.used_by not in {None, key}:
        raise PkiRefused(Code.ZP042, name=name)
    _write(file, Enrolment(name, enrolment.profile, enrolment.ends_at, key))
    try:
        return issue(state, enrolment.profile, name, untrusted_request, secrets=secrets, now=now)
    except PkiRefused:
        _write(file, enrolment)
        raise


def _key_digest(untrusted_request: bytes) -> str:
    key = read_request(untrusted_request).public_key()
    return sha256(key_identity(key)).hexdigest()


def _enrolments(state: State) -> Iterator[tuple[Path, Enrolment]]:
    for file in (state.folder / CODES).glob("*.json"):
        yield file, _read(file)


def _file(state: State, letters: str) -> Path:
    return state.folder / CODES / f"{sha256(letters.encode()).hexdigest()}.json"


def _read(file: Path) -> Enrolment:
    try:
        enrolment = Enrolment(**json.loads(read_file(file)))
        datetime.fromisoformat(enrolment.ends_at)
    except (ValueError, TypeError) as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="JSON") from error
    return enrolment


def _write(file: Path, enrolment: Enrolment) -> None:
    text = json.dumps(asdict(enrolment), ensure_ascii=False)
    replace_file(file, text.encode() + b"\n", 0o600)
