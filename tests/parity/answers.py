"""What sits at a virtual machine's console and does what it is told; it runs inside, alone.

It is handed to the machine by its firmware, as a credential of systemd's, so
that nothing of ours is on the disk.  It reads a line of JSON from a channel of
the hardware's and answers with a line: no network, no account, no key.
"""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

#: Nobody listens at the other end.
_NOBODY_SECONDS = 0.1

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def answer(asked: bytes) -> bytes:
    """Do what a line asks for, and say how it ended."""
    question = json.loads(asked)
    done = subprocess.run(
        question["command"],
        input=base64.b64decode(question["given"]),
        capture_output=True,
        check=False,
        env=_ENVIRONMENT,
        cwd="/root",
    )
    said = {
        "number": question["number"],
        "status": done.returncode,
        "stdout": base64.b64encode(done.stdout).decode("ascii"),
        "stderr": base64.b64encode(done.stderr).decode("ascii"),
    }
    return json.dumps(said).encode("ascii") + b"\n"


def serve(channel: BinaryIO) -> None:
    """Answer one line after the other, for as long as the machine runs."""
    kept = b""
    while True:
        read = os.read(channel.fileno(), 1 << 16)
        if not read:
            time.sleep(_NOBODY_SECONDS)
            continue
        *lines, kept = (kept + read).split(b"\n")
        for line in filter(None, lines):
            try:
                said = answer(line)
            except (ValueError, KeyError):
                continue  # somebody hung up in the middle of a line
            while said:
                said = said[os.write(channel.fileno(), said) :]


if __name__ == "__main__":
    with Path(sys.argv[1]).open("r+b", buffering=0) as opened:
        serve(opened)
