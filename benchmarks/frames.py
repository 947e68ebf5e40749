"""Asks for many new TCP connections at once, at the kernel's own speed.

The first packets are made beforehand and lie in a ring that is shared with
the kernel; one call sends them all, so no Python runs while it is measured.
Each is answered by a real TCP stack behind the gateway.
"""

import mmap
import socket
import struct
from array import array
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from random import Random

from benchmarks.road import CLIENT_HARDWARE, GATEWAY_HARDWARE, HOST, WIRE, Road
from benchmarks.synthetic import Entry
from lab import namespace

#: So many connections a ring can ask for without repeating one; a power of two.
RING = 16_384

# linux/if_packet.h
_PACKET_VERSION, _PACKET_TX_RING, _PACKET_QDISC_BYPASS = 10, 13, 20
_VERSION_2 = 1
_SOL_PACKET = 263
_TO_SEND = 1
_STATUS_AND_LENGTH = struct.Struct("=II")
_HEADER_BYTES = 32

_BLOCK_BYTES, _FRAME_BYTES = 4096, 256
_FIRST_PORT = 1024

_ETHERNET = bytes.fromhex((GATEWAY_HARDWARE + CLIENT_HARDWARE).replace(":", "")) + b"\x08\x00"
_IP = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")
_PSEUDO = struct.Struct("!4s4sBBH")
_SYN, _WINDOW, _TCP_PROTOCOL, _TTL, _DO_NOT_FRAGMENT = 2, 64_240, 6, 64, 0x4000


def first_packets(entries: Sequence[Entry], seed: int) -> list[bytes]:
    """Give the first packets of different connections, spread evenly over the entries."""
    chosen = Random(seed)  # noqa: S311 - the same packets in each run, not a secret
    return [
        _frame(
            entry.source[chosen.randrange(1, HOST)],
            entry.destination[chosen.randrange(1, HOST)],
            _FIRST_PORT + number,
            entry.port,
        )
        for number, entry in enumerate(chosen.choices(entries, k=RING))
    ]


class Ring:
    """First packets ready to be sent by a road's client."""

    def __init__(self, road: Road, frames: Iterable[bytes]) -> None:
        """Lay the frames into a ring on the client's wire."""
        self._socket = namespace.inside(road.client, _packet_socket)
        self._memory = mmap.mmap(self._socket.fileno(), RING * _FRAME_BYTES)
        for number, frame in enumerate(frames):
            start = number * _FRAME_BYTES
            self._memory[start : start + _STATUS_AND_LENGTH.size] = _STATUS_AND_LENGTH.pack(
                0, len(frame)
            )
            data = start + _HEADER_BYTES
            self._memory[data : data + len(frame)] = frame
        self._words = memoryview(self._memory).cast("I")
        self._next = 0

    def prepare(self, count: int) -> int:
        """Mark the next frames to be sent, at most up to the end of the ring; give how many."""
        count = min(count, RING - self._next)
        step = _FRAME_BYTES // self._words.itemsize
        first, last = self._next * step, (self._next + count) * step
        self._words[first:last:step] = memoryview(array("I", [_TO_SEND]) * count)
        self._next = (self._next + count) % RING
        return count

    def send(self) -> None:
        """Send what is marked; comes back when all of it has gone its way."""
        self._socket.send(b"")

    def close(self) -> None:
        """Give the ring back."""
        self._words.release()
        self._memory.close()
        self._socket.close()


def _packet_socket() -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(_SOL_PACKET, _PACKET_VERSION, _VERSION_2)
    made.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
    blocks = RING * _FRAME_BYTES // _BLOCK_BYTES
    shape = struct.pack("=IIII", _BLOCK_BYTES, blocks, _FRAME_BYTES, RING)
    made.setsockopt(_SOL_PACKET, _PACKET_TX_RING, shape)
    made.bind((WIRE, 0))
    return made


def _frame(source: IPv4Address, destination: IPv4Address, source_port: int, port: int) -> bytes:
    ends = source.packed, destination.packed
    length = _IP.size + _TCP.size
    version_and_words = 0x45
    tcp_words = 0x50

    def ip(checksum: int) -> bytes:
        return _IP.pack(
            version_and_words, 0, length, 0, _DO_NOT_FRAGMENT, _TTL, _TCP_PROTOCOL, checksum, *ends
        )

    def tcp(checksum: int) -> bytes:
        return _TCP.pack(source_port, port, 1, 0, tcp_words, _SYN, _WINDOW, checksum, 0)

    pseudo = _PSEUDO.pack(*ends, 0, _TCP_PROTOCOL, _TCP.size)
    return _ETHERNET + ip(_checksum(ip(0))) + tcp(_checksum(pseudo + tcp(0)))


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
