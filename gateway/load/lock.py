"""One loader at a time on a host."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import Refused, problem

LOCK_FILE = "load.lock"


@contextmanager
def only_loader(directory: Path) -> Iterator[None]:
    """Hold the host's lock; the kernel lets go of it when the process ends, however it ends.

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
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "?"
            raise Refused(problem("ZG504", process=holder)) from fault
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
