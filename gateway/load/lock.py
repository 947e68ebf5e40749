"""One loader at a time on a host."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import Refused, problem

LOCK_FILE = "load.lock"

_ASK_AGAIN_SECONDS = 0.05


@contextmanager
def only_loader(directory: Path, patience_seconds: float = 0) -> Iterator[None]:
    """Hold the host's lock; the kernel lets go of it when the process ends, however it ends.

    With patience the lock is waited for: a proof holds it for a moment too.

    Raises:
        Refused: ZG504, another loader holds it; ZG514, the file cannot be had.
    """
    path = directory / LOCK_FILE
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as fault:
        raise Refused(problem("ZG514", file=path, error=fault)) from fault
    try:
        _take(descriptor, time.monotonic() + patience_seconds)
        with suppress(OSError):  # who holds it is only told; a full disk keeps no host open
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            if time.monotonic() < until:
                time.sleep(_ASK_AGAIN_SECONDS)
                continue
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "?"
            raise Refused(problem("ZG504", process=holder)) from fault
        return
