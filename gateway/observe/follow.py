"""The follower: takes each line of the proxy into the log, once, and says whether it can.

One thread, one loop.  A round reads what has come, has the raw file on the
disk, then the records; what is synced together is as much as came meanwhile,
so a busy follower syncs no more often than an idle one.  A round that fails
is forgotten, and the log is opened again as after a kill.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from gateway.errors import ExitStatus, Refused
from gateway.journal import journal
from gateway.observe.capacity import Capacity, Seen, Trouble
from gateway.observe.checkpoint import Verifier
from gateway.observe.keys import key_of
from gateway.observe.raw import CHUNK_BYTES, Raw
from gateway.observe.settings import Settings
from gateway.observe.status import WRITE_SECONDS, write_status
from gateway.observe.store import Store
from gateway.policy.requests import CHINA

#: A line waits no longer for its round, and half a second's worth of failures is not a flood.
ROUND_SECONDS = 0.1
_AFTER_FAILURE_SECONDS = 1.0


@dataclass(slots=True)
class Follower:
    """The loop and what it knows; `tell` speaks with systemd.

    `is_current` tells whether these are still the host's programs; where they are not it ends, to
    be begun again with the new ones.
    """

    settings: Settings
    tell: Callable[[str], None]
    clock: Callable[[], float] = time.time
    is_current: Callable[[], bool] = lambda: True
    ending: bool = False
    store: Store = field(init=False)
    raw: Raw = field(init=False)
    troubles: frozenset[Trouble] = frozenset({Trouble.STARTING})
    _fault: str = ""
    _damage: str = ""
    _is_whole: bool = False
    _signed_at: float = 0.0
    _told_at: float = 0.0

    def __post_init__(self) -> None:
        """Read the key; the log itself is opened by the first round.

        Raises:
            Refused: ZG988, the key cannot be used.
        """
        key = key_of(self.settings.key, self.settings.folder, self.settings.origin)
        self.store = Store(self.settings.folder, Verifier.of(self.settings.origin, key), key)
        self.raw = Raw(self.settings.raw)

    def run(self, wakeup: int) -> None:
        """Go on until told to end.

        Raises:
            Refused: ZG981, ZG984 ... ZG986, the log is not what was written; nothing may be
                built on it, and nothing may be served unrecorded.
        """
        try:
            pause, is_last = 0.0, False
            while not (is_last and pause):
                # What came before the end is taken, all of it, and signed.
                is_last = self.ending = self.ending or not self.is_current()
                pause = self.once()
                if pause and not self.ending:
                    select.select([wakeup], [], [], pause)
        except Refused as refused:
            self._damage = refused.problems[0].code
            raise
        finally:
            # Who is begun again at once stops nobody: its last word holds for some seconds.
            if self.is_current() or self._damage:
                self.troubles = frozenset({Trouble.ENDED})
                self._say()
            self.store.close()
            self.raw.close()
        self.tell("STOPPING=1")

    def once(self) -> float:
        """Do a round; give how long to wait for the next one.

        Raises:
            Refused: the log is not what was written.
        """
        taken, fault = 0, ""
        try:
            taken = self._round()
        except OSError as error:
            fault = f"{type(error).__name__}: {error}"
            self._open_again()
        if fault != self._fault:
            self._fault = fault
            journal({"cannot_record": fault})
        self._judge()
        if fault:
            return _AFTER_FAILURE_SECONDS
        return 0.0 if taken >= CHUNK_BYTES // 2 else ROUND_SECONDS

    def _open_again(self) -> None:
        """Forget what may not be on the disk; where even that fails, the next round tries."""
        self._is_whole = False
        with suppress(OSError):
            self.store.open()
            self._is_whole = True

    def _round(self) -> int:
        """Take what has come; give how many bytes that was."""
        if not self._is_whole:
            self.store.open()
            self._is_whole = True
        chain, now = self.store.chain, self.clock()
        contents = self.raw.read(chain)
        lines = [chain.append(content, now) for content in contents]
        gaps = chain.gaps_since(now - self.settings.await_seconds)
        lines += [chain.append(gap, now) for gap in gaps]
        if lines:
            self.raw.sync()
            self.store.write(lines, _day(now))
        self._sign(now)
        if lines:
            self.raw.free(chain, self.settings.free_bytes)
        return sum(content.raw[1] - content.raw[0] for content in contents)

    def _sign(self, now: float) -> None:
        """Sign where something has come, and it is time; a clock that went back is no reason."""
        is_time = abs(now - self._signed_at) >= self.settings.checkpoint_seconds or self.ending
        if is_time and self.store.chain.tree.size > max(0, self.store.signed):
            self.store.sign()
            self._signed_at = now

    def _judge(self) -> None:
        """Say whether decisions are recorded: at once where that has changed, else now and then."""
        seen = Seen(self.raw.is_open, not self._fault, self._free_bytes(), self._behind())
        bounds = Capacity(self.settings.reserve_bytes, self.settings.behind_bytes)
        before, self.troubles = self.troubles, bounds.troubles(seen, self.troubles)
        due = abs(time.monotonic() - self._told_at) >= WRITE_SECONDS
        if self.troubles != before:
            journal({"recording": not self.troubles, "why": sorted(self.troubles)})
        if Trouble.STARTING in before:
            self.tell("READY=1")
        if self.troubles != before or due:
            self._say(seen)
            self.tell("WATCHDOG=1")

    def _free_bytes(self) -> int:
        """Give how much room there is where there is least."""
        rooms = []
        for place in (self.settings.folder, self.settings.raw.parent):
            with suppress(OSError):
                room = os.statvfs(place)
                rooms.append(room.f_bavail * room.f_frsize)
        return min(rooms, default=0)

    def _behind(self) -> int:
        try:
            return self.raw.behind(self.store.chain.position)
        except OSError:
            return 0

    def _say(self, seen: Seen | None = None) -> None:
        chain = self.store.chain
        body = {
            "origin": self.settings.origin,
            "recording": not self.troubles,
            "why": sorted(self.troubles),
            "fault": self._fault,
            "damaged": self._damage,
            "records": chain.tree.size,
            "signed": max(0, self.store.signed),
            **chain.counts.as_json(),
            "awaited": chain.numbers.awaited_count,
            "missed": chain.numbers.missed_count,
            "free_bytes": seen.free_bytes if seen else 0,
            "behind_bytes": seen.behind_bytes if seen else 0,
            "raw_is_freed": self.raw.can_free,
        }
        with suppress(OSError):  # nobody reads a status that is not written as a good one
            write_status(self.settings.status, body)
            self._told_at = time.monotonic()


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, CHINA).date().isoformat()


def follow(settings: Settings, tell: Callable[[str], None], is_current: Callable[[], bool]) -> int:
    """Be the service, until told to end.

    Raises:
        Refused: the key or the log cannot be used.
    """
    follower = Follower(settings, tell, is_current=is_current)
    near, far = socket.socketpair()
    near.settimeout(0)
    far.settimeout(0)

    def end(_number: int, _frame: object) -> None:
        follower.ending = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.set_wakeup_fd(far.fileno())
    follower.run(near.fileno())
    return ExitStatus.OK
