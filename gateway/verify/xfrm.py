"""What the kernel's own IPsec holds in this network namespace, read from netlink.

Policies say which packets must be encrypted and how, and states with what key.
Read as bytes, as connections are: the library that reads interfaces knows none
of this.  Keys are passed over, and leave no function of this module.
"""

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from struct import Struct
from typing import Final

from gateway.verify.netlink import dump, whole

_NETLINK_XFRM: Final = 6

#: linux/netlink.h.
_TYPE_MASK: Final = 0x3FFF
_ATTRIBUTE = Struct("=HH")

#: linux/xfrm.h: messages, and the attributes of them that say what a packet meets.
_GET_STATES: Final = 0x12
_GET_POLICIES: Final = 0x15
#: Those that encrypt, sign (an older and a newer one) and compress.
_OTHER_ALGORITHMS: Final = (2, 1, 20, 3)
_ENCAPSULATION: Final = 4
_TEMPLATES: Final = 5
_AEAD: Final = 18
_INTERFACE: Final = 31

#: xfrm_selector: both addresses, ports with their masks, family, lengths, protocol, interface.
_SELECTOR = Struct("=16s16s4H HBBB3x iI")
_LIFETIMES_BYTES: Final = 64 + 32
#: xfrm_userpolicy_info after those: priority, index, direction, action, flags, share.
_POLICY = Struct("=IIBBBB")
#: xfrm_user_tmpl: destination, SPI, protocol, family, source, request, mode, share, optional.
_TEMPLATE = Struct("=16s4sB3x H2x 16s I BBB")
_TEMPLATE_BYTES: Final = 64
#: xfrm_usersa_info after its selector: destination, SPI, protocol, source.
_STATE = Struct("=16s4sB3x 16s")
_STATISTICS_BYTES: Final = 12
#: And after lifetimes and statistics: sequence, request, family, mode, replay window, flags.
_STATE_MODE = Struct("=IIHBBB")
#: xfrm_algo_aead: name, and in bits its key and what it adds to a packet.
_ALGORITHM = Struct("=64sII")
_NAME_BYTES: Final = 64
_ENCAPSULATION_TYPE = Struct("=H")
_NUMBER = Struct("=I")
#: Both structures have numbers of so many bytes in them, and are filled up to that.
_ALIGNED_BYTES: Final = 8

#: XFRM_POLICY_MAX: what is counted on from here belongs to one socket.
_DIRECTIONS: Final = ("in", "out", "fwd")
_ALLOW: Final = 0
_ANY_INTERFACE: Final = 0

_MODES: Final = {0: "transport", 1: "tunnel", 2: "routing", 3: "in-trigger", 4: "beet", 5: "iptfs"}
_PROTOCOLS: Final = {50: "esp", 51: "ah", 108: "comp"}
_IN_UDP: Final = 2


@dataclass(frozen=True, slots=True)
class Template:
    """How a policy has packets treated: between which ends, by what, and whether they must be."""

    source: str
    destination: str
    protocol: str
    mode: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy.  `number` is its interface's, 0 where it is for all packets of the host.

    `is_whole` tells whether it is for every packet between its networks, of whatever
    protocol and port; `allows` is False where it refuses them.
    """

    direction: str
    source: IPv4Network | IPv6Network
    destination: IPv4Network | IPv6Network
    number: int
    is_whole: bool
    allows: bool
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class State:
    """One state: what packets between two ends are encrypted with; never the key.

    `algorithm` is empty where it has none yet, and can encrypt nothing.
    """

    spi: str
    source: str
    destination: str
    protocol: str
    mode: str
    number: int
    algorithm: str
    in_udp: bool


def policies() -> list[Policy]:
    """Give the policies, but for those that a program has made for a socket of its own.

    Raises:
        OSError: the kernel does not say.
    """
    return [p for p in map(_policy, _dump(_GET_POLICIES)) if p is not None]


def states() -> list[State]:
    """Give the states.

    Raises:
        OSError: the kernel does not say.
    """
    return [_state(body) for body in _dump(_GET_STATES)]


def is_absent(fault: OSError) -> bool:
    """Tell whether a fault says that this kernel has no IPsec at all, so that there is none."""
    return fault.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT)


def _dump(question: int) -> list[bytes]:
    return whole(lambda: dump(_NETLINK_XFRM, question))


def _policy(body: bytes) -> Policy | None:
    to, origin, *ports, family, to_bits, origin_bits, protocol, card, _ = _SELECTOR.unpack_from(
        body
    )
    place = _SELECTOR.size + _LIFETIMES_BYTES
    _, _, direction, action, *_ = _POLICY.unpack_from(body, place)
    if direction >= len(_DIRECTIONS):
        return None
    parts = dict(_attributes(body, _aligned(place + _POLICY.size)))
    return Policy(
        direction=_DIRECTIONS[direction],
        source=ip_network((_address(origin, family), origin_bits), strict=False),
        destination=ip_network((_address(to, family), to_bits), strict=False),
        number=_number(parts),
        is_whole=not (any(ports) or protocol or card != _ANY_INTERFACE),
        allows=action == _ALLOW,
        templates=tuple(_templates(parts.get(_TEMPLATES, b""))),
    )


def _templates(body: bytes) -> Iterator[Template]:
    for place in range(0, len(body), _TEMPLATE_BYTES):
        to, _, protocol, family, origin, _, mode, _, optional = _TEMPLATE.unpack_from(body, place)
        yield Template(
            source=str(_address(origin, family)),
            destination=str(_address(to, family)),
            protocol=_PROTOCOLS.get(protocol, str(protocol)),
            mode=_MODES.get(mode, str(mode)),
            is_required=not optional,
        )


def _state(body: bytes) -> State:
    place = _SELECTOR.size
    to, spi, protocol, origin = _STATE.unpack_from(body, place)
    place += _STATE.size + _LIFETIMES_BYTES + _STATISTICS_BYTES
    _, _, family, mode, *_ = _STATE_MODE.unpack_from(body, place)
    parts = dict(_attributes(body, _aligned(place + _STATE_MODE.size)))
    encapsulated = parts.get(_ENCAPSULATION)
    return State(
        spi=spi.hex(),
        source=str(_address(origin, family)),
        destination=str(_address(to, family)),
        protocol=_PROTOCOLS.get(protocol, str(protocol)),
        mode=_MODES.get(mode, str(mode)),
        number=_number(parts),
        algorithm=_algorithm(parts),
        in_udp=encapsulated is not None
        and _ENCAPSULATION_TYPE.unpack_from(encapsulated)[0] == _IN_UDP,
    )


def _algorithm(parts: dict[int, bytes]) -> str:
    """Give what a state encrypts and signs with, as in `rfc4106(gcm(aes)) 288 128`."""
    if (aead := parts.get(_AEAD)) is not None:
        name, key_bits, added_bits = _ALGORITHM.unpack_from(aead)
        return f"{_text(name)} {key_bits} {added_bits}"
    others = (parts[number] for number in _OTHER_ALGORITHMS if number in parts)
    return " ".join(_text(each[:_NAME_BYTES]) for each in others)


def _text(name: bytes) -> str:
    return name.partition(b"\0")[0].decode("ascii", "replace")


def _number(parts: dict[int, bytes]) -> int:
    number: int = _NUMBER.unpack_from(parts[_INTERFACE])[0] if _INTERFACE in parts else 0
    return number


def _attributes(body: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    while place + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, place)
        yield kind & _TYPE_MASK, body[place + _ATTRIBUTE.size : place + length]
        place += (length + 3) & ~3


def _address(raw: bytes, family: int) -> IPv4Address | IPv6Address:
    return ip_address(raw[:4] if family == socket.AF_INET else raw)


def _aligned(place: int) -> int:
    return -(-place // _ALIGNED_BYTES) * _ALIGNED_BYTES
