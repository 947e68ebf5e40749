"""Talks with strongSwan's daemon over its socket, in the VICI protocol.

The protocol is documented with strongSwan (README.md of its vici plugin); its
own Python client is no package of Debian's, and hosts get nothing from elsewhere.
This knows bytes and messages, and not what they are about.
"""

import select
import socket
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

#: A message: sections within sections, with values and lists of values in them.
Message: TypeAlias = Mapping[str, "str | bytes | list[str] | list[bytes] | Message"]

#: What is read: values are text, and bytes where they are no text.
Section: TypeAlias = "dict[str, str | bytes | list[str] | Section]"

SOCKET = Path("/run/charon.vici")

#: The daemon refuses longer ones, too.
LONGEST_BYTES = 512 * 1024

_BROKEN_OFF = "EOF"

_LENGTH = struct.Struct("!I")
_VALUE_LENGTH = struct.Struct("!H")


class ViciRefused(Exception):  # noqa: N818 - the word the users know
    """The daemon does not do what it was asked, or cannot be asked; carries its words."""

    def __init__(self, *words: object) -> None:
        """Carry what was asked and what was said."""
        super().__init__(": ".join(map(str, words)))


class _Packet(IntEnum):
    REQUEST = 0
    RESPONSE = 1
    UNKNOWN_COMMAND = 2
    REGISTER = 3
    UNREGISTER = 4
    CONFIRMED = 5
    UNKNOWN_EVENT = 6
    EVENT = 7


class _Element(IntEnum):
    SECTION_START = 1
    SECTION_END = 2
    VALUE = 3
    LIST_START = 4
    LIST_ITEM = 5
    LIST_END = 6


class Vici:
    """One conversation with the daemon; a context, so that it ends."""

    def __init__(self, path: Path = SOCKET, timeout_seconds: float = 10) -> None:
        """Connect.

        Raises:
            ViciRefused: nobody answers there.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_seconds)
        try:
            self._socket.connect(str(path))
        except OSError as fault:
            self._socket.close()
            raise ViciRefused(path, fault.strerror or fault) from fault

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, command: str, message: Message | None = None) -> Section:
        """Have one command done, and give what is said about it.

        Raises:
            ViciRefused: it was not done, or the conversation broke off.
        """
        self._send(_Packet.REQUEST, _name(command) + encoded(message or {}))
        return _answer(command, *self._receive())

    def stream(self, command: str, event: str, message: Message | None = None) -> list[Section]:
        """Have one command done that tells one event for each thing, and give them.

        Raises:
            ViciRefused: as `ask`.
        """
        self._send(_Packet.REGISTER, _name(event))
        if self._receive()[0] is not _Packet.CONFIRMED:
            raise ViciRefused(command, event)
        self._send(_Packet.REQUEST, _name(command) + encoded(message or {}))
        told: list[Section] = []
        while True:
            kind, body = self._receive()
            if kind is not _Packet.EVENT:
                break
            told.append(decoded(body[1 + sum(body[:1]) :]))
        _answer(command, kind, body)
        self._send(_Packet.UNREGISTER, _name(event))
        self._receive()
        return told

    def listen(self, event: str) -> None:
        """Be told of an event from now on, by `heard`; a conversation that listens does not ask.

        Raises:
            ViciRefused: the daemon knows no such event, or the conversation broke off.
        """
        self._send(_Packet.REGISTER, _name(event))
        kind, _ = self._receive()
        if kind is not _Packet.CONFIRMED:
            raise ViciRefused(event, kind.name)

    def heard(self, seconds: float) -> "Section | None":
        """Give the next event that is told within a time, or None.

        Raises:
            ViciRefused: the conversation broke off, or what was told is no event.
        """
        ready, _, _ = select.select([self._socket], [], [], max(0.0, seconds))
        if not ready:
            return None
        kind, body = self._receive()
        if kind is not _Packet.EVENT:
            raise ViciRefused(kind.name)
        return decoded(body[1 + sum(body[:1]) :])

    def _send(self, kind: _Packet, body: bytes) -> None:
        try:
            self._socket.sendall(_LENGTH.pack(1 + len(body)) + bytes([kind]) + body)
        except OSError as fault:
            raise ViciRefused(fault) from fault

    def _receive(self) -> tuple[_Packet, bytes]:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if not 1 <= length <= LONGEST_BYTES:
            raise ViciRefused(_LENGTH.format, length)
        packet = self._exactly(length)
        try:
            return _Packet(packet[0]), packet[1:]
        except ValueError as fault:
            raise ViciRefused(fault) from fault

    def _exactly(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            try:
                more = self._socket.recv(count - len(received))
            except OSError as fault:
                raise ViciRefused(fault) from fault
            if not more:
                raise ViciRefused(_BROKEN_OFF)
            received += more
        return received


def _answer(command: str, kind: _Packet, body: bytes) -> Section:
    if kind is not _Packet.RESPONSE:
        raise ViciRefused(command, kind.name)
    answer = decoded(body)
    if answer.get("success", "yes") != "yes":
        raise ViciRefused(command, answer.get("errmsg", "?"))
    return answer


def encoded(message: Message) -> bytes:
    """Give a message as bytes."""
    return b"".join(_elements(message))


def decoded(body: bytes) -> Section:
    """Read a message from bytes.

    Raises:
        ViciRefused: they are none.
    """
    try:
        section, rest = _section(body, depth=0)
    except (IndexError, ValueError, struct.error) as fault:
        raise ViciRefused(type(fault).__name__, fault) from fault
    if rest:
        raise ViciRefused(_BROKEN_OFF, len(rest))
    return section


def _elements(message: Message) -> Iterator[bytes]:
    for name, value in message.items():
        if isinstance(value, Mapping):
            yield bytes([_Element.SECTION_START]) + _name(name)
            yield from _elements(value)
            yield bytes([_Element.SECTION_END])
        elif isinstance(value, list):
            yield bytes([_Element.LIST_START]) + _name(name)
            for item in value:
                yield bytes([_Element.LIST_ITEM]) + _value(item)
            yield bytes([_Element.LIST_END])
        else:
            yield bytes([_Element.VALUE]) + _name(name) + _value(value)


def _name(name: str) -> bytes:
    return bytes([len(name.encode())]) + name.encode()


def _value(value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return _VALUE_LENGTH.pack(len(content)) + content


def _section(body: bytes, depth: int) -> tuple[Section, bytes]:
    section: Section = {}
    while body:
        element, body = _Element(body[0]), body[1:]
        if element is _Element.SECTION_END:
            if not depth:
                raise ValueError(element.name)
            return section, body
        name, body = _taken(body, body[0], 1)
        key = name.decode()
        if element is _Element.SECTION_START:
            section[key], body = _section(body, depth + 1)
        elif element is _Element.VALUE:
            section[key], body = _read_value(body)
        elif element is _Element.LIST_START:
            section[key], body = _list(body)
        else:
            raise ValueError(element.name)
    if depth:
        raise ValueError(depth)
    return section, body


def _list(body: bytes) -> tuple[list[str], bytes]:
    items: list[str] = []
    while _Element(body[0]) is not _Element.LIST_END:
        if body[0] != _Element.LIST_ITEM:
            raise ValueError(body[0])
        item, body = _read_value(body[1:])
        items.append(item if isinstance(item, str) else item.hex())
    return items, body[1:]


def _read_value(body: bytes) -> tuple[str | bytes, bytes]:
    (length,) = _VALUE_LENGTH.unpack(body[: _VALUE_LENGTH.size])
    content, body = _taken(body, length, _VALUE_LENGTH.size)
    try:
        return content.decode(), body
    except UnicodeDecodeError:
        return content, body


def _taken(body: bytes, length: int, after: int) -> tuple[bytes, bytes]:
    end = after + length
    if end > len(body):
        raise ValueError(length)
    return body[after:end], body[end:]
