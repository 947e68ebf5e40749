"""A checkpoint: the size and root of a log, signed (c2sp.org/tlog-checkpoint, signed-note).

Who keeps one elsewhere can tell later whether the log still begins with what
it said then.  It is text, and any tool for such notes can judge it.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: What a line of signature begins with: an em dash and a space.
_MARK = "\u2014 "

#: Before the key's bytes: its kind, which is Ed25519.
_ED25519 = b"\1"
_ID_BYTES, _ROOT_BYTES, _KEY_BYTES = 4, 32, 32
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_TEXT_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log was: its name, how many records it had, and their root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Give what is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public key of one log, with the log's name, which the signatures cover too."""

    origin: str
    key: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a key as it is written: name, id and key, joined by `+`.

        Raises:
            ValueError: it is none.
        """
        origin, key_id, encoded = text.strip().split("+", 2)
        kind_and_key = _decoded(encoded)
        if kind_and_key[:1] != _ED25519 or len(kind_and_key) != 1 + _KEY_BYTES:
            raise ValueError(text)
        found = cls(check_origin(origin), kind_and_key[1:])
        if found.key_id.hex() != key_id:
            raise ValueError(text)
        return found

    @classmethod
    def of(cls, origin: str, key: Ed25519PrivateKey) -> Self:
        """Give the public half of a key."""
        return cls(origin, key.public_key().public_bytes_raw())

    @property
    def key_id(self) -> bytes:
        """Give the four bytes that say which key a signature claims to be of."""
        named = self.origin.encode() + b"\n" + _ED25519 + self.key
        return sha256(named).digest()[:_ID_BYTES]

    def text(self) -> str:
        """Write the key."""
        return f"{self.origin}+{self.key_id.hex()}+{b64encode(_ED25519 + self.key).decode()}\n"

    def check(self, note: str) -> Checkpoint:
        """Give the checkpoint that this key signed.

        Other signatures may stand beside this key's; they are not looked at.

        Raises:
            ValueError: it is no checkpoint of this log, or this key did not sign it.
        """
        text, signatures = _halves(note)
        found = _read_text(text)
        if found.origin != self.origin:
            raise ValueError(found.origin)
        values = [value for name, value in signatures if name == self.origin]
        ours = [v[_ID_BYTES:] for v in values if v[:_ID_BYTES] == self.key_id]
        if len(ours) != 1:
            message = "no signature of this key"
            raise ValueError(message)
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(ours[0], text.encode())
        except InvalidSignature as fault:
            message = "its signature is false"
            raise ValueError(message) from fault
        return found


def check_origin(origin: str) -> str:
    """Give a log's name back.

    Raises:
        ValueError: it could not stand in a checkpoint.
    """
    if not origin.isascii() or not origin.isprintable() or not origin or set(origin) & set(" +"):
        raise ValueError(origin)
    return origin


def signed_note(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Give the checkpoint with its signature."""
    verifier, text = Verifier.of(checkpoint.origin, key), checkpoint.text()
    value = b64encode(verifier.key_id + key.sign(text.encode())).decode()
    return f"{text}\n{_MARK}{checkpoint.origin} {value}\n"


def notes_in(text: str) -> Iterator[str]:
    """Give the notes of a file that has one after the other; the last may be a torn one."""
    gathered, signed = "", False
    for line in text.splitlines(keepends=True):
        is_signature = line.startswith(_MARK)
        if signed and not is_signature:
            yield gathered
            gathered = ""
        gathered += line
        signed = is_signature
    if gathered:
        yield gathered


def is_whole(note: str) -> bool:
    """Tell whether a note was written to its end."""
    return note.endswith("\n") and note.splitlines()[-1].startswith(_MARK)


def _halves(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, middle, rest = note.partition("\n\n")
    lines = rest.split("\n")
    if not middle or lines.pop() or not lines:
        message = "no signed note"
        raise ValueError(message)
    signatures = []
    for line in lines:
        mark, name, value = line[: len(_MARK)], *line[len(_MARK) :].split(" ")
        if mark != _MARK:
            raise ValueError(line)
        signatures.append((name, _decoded(value)))
    return f"{text}\n", signatures


def _read_text(text: str) -> Checkpoint:
    lines = text.split("\n")[:-1]
    if len(lines) != _TEXT_LINES or not _SIZE.fullmatch(lines[1]):
        message = "no checkpoint"
        raise ValueError(message)
    root = _decoded(lines[2])
    found = Checkpoint(check_origin(lines[0]), int(lines[1]), root)
    if len(root) != _ROOT_BYTES or found.text() != text:
        message = "no checkpoint"
        raise ValueError(message)
    return found


def _decoded(value: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except binascii.Error as fault:
        raise ValueError(value) from fault
