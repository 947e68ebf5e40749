"""How a module of ours is run on a host: what is wanted comes as JSON, what came of it goes back so.

Ansible's own wrapper is not used: it has each host compile Ansible's library anew for each task.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Protocol


class CannotError(Exception):
    """Something cannot be done; says what and why."""


class Module(Protocol):
    """What a module has."""

    @staticmethod
    def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
        """Do what is wanted, or in check mode say what would be done."""


def main(module: Module, wanted: Mapping[str, Any], *, check: bool) -> None:
    """Run a module, and print its result as one line."""
    os.umask(0o022)
    try:
        result = module.run(wanted, check=check)
    except (CannotError, OSError, ValueError, KeyError, subprocess.CalledProcessError) as fault:
        result = {"failed": True, "msg": in_words(fault)}
    sys.stdout.write(f"{json.dumps(result)}\n")


def in_words(fault: Exception) -> str:
    """Say what is wrong, in the words of whoever found it."""
    if isinstance(fault, CannotError):
        return str(fault)
    if isinstance(fault, OSError) and fault.strerror:
        return f"{fault.filename or 'the host'}: {fault.strerror}"
    said = getattr(fault, "stderr", "") or str(fault)
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{type(fault).__name__}: {text}"
