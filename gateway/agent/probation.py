"""A policy that follows another is on probation until somebody confirms it.

The record is on the disk before the kernel holds the policy, so that a loader
that is killed, or a power cut, ends with the old one.  Until then the process
that loaded it waits; the deadline is counted by a clock that nobody sets.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refused, Where, problem
from gateway.load.accepted import put_in_place
from gateway.load.inforce import Stamp

STATE_FILE = "probation.json"

#: Shorter than what the loader's unit lets it run (RuntimeMaxSec).
LONGEST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Record:
    """The file; `directory` is where it is or will be."""

    directory: Path

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.directory / STATE_FILE

    def begin(self, stamp: Stamp) -> None:
        """Write down what the kernel may hold from now on, though nobody accepted it.

        Raises:
            Refused: ZG816, it cannot be written.
        """
        body = {"plan": stamp.plan, "revision": stamp.revision, "digest": stamp.digest}
        try:
            put_in_place(self.path, (json.dumps(body, ensure_ascii=False) + "\n").encode())
        except OSError as fault:
            raise Refused(problem("ZG816", Where(str(self.path)), error=fault)) from fault

    def read(self) -> Stamp | None:
        """Give what was on probation when somebody was killed; None where nothing was.

        Raises:
            Refused: ZG507, the file cannot be read or understood.
        """
        try:
            body = json.loads(self.path.read_bytes())
            return Stamp(body["plan"], body["revision"], body["digest"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as fault:
            where = Where(str(self.path))
            raise Refused(problem("ZG507", where, error=type(fault).__name__)) from fault

    def end(self) -> None:
        """Delete the record: what the kernel holds is what was accepted."""
        with suppress(OSError):
            self.path.unlink()


@dataclass(frozen=True, slots=True)
class Word:
    """What may be said to a policy on probation; `revision` 0 means whichever it is."""

    what: str
    revision: int = 0


CONFIRM, ROLLBACK, PROVE = "confirm", "rollback", "prove"


def wait(
    stamp: Stamp,
    seconds: float,
    words: Callable[[float], Iterator[Word] | None],
    prove: Callable[[], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when the policy is confirmed.

    Args:
        stamp: what is on probation.
        seconds: how long it may be.
        words: waits so many seconds at most and gives what was said; None
            when nobody is left who could say anything.
        prove: raises `Refused` when the host does not hold the policy.
        clock: seconds that never go back.

    Raises:
        Refused: ZG803, the time is over; ZG804, it is to be taken back; ZG805,
            nobody is there any more; or what the proof found.
    """
    end = clock() + seconds
    while (left := end - clock()) > 0:
        said = words(left)
        if said is None:
            raise Refused(problem("ZG805", stamp=stamp))
        for word in said:
            if word.what == CONFIRM and word.revision in (0, stamp.revision):
                prove()  # what others changed since is not confirmed with it
                return
            if word.what == ROLLBACK:
                raise Refused(problem("ZG804", stamp=stamp))
            if word.what == PROVE:
                prove()
    raise Refused(problem("ZG803", stamp=stamp, seconds=int(seconds)))
