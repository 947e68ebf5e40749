"""Hear what a gateway refuses: a reader of the kernel's packet log.

The kernel sends what a rule logs to the one socket that is bound to the rule's
group in the rule's namespace.  Numbers are those of
`linux/netfilter/nfnetlink_log.h`.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.artefacts import LOG_GROUP
from lab.trace import Trace, read_packet

#: What stands before the reason in the prefix of a refusal's log entry.
REFUSAL_MARK = "loushan:"

_NETLINK_NETFILTER = 12
_PACKET, _CONFIG = 4 << 8, 4 << 8 | 1
_ERROR = 2
_REQUEST_AND_ACKNOWLEDGE = 1 | 4

_CFG_COMMAND, _CFG_MODE, _CFG_BUFFER_SIZE, _CFG_THRESHOLD = 1, 2, 3, 5
_BIND, _COPY_PACKET = 1, 2
_PAYLOAD, _PREFIX = 9, 10
_ATTRIBUTE_TYPE = 0x3FFF

#: Addresses and ports of either family fit, with the attributes around them.
_COPIED_BYTES, _ENTRY_BYTES = 128, 512

#: Room for a burst; an entry costs the kernel about a kilobyte.
_RECEIVE_BYTES = 16 << 20
_SO_RCVBUFFORCE = 33


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One logged packet: the rule's prefix, and what the packet was if we can tell."""

    prefix: str
    trace: Trace | None

    @property
    def reason(self) -> str:
        """The reason of a refusal, or nothing where the entry is no refusal of ours."""
        if not self.prefix.startswith(REFUSAL_MARK):
            return ""
        return self.prefix.removeprefix(REFUSAL_MARK)


class LogReader:
    """Reads one log group of the namespace it was opened in."""

    def __init__(self, group: int = LOG_GROUP) -> None:
        """Bind to a group.

        Raises:
            OSError: somebody else reads this group, or we may not (EPERM for both).
        """
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
            self._configure(group, _CFG_COMMAND, struct.pack("B", _BIND))
            self._configure(group, _CFG_MODE, struct.pack("!IBx", _COPIED_BYTES, _COPY_PACKET))
            self._configure(group, _CFG_BUFFER_SIZE, struct.pack("!I", _ENTRY_BYTES))
            # Each entry at once; by default the kernel waits a second for more.
            self._configure(group, _CFG_THRESHOLD, struct.pack("!I", 1))
        except BaseException:
            self.socket.close()
            raise
        self.socket.settimeout(0)

    def fileno(self) -> int:
        """Give the socket's file, to wait for."""
        return self.socket.fileno()

    def entries(self) -> Iterator[LogEntry]:
        """Give what was logged since the last call.

        Raises:
            OSError: entries were lost (ENOBUFS); nothing can be said any more.
        """
        while True:
            try:
                data = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            for kind, body in _messages(data):
                if kind == _PACKET:
                    yield _entry(body)

    def close(self) -> None:
        """Leave the group."""
        self.socket.close()

    def _configure(self, group: int, attribute: int, value: bytes) -> None:
        body = struct.pack("!BBH", socket.AF_UNSPEC, 0, group)
        body += struct.pack("=HH", 4 + len(value), attribute) + value + bytes(-len(value) % 4)
        head = struct.pack("=IHHII", 16 + len(body), _CONFIG, _REQUEST_AND_ACKNOWLEDGE, 0, 0)
        self.socket.send(head + body)
        for kind, answer in _messages(self.socket.recv(1 << 16)):
            if kind == _ERROR and (code := -struct.unpack_from("=i", answer)[0]):
                raise OSError(code, f"{errno.errorcode.get(code)}: {os.strerror(code)}")


def _entry(body: bytes) -> LogEntry:
    attributes = dict(_attributes(body))
    prefix = attributes.get(_PREFIX, b"").rstrip(b"\0").decode("utf-8", "replace")
    return LogEntry(prefix, read_packet(attributes.get(_PAYLOAD, b"")))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the kind and the body of each netlink message."""
    while data:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:length]
        data = data[-(-length // 4) * 4 :]


def _attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the attributes that follow the four bytes of family and group."""
    rest = body[4:]
    while rest:
        length, kind = struct.unpack_from("=HH", rest)
        yield kind & _ATTRIBUTE_TYPE, rest[4:length]
        rest = rest[-(-length // 4) * 4 :]
