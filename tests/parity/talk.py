"""Talks with what sits at a virtual machine's console, over a socket of the emulator's."""

import base64
import itertools
import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

#: Where the consoles of the machines are that run, each by its host's name.
CONSOLES_VARIABLE = "LOUSHAN_CONSOLES"

_numbers = itertools.count(1)


class Away(Exception):  # noqa: N818 - the machine is away, whatever is wrong
    """Nobody answers at a console."""


def console(folder: Path, host: str) -> Path:
    """Give the socket of a host's console."""
    return folder / f"{host}.console"


def say(
    path: Path, command: Sequence[str], given: bytes = b"", *, seconds: float
) -> "subprocess.CompletedProcess[bytes]":
    """Have a command done in a machine and give how it ended.

    Raises:
        Away: it did not end in time, or the machine is gone.
    """
    number = f"{os.getpid()}-{next(_numbers)}"
    asked = {
        "number": number,
        "command": list(command),
        "given": base64.b64encode(given).decode("ascii"),
    }
    # A line of its own, also where somebody hung up in the middle of his.
    line = b"\n" + json.dumps(asked).encode("ascii") + b"\n"
    end = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talking:
            talking.settimeout(seconds)
            talking.connect(str(path))
            talking.sendall(line)
            return _heard(talking, number, command, end)
    except OSError as fault:
        message = f"{path.name}: {command[0]}: {type(fault).__name__} {fault}"
        raise Away(message) from fault


def _heard(
    talking: socket.socket, number: str, command: Sequence[str], end: float
) -> "subprocess.CompletedProcess[bytes]":
    kept = b""
    while True:
        talking.settimeout(max(end - time.monotonic(), 0.001))
        read = talking.recv(1 << 16)
        if not read:
            raise ConnectionResetError
        *lines, kept = (kept + read).split(b"\n")
        for line in filter(None, lines):
            said = _read(line)
            if said.get("number") == number:  # another is for somebody who hung up
                return subprocess.CompletedProcess(
                    list(command),
                    int(said["status"]),
                    base64.b64decode(said["stdout"]),
                    base64.b64decode(said["stderr"]),
                )


def _read(line: bytes) -> dict[str, str]:
    try:
        said: dict[str, str] = json.loads(line)
    except ValueError:  # the rest of a line whose beginning somebody else had
        return {}
    return said
