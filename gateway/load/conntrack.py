"""The connections that the kernel follows, and taking single ones out.

In the network namespace of the calling thread.  What may stay is not this
module's business, and there is no way here to take out all of them at once.
"""

import errno
import struct
from collections.abc import Iterable, Iterator
from socket import AF_INET, AF_INET6, AF_UNSPEC
from typing import NamedTuple

from gateway.errors import Refused, problem
from gateway.load.netlink import attributes, dump, request_all

_NETFILTER, _ROUTE = 12, 0

# linux/netfilter/nfnetlink_conntrack.h
_CT_GET, _CT_DELETE = 0x0101, 0x0102
_TUPLE_ORIGINAL, _ID, _ZONE = 1, 12, 18
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_IPV4_SOURCE, _IPV4_DESTINATION, _IPV6_SOURCE, _IPV6_DESTINATION = 1, 2, 3, 4
_PROTOCOL_NUMBER, _DESTINATION_PORT = 1, 3
_ICMP_TYPES = frozenset({5, 8})

# linux/if_addr.h
_GET_ADDRESS, _ADDRESS, _LOCAL = 22, 1, 2
_INTERFACE_ADDRESS = struct.Struct("=BBBBI")

_NETFILTER_HEADER = struct.Struct("!BBH")
_ATTRIBUTE = struct.Struct("=HH")
_NESTED = 0x8000
_PORT = struct.Struct("!H")

#: It ended by itself before it was its turn.
_GONE = frozenset({0, errno.ENOENT})


class TrackedFlow(NamedTuple):
    """A followed connection as its first packet was: addresses packed, protocol number.

    `port` is the destination port, the message type of icmp and icmpv6, and 0
    for other protocols.  `body` is the kernel's own record of it.
    """

    source: bytes
    destination: bytes
    protocol: int
    port: int
    original: bytes
    body: bytes


def tracked_flows() -> list[TrackedFlow]:
    """Give every connection of this namespace.

    Raises:
        Refused: ZG509, the kernel does not say.
    """
    return [_first_packet(body, start, end) for body, start, end in _originals()]


def marks() -> frozenset[bytes]:
    """Give the `original` of every connection, which is what to know it by later.

    Raises:
        Refused: ZG509, the kernel does not say.
    """
    return frozenset(body[start:end] for body, start, end in _originals())


def cut(found: Iterable[TrackedFlow]) -> int:
    """Take connections out, so that their next packet is judged as a first one.

    Gives how many there were; one that ended meanwhile counts too.

    Raises:
        Refused: ZG509, some could not be taken out.
    """
    try:
        answers = list(request_all(_NETFILTER, _CT_DELETE, map(_deletion, found)))
    except OSError as fault:
        raise _unreachable(fault) from fault
    if faults := [code for code in answers if code not in _GONE]:
        raise _unreachable(OSError(faults[0], f"{len(faults)} / {len(answers)}"))
    return len(answers)


def local_addresses() -> frozenset[bytes]:
    """Give the host's own addresses, packed.

    Raises:
        Refused: ZG509, the kernel does not say.
    """
    try:
        answers = dump(_ROUTE, _GET_ADDRESS, _INTERFACE_ADDRESS.pack(AF_UNSPEC, 0, 0, 0, 0))
    except OSError as fault:
        raise _unreachable(fault) from fault
    return frozenset(map(_own_address, answers))


def _own_address(body: bytes) -> bytes:
    """Give the host's end; on a link of two the other attribute is the far end's address."""
    found = {
        kind: body[start:end]
        for kind, start, end in attributes(body, _INTERFACE_ADDRESS.size, len(body))
    }
    return found.get(_LOCAL) or found.get(_ADDRESS, b"")


def _originals() -> Iterator[tuple[bytes, int, int]]:
    """Give the record of each connection, and where in it the first packet's addresses are."""
    try:
        answers = dump(_NETFILTER, _CT_GET, _NETFILTER_HEADER.pack(AF_UNSPEC, 0, 0))
    except OSError as fault:
        raise _unreachable(fault) from fault
    for body in answers:
        for kind, start, end in attributes(body, _NETFILTER_HEADER.size, len(body)):
            if kind == _TUPLE_ORIGINAL:
                yield body, start, end
                break
        else:
            raise _unreachable(OSError(errno.EPROTO, "a connection without addresses"))


def _first_packet(body: bytes, start: int, end: int) -> TrackedFlow:
    source = destination = b""
    protocol = port = 0
    for part, begin, stop in attributes(body, start, end):
        if part == _TUPLE_IP:
            source, destination = _addresses(body, begin, stop)
        elif part == _TUPLE_PROTOCOL:
            protocol, port = _protocol(body, begin, stop)
    return TrackedFlow(source, destination, protocol, port, body[start:end], body)


def _addresses(body: bytes, start: int, end: int) -> tuple[bytes, bytes]:
    found = {kind: body[low:high] for kind, low, high in attributes(body, start, end)}
    return (
        found.get(_IPV4_SOURCE) or found.get(_IPV6_SOURCE, b""),
        found.get(_IPV4_DESTINATION) or found.get(_IPV6_DESTINATION, b""),
    )


def _protocol(body: bytes, start: int, end: int) -> tuple[int, int]:
    number = port = 0
    for kind, low, _ in attributes(body, start, end):
        if kind == _PROTOCOL_NUMBER:
            number = body[low]
        elif kind == _DESTINATION_PORT:
            (port,) = _PORT.unpack_from(body, low)
        elif kind in _ICMP_TYPES:
            port = body[low]
    return number, port


def _deletion(found: TrackedFlow) -> bytes:
    """Ask for exactly this connection: its id keeps a newer one with the same addresses."""
    length = _ATTRIBUTE.size + len(found.original)
    family = AF_INET if len(found.source) == 4 else AF_INET6  # noqa: PLR2004 - bytes of IPv4
    rest = b"".join(
        _ATTRIBUTE.pack(_ATTRIBUTE.size + end - start, kind)
        + found.body[start:end]
        + b"\0" * (-(end - start) % 4)
        for kind, start, end in attributes(found.body, _NETFILTER_HEADER.size, len(found.body))
        if kind in (_ID, _ZONE)
    )
    return (
        _NETFILTER_HEADER.pack(family, 0, 0)
        + _ATTRIBUTE.pack(length, _TUPLE_ORIGINAL | _NESTED)
        + found.original
        + rest
    )


def _unreachable(fault: OSError) -> Refused:
    return Refused(problem("ZG509", error=fault))
