"""Writes archives of which the same files are the same bytes, whenever and by whomever."""

import tarfile
from collections.abc import Iterable
from pathlib import Path

from gateway.bundle.packages import EPOCH_SECONDS


def pack(out: Path, folder: Path, names: Iterable[str]) -> None:
    """Write files of a folder into an archive, in the order given.

    Args:
        out: the archive.
        folder: where the files are.
        names: below it, as they are to be called.
    """
    with tarfile.open(out, "x", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            file = folder / name
            member = tarfile.TarInfo(name)
            member.size = file.stat().st_size
            member.mtime, member.mode = EPOCH_SECONDS, 0o644
            with file.open("rb") as content:
                archive.addfile(member, content)


def files_below(folder: Path) -> tuple[str, ...]:
    """Give the files of a folder by their names in it, sorted."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return tuple(sorted(file.relative_to(folder).as_posix() for file in found))
