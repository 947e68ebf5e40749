"""Make a plan's authorities: the root, those below it, and SSH's; once, in a ceremony."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.build import Issuer, make_authority, make_list, make_root
from pki.errors import Code, PkiRefused
from pki.files import create_files
from pki.keys import key_text
from pki.names import Realm
from pki.parts import Key, make_key
from pki.profiles import PACKAGED, SshProfile, load_profiles
from pki.state import (
    CERTIFICATE,
    ISSUED,
    KEY,
    LIST_DER,
    LIST_PEM,
    ROOT,
    SETTINGS,
    TOKEN,
    check_year,
    settings_text,
)

CODES = "codes"
SSH_PUBLIC = "authority.pub"

#: Keys that count no more, a line each; sshd refuses everybody where it is missing.
REVOKED_KEYS = "revoked_keys"

#: By what whoever comes to a host knows it: no unknown key is ever asked about.
KNOWN_HOSTS = "known_hosts"


@dataclass(frozen=True, slots=True)
class RootKey:
    """The root's key and the one file by which it is found again."""

    key: Key
    file: str
    content: bytes


def root_key_in_file(algorithm: str, passphrase: bytes | None) -> RootKey:
    """Make the root's key for an encrypted file.

    Raises:
        PkiRefused: there is no passphrase; the root's key is never written in the clear.
    """
    if passphrase is None:
        raise PkiRefused(Code.ZP052)
    key = make_key(algorithm)
    return RootKey(key, KEY, key_text(key, passphrase))


def root_key_in_token(key: Key, description: bytes) -> RootKey:
    """Take a key that a token holds; the file only says where it is."""
    return RootKey(key, TOKEN, description)


def initialise(  # noqa: PLR0913 - what a ceremony decides
    folder: Path,
    realm: Realm,
    root_key: RootKey,
    now: datetime,
    *,
    issuing_passphrase: bytes | None = None,
    list_url: str | None = None,
    profiles: Path = PACKAGED,
) -> tuple[Path, ...]:
    """Make every authority of a plan and its first, empty list of revocations.

    Args:
        folder: where to; it may exist, but hold none of the files.
        realm: whose authorities they are.
        root_key: made for this folder.
        now: with a time zone.
        issuing_passphrase: encrypts the keys below the root; None leaves them to the
            file's mode, as a server without a person needs.
        list_url: where lists will be fetched from, if anywhere: `<list_url>/links.crl`.
        profiles: the folder of profiles.

    Returns:
        The files that were made.

    Raises:
        PkiRefused: a file is there already, a name is not possible, or the clock is wrong.
    """
    check_year(now)
    realm.check()
    known = load_profiles(profiles)
    root = Issuer(root_key.key, make_root(realm, known.root, root_key.key, now))
    contents: dict[str, Mapping[str, bytes]] = {
        ROOT: {root_key.file: root_key.content, **_public(root, known.root.list_days, now)}
    }
    for authority in known.authorities:
        key = make_key(authority.key)
        leaves = known.below(authority.name)
        certificate = make_authority(
            realm, authority, leaves, key=key.public_key(), root=root, now=now
        )
        contents[authority.name] = {
            KEY: key_text(key, issuing_passphrase),
            **_public(Issuer(key, certificate), authority.list_days, now),
        }
    for ssh in known.ssh:
        key = make_key(ssh.key)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        comment = f" {realm.plan}-{ssh.name}\n".encode()
        contents[ssh.name] = {
            KEY: key_text(key, issuing_passphrase),
            **_ssh_public(ssh, public + comment),
        }
    contents[""] = {SETTINGS: settings_text(realm, list_url)}
    return tuple(_write(folder, contents))


def _public(issuer: Issuer, days: int, now: datetime) -> Mapping[str, bytes]:
    first = make_list(issuer, (), 1, days, now)
    return {
        CERTIFICATE: issuer.certificate.public_bytes(Encoding.PEM),
        LIST_PEM: first.public_bytes(Encoding.PEM),
        LIST_DER: first.public_bytes(Encoding.DER),
    }


def known_hosts(authority: bytes, revoked: Iterable[str]) -> bytes:
    """Give the lines by which ssh knows every host that an authority has certified."""
    lines = (f"@revoked * {key}\n" for key in revoked)
    return b"@cert-authority * " + authority + "".join(lines).encode()


def _ssh_public(profile: SshProfile, public: bytes) -> Mapping[str, bytes]:
    files = {SSH_PUBLIC: public, REVOKED_KEYS: b""}
    return {**files, KNOWN_HOSTS: known_hosts(public, ())} if profile.certifies == "host" else files


def _write(folder: Path, contents: Mapping[str, Mapping[str, bytes]]) -> Iterator[Path]:
    """Write the settings last: without them the folder is none."""
    for name in contents:
        if (folder / name).exists() and any((folder / name).iterdir()):
            raise PkiRefused(Code.ZP001, file=folder / name)
    for name, files in contents.items():
        yield from create_files(folder / name, files)
        if name:
            (folder / name / ISSUED).mkdir(mode=0o700)
    (folder / CODES).mkdir(mode=0o700)
