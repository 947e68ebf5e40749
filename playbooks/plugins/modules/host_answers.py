"""Asks a host many commands in one task, and brings back each answer as it was.

It judges nothing: that is done by who asked, so that the raw answer stays
beside the verdict.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

DOCUMENTATION = """
module: host_answers
author: Loushan
short_description: what a host says to many commands, in one task
version_added: "2.19"
description:
  - Runs each command, and returns what it said, with its exit status and the time. It changes nothing.
  - A command that does not end in time is ended; one that is not there has the status 127, as in a shell.
options:
  into:
    description: Folder on the controller; each host's answers become a file there, also where it is not reached.
    type: path
    required: true
  commands:
    description: What is asked; said by the controller, which works it out from the catalogue of evidence.
    type: list
    elements: list
    default: []
  within_seconds:
    description: How long one command may take.
    type: int
    default: 60
  most_bytes:
    description: So much of an answer is brought back; it says when there was more.
    type: int
    default: 262144
"""

EXAMPLES = """
- name: Ask
  host_answers:
    into: "{{ evidence_into }}"
"""

RETURN = """
answers:
  description: For each command C(command), C(status), C(said), C(complained), C(at) in UTC, and whether it is C(cut).
  returned: always
  type: list
  elements: dict
"""

SPEC: dict[str, Any] = {
    "into": {"type": "path", "required": True},
    "commands": {"type": "list", "elements": "list", "default": []},
    "within_seconds": {"type": "int", "default": 60},
    "most_bytes": {"type": "int", "default": 262144},
}

#: As in a shell: there is no such program.
_NO_PROGRAM = 127

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    # What is judged is the same whoever asks.
    "LC_ALL": "C.UTF-8",
    "SYSTEMD_PAGER": "cat",
}


def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Ask; nothing is changed by it, so that it is done in check mode too."""
    del check
    seconds, most = wanted["within_seconds"], wanted["most_bytes"]
    return {"changed": False, "answers": [asked(c, seconds, most) for c in wanted["commands"]]}


def asked(command: Sequence[str], seconds: int, most_bytes: int) -> dict[str, Any]:
    """Run one command and give what came of it."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        status = _status(command, seconds, said, complained)
        size = said.seek(0, os.SEEK_END)
        texts = []
        for file in (said, complained):
            file.seek(0)
            texts.append(file.read(most_bytes).decode("utf-8", "replace"))
    return {
        "command": list(command),
        "status": status,
        "said": texts[0],
        "complained": texts[1],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cut": size > most_bytes,
    }


def _status(command: Sequence[str], seconds: int, said: Any, complained: Any) -> int | None:  # noqa: ANN401 - files
    """Run it into two files; None where it did not end in time."""
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as fault:
        complained.write(str(fault).encode())
        return _NO_PROGRAM
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        # With what it has started: a pipe of a shell's ends too.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
