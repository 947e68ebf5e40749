"""Read off a packet what tells it from every other packet of a probe."""

import struct
from dataclasses import dataclass
from ipaddress import ip_address

from gateway.policy.decide import ECHO_REQUEST, ICMP, ICMPV6, TCP, UDP
from gateway.policy.model import Address

_IPV4_HEADER, _IPV6_HEADER = 20, 40
_ECHO_REPLY = {ICMP: 0, ICMPV6: 129}


@dataclass(frozen=True, slots=True)
class Trace:
    """Addresses, IANA protocol number and ports.

    For an echo request the source port is its identifier and the destination
    port 0; an echo reply gives the trace of the request it answers, reversed.
    """

    protocol: int
    source: Address
    destination: Address
    source_port: int
    destination_port: int

    @property
    def reversed(self) -> "Trace":
        """The trace of the answer."""
        return Trace(
            self.protocol,
            self.destination,
            self.source,
            self.destination_port,
            self.source_port,
        )


def read_packet(packet: bytes) -> Trace | None:
    """Give the trace of an IP packet; nothing where it is of no protocol we probe."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= _IPV4_HEADER:  # noqa: PLR2004 - IPv4
        source, destination = ip_address(packet[12:16]), ip_address(packet[16:20])
        return read_payload(packet[9], source, destination, packet[(packet[0] & 15) * 4 :])
    if version == 6 and len(packet) >= _IPV6_HEADER:  # noqa: PLR2004 - IPv6
        source, destination = ip_address(packet[8:24]), ip_address(packet[24:40])
        return read_payload(packet[6], source, destination, packet[_IPV6_HEADER:])
    return None


def read_payload(
    protocol: int, source: Address, destination: Address, payload: bytes
) -> Trace | None:
    """Give the trace of what an IP packet carries."""
    if protocol in (TCP, UDP) and len(payload) >= 4:  # noqa: PLR2004 - two ports
        source_port, port = struct.unpack_from("!HH", payload)
        return Trace(protocol, source, destination, source_port, port)
    if protocol in ECHO_REQUEST and len(payload) >= 6:  # noqa: PLR2004 - type to identifier
        identifier = struct.unpack_from("!H", payload, 4)[0]
        if payload[0] == ECHO_REQUEST[protocol]:
            return Trace(protocol, source, destination, identifier, 0)
        if payload[0] == _ECHO_REPLY[protocol]:
            return Trace(protocol, source, destination, 0, identifier)
    return None


def echo_request(protocol: int, identifier: int) -> bytes:
    """Give an echo request; the kernel fills in the checksum of ICMPv6 alone."""
    body = struct.pack("!BBHHH", ECHO_REQUEST[protocol], 0, 0, identifier, 1)
    if protocol == ICMPV6:
        return body
    total = sum(struct.unpack("!4H", body))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return body[:2] + struct.pack("!H", checksum) + body[4:]
