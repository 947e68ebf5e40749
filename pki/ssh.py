"""SSH certificates: hosts and administrators from the same ceremony, with no passwords.

The users' `authority.pub` goes to `TrustedUserCAKeys` on every host, their `revoked_keys` to
`RevokedKeys`; the hosts' `known_hosts` to whoever comes to one.
"""

import secrets as random
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_public_identity,
    load_ssh_public_key,
)

from pki.duties import check_duties
from pki.errors import Code, PkiRefused
from pki.files import read_file, replace_file
from pki.initialise import KNOWN_HOSTS, REVOKED_KEYS, SSH_PUBLIC, known_hosts
from pki.keys import key_identity, read_key
from pki.names import check_text, host_label
from pki.parts import CLOCK_DIFFERENCE, Key, PublicKey, algorithm_of, whole
from pki.profiles import SshProfile
from pki.state import ISSUED, KEY, Secrets, State

_ENDING = "-cert.pub"


def issue_ssh(  # noqa: PLR0913 - who is authorised, as whom, for which key, and when
    state: State,
    profile_name: str,
    name: str,
    principals: tuple[str, ...],
    untrusted_key: bytes,
    *,
    secrets: Secrets,
    now: datetime,
) -> Path:
    """Certify a host's or an administrator's key; give the certificate's file.

    Args:
        state: the folder.
        profile_name: `ssh-host` or `ssh-user`.
        name: who it is; it stands in every log.
        principals: what else it may be called: an account on the hosts, or a host's address.
        untrusted_key: a line as in `id_ed25519.pub`.
        secrets: of the authority's key.
        now: with a time zone.

    Raises:
        PkiRefused: the key is of a kind that the profile does not take or was revoked, a
            name is not possible, or an administrator would have two duties.
    """
    profile = state.profiles.get(profile_name, SshProfile)
    is_host = profile.certifies == "host"
    for principal in (name, *principals):
        check_text(principal)
        if is_host and not _is_address(principal):
            host_label(principal.split(".")[0])
    key = _read_public(untrusted_key, profile)
    if key_line(key) in revoked_keys(state, profile_name):
        raise PkiRefused(Code.ZP037, name=name, serial=REVOKED_KEYS)
    if not is_host:
        check_duties(name, principals, _named_in_force(state, profile_name, name, key, now))
    serial = random.randbits(63) + 1
    begin = whole(now) - CLOCK_DIFFERENCE
    builder = (
        SSHCertificateBuilder()
        .public_key(key)
        .serial(serial)
        .type(SSHCertificateType.HOST if is_host else SSHCertificateType.USER)
        .key_id(name.encode())
        .valid_principals([part.encode() for part in (name, *principals)])
        .valid_after(int(begin.timestamp()))
        .valid_before(int((begin + timedelta(days=profile.lifetime_days)).timestamp()))
    )
    for permit in sorted(profile.permits):
        builder = builder.add_extension(permit.encode(), b"")
    certificate = builder.sign(_authority_key(state, profile_name, secrets))
    file = state.folder / profile_name / ISSUED / f"{serial:x}{_ENDING}"
    replace_file(file, certificate.public_bytes() + f" {ascii(name)[1:-1]}\n".encode())
    return file


def revoke_ssh(state: State, profile_name: str, name: str) -> tuple[str, ...]:
    """Put every key that was certified for a name on the list of revoked keys.

    Returns:
        The serials of its certificates.

    Raises:
        PkiRefused: nothing was certified for that name, or all of it is revoked.
    """
    found = [c for c in ssh_certificates(state, profile_name) if c.key_id == name.encode()]
    if not found:
        known = sorted({c.key_id.decode() for c in ssh_certificates(state, profile_name)})
        raise PkiRefused(Code.ZP004, wanted=name, known=", ".join(known) or "-")
    before = revoked_keys(state, profile_name)
    new = {key_line(_certified(certificate)) for certificate in found} - set(before)
    if not new:
        raise PkiRefused(Code.ZP005, wanted=name)
    revoked, own = (*before, *sorted(new)), state.folder / profile_name
    if state.profiles.get(profile_name, SshProfile).certifies == "host":
        replace_file(own / KNOWN_HOSTS, known_hosts(read_file(own / SSH_PUBLIC), revoked))
    # Last: it says that all is done, so that what was cut off can be done again.
    replace_file(own / REVOKED_KEYS, "".join(f"{line}\n" for line in revoked).encode())
    return tuple(f"{certificate.serial:x}" for certificate in found)


def _named_in_force(
    state: State, profile_name: str, name: str, key: PublicKey, now: datetime
) -> Iterator[str]:
    """Give what certificates of a person or of a key name that still count."""
    revoked = set(revoked_keys(state, profile_name))
    for found in ssh_certificates(state, profile_name):
        line = key_line(_certified(found))
        same = found.key_id == name.encode() or line == key_line(key)
        if same and found.valid_before > now.timestamp() and line not in revoked:
            yield from (principal.decode() for principal in found.valid_principals)


def ssh_certificates(state: State, profile_name: str) -> tuple[SSHCertificate, ...]:
    """Give everything that one of SSH's authorities issued, oldest first.

    Raises:
        PkiRefused: a file is damaged.
    """
    files = (state.folder / profile_name / ISSUED).glob(f"*{_ENDING}")
    found = [_read_certificate(file) for file in files]
    return tuple(sorted(found, key=lambda c: (c.valid_after, c.serial)))


def revoked_keys(state: State, profile_name: str) -> tuple[str, ...]:
    """Give the lines of an authority's revoked keys."""
    file = state.folder / profile_name / REVOKED_KEYS
    return tuple(read_file(file).decode().splitlines()) if file.exists() else ()


def key_line(key: PublicKey) -> str:
    """Give a key as one line, without a comment."""
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def certified_line(certificate: SSHCertificate) -> str:
    """Give the key that a certificate is for, as one line."""
    return key_line(_certified(certificate))


def _is_address(name: str) -> bool:
    """Tell whether a name is an address, written as ssh compares it."""
    try:
        return str(ip_address(name)) == name
    except ValueError:
        return False


def _authority_key(state: State, name: str, secrets: Secrets) -> Key:
    file = state.folder / name / KEY
    key = read_key(file, secrets.passphrase)
    public = load_ssh_public_key(read_file(state.folder / name / SSH_PUBLIC))
    if key_identity(public) != key_identity(key.public_key()):
        raise PkiRefused(Code.ZP013, file=file, name=name)
    return key


def _read_public(untrusted_key: bytes, profile: SshProfile) -> PublicKey:
    try:
        key = load_ssh_public_key(untrusted_key.strip())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PkiRefused(Code.ZP060) from error
    found = algorithm_of(key)
    if found is None or found not in profile.keys:
        known = ", ".join(profile.keys)
        raise PkiRefused(Code.ZP032, found=found or type(key).__name__, known=known)
    return key  # type: ignore[return-value]  # algorithm_of knows only such keys


def _read_certificate(file: Path) -> SSHCertificate:
    try:
        found = load_ssh_public_identity(read_file(file).strip())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="SSH certificate") from error
    if not isinstance(found, SSHCertificate) or file.name != f"{found.serial:x}{_ENDING}":
        raise PkiRefused(Code.ZP015, file=file)
    return found


def _certified(certificate: SSHCertificate) -> PublicKey:
    return certificate.public_key()  # type: ignore[return-value]  # only such are certified
