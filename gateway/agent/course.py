"""What the agent does next: pure, with a clock that is handed in.

A change is proven soon, but not for each of a thousand events; what is found
is put back at once, but not a thousand times a minute.  What cannot be put
back is closed.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from gateway.agent.requests import Ask
from gateway.agent.settings import OnDrift

#: A change is proven when nothing has changed for so long, or at the latest after so long.
QUIET_SECONDS, LATEST_SECONDS = 0.3, 2.0

#: After a proof that took a second the next one waits three: what others do to the kernel
#: costs at most a quarter of one processor.
REST_FACTOR = 3
LEAST_REST_SECONDS, LONGEST_REST_SECONDS = 0.5, 10.0

#: So many repairs within the time are done at once; each further one waits twice as long.
FREE_REPAIRS, REPAIRS_WITHIN_SECONDS, LONGEST_PAUSE_SECONDS = 10, 60.0, 5.0

#: What did not work is tried again after these, the last one for ever.
AGAIN_SECONDS = (0.2, 1.0, 5.0, 15.0, 30.0)

#: What could not be repaired is tried again so often at most.
CLOSED_AGAIN_SECONDS = 30.0

#: What is done about a host that does not hold what was accepted.
_PUTS_RIGHT = frozenset({Ask.RESTORE, Ask.REPAIR, Ask.CLOSE})


class Outcome(StrEnum):
    """How a piece of work ended."""

    HOLDS = "holds"
    EMPTY = "empty"
    DRIFT = "drift"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(slots=True)
class Course:
    """What is known of the host as far as the next step hangs on it; times are of one clock.

    `latched` is a host that was closed and that only an operator opens.
    """

    on_drift: OnDrift
    every_seconds: float
    wanted: Ask | None = Ask.RESTORE
    at: float = 0.0
    closed: bool = False
    latched: bool = False
    _changed: float = inf
    _quiet: float = inf
    _rested: float = 0.0
    _next_proof: float = inf
    _failures: int = 0
    _repairs: list[float] = field(default_factory=list)

    def changed(self, now: float) -> None:
        """Hear that something about the host changed."""
        self._changed = min(self._changed, now)
        self._quiet = now + QUIET_SECONDS

    def wakes_at(self) -> float:
        """Give the time at which something is due; infinite while nothing is."""
        if self.wanted is not None:
            return self.at
        return self._next_proof if self.latched else self.proves_at()

    def proves_at(self) -> float:
        """Give the time at which a proof is due, whatever else is to be done."""
        return min(self._next_proof, self._proof_after_change())

    def due(self, now: float) -> Ask | None:
        """Give what is to be done now."""
        if now < self.wakes_at():
            return None
        if self.wanted is not None:
            return self.wanted
        if self.closed:
            return Ask.CLOSE if self.latched else Ask.REPAIR
        return Ask.PROVE

    def begins(self, ask: Ask, now: float) -> None:
        """Note that something begins; what changes from now on is new."""
        if ask in (Ask.PROVE, Ask.REPAIR, Ask.RESTORE, Ask.CLOSE):
            self._changed = self._quiet = inf
        if ask is Ask.REPAIR:
            self._repairs = [t for t in self._repairs if now - t < REPAIRS_WITHIN_SECONDS]
            self._repairs.append(now)

    def proved_beside(self, now: float) -> None:
        """Note that a proof was asked of whoever holds the lock."""
        self._rested = now + LATEST_SECONDS
        self._next_proof = now + self.every_seconds

    def ended(self, ask: Ask, outcome: Outcome, now: float, lasted: float) -> None:
        """Decide what follows from how a piece of work ended.

        Operators have work done too: what is to be done meanwhile stays so, and
        asking in vain puts nothing off.
        """
        if ask is Ask.LOAD and outcome is Outcome.REFUSED:
            if not self.closed:
                self.changed(now)  # it went back; see that it did
            return
        # A load may have waited for a person; that is no work to rest from.
        rest = 0.0 if ask is Ask.LOAD else min(REST_FACTOR * lasted, LONGEST_REST_SECONDS)
        self._rested = now + max(LEAST_REST_SECONDS, rest)
        self._next_proof = now + self.every_seconds
        held = outcome in (Outcome.HOLDS, Outcome.EMPTY)
        if ask is Ask.PROVE and not held and self.wanted in _PUTS_RIGHT:
            return
        self.wanted = None
        if outcome is Outcome.LOST:
            # A loader that died may have left anything; begin with what was accepted.
            again = ask if ask in (Ask.CLOSE, Ask.PROVE) else Ask.RESTORE
            self._again(Ask.CLOSE if self.latched else again, now)
            return
        if held and ask is not Ask.CLOSE:
            self._failures = 0
            self.closed = self.latched = False
            return
        if ask is Ask.CLOSE:
            self._closed(outcome, now)
        elif ask is Ask.PROVE:
            self._drift(now)
        elif ask in (Ask.REPAIR, Ask.RESTORE):
            self.latched = self.on_drift is OnDrift.REFUSE
            self._want(Ask.CLOSE, now)

    def _drift(self, now: float) -> None:
        if self.on_drift is OnDrift.REFUSE:
            self.latched = True
            self._want(Ask.CLOSE, now)
            return
        recent = [t for t in self._repairs if now - t < REPAIRS_WITHIN_SECONDS]
        over = len(recent) - FREE_REPAIRS
        pause = min(2.0**over, LONGEST_PAUSE_SECONDS) if over >= 0 else 0.0
        self._want(Ask.REPAIR, now + pause)

    def _closed(self, outcome: Outcome, now: float) -> None:
        self.closed = True
        if outcome in (Outcome.REFUSED, Outcome.DRIFT):
            self._again(Ask.CLOSE, now)
            return
        self._failures = 0
        # Closed for good costs a look now and then; else what could not be repaired may be now.
        self._next_proof = now + max(CLOSED_AGAIN_SECONDS, self.every_seconds)
        self._rested = now + CLOSED_AGAIN_SECONDS
        self._changed = self._quiet = inf

    def _proof_after_change(self) -> float:
        if self._changed == inf:
            return inf
        return max(min(self._quiet, self._changed + LATEST_SECONDS), self._rested)

    def _again(self, ask: Ask, now: float) -> None:
        pause = AGAIN_SECONDS[min(self._failures, len(AGAIN_SECONDS) - 1)]
        self._failures += 1
        self._want(ask, now + pause)

    def _want(self, ask: Ask, at: float) -> None:
        self.wanted, self.at = ask, at
