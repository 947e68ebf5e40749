"""Network namespaces by name: make, enter, remove.

It knows the kernel and `ip`, and nothing of plans.  `ip -batch` makes a
hundred namespaces in 0.2 s, so no library stands between.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gateway.errors import Refused, problem

IP = "/sbin/ip"
NFT = "/usr/sbin/nft"

_FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_SHORTEST_PREFIX = 4

_libc = ctypes.CDLL(None, use_errno=True)

Result = TypeVar("Result")


def add(names: Iterable[str]) -> None:
    """Make namespaces.

    Raises:
        Refused: the kernel or `ip` would not.
    """
    ip(f"netns add {name}" for name in names)


def names(prefix: str) -> list[str]:
    """Give the namespaces that carry a prefix."""
    if not _FOLDER.is_dir():
        return []
    return sorted(entry.name for entry in _FOLDER.iterdir() if entry.name.startswith(prefix))


def sweep(prefix: str) -> list[str]:
    """Remove the namespaces that carry a prefix, with all that is in them; give their names.

    It cannot be interrupted: half a clean-up is none.

    Raises:
        ValueError: the prefix is so short that it may mean somebody else's.
        Refused: as `remove`.
    """
    if len(prefix) < _SHORTEST_PREFIX or not prefix.endswith("-"):
        raise ValueError(prefix)
    with _uninterrupted():
        found = names(prefix)
        remove(found)
    return found


def remove(namespaces: Iterable[str]) -> None:
    """Remove namespaces, with all that is in them.

    Raises:
        Refused: one could not be removed.
    """
    unwanted = set(namespaces)
    with _uninterrupted():
        # An interrupted `ip` leaves the file of a namespace without the namespace in it.
        ip((f"netns delete {name}" for name in sorted(unwanted)), go_on=True)
        left = unwanted.intersection(names(""))
    if left:
        raise Refused(problem("ZG662", command="ip netns delete", answer=", ".join(sorted(left))))


def ip(lines: Iterable[str], namespace: str | None = None, *, go_on: bool = False) -> None:
    """Give `ip` a batch of commands, in a namespace or where we are.

    With `go_on` a line that fails does not keep the next from being tried.

    Raises:
        Refused: one failed, and the others are not wanted without it.
    """
    where = ["-n", namespace] if namespace else []
    force = ["-force"] if go_on else []
    done = subprocess.run(
        [IP, *where, *force, "-batch", "-"],
        input="\n".join([*lines, ""]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and not go_on:
        raise Refused(problem("ZG662", command="ip", answer=done.stderr.strip()))


def inside(namespace: str, work: Callable[[], Result]) -> Result:
    """Do some work inside a namespace.

    It is done by a thread of its own, which then ends: a namespace belongs to
    a thread, and what was opened there stays there.
    """

    def enter_and_work() -> Result:
        _enter(namespace)
        return work()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(enter_and_work).result()


def run(namespace: str, command: Sequence[str], text: str = "") -> str:
    """Run a command inside a namespace and give what it says.

    Raises:
        Refused: it failed; carries its last words.
    """
    done = inside(
        namespace,
        lambda: subprocess.run(command, input=text, capture_output=True, text=True, check=False),
    )
    if done.returncode:
        raise Refused(problem("ZG662", command=command[0], answer=done.stderr.strip()))
    return done.stdout


def set_sysctls(namespace: str, values: Iterable[tuple[str, str]]) -> None:
    """Set kernel values below `net/`, in the given order."""

    def write() -> None:
        for name, value in values:
            Path("/proc/sys/net", name).write_text(value, "ascii")

    inside(namespace, write)


def _enter(namespace: str) -> None:
    """Move this thread into a namespace (`os.setns` exists from Python 3.12 on)."""
    with (_FOLDER / namespace).open("rb") as handle:
        if _libc.setns(handle.fileno(), _CLONE_NEWNET):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), namespace)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and a polite kill wait."""
    waiting = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waiting)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
