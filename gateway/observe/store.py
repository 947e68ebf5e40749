"""The log on the disk: one file of records a day, checkpoints beside them.

What is written is on the disk when `write` returns.  The records alone say
where the follower goes on, so a kill or a power cut between any two of its
steps loses nothing and doubles nothing: a torn last line is cut off, and the
line of the proxy that it came from is read again.
"""

import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Refused, Where, problem
from gateway.observe import files
from gateway.observe.chain import Chain
from gateway.observe.checkpoint import Checkpoint, Verifier, is_whole, notes_in, signed_note
from gateway.observe.merkle import leaf_hash
from gateway.observe.records import Record

FORMAT = 1

_CHUNK_BYTES = 1 << 20


@dataclass(slots=True)
class Store:
    """One log and its one writer."""

    folder: Path
    verifier: Verifier
    key: Ed25519PrivateKey
    chain: Chain = field(default_factory=Chain)
    day: str = ""
    signed: int = -1
    _records: int = -1
    _length: int = 0
    _lock: int = -1

    def open(self) -> None:
        """Go on where the records end.

        Raises:
            Refused: ZG981, somebody else writes; ZG984 or ZG986, what is there is not what was
                written, and must not be built on.
            OSError: the disk does not answer.
        """
        self.close()
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._take_lock()
        self._mend_checkpoints()
        newest = self._newest()
        self.chain, self.day, self._length = self._remembered(newest)
        for day in files.days(self.folder):
            if day >= self.day:
                self._read_again(day, newest)
        if newest is not None and newest.size > self.chain.tree.size:
            have = self.chain.tree.size
            raise Refused(problem("ZG986", self._where(), size=newest.size, have=have))
        if self.day:
            self._records = files.open_to_append(self._file(self.day))

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in (self._records, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._records = self._lock = -1

    def write(self, lines: list[bytes], day: str) -> None:
        """Have records on the disk before this returns; the chain has taken them already.

        Raises:
            Refused: ZG981, somebody else wrote into the file.
            OSError: they are not all there; the log is to be opened again.
        """
        if day > self.day:
            self._begin(day)
        if os.fstat(self._records).st_size != self._length:
            raise Refused(problem("ZG981", self._where(), error="not the length that was written"))
        content = b"".join(line + b"\n" for line in lines)
        files.write_all(self._records, content)
        os.fdatasync(self._records)
        self._length += len(content)

    def sign(self) -> None:
        """Sign what is on the disk, and remember it.

        Raises:
            OSError: it cannot be written; the log is to be opened again.
        """
        tree = self.chain.tree
        note = signed_note(Checkpoint(self.verifier.origin, tree.size, tree.root()), self.key)
        descriptor = files.open_to_append(self.folder / f"{self.day}{files.CHECKPOINTS}")
        try:
            files.write_all(descriptor, note.encode())
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        files.replace_file(self.folder / files.LATEST_FILE, note.encode())
        self._remember()
        self.signed = tree.size

    def _begin(self, day: str) -> None:
        if self._records >= 0:
            os.close(self._records)
            self._records = -1
        self._records = files.open_to_append(self._file(day))
        self.day, self._length = day, 0

    def _take_lock(self) -> None:
        lock = self.folder / files.LOCK_FILE
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, files.MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            error = "another follower writes here"
            raise Refused(problem("ZG981", Where(str(self.folder)), error=error)) from fault

    def _mend_checkpoints(self) -> None:
        """Cut off a checkpoint that was not written to its end."""
        for day in files.days(self.folder, files.CHECKPOINTS)[-1:]:
            file = self.folder / f"{day}{files.CHECKPOINTS}"
            content = file.read_bytes()
            notes = list(notes_in(content.decode("utf-8", "surrogateescape")))
            if notes and not is_whole(notes[-1]):
                torn = len(notes[-1].encode("utf-8", "surrogateescape"))
                os.truncate(file, len(content) - torn)

    def _newest(self) -> Checkpoint | None:
        file = self.folder / files.LATEST_FILE
        if not file.exists():
            self.signed = -1
            return None
        try:
            newest = self.verifier.check(file.read_text("utf-8"))
        except ValueError as fault:
            raise Refused(problem("ZG985", Where(str(file)), error=fault)) from fault
        self.signed = newest.size
        return newest

    def _remembered(self, newest: Checkpoint | None) -> tuple[Chain, str, int]:
        """Give what a checkpoint left, where it and the records bear it out; else nothing."""
        nothing = (Chain(), "", 0)
        try:
            data = json.loads((self.folder / files.STATE_FILE).read_bytes())
            chain, day, length = Chain.from_json(data["chain"]), data["day"], data["length"]
            with self._file(day).open("rb") as file:
                file.seek(max(0, length - _CHUNK_BYTES))
                *_, last, rest = file.read(min(length, _CHUNK_BYTES)).split(b"\n")
        except (OSError, ValueError, TypeError, KeyError):
            return nothing
        tree = chain.tree
        signed = newest is not None and (
            tree.size < newest.size or (tree.size, tree.root()) == (newest.size, newest.root)
        )
        ends = data["format"] == FORMAT and not rest and leaf_hash(last).hex() == chain.before
        return (chain, day, length) if signed and ends else nothing

    def _remember(self) -> None:
        data = {
            "format": FORMAT,
            "chain": self.chain.as_json(),
            "day": self.day,
            "length": self._length,
        }
        files.replace_file(self.folder / files.STATE_FILE, json.dumps(data).encode())

    def _read_again(self, day: str, newest: Checkpoint | None) -> None:
        """Take the records of a day that the chain does not have; cut off a torn last line."""
        begin = self._length if day == self.day else 0
        self.day, self._length = day, begin
        with self._file(day).open("rb") as file:
            file.seek(begin)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._take(line[:-1])
                self._length += len(line)
                self._hold(newest)
        if self._file(day).stat().st_size > self._length:
            if day != files.days(self.folder)[-1]:
                number = self.chain.tree.size
                raise Refused(problem("ZG984", self._where(), number=number, error="torn"))
            os.truncate(self._file(day), self._length)

    def _take(self, line: bytes) -> None:
        try:
            self.chain.take(Record.read(line), line)
        except (ValueError, KeyError) as fault:
            number = self.chain.tree.size
            raise Refused(problem("ZG984", self._where(), number=number, error=fault)) from fault

    def _hold(self, newest: Checkpoint | None) -> None:
        """Refuse to build on records that are not those of the newest checkpoint."""
        tree = self.chain.tree
        if newest is not None and tree.size == newest.size and tree.root() != newest.root:
            error = f"root of {newest.size}"
            raise Refused(problem("ZG984", self._where(), number=newest.size - 1, error=error))

    def _file(self, day: str) -> Path:
        return self.folder / f"{day}{files.RECORDS}"

    def _where(self) -> Where:
        return Where(str(self._file(self.day) if self.day else self.folder))
