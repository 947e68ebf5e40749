"""As much HTTP/2 as asks one thing in words of one's own choice (RFC 9113, RFC 7541).

A library would not say what must not be said.
"""

import socket
import ssl
import struct
from collections.abc import Iterable

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4
_HEADER_BYTES = 9

#: HPACK's table of what is usual (RFC 7541 appendix A): the statuses in it, and where names end.
_STATUSES = {0x88: 200, 0x8C: 400, 0x8D: 404, 0x8E: 500}
_LONG = 127


def request(
    method: str, path: str, host: str, *more: tuple[str, str], body: bytes | None = None
) -> bytes:
    """Write the frames that open a connection and ask for something."""
    return _PREFACE + _frame(_SETTINGS, 0, 0, b"") + _asking(1, (method, path, host), more, body)


def another(method: str, path: str, host: str, stream: int) -> bytes:
    """Write the frame that asks for something more on a connection that is open."""
    return _asking(stream, (method, path, host), (), None)


def _asking(
    stream: int, asked: tuple[str, str, str], more: Iterable[tuple[str, str]], body: bytes | None
) -> bytes:
    method, path, host = asked
    fields = ((":method", method), (":scheme", "https"), (":authority", host), (":path", path))
    named = b"".join(_field(name, value) for name, value in (*fields, *more))
    flags = _END_HEADERS | (_END_STREAM if body is None else 0)
    frames = _frame(_HEADERS, flags, stream, named)
    return frames if body is None else frames + _frame(_DATA, _END_STREAM, stream, body)


def answer(connection: ssl.SSLSocket) -> int:
    """Give the status that is answered with; 0 where there is none, as when the stream is reset."""
    while True:
        head = _exactly(connection, _HEADER_BYTES)
        if not head:
            return 0
        length, kind = int.from_bytes(head[:3], "big"), head[3]
        payload = _exactly(connection, length)
        if kind in {_RESET, _GOAWAY}:
            return 0
        if kind == _HEADERS:
            return _status(payload)


def _field(name: str, value: str) -> bytes:
    """Write a name and a value as they are, without a table and without Huffman's code."""
    return b"\0" + _text(name) + _text(value)


def _text(text: str) -> bytes:
    raw = text.encode("latin-1")
    length = bytes([len(raw)])
    if len(raw) >= _LONG:
        rest, length = len(raw) - _LONG, bytes([_LONG])
        while rest >= 128:
            length += bytes([rest % 128 + 128])
            rest //= 128
        length += bytes([rest])
    return length + raw


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _status(block: bytes) -> int:
    """Read the first field of an answer, which is its status; HAProxy writes it in these ways."""
    if block[0] in _STATUSES:
        return _STATUSES[block[0]]
    # A name out of the table, and three figures as they are.
    return int(block[2:5]) if block[1] == len("403") else 0


def _exactly(connection: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        try:
            part = connection.recv(length - len(found))
        except OSError:
            return b""
        if not part:
            return b""
        found += part
    return found
