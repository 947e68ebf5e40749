"""Reach a host of the lab as its own keyboard and screen would: no network, no ssh, no key.

It enters the namespaces of the host's first process.  What is on the network
cannot reach a host this way, so it opens nothing that the tests look at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: console
author: Loushan
short_description: a host of the lab, at its console
version_added: "2.19"
description:
  - Enters a booted host of the lab on this machine, as root, without any network.
  - It is for the lab only; the hosts of a real city are reached by ssh.
options:
  leader:
    description: The host's first process, as this machine counts it. It wins over I(leader_file).
    type: int
    vars:
      - name: console_leader
    env:
      - name: LOUSHAN_CONSOLE_LEADER
  leader_file:
    description: The file that holds the number of the host's first process; it is new after each boot.
    type: path
    vars:
      - name: console_leader_file
extends_documentation_fragment:
  - connection_pipelining
"""

_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


class Connection(ConnectionBase):  # type: ignore[misc]  # Ansible ships no types
    """One host of the lab."""

    transport = "console"
    has_pipelining = True
    default_user = "root"

    def _connect(self) -> Connection:
        """Find the host; there is nothing to hold open."""
        self._leader()
        self._connected = True
        return self

    def exec_command(
        self,
        cmd: str,
        in_data: bytes | None = None,
        sudoable: bool = True,  # noqa: FBT001, FBT002 - Ansible's own signature
    ) -> tuple[int, bytes, bytes]:
        """Run a shell's line in the host.

        Raises:
            AnsibleConnectionFailure: the host does not run.
        """
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        done = self._run(["/bin/sh", "-c", cmd], in_data or b"")
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        """Write a file of this machine to the host.

        Raises:
            AnsibleFileNotFound: there is no such file here.
            AnsibleConnectionFailure: the host does not take it.
        """
        super().put_file(in_path, out_path)
        if not Path(in_path).is_file():
            message = f"no file {in_path}"
            raise AnsibleFileNotFound(message)
        script = 'umask 077; exec cat >"$1"'
        self._checked(["/bin/sh", "-c", script, "put", out_path], Path(in_path).read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Write a file of the host to this machine.

        Raises:
            AnsibleConnectionFailure: the host does not give it.
        """
        super().fetch_file(in_path, out_path)
        Path(out_path).write_bytes(self._checked(["/bin/cat", "--", in_path], b""))

    def reset(self) -> None:
        """Begin anew: the next command looks for the host again."""
        self.close()
        self._connect()

    def close(self) -> None:
        """Nothing is held open."""
        self._connected = False

    def _leader(self) -> int:
        """Give the host's first process; looked up each time, as a reboot makes another."""
        given, file = self.get_option("leader"), self.get_option("leader_file")
        try:
            number = int(given or Path(file or "/no-such-lab").read_text("ascii"))
        except (OSError, ValueError) as fault:
            self._is_away(fault)
        if not Path(f"/proc/{number}").exists():
            self._is_away(f"process {number} has gone")
        return number

    def _run(self, command: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
        enter = [shutil.which("nsenter") or "/usr/bin/nsenter", "--target", str(self._leader())]
        namespaces = ["--mount", "--uts", "--ipc", "--pid", "--net", "--root", "--wd"]
        inside = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        return subprocess.run(
            [*enter, *namespaces, "--", "/usr/bin/env", "-i", *inside, *command],
            input=given,
            capture_output=True,
            check=False,
            env=os.environ,
        )

    def _checked(self, command: list[str], given: bytes) -> bytes:
        done = self._run(command, given)
        if done.returncode:
            self._is_away(done.stderr.decode("utf-8", "replace").strip())
        return done.stdout

    def _is_away(self, why: object) -> NoReturn:
        host = self._play_context.remote_addr
        message = f"host {host} of the lab cannot be entered ({why}); see: ./loushan lab status"
        raise AnsibleConnectionFailure(message)
