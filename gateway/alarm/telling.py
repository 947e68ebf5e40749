"""Says an alarm where people on this host see it: in the journal, and on their terminals."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from gateway.alarm.words import Alarm

#: Where the terminals of who is logged in are: by ssh, and at the console.
TERMINALS = ("pts/[0-9]*", "tty[1-6]")

_BELL = "\a"


def tell(alarm: Alarm, devices: Path = Path("/dev")) -> None:
    """Tell of one alarm; a journal that is full or a terminal that is stuck stops nothing."""
    with suppress(OSError, ValueError):
        for line in alarm.lines:
            sys.stderr.write(f"<{alarm.priority}>{line}\n")
        sys.stderr.flush()
    text = "".join(f"\r\n{line}" for line in alarm.lines)
    _show(f"{text}{'' if alarm.is_over else _BELL}\r\n", _open_terminals(devices))


def _open_terminals(devices: Path) -> Iterator[Path]:
    """Give the terminals whose people let themselves be written to (`mesg y`)."""
    for pattern in TERMINALS:
        for file in sorted(devices.glob(pattern)):
            with suppress(OSError):
                found = file.stat()
                if stat.S_ISCHR(found.st_mode) and found.st_mode & stat.S_IWGRP:
                    yield file


def _show(text: str, terminals: Iterable[Path]) -> None:
    for file in terminals:
        with suppress(OSError):
            terminal = os.open(file, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            try:
                os.write(terminal, text.encode())
            finally:
                os.close(terminal)
