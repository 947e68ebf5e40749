"""Whether a bundle may be used: nothing of it is unpacked before all of it was judged.

First who signed the list, and when; then that each file is on it, as it was, and that none is
missing.  What is unpacked is compared once more while it is written, so that a file that was
changed in between is not used either.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.bundle.lists import (
    HEAD,
    HOSTS,
    MANIFEST,
    SIGNATURE,
    SUMS,
    TREE,
    Manifest,
    is_name,
    read_manifest,
    read_sums,
)
from gateway.bundle.packages import digest_of
from gateway.bundle.signature import Signers, check_signature
from gateway.errors import Refused, Where, problem, refuse_any

#: Where a bundle lies in the tree that is unpacked from it.
FOLDER = "bundle"

#: A bundle is older than its packages' faults are known; so old it may be, unless said otherwise.
DEFAULT_DAYS = 30

#: What the clocks of two machines may differ.
_AHEAD = timedelta(minutes=10)

_HEAD_BYTES = 4 << 20
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom and what is believed.

    `newer_than` is when the bundle was made that was used last: what is older is not.
    """

    signers: Signers
    now: datetime
    days: int = DEFAULT_DAYS
    newer_than: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A bundle that may be used, and who signed it."""

    manifest: Manifest
    signer: str
    files: int


def judge(file: Path, trust: Trust) -> Judged:
    """Say what a bundle is, if it may be used.

    Raises:
        Refused: ZG270 to ZG275, it may not.
    """
    with _opened(file) as archive:
        return _judge(archive, trust, Where(str(file)))[0]


def unpack(file: Path, folder: Path, trust: Trust) -> Judged:
    """Unpack a bundle: its tree into a folder, and itself into the folder `bundle` there.

    Args:
        file: the bundle.
        folder: a new one; it is there when all of it is.
        trust: whom and what is believed.

    Raises:
        Refused: ZG270 to ZG275, it may not be used; ZG279, the folder cannot be written.
    """
    where = Where(str(file))
    new = folder.with_name(f"{folder.name}.new")
    try:
        with _opened(file) as archive:
            judged, digests = _judge(archive, trust, where)
            if folder.exists():
                raise FileExistsError(17, "it is there already", str(folder))
            shutil.rmtree(new, ignore_errors=True)
            (new / FOLDER).mkdir(parents=True)
            for member in _members(archive, where):
                _write(archive, member, new / FOLDER, digests[member.name], where)
        if (tree := new / FOLDER / TREE).exists():
            _plant(tree, new, where)
        new.rename(folder)
    except OSError as fault:
        raise Refused(problem("ZG279", Where(str(folder)), error=fault.strerror)) from fault
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return judged


def unpacked_hosts(folder: Path) -> str:
    """Give the digest of the hosts' packages in an unpacked bundle, compared with its list.

    Raises:
        Refused: ZG272, they are not as they were; ZG273, they are not there.
    """
    where, packed = Where(str(folder)), folder / HOSTS
    try:
        expected = read_sums((folder / SUMS).read_text("utf-8"), where).get(HOSTS)
    except OSError as fault:
        raise Refused(problem("ZG273", where, name=SUMS)) from fault
    if expected is None or not packed.is_file():
        raise Refused(problem("ZG273", where, name=HOSTS))
    if digest_of(packed) != expected:
        raise Refused(problem("ZG272", where, name=HOSTS))
    return expected


def made_of(tree: Path) -> datetime | None:
    """Give when the bundle was made that a tree was unpacked from, if it was."""
    file = tree / FOLDER / MANIFEST
    if not file.exists():
        return None
    return read_manifest(file.read_text("utf-8"), Where(str(file))).made


def _judge(
    archive: tarfile.TarFile, trust: Trust, where: Where
) -> tuple[Judged, Mapping[str, str]]:
    """Judge all of a bundle; give what it is, and the digest of each of its files."""
    members = _members(archive, where)
    head = _head(archive, members, trust, where)
    sums = read_sums(_text(head, SUMS, where), where)
    manifest = read_manifest(_text(head, MANIFEST, where), where)
    signer = check_signature(head[SUMS], head[SIGNATURE], trust.signers, manifest.made, where)
    _check_age(manifest, trust, where)
    found = {name: hashlib.sha256(content).hexdigest() for name, content in head.items()}
    expected = {**sums, **{name: found[name] for name in (SUMS, SIGNATURE)}}
    for name in (MANIFEST, *_others(archive, members, found, where)):
        if name not in expected:
            raise Refused(problem("ZG274", where, name=name))
    refuse_any(problem("ZG273", where, name=name) for name in expected.keys() - found.keys())
    altered = (name for name, digest in found.items() if digest != expected[name])
    refuse_any(problem("ZG272", where, name=name) for name in altered)
    return Judged(manifest, signer, len(sums)), expected


def _head(
    archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo], trust: Trust, where: Where
) -> dict[str, bytes]:
    """Read what comes first: the list, its signature, and what the bundle says of itself."""
    head = {}
    for wanted in HEAD:
        member = next(members, None)
        if member is None or member.name != wanted or member.size > _HEAD_BYTES:
            if wanted == SIGNATURE:
                signers = trust.signers.file
                raise Refused(problem("ZG271", where, error=f"no {wanted}", signers=signers))
            raise Refused(problem("ZG270", where, error=f"no {wanted}"))
        head[wanted] = b"".join(_pieces(archive, member))
    return head


def _others(
    archive: tarfile.TarFile,
    members: Iterator[tarfile.TarInfo],
    found: dict[str, str],
    where: Where,
) -> Iterator[str]:
    """Give the name of each file that follows, and note its digest."""
    for member in members:
        if member.name in found:
            raise Refused(problem("ZG274", where, name=member.name))
        digest = hashlib.sha256()
        for piece in _pieces(archive, member):
            digest.update(piece)
        found[member.name] = digest.hexdigest()
        yield member.name


def _check_age(manifest: Manifest, trust: Trust, where: Where) -> None:
    """Return nothing, or raise where a bundle is too old, or older than what was used last."""
    oldest = trust.now - timedelta(days=trust.days)
    if trust.newer_than is not None:
        oldest = max(oldest, trust.newer_than)
    if not oldest <= manifest.made <= trust.now + _AHEAD:
        made, after = (time.isoformat(timespec="minutes") for time in (manifest.made, oldest))
        raise Refused(problem("ZG275", where, made=made, after=after))


def _write(
    archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, digest: str, where: Where
) -> None:
    """Write one file of a bundle that was judged."""
    path, now = folder / member.name, hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        for piece in _pieces(archive, member):
            now.update(piece)
            out.write(piece)
    if now.hexdigest() != digest:
        raise Refused(problem("ZG272", where, name=member.name))


def _plant(tree: Path, folder: Path, where: Where) -> None:
    """Unpack the tree: folders and files, nothing that leads elsewhere.

    Written out, for the Python of Debian 12 has no filter for it.
    """
    with _opened(tree) as archive:
        for member in archive:
            name = member.name.rstrip("/")
            if not (member.isreg() or member.isdir()) or not _is_of_tree(name):
                raise Refused(problem("ZG274", where, name=_shown(f"{TREE}: {name}")))
            path = folder / name
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as out:
                out.writelines(_pieces(archive, member))
            path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _is_of_tree(name: str) -> bool:
    """Tell whether a tree may have a file of that name: below it, and not where the bundle lies."""
    parts = name.split("/")
    return parts[0] != FOLDER and not {"", ".", "..", ".git"} & set(parts)


def _members(archive: tarfile.TarFile, where: Where) -> Iterator[tarfile.TarInfo]:
    """Give what is in an archive, if each is a file that lies below."""
    for member in archive:
        if not member.isreg() or not is_name(member.name):
            raise Refused(problem("ZG274", where, name=_shown(member.name)))
        yield member


def _pieces(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    content = archive.extractfile(member)
    while content is not None and (piece := content.read(_PIECE_BYTES)):
        yield piece


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive that is not compressed.

    Raises:
        Refused: ZG270, it cannot be read as one.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError, FileNotFoundError, IsADirectoryError) as fault:
        raise Refused(problem("ZG270", Where(str(file)), error=str(fault))) from fault


def _text(head: Mapping[str, bytes], name: str, where: Where) -> str:
    try:
        return head[name].decode("ascii")
    except UnicodeDecodeError as fault:
        raise Refused(problem("ZG270", where, error=f"{name}: {fault}")) from fault


def _shown(name: str) -> str:
    return ascii(name)[1:-1][:200]
