"""Reach a virtual machine at its console; for Ansible it stands in for the lab's console.

The playbooks and the inventory are the real ones, and say `console`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase

from tests.parity.talk import CONSOLES_VARIABLE, Away, console, say

DOCUMENTATION = """
name: console
author: Loushan
short_description: a virtual machine, at its console
version_added: "2.19"
description:
  - Has commands done in a machine that the parity test has booted, without any network.
options:
  leader_file:
    description: Not used; the inventory says it.
    type: path
    vars:
      - name: console_leader_file
extends_documentation_fragment:
  - connection_pipelining
"""

#: A module that installs or proves takes minutes in an emulated machine.
_PATIENCE_SECONDS = 900.0


class Connection(ConnectionBase):  # type: ignore[misc]  # Ansible ships no types
    """One virtual machine."""

    transport = "console"
    has_pipelining = True
    default_user = "root"

    def _connect(self) -> Connection:
        """There is nothing to hold open."""
        self._connected = True
        return self

    def exec_command(
        self,
        cmd: str,
        in_data: bytes | None = None,
        sudoable: bool = True,  # noqa: FBT001, FBT002 - Ansible's own signature
    ) -> tuple[int, bytes, bytes]:
        """Run a shell's line in the machine.

        Raises:
            AnsibleConnectionFailure: it does not answer.
        """
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data or b"")

    def put_file(self, in_path: str, out_path: str) -> None:
        """Write a file of this host to the machine.

        Raises:
            AnsibleFileNotFound: there is no such file here.
            AnsibleConnectionFailure: the machine does not take it.
        """
        super().put_file(in_path, out_path)
        if not Path(in_path).is_file():
            message = f"no file {in_path}"
            raise AnsibleFileNotFound(message)
        script = ["/bin/sh", "-c", 'umask 077; exec cat >"$1"', "put", out_path]
        self._checked(script, Path(in_path).read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Write a file of the machine to this host.

        Raises:
            AnsibleConnectionFailure: the machine does not give it.
        """
        super().fetch_file(in_path, out_path)
        Path(out_path).write_bytes(self._checked(["/bin/cat", "--", in_path], b""))

    def reset(self) -> None:
        """Begin anew."""
        self.close()
        self._connect()

    def close(self) -> None:
        """Nothing is held open."""
        self._connected = False

    def _run(self, command: list[str], given: bytes) -> tuple[int, bytes, bytes]:
        path = console(Path(os.environ[CONSOLES_VARIABLE]), self._play_context.remote_addr)
        try:
            done = say(path, command, given, seconds=_PATIENCE_SECONDS)
        except Away as fault:
            self._is_away(fault)
        return done.returncode, done.stdout, done.stderr

    def _checked(self, command: list[str], given: bytes) -> bytes:
        status, stdout, stderr = self._run(command, given)
        if status:
            self._is_away(stderr.decode("utf-8", "replace").strip())
        return stdout

    def _is_away(self, why: object) -> NoReturn:
        message = f"{self._play_context.remote_addr} does not answer ({why})"
        raise AnsibleConnectionFailure(message)
