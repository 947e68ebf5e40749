"""An archive as it came: read once, and every file in it compared with what it says of itself.

What it says of itself is its last member, so one that was cut off says
nothing.  A file that is not known by its name is refused: a key has none.
"""

import gzip
import json
import re
import shutil
import stat
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NoReturn

from gateway.errors import Refused, Where, problem
from gateway.load.inforce import Stamp

FORMAT = 1
MANIFEST = "manifest.json"

#: Of the digest and the logs; nobody writes longer ones of the others either.
_LARGEST_MANIFEST_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20

_LOG = r"(checkpoint|key\.vkey|[0-9]{4}-[0-9]{2}-[0-9]{2}\.(jsonl|checkpoints))"
_STAMP = r"[0-9]{8}T[0-9]{6}Z"
_BLOCK = r"[0-9A-Z]{26}/(index|meta\.json|tombstones|chunks/[0-9]{6})"
_KNOWN = re.compile(
    rf"(decisions|earlier/{_STAMP})/{_LOG}"
    r"|notes/(aide\.db|(sudo|audit)\.log[0-9a-z.-]*)"
    rf"|prometheus/({_BLOCK}|wal/(checkpoint\.[0-9]+/)?[0-9]+|chunks_head/[0-9]+)"
    r"|alertmanager/(nflog|silences)"
    r"|journals/remote-[0-9A-Za-z.@-]+\.journal",
    re.ASCII,
)

#: What is looked into; the rest is only compared.
_UNPACKED = re.compile(r"(decisions|earlier)/")


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that holds what it says; its logs are unpacked in `folder`.

    `machine` tells the installation that it is of; `accepted` is the policy
    that the host had accepted last.
    """

    file: Path
    folder: Path
    host: str
    made: datetime
    machine: str
    accepted: Stamp | None
    manifest: Mapping[str, Any]

    @property
    def logs(self) -> list[Path]:
        """The folders of the decision logs in it that have records, the newest first."""
        folders = [self.folder / "decisions", *sorted((self.folder / "earlier").glob("*"))]
        return [folder for folder in folders if any(folder.glob("*.jsonl"))]


def check_private(folder: Path) -> None:
    """Refuse a folder that others may read.

    Raises:
        Refused: ZG286, they may.
    """
    if folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused(problem("ZG286", Where(str(folder))))


@contextmanager
def opened(file: Path, host: str) -> Iterator[Archive]:
    """Read an archive of a host.

    Raises:
        Refused: ZG280, it cannot be read; ZG281, it is not what it says; ZG282, it is another
            host's.
    """
    with tempfile.TemporaryDirectory(prefix="loushan-archive-") as beside:
        folder = Path(beside)
        try:
            found, manifest = _read(file, folder)
            archive = _understood(file, folder, manifest)
        except (OSError, EOFError, tarfile.TarError, zlib.error) as fault:
            _unreadable(file, fault)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            _unreadable(file, fault)
        _compare(file, found, manifest["files"])
        if archive.host != host:
            raise Refused(problem("ZG282", Where(str(file)), of=archive.host, host=host))
        yield archive


def _read(file: Path, folder: Path) -> tuple[dict[str, object], Mapping[str, Any]]:
    """Give the digest and the length of every file, and what the archive says of itself."""
    found: dict[str, object] = {}
    with gzip.open(file) as whole, tarfile.open(fileobj=whole, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                _altered(file, member.name, "no plain file", "不是普通文件")
            if member.name == MANIFEST:
                manifest = json.loads(content.read(_LARGEST_MANIFEST_BYTES))
                if archive.next() is not None:
                    _altered(file, MANIFEST, "not the last one", "不是最后一项")
                # At its very end is a sum of all that came before.
                while whole.read(_CHUNK_BYTES):
                    pass
                return found, manifest
            if not _KNOWN.fullmatch(member.name) or member.name in found:
                _altered(file, member.name, "not known by its name", "名称无法识别")
            found[member.name] = _noted(content, _place(folder, member.name))
    message = f"no {MANIFEST}"
    raise ValueError(message)


def _place(folder: Path, name: str) -> Path | None:
    if not _UNPACKED.match(name):
        return None
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _noted(content: IO[bytes], place: Path | None) -> object:
    """Read a file to its end, into its place where it has one."""
    if place is not None:
        with place.open("xb") as file:
            shutil.copyfileobj(content, file, _CHUNK_BYTES)
        content = place.open("rb")
    digest, count = sha256(), 0
    with content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            count += len(chunk)
    return {"sha256": digest.hexdigest(), "bytes": count}


def _understood(file: Path, folder: Path, manifest: Mapping[str, Any]) -> Archive:
    made = datetime.fromisoformat(manifest["made"]).astimezone(UTC)
    floor = manifest["accepted"]
    if manifest["format"] != FORMAT or not isinstance(manifest["files"], dict):
        message = f"not of format {FORMAT}"
        raise ValueError(message)
    if floor is not None:
        floor = Stamp(floor["plan"], floor["revision"], floor["digest"])
    host, machine = str(manifest["host"]), str(manifest["machine"])
    return Archive(file, folder, host, made, machine, floor, manifest)


def _compare(file: Path, found: Mapping[str, object], said: Mapping[str, object]) -> None:
    for name in sorted({*found, *map(str, said)}):
        if name not in found:
            _altered(file, name, "missing", "缺失")
        if found[name] != said.get(name):
            _altered(file, name, "not what it was when it was kept", "与备份时不一致")


def _unreadable(file: Path, fault: Exception) -> NoReturn:
    error = ascii(f"{type(fault).__name__}: {fault}")[1:-1]
    raise Refused(problem("ZG280", Where(str(file)), error=error)) from fault


def _altered(file: Path, name: str, en: str, zh: str) -> NoReturn:
    shown = ascii(name)[1:-1]
    raise Refused(problem("ZG281", Where(str(file)), name=shown, why_en=en, why_zh=zh))
