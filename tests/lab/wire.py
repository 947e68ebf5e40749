"""Packets made by hand, and ears that hear what reaches a host.

Frames are sent and heard at the cable, below the kernel's own idea of what may
be sent.  Each try carries a token of its own, so that it is known wherever it
comes out, in whatever pieces.
"""

import itertools
import json
import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from gateway.policy.decide import ICMP, ICMPV6, TCP, UDP
from gateway.policy.model import Address
from lab import namespace

IPV4_TYPE, IPV6_TYPE, ARP_TYPE = 0x0800, 0x86DD, 0x0806
EVERYBODY = b"\xff" * 6

SYN, ACK = 2, 16

#: What a link is made of: IKE, and ESP in UDP.
IKE_PORT, ESP_PORT = 500, 4500

#: What neighbours say to each other of their cards (RFC 4861), and listeners (RFC 3810).
_OF_NEIGHBOURS = {133, 134, 135, 136, 143}

#: Extension headers of IPv6.
HOP_BY_HOP, ROUTING, FRAGMENT, NO_NEXT, DESTINATION = 0, 43, 44, 59, 60

#: What must come is waited for so long: links are made by a program, and it may have to wait.
PATIENCE_SECONDS = 10.0

_EVERY_TYPE = 3
_RECEIVE_BYTES = 8 << 20
_SO_RCVBUFFORCE = 33
_LONGEST_FRAME = 1 << 16

_numbers = itertools.count(1)


def token() -> bytes:
    """Give sixteen bytes that nobody else sends."""
    return os.urandom(12) + next(_numbers).to_bytes(4)


def checksum(data: bytes) -> int:
    """Give the Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# --- packets ------------------------------------------------------------------------------------


def packet(  # noqa: PLR0913 - a header has that many fields
    source: Address,
    destination: Address,
    protocol: int,
    payload: bytes,
    *,
    options: bytes = b"",
    fragment: int = 0,
    identifier: int = 0,
    hops: int = 64,
) -> bytes:
    """Give an IP packet; `options` and `fragment`, flags with offset, are IPv4's alone."""
    if destination.version == 6:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops)
        return head + source.packed + destination.packed + payload
    length = 20 + len(options)
    fields = (0x40 | length // 4, 0, length + len(payload), identifier, fragment, hops, protocol)
    head = struct.pack("!BBHHHBBH", *fields, 0) + source.packed + destination.packed + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def syn(source: Address, destination: Address, ports: tuple[int, int], data: bytes) -> bytes:
    """Give the first segment of a TCP connection, with data in it."""
    return tcp(source, destination, ports, data, SYN)


def tcp(
    source: Address, destination: Address, ports: tuple[int, int], data: bytes, flags: int
) -> bytes:
    """Give a TCP segment."""
    segment = struct.pack("!HHIIBBHHH", *ports, 1, 0, 5 << 4, flags, 8192, 0, 0) + data
    return _summed(source, destination, TCP, segment, 16)


def udp(source: Address, destination: Address, ports: tuple[int, int], data: bytes) -> bytes:
    """Give a UDP datagram."""
    datagram = struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
    return _summed(source, destination, UDP, datagram, 6)


def echo(source: Address, destination: Address, identifier: int, data: bytes) -> bytes:
    """Give an echo request of either family."""
    if source.version == 4:
        message = struct.pack("!BBHHH", 8, 0, 0, identifier, 1) + data
        return message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return icmpv6(source, destination, struct.pack("!BBHHH", 128, 0, 0, identifier, 1) + data)


def icmpv6(source: Address, destination: Address, message: bytes) -> bytes:
    """Give an ICMPv6 message with its checksum in place."""
    return _summed(source, destination, ICMPV6, message, 2)


def extension(next_header: int, body: bytes) -> bytes:
    """Give an extension header of IPv6, filled up to a multiple of eight bytes."""
    padded = body + bytes(-(len(body) + 2) % 8)
    return bytes([next_header, (len(padded) + 2) // 8 - 1]) + padded


def ipv6_fragment(next_header: int, offset: int, identifier: int, *, more: bool) -> bytes:
    """Give a fragment header; the offset is in bytes."""
    return struct.pack("!BBHI", next_header, 0, offset | more, identifier)


def arp(operation: int, sender: tuple[bytes, Address], target: tuple[bytes, Address]) -> bytes:
    """Give an ARP message: 1 asks, 2 answers."""
    head = struct.pack("!HHBBH", 1, IPV4_TYPE, 6, 4, operation)
    return head + sender[0] + sender[1].packed + target[0] + target[1].packed


def ping_protocol(address: Address) -> int:
    """Give the protocol number of ping in an address's family."""
    return ICMP if address.version == 4 else ICMPV6


def _summed(
    source: Address, destination: Address, protocol: int, segment: bytes, place: int
) -> bytes:
    length = (
        struct.pack("!BBH", 0, protocol, len(segment))
        if source.version == 4
        else struct.pack("!II", len(segment), protocol)
    )
    value = checksum(source.packed + destination.packed + length + segment) or 0xFFFF
    return segment[:place] + struct.pack("!H", value) + segment[place + 2 :]


def is_of_a_link(frame: bytes) -> bool:
    """Tell whether a frame is what a line may carry: IKE, ESP in UDP, and who has which card."""
    (kind,) = struct.unpack("!H", frame[12:14])
    if kind != IPV6_TYPE:
        return False
    following, content = frame[20], frame[54:]
    if following == HOP_BY_HOP:
        following, content = content[0], content[8 * (content[1] + 1) :]
    if following == UDP:
        return set(struct.unpack("!HH", content[:4])) <= {IKE_PORT, ESP_PORT}
    return following == ICMPV6 and content[0] in _OF_NEIGHBOURS


# --- the cable ------------------------------------------------------------------------------------


def card(place: str, interface: str) -> bytes:
    """Give the address of a card in a namespace."""
    shown = json.loads(namespace.run(place, [namespace.IP, "-j", "link", "show", "dev", interface]))
    return bytes.fromhex(shown[0]["address"].replace(":", ""))


def send(
    place: str, interface: str, packets: Iterable[bytes], to: bytes, sender: bytes = b""
) -> None:
    """Put frames on a cable; each is an IP packet, or an ARP message."""
    own = sender or card(place, interface)
    with namespace.inside(place, lambda: _open(interface)) as opened:
        for one in packets:
            opened.send(to + own + struct.pack("!H", _type(one)) + one)


class Ear:
    """Hears every frame that reaches one interface of a host."""

    def __init__(self, place: str, interface: str) -> None:
        """Begin to listen."""
        self.socket = namespace.inside(place, lambda: _open(interface))
        self.socket.settimeout(0)

    def frames(self) -> Iterator[bytes]:
        """Give what has come since the last call."""
        while True:
            try:
                frame, (_, _, kind, *_) = self.socket.recvfrom(_LONGEST_FRAME)
            except BlockingIOError:
                return
            if kind != socket.PACKET_OUTGOING:
                yield frame

    def hears(self, wanted: bytes, seconds: float = PATIENCE_SECONDS) -> bool:
        """Tell whether a token comes within a time; what must not come needs a shorter one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(wanted in frame for frame in self.frames()):
                return True
            time.sleep(0.005)
        return False

    def close(self) -> None:
        """Listen no more."""
        self.socket.close()


@contextmanager
def ears(*places: tuple[str, str]) -> Iterator[list[Ear]]:
    """Listen at several namespaces' interfaces for a while."""
    with ExitStack() as stack:
        opened = []
        for place, interface in places:
            opened.append(Ear(place, interface))
            stack.callback(opened[-1].close)
        yield opened


def _open(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_TYPE))
    opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
    opened.bind((interface, _EVERY_TYPE))
    return opened


def _type(one: bytes) -> int:
    if one[:2] == b"\x00\x01":
        return ARP_TYPE
    return IPV6_TYPE if one[0] >> 4 == 6 else IPV4_TYPE
