"""What both actions that certify a host do with the folder of authorities on the controller."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible.errors import AnsibleActionFail

_ROOT = Path(__file__).resolve().parents[2]


def issue(folder: Path, *words: str) -> None:
    """Have an authority certify something, by our own command.

    Raises:
        AnsibleActionFail: it does not; in its words.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-m", "gateway.cli", "pki", "issue", str(folder), *words],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AnsibleActionFail(done.stderr.strip() or done.stdout.strip())


def read(file: Path, encoding: str = "ascii") -> str:
    """Read a file of the authorities.

    Raises:
        AnsibleActionFail: it cannot be read; says what is to be named.
    """
    try:
        return file.read_text(encoding)
    except OSError as fault:
        message = (
            f"{file}: {fault.strerror}; `authority` names the folder that `loushan pki init` made"
        )
        raise AnsibleActionFail(message) from fault
