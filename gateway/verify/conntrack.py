"""The connections that this network namespace follows, read from netlink.

Read as bytes: a busy gateway follows hundreds of thousands, and a general
library takes half a millisecond for each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from struct import Struct
from typing import Final

from gateway.policy.decide import Packet
from gateway.policy.topology import Hook
from gateway.verify.netlink import dump, whole

_NETLINK_NETFILTER: Final = 12

#: linux/netlink.h.
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

_ATTRIBUTE = Struct("=HH")
_NUMBER = Struct("!I")
_PORT = Struct("!H")
_FAMILY_BYTES: Final = 4


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
    flows = map(_flow, whole(_entries))
    yield from (flow for flow in flows if not flow.packet.source.is_loopback)


def _entries() -> list[bytes] | None:
    """Give every entry as bytes; None when the table changed so that some may be missing."""
    told = dump(_NETLINK_NETFILTER, _GET, bytes(_FAMILY_BYTES))
    return None if told is None else [body[_FAMILY_BYTES:] for body in told]


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
