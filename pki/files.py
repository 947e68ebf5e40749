"""Files that are written whole or not at all, and keys that only their owner reads.

Every other module of `pki` goes through here to the disk.
"""

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pki.errors import Code, PkiRefused

#: Largest file that is read: a list of revocations with some 20 000 serials.
LARGEST_BYTES = 1024 * 1024

#: How long one operation waits for another on the same folder.
LOCK_SECONDS = 20.0

_LOCK = "lock"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_file(file: Path) -> bytes:
    """Read a small regular file without following a link.

    Raises:
        PkiRefused: it cannot be read, is no regular file, or is too large.
    """
    return _read(file, private=False)


def read_private(file: Path) -> bytes:
    """Read a file that only its owner can read.

    Raises:
        PkiRefused: the same, or others may read or write it.
    """
    return _read(file, private=True)


def create_files(folder: Path, contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Write new files; keys for their owner alone, from their first moment.

    Raises:
        PkiRefused: one is there already, or cannot be written.
    """
    for name in contents:
        if os.path.lexists(folder / name):
            raise PkiRefused(Code.ZP001, file=folder / name)
    file = folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            file = folder / name
            _write_new(file, content, 0o600 if name.endswith(".key") else 0o644)
            yield file
        _sync_folder(folder)
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error


def replace_file(file: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all.

    Raises:
        PkiRefused: it cannot be written; then the old one stands.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=file.parent) as beside:
            new = Path(beside) / file.name
            _write_new(new, content, mode)
            new.replace(file)
        _sync_folder(file.parent)
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error


@contextmanager
def locked(folder: Path, wait_seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Keep every other operation out of a folder; the kernel lets go when we die.

    Raises:
        PkiRefused: another one did not end in time, or the folder cannot be written.
    """
    file = folder / _LOCK
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error
    try:
        _wait_for(descriptor, fcntl.LOCK_EX, file, time.monotonic() + wait_seconds)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def settled(folder: Path, wait_seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Keep every operation that changes a folder out of it while it is read.

    Raises:
        PkiRefused: one did not end in time.
    """
    file = folder / _LOCK
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield  # nobody ever changed it, or we may not wait; the reading says the rest
        return
    try:
        _wait_for(descriptor, fcntl.LOCK_SH, file, time.monotonic() + wait_seconds)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, kind: int, file: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise PkiRefused(Code.ZP010, file=file) from error
            time.sleep(0.02)
        else:
            return


def _read(file: Path, *, private: bool) -> bytes:
    try:
        # Without waiting: a pipe in place of the file would hold us for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with os.fdopen(os.open(file, flags), "rb") as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_BYTES:
                raise PkiRefused(Code.ZP009, file=file, limit=LARGEST_BYTES)
            if private and found.st_mode & _OTHERS:
                raise PkiRefused(Code.ZP011, file=file, mode=f"{found.st_mode & 0o777:o}")
            return opened.read(LARGEST_BYTES)
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error


def _write_new(file: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
