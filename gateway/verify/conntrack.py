"""The connections that this network namespace follows, read from netlink.

Read as bytes: a busy gateway follows hundreds of thousands, and a general
library takes half a millisecond for each.
"""

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from struct import Struct
from typing import Final

from gateway.policy.decide import Packet
from gateway.policy.topology import Hook

_NETLINK_NETFILTER: Final = 12

#: linux/netlink.h.
_ERROR: Final = 2
_DONE: Final = 3
_REQUEST_DUMP: Final = 0x301
_INTERRUPTED: Final = 0x10
_TYPE_MASK: Final = 0x3FFF

#: linux/netfilter/nfnetlink_conntrack.h.
_GET: Final = 0x0101
_TUPLE_ORIG: Final = 1
_STATUS: Final = 3
_TUPLE_IP: Final = 1
_TUPLE_PROTO: Final = 2
_IP_SOURCE: Final = (1, 3)
_IP_DESTINATION: Final = (2, 4)
_PROTO_NUMBER: Final = 1
_PROTO_PORT: Final = 3
_PROTO_TYPE: Final = (5, 8)

#: linux/netfilter/nf_conntrack_common.h: IPS_SRC_NAT and IPS_DST_NAT.
_TRANSLATED: Final = 0b11 << 4

_HEADER = Struct("=IHHII")
_ATTRIBUTE = Struct("=HH")
_NUMBER = Struct("!I")
_PORT = Struct("!H")
_FAMILY_BYTES: Final = 4

_BUFFER_BYTES: Final = 1 << 18
_TIMEOUT_SECONDS: Final = 30

#: A dump that the table's change of size interrupts is begun again this often.
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class TrackedFlow:
    """A connection that is followed; `packet` is its first one, at no particular hook."""

    packet: Packet
    is_translated: bool


def tracked_flows() -> Iterator[TrackedFlow]:
    """Give the flows that are followed, those inside the host left out.

    One that begins or ends meanwhile may be there or not.

    Raises:
        OSError: the kernel does not say, or its table never stood still.
    """
    for _ in range(_ATTEMPTS):
        entries = _entries()
        if entries is not None:
            flows = map(_flow, entries)
            yield from (flow for flow in flows if not flow.packet.source.is_loopback)
            return
    raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))


def _entries() -> list[bytes] | None:
    """Give every entry as bytes; None when the table changed so that some may be missing."""
    entries: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
        kernel.settimeout(_TIMEOUT_SECONDS)
        length = _HEADER.size + _FAMILY_BYTES
        kernel.send(_HEADER.pack(length, _GET, _REQUEST_DUMP, 1, 0) + bytes(_FAMILY_BYTES))
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
                    return entries
                entries.append(body[_FAMILY_BYTES:])
                place += (length + 3) & ~3


def _flow(body: bytes) -> TrackedFlow:
    parts = _attributes(body)
    origin = _attributes(parts[_TUPLE_ORIG])
    addresses, what = _attributes(origin[_TUPLE_IP]), _attributes(origin[_TUPLE_PROTO])
    types = [what[number][0] for number in _PROTO_TYPE if number in what]
    port = _PORT.unpack(what[_PROTO_PORT])[0] if _PROTO_PORT in what else 0
    packet = Packet(
        hook=Hook.FORWARD,
        arrival="",
        departure="",
        source=ip_address(_first(addresses, _IP_SOURCE)),
        destination=ip_address(_first(addresses, _IP_DESTINATION)),
        protocol=what[_PROTO_NUMBER][0],
        port=types[0] if types else port,
    )
    status = _NUMBER.unpack(parts[_STATUS])[0] if _STATUS in parts else 0
    return TrackedFlow(packet, bool(status & _TRANSLATED))


def _attributes(body: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, place)
        found[kind & _TYPE_MASK] = body[place + _ATTRIBUTE.size : place + length]
        place += (length + 3) & ~3
    return found


def _first(parts: dict[int, bytes], numbers: tuple[int, int]) -> bytes:
    return next(parts[number] for number in numbers if number in parts)
