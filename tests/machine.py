"""Who has the whole machine: what every network namespace sees is done by one test alone."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(*, alone: bool) -> Iterator[None]:
    """Keep the machine, alone or beside others that do not disturb each other.

    Whoever waits has the turn, so that nobody waits for ever.
    """
    with _locked("turn", fcntl.LOCK_EX) as turn:
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        with _locked("machine", kind):
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield


@contextmanager
def _locked(name: str, kind: int) -> Iterator[int]:
    path = Path(tempfile.gettempdir(), f"loushan-tests-{name}.lock")
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, kind)
        yield file
    finally:
        os.close(file)
