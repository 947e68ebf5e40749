"""Everything that the kernel tells of one thing, as bytes: a dump over netlink.

For what a general library reads too slowly, or not at all.
"""

import errno
import os
import socket
from collections.abc import Callable
from struct import Struct
from typing import Final

#: linux/netlink.h.
_ERROR: Final = 2
_DONE: Final = 3
_REQUEST_DUMP: Final = 0x301
_INTERRUPTED: Final = 0x10
_HEADER = Struct("=IHHII")

_BUFFER_BYTES: Final = 1 << 18
_TIMEOUT_SECONDS: Final = 30

#: A dump that is interrupted, since what it tells of changed, is begun again this often.
_ATTEMPTS: Final = 5


def dump(protocol: int, question: int, more: bytes = b"") -> list[bytes] | None:
    """Give every answer's body; None when something changed so that some may be missing.

    Args:
        protocol: NETLINK_…, as linux/netlink.h has it.
        question: the message's type.
        more: what follows the message's header.

    Raises:
        OSError: the kernel does not say.
    """
    told: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as kernel:
        kernel.settimeout(_TIMEOUT_SECONDS)
        kernel.send(_HEADER.pack(_HEADER.size + len(more), question, _REQUEST_DUMP, 1, 0) + more)
        while True:
            received = kernel.recv(_BUFFER_BYTES)
            place = 0
            while place < len(received):
                length, kind, flags, _, _ = _HEADER.unpack_from(received, place)
                body = received[place + _HEADER.size : place + length]
                if kind == _ERROR:
                    number = -Struct("=i").unpack_from(body)[0]
                    raise OSError(number, os.strerror(number))
                if flags & _INTERRUPTED:
                    return None
                if kind == _DONE:
                    return told
                told.append(body)
                place += (length + 3) & ~3


def whole(ask: Callable[[], list[bytes] | None]) -> list[bytes]:
    """Ask until nothing was missing.

    Raises:
        OSError: the kernel does not say, or what it tells of never stood still.
    """
    for _ in range(_ATTEMPTS):
        told = ask()
        if told is not None:
            return told
    raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))
