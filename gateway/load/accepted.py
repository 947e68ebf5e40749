"""The highest revision that a host ever accepted of each plan, kept on its disk.

An old policy is truly signed too; what keeps it from being loaded again is
this file, and while it is missing the stamp in the kernel.  A file that
cannot be understood refuses everything: it may have been made so.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import NOWHERE, Refused, Where, problem
from gateway.load.inforce import Stamp
from gateway.policy.disk import settle

STATE_FILE = "accepted.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Accepted:
    """The file; `directory` is where it is or will be."""

    directory: Path

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.directory / STATE_FILE

    def read(self) -> dict[str, Stamp]:
        """Give the highest stamp of each plan; nothing where no policy was ever accepted.

        Raises:
            Refused: ZG507, the file is there and cannot be read or understood.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as fault:
            raise self._unreadable(fault) from fault
        try:
            return _stamps(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            raise self._unreadable(fault) from fault

    def record(self, stamp: Stamp) -> None:
        """Write down that a policy was accepted; on the disk when this returns.

        What stands there already is not written again: a full disk does not
        keep a host from going on with what it has.

        Raises:
            Refused: ZG507, the file cannot be understood; ZG508, it cannot be written.
        """
        before = self.read()
        if before.get(stamp.plan) == stamp:
            return
        text = json.dumps(_document({**before, stamp.plan: stamp}), ensure_ascii=False, indent=2)
        try:
            self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            put_in_place(self.path, f"{text}\n".encode())
        except OSError as fault:
            raise Refused(problem("ZG508", Where(str(self.path)), error=fault)) from fault

    def check_not_older(
        self, stamp: Stamp, in_kernel: Iterable[Stamp], doubtful: Iterable[Stamp] = ()
    ) -> None:
        """Refuse what is older than a known policy, or another one of the same revision.

        Known are those accepted here and those stamped in the kernel.  A
        `doubtful` stamp, of hooks that disagree, counts only where there is
        no record: it may be forged, to keep the true policy out.

        Raises:
            Refused: ZG363, another plan; ZG505, an older revision; ZG506, the same revision with
                other content; ZG507, the file cannot be read.
        """
        recorded = list(self.read().values())
        known = [(other, NOWHERE) for other in in_kernel]
        known += [(other, Where(str(self.path))) for other in recorded]
        if not recorded:
            known += [(other, NOWHERE) for other in doubtful]
        for other, where in known:
            if other.plan != stamp.plan:
                raise Refused(problem("ZG363", where, plan=stamp.plan, accepted=other.plan))
            if stamp.revision < other.revision:
                raise Refused(problem("ZG505", where, given=stamp, highest=other))
            if stamp.revision == other.revision and not stamp.same_content(other):
                raise Refused(problem("ZG506", where, given=stamp, highest=other))

    def _unreadable(self, fault: Exception) -> Refused:
        return Refused(
            problem("ZG507", Where(str(self.path)), error=f"{type(fault).__name__}: {fault}")
        )


def _stamps(document: Mapping[str, object]) -> dict[str, Stamp]:
    plans = document["plans"]
    if document["format"] != FORMAT or not isinstance(plans, dict) or not plans:
        message = f"not of format {FORMAT}"
        raise ValueError(message)
    stamps = {name: Stamp(name, body["revision"], body["digest"]) for name, body in plans.items()}
    if not all(type(stamp.revision) is int for stamp in stamps.values()):
        message = "a revision is not a whole number"
        raise ValueError(message)
    return stamps


def _document(stamps: Mapping[str, Stamp]) -> dict[str, object]:
    return {
        "format": FORMAT,
        "plans": {
            name: {"revision": stamp.revision, "digest": stamp.digest}
            for name, stamp in sorted(stamps.items())
        },
    }


def put_in_place(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put a file in place of another so that after a power cut it is the one or the other.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_name(path.name + ".new")
    # Root's, where a load of root's was killed or the disk was full: then only the folder is ours.
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask is
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    settle(path.parent)
