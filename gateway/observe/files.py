"""The files of a log: what they are called, and how one is put in place of another."""

import os
from pathlib import Path

from gateway.policy.disk import settle

RECORDS, CHECKPOINTS = ".jsonl", ".checkpoints"

#: The newest checkpoint, to be copied elsewhere; and the key that its signature is judged by.
LATEST_FILE, KEY_FILE = "checkpoint", "key.vkey"

#: What spares a follower that starts from reading everything; the records count, not this.
STATE_FILE = "state.json"

#: Held by the one follower that writes.
LOCK_FILE = "lock"

#: The group may read: who looks decisions up writes nothing.
MODE = 0o640


def days(folder: Path, suffix: str = RECORDS) -> list[str]:
    """Give the days that a log has a file of, oldest first."""
    return sorted(file.stem for file in folder.glob(f"????-??-??{suffix}"))


def open_to_append(file: Path) -> int:
    """Open a file that only grows; it is there on the disk under its name afterwards.

    Raises:
        OSError: it cannot be opened.
    """
    is_new = not file.exists()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(file, flags, MODE)
    if is_new:
        settle(file.parent)
    return descriptor


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte.

    Raises:
        OSError: the disk is full, or worse; some bytes may be written.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def replace_file(file: Path, content: bytes) -> None:
    """Put a file in place of another, so that after a power cut it is the one or the other.

    Raises:
        OSError: it cannot be written.
    """
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(new, flags, MODE)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(file)
    settle(file.parent)
