"""Follow a raw file in processes that are killed at every step there is, one after the other.

Run as a command: a folder, and whether a call is begun (`half`) or not (`before`)
when its process is killed.  Prints how many processes it took.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from gateway.observe import raw as raw_module
from tests.decision_logs import Site, line, lines, refusal

#: After so many in a row that were killed, none gets anywhere.
_MOST = 200


class Killer:
    """Kills the process at one call out of those that change a disk."""

    def __init__(self, at: int, how: str) -> None:
        """Say at which call."""
        self.left = at
        self.how = how

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Give the same call, at which the process may be killed."""

        def mortal(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes
            self.left -= 1
            if self.left == 0:
                if self.how == "half":
                    if call is _WRITE:
                        _WRITE(arguments[0], arguments[1][: len(arguments[1]) // 2])
                    else:
                        call(*arguments, **named)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return mortal


_WRITE = os.write


def _arm(killer: Killer) -> None:
    for name in ("write", "fdatasync", "fsync", "truncate", "open"):
        setattr(os, name, killer.around(getattr(os, name)))
    for name in ("replace", "unlink", "mkdir"):
        setattr(Path, name, killer.around(getattr(Path, name)))
    raw_module._punch = killer.around(raw_module._punch)  # noqa: SLF001 - the call to die at


def _follow(base: Path, killer: Killer) -> None:
    """Take what is there, sign it, and end; or be killed."""
    _arm(killer)
    site = Site(base, changes={"free_bytes": 4096, "checkpoint_seconds": 1})
    site.go()
    site.sign()


def main(folder: str, how: str) -> None:
    """Go on until a process lives through it all."""
    base, number = Path(folder), 0
    for step in count(1):
        with (base / "decisions.raw").open("ab") as proxy:
            proxy.write(line(refusal(number + 1)) + lines(*range(number + 2, number + 12)))
        number += 11
        child = os.fork()
        if not child:
            _follow(base, Killer(step, how))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0 or step == _MOST:
            sys.stdout.write(f"{step} {number} {status}\n")
            return
        assert os.WIFSIGNALED(status), status


if __name__ == "__main__":
    main(*sys.argv[1:])
