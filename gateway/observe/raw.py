"""The file that the proxy's standard output goes to: read, and given back to the disk.

The proxy keeps it open for ever and can only append.  So what is read is
freed by punching a hole where it lay: no byte moves, no byte that comes
meanwhile is in the way, and the proxy need not know.  The size that `ls` shows
keeps growing and the blocks do not.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.observe.chain import Chain
from gateway.observe.content import (
    LONGEST_LINE_BYTES,
    Content,
    Kind,
    Unreadable,
    content_of,
    unreadable,
)

#: What is read at once, and so what is chained and synced at once.
CHUNK_BYTES = 1 << 20

#: linux/falloc.h: FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE.
_PUNCH = 0x01 | 0x02
_BLOCK_BYTES = 4096


@dataclass(slots=True)
class Raw:
    """The raw file; `freed` is how far it was given back, `can_free` whether it can be at all."""

    path: Path
    freed: int = 0
    can_free: bool = True
    _descriptor: int = -1

    @property
    def is_open(self) -> bool:
        """Tell whether there is a file to read."""
        return self._descriptor >= 0

    def close(self) -> None:
        """Let go of the file."""
        if self.is_open:
            os.close(self._descriptor)
        self._descriptor = -1

    def read(self, chain: Chain) -> list[Content]:
        """Give what has come since the chain's position, whole lines alone; at most a chunk.

        Raises:
            OSError: the file is there and cannot be read.
        """
        if not self.is_open and not self._open():
            return []
        begin = self._beginning(chain)
        position = chain.position if begin is None else begin.raw[1]
        found = [] if begin is None else [begin]
        found += self._lines(position)
        if not found and self._is_replaced():
            found = list(self._torn(position))
            self.close()
            if self._open():
                found.append(_source("replaced", 0))
        return found

    def behind(self, position: int) -> int:
        """Give how many bytes wait to be read."""
        return max(0, os.fstat(self._descriptor).st_size - position) if self.is_open else 0

    def sync(self) -> None:
        """Have what was read on the disk, before anything says that it was read.

        Raises:
            OSError: it does not get there.
        """
        if self.is_open:
            os.fdatasync(self._descriptor)

    def free(self, chain: Chain, least_bytes: int) -> None:
        """Give back what was recorded, once it is so much; the last line stays, to be known by.

        Raises:
            OSError: the disk does not do it, for another reason than that it never does.
        """
        last = chain.last
        if last is None or not self.is_open or not self.can_free:
            return
        until = last.raw[0] // _BLOCK_BYTES * _BLOCK_BYTES
        if until - self.freed >= least_bytes:
            self.can_free = _punch(self._descriptor, self.freed, until - self.freed)
            self.freed = until

    def _open(self) -> bool:
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | flags)
            self.can_free = True
        except FileNotFoundError:
            return False
        except PermissionError:
            self._descriptor = os.open(self.path, os.O_RDONLY | flags)
            self.can_free = False
        self.freed = 0
        return True

    def _beginning(self, chain: Chain) -> Content | None:
        """Say that another file, or another beginning, is read from here on; None where not."""
        size = os.fstat(self._descriptor).st_size
        if chain.tree.size == 0:
            return _source("first", self._first_data(size))
        if size < chain.position:
            self.freed = 0
            return _source("shortened", 0)
        last = chain.last
        if last is None:
            return None
        line = os.pread(self._descriptor, last.raw[1] - last.raw[0], last.raw[0])
        if _same(line, last):
            return None
        self.freed = 0
        return _source("replaced", self._first_data(size))

    def _first_data(self, size: int) -> int:
        """Give where the file begins that an earlier log had given back in part."""
        try:
            return os.lseek(self._descriptor, 0, os.SEEK_DATA)
        except OSError as fault:
            if fault.errno != errno.ENXIO:
                raise
            return size

    def _lines(self, position: int) -> Iterator[Content]:
        """Give whole lines, and pieces of one that is too long."""
        data = os.pread(self._descriptor, CHUNK_BYTES, position)
        begin = 0
        while begin < len(data):
            end = data.find(b"\n", begin, begin + LONGEST_LINE_BYTES)
            place = (position + begin, position + (end + 1 if end >= 0 else len(data)))
            if end >= 0:
                yield content_of(data[begin:end], place)
                begin = end + 1
            elif len(data) - begin >= LONGEST_LINE_BYTES:
                piece = data[begin : begin + LONGEST_LINE_BYTES]
                begin += LONGEST_LINE_BYTES
                yield unreadable(piece, (place[0], position + begin), Unreadable.TOO_LONG)
            else:
                return

    def _is_replaced(self) -> bool:
        """Tell whether the name is another file's by now."""
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _torn(self, position: int) -> Iterator[Content]:
        """Give what a file that nobody writes any more ends with."""
        rest = os.pread(self._descriptor, LONGEST_LINE_BYTES, position)
        if rest:
            yield unreadable(rest, (position, position + len(rest)), Unreadable.NO_END)


def _same(line: bytes, last: Content) -> bool:
    """Tell whether these bytes are the line that a record was made of.

    By what no later version of us judges otherwise: a digest, or the id.
    """
    if last.kind in {Kind.DECISION, Kind.REPEATED}:
        return str(last.body["id"]).encode() in line
    whole = sha256(line).hexdigest()
    return last.body["sha256"] in {whole, sha256(line.removesuffix(b"\n")).hexdigest()}


def _source(why: str, begin: int) -> Content:
    return Content(Kind.SOURCE, {"why": why}, (begin, begin))


def _punch(descriptor: int, begin: int, length: int) -> bool:
    """Free blocks; tell whether this kind of disk can.

    Raises:
        OSError: it can, and did not.
    """
    call = ctypes.CDLL(None, use_errno=True).fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if call(descriptor, _PUNCH, begin, length) == 0:
        return True
    code = ctypes.get_errno()
    if code in {errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM}:
        return False
    raise OSError(code, os.strerror(code))
