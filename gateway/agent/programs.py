"""Says which BPF programs meet packets, to whoever connects; it reads nothing that anybody sends.

The loader, which does, need not have CAP_SYS_ADMIN for it.
"""

import json
import socket
from collections.abc import Callable
from contextlib import suppress

from gateway.agent.systemd import LOOKING_SECONDS, notify
from gateway.verify.bpf import Attached, attached_here

#: Who asks takes the answer at once, or has none.
_TAKING_SECONDS = 2.0


def serve(listener: socket.socket, is_current: Callable[[], bool]) -> None:
    """Answer one after the other, for as long as the programs are those of the host."""
    listener.settimeout(LOOKING_SECONDS)
    notify("READY=1")
    while is_current():
        notify("WATCHDOG=1")
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(_TAKING_SECONDS)
                connection.sendall(answer())


def answer(ask: Callable[[], list[Attached]] = attached_here) -> bytes:
    """Give the programs as JSON; where the kernel does not tell, its words, which are none."""
    try:
        found = ask()
    except OSError as fault:
        return f"{type(fault).__name__}: {fault}\n".encode()
    return f"{json.dumps([[each.what, each.interface] for each in found])}\n".encode()
