"""What systemd hands over and is told: sockets, readiness, signs of life; and our own programs."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

#: Where Debian writes down what is installed; another file after each change.
DPKG = Path("/var/lib/dpkg/status")

#: How often systemd hears that a service lives, and the service sees whether its programs are new.
LOOKING_SECONDS = 15.0

_FIRST = 3


def handed_over(environment: Mapping[str, str] = os.environ) -> list[socket.socket]:
    """Give the sockets that systemd opened; none where none are handed over."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    numbers = range(_FIRST, _FIRST + int(environment.get("LISTEN_FDS", "0")))
    for number in numbers:
        os.set_inheritable(number, False)  # noqa: FBT003 - as the system call has it
    return [socket.socket(fileno=number) for number in numbers]


def notify(message: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell systemd, where there is one; that it does not listen stops nothing."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(message.encode(), address)


def programs() -> Callable[[], bool]:
    """Give what tells whether our programs are those of now: later they may be brought anew.

    A service that ends then is begun again by systemd, with the new ones.
    """
    began_with = os.path.realpath(sys.path[0])
    return lambda: os.path.realpath(sys.path[0]) == began_with


def packages(status: Path = DPKG) -> Callable[[], bool]:
    """Give what tells whether Debian's packages are those of now, as `programs` does of ours."""

    def state() -> tuple[int, int] | None:
        with suppress(OSError):
            found = status.stat()
            return found.st_ino, found.st_mtime_ns
        return None

    began_with = state()
    return lambda: state() == began_with
