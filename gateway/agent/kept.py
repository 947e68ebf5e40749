"""The accepted release on the host's disk: what is loaded again, and proven against.

Three folders, of which the record of what was accepted says which counts: the
one whose statement it names.  So a power cut at any moment leaves the old one
or the new one.  Beside what was signed lies the trust it was accepted under:
a policy in force stays in force when a signer is revoked or a list runs out,
over a restart too.
"""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from cryptography.hazmat.primitives.serialization import Encoding

from gateway.agent.signed import SignedPlan, read_delivered, verified
from gateway.errors import Problem, Refused, Where, problem
from gateway.load.accepted import Accepted
from gateway.load.inforce import Stamp
from gateway.policy.disk import settle
from gateway.policy.documents import RELEASE_FOLDER
from gateway.policy.signers import (
    AUTHORITY_FILE,
    REVOCATIONS_FILE,
    load_trust,
    read_small_file,
)

CURRENT, NEXT, BEFORE = "release", "release.new", "release.previous"

#: When the release was good, in UTC.
TIME_FILE = "judged_at"


@dataclass(frozen=True, slots=True)
class Kept:
    """The folders; `directory` is where they are or will be."""

    directory: Path

    @property
    def accepted(self) -> Stamp | None:
        """What the host accepted last; a host follows one plan.

        Raises:
            Refused: ZG507, the record cannot be understood.
        """
        stamps = sorted(Accepted(self.directory).read().values())
        return stamps[0] if stamps else None

    def stage(self, signed: SignedPlan) -> None:
        """Put a release on the disk, whole, where it does not count yet.

        Raises:
            Refused: ZG816, it cannot be written.
        """
        folder = self.directory / NEXT
        try:
            self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._remove(folder)
            files = {**signed.delivered.files(), **_beside(signed)}
            for part in sorted({p for name in files for p in PurePosixPath(name).parents}):
                self._make(folder / part)
            for name, content in files.items():
                _write(folder / name, content)
            for below, _, _ in os.walk(folder, topdown=False):
                settle(Path(below))
            settle(self.directory)
        except OSError as fault:
            with suppress(OSError):
                self._remove(folder)
            raise Refused(problem("ZG816", Where(str(folder)), error=fault)) from fault

    def promote(self) -> None:
        """Have the accepted release be called so; the record has decided already."""
        stamp = self.accepted
        with suppress(OSError):
            if stamp and not self._is(CURRENT, stamp):
                if not self._is(NEXT, stamp):
                    return
                self._remove(self.directory / BEFORE)
                with suppress(FileNotFoundError):
                    (self.directory / CURRENT).rename(self.directory / BEFORE)
                (self.directory / NEXT).rename(self.directory / CURRENT)
                settle(self.directory)
            self._remove(self.directory / NEXT)
            self._remove(self.directory / BEFORE)

    def read(self) -> SignedPlan:
        """Give the accepted release, verified in full for the time when it was accepted.

        Raises:
            Refused: ZG801, it is not there or not what was accepted; or why it does not verify.
        """
        stamp = self.accepted
        where = Where(str(self.directory / CURRENT))
        if stamp is None:
            raise Refused(problem("ZG801", where, stamp="-"))
        reasons: list[Problem] = []
        for name in (CURRENT, NEXT, BEFORE):
            try:
                signed = self._read(name)
            except Refused as refused:
                reasons += refused.problems if (self.directory / name).exists() else ()
                continue
            if signed.stamp == stamp:
                return signed
        raise Refused(problem("ZG801", where, stamp=stamp), *reasons)

    def discard(self) -> None:
        """Delete what did not come into force."""
        with suppress(OSError):
            self._remove(self.directory / NEXT)

    def _is(self, name: str, stamp: Stamp) -> bool:
        try:
            return self._read(name).stamp == stamp
        except Refused:
            return False

    def _read(self, name: str) -> SignedPlan:
        """Read and verify one of the folders, by the trust and for the time that lie in it."""
        folder = self.directory / name
        try:
            what = read_delivered(folder)
            content = read_small_file(folder / RELEASE_FOLDER / TIME_FILE)
            judged_at = datetime.fromisoformat(content.decode().strip()).astimezone(UTC)
            return verified(what, load_trust(folder / RELEASE_FOLDER), judged_at)
        except (OSError, ValueError) as fault:
            raise Refused(problem("ZG007", Where(str(folder)), error=fault)) from fault

    def _remove(self, folder: Path) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)

    def _make(self, folder: Path) -> None:
        """Make a folder that the loader's service could empty: it is not root, and we may die."""
        folder.mkdir(mode=0o755)
        owner = self.directory.stat()
        if os.geteuid() != owner.st_uid:
            os.chown(folder, owner.st_uid, owner.st_gid)


def _beside(signed: SignedPlan) -> dict[str, bytes]:
    """Give what is kept beside what was signed: the trust, and when it held."""
    trust = signed.trust
    beside = {
        AUTHORITY_FILE: b"".join(c.public_bytes(Encoding.PEM) for c in trust.authorities),
        REVOCATIONS_FILE: b"".join(c.public_bytes(Encoding.PEM) for c in trust.revocations),
        TIME_FILE: f"{signed.judged_at.isoformat()}\n".encode(),
    }
    return {f"{RELEASE_FOLDER}/{name}": content for name, content in beside.items()}


def _write(file: Path, content: bytes) -> None:
    with file.open("xb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
