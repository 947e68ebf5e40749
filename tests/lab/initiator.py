"""One who begins a link by hand (IKEv2, RFC 7296), and shows whatever certificates it is given.

strongSwan shows only chains that it would take itself; this one asks nothing.  It speaks the one
proposal of every link, and knows only what is needed to be judged: no answer of it is kept.
"""

import hashlib
import hmac
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lab import namespace

#: Where both ends speak, behind four bytes that say that it is no ESP (RFC 3948).
_PORT, _NO_ESP = 4500, bytes(4)

_SECONDS = 5.0
_LONGEST = 1 << 16

# Payloads (RFC 7296, 3.2), exchanges, and the notifications that are said here.
_SA, _KE, _ID, _CERT, _AUTH, _NONCE, _NOTIFY, _TS_I, _TS_R, _SK = (
    33, 34, 35, 37, 39, 40, 41, 44, 45, 46,
)  # fmt: skip
_INIT, _AUTHENTICATE = 34, 35
_COOKIE, _NAT_SOURCE, _NAT_DESTINATION, _DIGESTS = 16390, 16388, 16389, 16431

_IKE, _ESP = 1, 3
_AES_GCM, _PRF_SHA384, _ECP384 = 20, 6, 20
_X509, _FQDN, _BY_DIGITAL_SIGNATURE, _SHA384 = 4, 2, 14, 3

#: ecdsa-with-SHA384, as RFC 7427 has it before a signature.
_ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")

_HEADER_BYTES, _IV_BYTES, _ICV_BYTES, _KEY_BYTES, _SALT_BYTES, _PRF_BYTES = 28, 8, 16, 32, 4, 48

Payload = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other end said to who showed certificates."""

    payloads: tuple[Payload, ...]

    @property
    def is_taken(self) -> bool:
        """Tell whether it has shown who it is in its turn."""
        return any(kind == _AUTH for kind, _ in self.payloads)


def show(
    place: str,
    ends: tuple[IPv6Address, IPv6Address],
    identity: str,
    certificates: Sequence[bytes],
    key: ec.EllipticCurvePrivateKey,
) -> Answer:
    """Begin a link as somebody, from a namespace, with certificates in the order given.

    Args:
        place: the namespace; nobody else listens there where IKE does.
        ends: our own address, and the other end's.
        identity: who is claimed to be here.
        certificates: in DER; the first is to be that of the key.
        key: what is signed with.
    """
    with namespace.inside(place, lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as line:
        line.settimeout(_SECONDS)
        line.bind((str(ends[0]), _PORT))
        line.connect((str(ends[1]), _PORT))
        return _Exchange(line).show(identity, certificates, key)


class _Exchange:
    """Two questions and two answers."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._spi, self._nonce = os.urandom(8), os.urandom(32)
        self._secret = ec.generate_private_key(ec.SECP384R1())

    def show(
        self, identity: str, certificates: Sequence[bytes], key: ec.EllipticCurvePrivateKey
    ) -> Answer:
        first, answer = self._agree()
        said = dict(_payloads(answer[16], answer[_HEADER_BYTES:]))
        spis, nonce = self._spi + answer[8:16], said[_NONCE]
        keys = self._derive(said[_KE][4:], nonce, spis)
        own = struct.pack("!B3x", _FQDN) + identity.encode()
        signed = first + nonce + _prf(keys.own_proof, own)
        signature = key.sign(signed, ec.ECDSA(hashes.SHA384()))
        proof = struct.pack("!B3xB", _BY_DIGITAL_SIGNATURE, len(_ECDSA_SHA384))
        payloads = [
            (_ID, own),
            *((_CERT, bytes([_X509]) + each) for each in certificates),
            (_AUTH, proof + _ECDSA_SHA384 + signature),
            (_SA, _proposal(_ESP, os.urandom(4))),
            (_TS_I, _EVERYTHING),
            (_TS_R, _EVERYTHING),
        ]
        return Answer(tuple(keys.opened(self._ask(keys.sealed(spis, payloads)))))

    def _agree(self) -> tuple[bytes, bytes]:
        """Agree on keys; give our own message and the answer."""
        numbers = self._secret.public_key().public_numbers()
        point = numbers.x.to_bytes(48) + numbers.y.to_bytes(48)
        payloads = [
            (_SA, _proposal(_IKE, b"")),
            (_KE, struct.pack("!HH", _ECP384, 0) + point),
            (_NONCE, self._nonce),
            (_NOTIFY, _notify(_NAT_SOURCE, os.urandom(20))),
            (_NOTIFY, _notify(_NAT_DESTINATION, os.urandom(20))),
            (_NOTIFY, _notify(_DIGESTS, struct.pack("!H", _SHA384))),
        ]
        while True:
            asked = _message(self._spi + bytes(8), _INIT, 0, payloads)
            answer = self._ask(asked)
            kind, content = next(_payloads(answer[16], answer[_HEADER_BYTES:]))
            if kind != _NOTIFY or int.from_bytes(content[2:4]) != _COOKIE:
                return asked, answer
            payloads.insert(0, (_NOTIFY, _notify(_COOKIE, content[4:])))

    def _ask(self, message: bytes) -> bytes:
        self._line.send(_NO_ESP + message)
        while True:
            answer = self._line.recv(_LONGEST)[len(_NO_ESP) :]
            if (
                answer[:8] == self._spi
                and answer[18:24] == message[18:19] + b"\x20" + message[20:24]
            ):
                return answer

    def _derive(self, point: bytes, nonce: bytes, spis: bytes) -> "_Keys":
        """Derive keys as RFC 7296, 2.14, has it."""
        curve = ec.SECP384R1()
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + point)
        seed = _prf(self._nonce + nonce, self._secret.exchange(ec.ECDH(), theirs))
        encrypting = _KEY_BYTES + _SALT_BYTES
        stream = _stretched(seed, self._nonce + nonce + spis, 3 * _PRF_BYTES + 2 * encrypting)
        rest = stream[_PRF_BYTES:]
        own, theirs_key = rest[:encrypting], rest[encrypting : 2 * encrypting]
        return _Keys(own, theirs_key, rest[2 * encrypting :][:_PRF_BYTES])


@dataclass(frozen=True, slots=True)
class _Keys:
    own: bytes
    theirs: bytes
    own_proof: bytes

    def sealed(self, spis: bytes, payloads: Sequence[Payload]) -> bytes:
        """Give a message whose payloads are in an encrypted one (RFC 5282)."""
        first, plain = _chained(payloads)
        size = _IV_BYTES + len(plain) + 1 + _ICV_BYTES
        head = _head(spis, _SK, _AUTHENTICATE, 1, 4 + size) + struct.pack(
            "!BBH", first, 0, 4 + size
        )
        iv, (key, salt) = os.urandom(_IV_BYTES), _split(self.own)
        return head + iv + AESGCM(key).encrypt(salt + iv, plain + b"\0", head)

    def opened(self, message: bytes) -> Iterator[Payload]:
        """Give the payloads of an encrypted message."""
        head, rest = message[: _HEADER_BYTES + 4], message[_HEADER_BYTES + 4 :]
        iv, (key, salt) = rest[:_IV_BYTES], _split(self.theirs)
        plain = AESGCM(key).decrypt(salt + iv, rest[_IV_BYTES:], head)
        yield from _payloads(head[_HEADER_BYTES], plain[: -1 - plain[-1]])


def _split(material: bytes) -> tuple[bytes, bytes]:
    return material[:_KEY_BYTES], material[_KEY_BYTES:]


def _prf(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha384)


def _stretched(key: bytes, seed: bytes, count: int) -> bytes:
    found, block, number = b"", b"", 1
    while len(found) < count:
        block = _prf(key, block + seed + bytes([number]))
        found, number = found + block, number + 1
    return found


# --- how it is written ----------------------------------------------------------------------------


def _transform(kind: int, number: int, bits: int = 0, *, is_last: bool = False) -> bytes:
    attribute = struct.pack("!HH", 0x800E, bits) if bits else b""
    more = 0 if is_last else 3
    return struct.pack("!BBHBBH", more, 0, 8 + len(attribute), kind, 0, number) + attribute


def _proposal(protocol: int, spi: bytes) -> bytes:
    """Propose what every link is agreed with: for the exchange itself, or for ESP."""
    cipher = _transform(1, _AES_GCM, 256)
    transforms = (
        (cipher, _transform(2, _PRF_SHA384), _transform(4, _ECP384, is_last=True))
        if protocol == _IKE
        else (cipher, _transform(5, 0, is_last=True))
    )
    body = spi + b"".join(transforms)
    return (
        struct.pack("!BBHBBBB", 0, 0, 8 + len(body), 1, protocol, len(spi), len(transforms)) + body
    )


def _selectors() -> bytes:
    """Ask for every address of both families; the other end narrows it to what was signed."""
    found = [
        struct.pack("!BBHHH", kind, 0, 8 + 2 * size, 0, 0xFFFF) + bytes(size) + b"\xff" * size
        for kind, size in ((7, 4), (8, 16))
    ]
    return struct.pack("!B3x", len(found)) + b"".join(found)


_EVERYTHING = _selectors()


def _notify(kind: int, data: bytes) -> bytes:
    return struct.pack("!BBH", 0, 0, kind) + data


def _chained(payloads: Sequence[Payload]) -> tuple[int, bytes]:
    kinds = [kind for kind, _ in payloads]
    parts = zip([*kinds[1:], 0], (content for _, content in payloads), strict=True)
    written = (struct.pack("!BBH", after, 0, 4 + len(part)) + part for after, part in parts)
    return kinds[0], b"".join(written)


def _head(spis: bytes, first: int, exchange: int, number: int, size: int) -> bytes:
    fields = (first, 0x20, exchange, 0x08, number, _HEADER_BYTES + size)
    return spis + struct.pack("!BBBBII", *fields)


def _message(spis: bytes, exchange: int, number: int, payloads: Sequence[Payload]) -> bytes:
    first, body = _chained(payloads)
    return _head(spis, first, exchange, number, len(body)) + body


def _payloads(kind: int, body: bytes) -> Iterator[Payload]:
    while kind:
        following, _, size = struct.unpack("!BBH", body[:4])
        yield kind, body[4:size]
        kind, body = following, body[size:]
