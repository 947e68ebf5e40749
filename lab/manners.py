"""How a command of the lab ends when it is told to."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gateway.errors import Refused, problem


@contextmanager
def polite_kill_is_an_end() -> Iterator[None]:
    """Let SIGTERM end the program as an error does, so that it tidies up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def require_root() -> None:
    """Return when we are root.

    Raises:
        Refused: ZG661, we are not.
    """
    if os.geteuid() != 0:
        raise Refused(problem("ZG661"))
