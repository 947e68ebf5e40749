"""The service that looks at the gates every second, between the proofs.

It judges no policy: whatever the proxy holds is compared with what it held
when it was proven last, and where that differs the agent is told to prove; so
it is when decisions are recorded no more, or again.  What is under way and has
run out meanwhile, by its hours or its last day, is ended.  Lists of revocations
count as soon as they lie there, whoever brought them.  It has the proxy's own
account, and no way to the agent but a file whose time changes.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.agent.gates import Gates
from gateway.agent.requests import GATES_CHANGED_FILE
from gateway.agent.systemd import notify, programs
from gateway.artefacts import GateMaps, Generation
from gateway.errors import Refused
from gateway.haproxy import HaproxyRefused
from gateway.journal import journal
from gateway.load.gates import end_what_is_over
from gateway.load.loader import Places
from gateway.verify.gates import LiveGates, read_gates

#: It looks every second, and with many entries so seldom that it costs a twentieth of a processor.
EVERY_SECONDS, REST_FACTOR = 1.0, 19

#: So often it looks whether lists were brought: at their times alone, so it costs nothing.
LISTS_SECONDS = 0.05

#: What differs is looked at once more after this: the loader may be in the middle of its work.
_AGAIN_SECONDS = 0.4

#: What goes on differing is told again after this; a proof takes about a second.
_TOLD_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class Watch:
    """One host's gates, and whom to tell.

    `is_recording` tells whether decisions are written down.
    """

    gates: Gates
    changed: Path
    is_recording: Callable[[], bool]
    _records: bool = True
    _strange: str = ""
    _told: float = float("-inf")
    _lists: tuple[int, ...] = ()

    def take_up(self) -> None:
        """Have lists of revocations count that were brought since; the first time, all.

        Raises:
            Refused: the proxy does not take them, or they are not in order, and the next proof
                closes the gates.
        """
        seen = self.gates.lists_at()
        if seen != self._lists:
            self._lists = seen
            self.gates.revoke()

    def look(self, now: float) -> bool:
        """Look once; tell whether to look again soon, for something differs that did not before.

        Raises:
            HaproxyRefused: no proxy answers, and nothing passes.
        """
        records = self.is_recording()
        if records is not self._records:
            self._records = records
            self._tell(now)
        live = read_gates(self.gates.proxy.haproxy)
        self._end(live)
        seen = live.digest_of_all if live.letter else ""
        if seen == self._proven():
            self._strange = ""
            return False
        was_seen, self._strange = seen == self._strange, seen
        if not was_seen:
            return True
        if now - self._told >= _TOLD_AGAIN_SECONDS:
            self._tell(now)
        return False

    def _tell(self, now: float) -> None:
        self._told = now
        self.changed.write_text("", "ascii")

    def _end(self, live: LiveGates) -> None:
        if not live.letter:
            return
        maps = GateMaps("", Generation(live.letter), live.maps)
        over = end_what_is_over(
            self.gates.proxy, maps, live.maps.get("revoked", {}), datetime.now(UTC)
        )
        for each in over:
            journal({"ended": each.gate, "method": each.method, "certificate": each.certificate})

    def _proven(self) -> str:
        with suppress(OSError):
            return self.gates.held_file.read_text("ascii")
        return ""


def main(is_recording: Callable[[], bool]) -> None:
    """Be the service, until told to end, or until there are new programs."""
    is_current = programs()
    watch = Watch(Gates("", Places().state), GATES_CHANGED_FILE, is_recording)
    notify("READY=1")
    looks_at = time.monotonic()
    while is_current():
        now = time.monotonic()
        # A proxy that does not answer lets nothing pass; what is wrong is for the proof to say.
        with suppress(HaproxyRefused, Refused):
            watch.take_up()
        if now >= looks_at:
            looks_at = now + _rest_after(watch, now)
            notify("WATCHDOG=1")
        time.sleep(LISTS_SECONDS)


def _rest_after(watch: Watch, now: float) -> float:
    """Look, and give after how many seconds to look again."""
    again = False
    with suppress(HaproxyRefused, Refused):
        again = watch.look(now)
    rest = max(EVERY_SECONDS, REST_FACTOR * (time.monotonic() - now))
    return _AGAIN_SECONDS if again else rest
