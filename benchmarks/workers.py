"""Programs of `traffic` inside namespaces: begun, asked for their last words, ended."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, cast

from lab import namespace


@contextmanager
def worker(where: str, word: str, given: str) -> Iterator[subprocess.Popen[str]]:
    """Have one at work in a namespace for a while; it is ready when this begins."""
    command = [sys.executable, "-m", "benchmarks.traffic", word, given]
    start = partial(
        subprocess.Popen,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for who began it
    )
    begun = namespace.inside(where, start)
    try:
        _pipe(begun.stdout).readline()  # it is ready
        yield begun
    finally:
        begun.kill()
        begun.wait()
        for end in (begun.stdin, begun.stdout):
            _pipe(end).close()


def last_words(begun: subprocess.Popen[str]) -> dict[str, object]:
    """Tell one to end, and give what it has found."""
    _pipe(begun.stdin).close()
    return awaited_words(begun)


def awaited_words(begun: subprocess.Popen[str]) -> dict[str, object]:
    """Wait until one ends by itself, and give what it has found."""
    words = _pipe(begun.stdout).readline()
    begun.wait()
    return cast("dict[str, object]", json.loads(words))


def _pipe(end: IO[str] | None) -> IO[str]:
    if end is None:
        raise TypeError
    return end
