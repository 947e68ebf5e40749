"""News of revocations: whoever waits is handed a list the moment it is signed.

The caller says which list it holds of each authority; what is newer is given
at once, or as soon as somebody signs it.  So nobody asks again and again, and
a revocation is known everywhere in the time that one answer takes.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Lock

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.errors import Code, PkiRefused
from pki.files import read_file
from pki.state import LIST_PEM, MALFORMED, list_number

#: How often it is looked whether a list was signed, by one of those who wait for all of them.
_LOOK_SECONDS = 0.05

#: Who waits keeps a thread: so many from one address, and others are not kept out.
MOST_WAITING_EACH = 4


class News:
    """The lists of a folder of authorities, as far as they are newer than what is held."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read yet."""
        self._folder = folder
        self._changed = Condition()
        self._looking, self._reading = Lock(), Lock()
        self._times: Mapping[str, tuple[int, int]] = {}
        self._lists: Mapping[str, tuple[int, bytes]] = {}
        self._waiting: dict[str, int] = {}

    def newer(self, held: Mapping[str, int], seconds: float) -> Mapping[str, bytes]:
        """Give the lists that are newer than those that are held, in DER; wait for the first.

        Args:
            held: by its authority, the number of the list that is held.
            seconds: how long to wait; then nothing is new.

        Raises:
            PkiRefused: a list is damaged.
        """
        end = time.monotonic() + seconds
        self._look()
        while not (found := self._newer(held)) and (rest := end - time.monotonic()) > 0:
            if self._looking.acquire(blocking=False):
                self._look_for_all(held, end)
            else:
                with self._changed:
                    self._changed.wait(rest)
        return found

    @contextmanager
    def room(self, peer: str) -> Iterator[bool]:
        """Tell whether an address may wait, too; it does as long as this is open."""
        with self._changed:
            self._waiting[peer] = count = self._waiting.get(peer, 0) + 1
        try:
            yield count <= MOST_WAITING_EACH
        finally:
            with self._changed:
                self._waiting[peer] -= 1
                if not self._waiting[peer]:
                    del self._waiting[peer]

    def _newer(self, held: Mapping[str, int]) -> Mapping[str, bytes]:
        lists = self._lists
        return {
            name: lists[name][1]
            for name, number in held.items()
            if name in lists and lists[name][0] > number
        }

    def _look_for_all(self, held: Mapping[str, int], end: float) -> None:
        """Look until something is new for whoever looks; then another one does."""
        try:
            while time.monotonic() < end and not self._newer(held):
                time.sleep(_LOOK_SECONDS)
                if self._look():
                    with self._changed:
                        self._changed.notify_all()
        finally:
            self._looking.release()
            with self._changed:
                self._changed.notify_all()

    def _look(self) -> bool:
        """Read what was written since; tell whether anything was."""
        with self._reading:
            files = [*self._folder.glob(f"*/{LIST_PEM}")]
            times = {file.parent.name: _time(file) for file in files}
            if times == self._times:
                return False
            self._lists = {file.parent.name: _read(file) for file in files}
            self._times = times
            return True


def _read(file: Path) -> tuple[int, bytes]:
    try:
        found = x509.load_pem_x509_crl(read_file(file))
        return list_number(found), found.public_bytes(Encoding.DER)
    except (x509.ExtensionNotFound, *MALFORMED) as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="CRL") from error


def _time(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_ino
