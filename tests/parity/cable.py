"""What was on a line between two machines, as the emulator has written it down."""

import struct
from collections.abc import Iterator
from pathlib import Path

#: The format of libpcap: a head for the file, and one for each frame.
_FILE_HEAD = 24
_FRAME_HEAD = struct.Struct("=IIII")


def frames(dump: Path) -> Iterator[bytes]:
    """Give every frame; the last may be half written, and is left for later."""
    content, place = dump.read_bytes(), _FILE_HEAD
    while place + _FRAME_HEAD.size <= len(content):
        *_, length, _ = _FRAME_HEAD.unpack_from(content, place)
        place += _FRAME_HEAD.size
        if place + length > len(content):
            return
        yield content[place : place + length]
        place += length
