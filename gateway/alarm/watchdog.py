"""Notices that the monitoring host is silent: what never comes cannot be said by who is dead.

It counts by a clock that nobody sets.  It says so once, then again every quarter
of an hour, and when it is over.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.alarm.words import Alarm, is_sign_of_life, silence

AGAIN_SECONDS = 900.0

#: Shorter than two signs of life and what a busy machine takes would alarm of nothing.
LEAST_SECONDS = 45


@dataclass(slots=True)
class Watchdog:
    """Counts the seconds since the last sign of life; `tell` is told when they are too many."""

    silent_seconds: float
    tell: Callable[[Alarm], None]
    clock: Callable[[], float] = time.monotonic
    _heard: float = field(init=False)
    _heard_at: datetime = field(init=False)
    _told: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin as if one had come just now."""
        self._heard, self._heard_at = self.clock(), datetime.now(UTC)

    def hear(self, body: Mapping[str, Any]) -> None:
        """Take what was posted; only the alert that always fires is a sign of life.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is of another form.
        """
        if not is_sign_of_life(body):
            return
        now, was = self.clock(), self._heard
        self._heard, self._heard_at = now, datetime.now(UTC)
        if self._told is not None:
            self._told = None
            self.tell(silence(now - was, self._heard_at, is_over=True))

    def look(self) -> None:
        """See whether it has been too long."""
        now = self.clock()
        if now - self._heard <= self.silent_seconds:
            return
        if self._told is None or now - self._told >= AGAIN_SECONDS:
            self._told = now
            self.tell(silence(now - self._heard, self._heard_at, is_over=False))
