"""Somebody at a desk in the operations zone, who comes to a gateway as in the city: by ssh."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.hosts.places import VARIABLE
from tests.lab.town import ROOT, Done, Town, until

DESK = "city.operations"


class Operator:
    """Somebody at a desk in the operations zone, who has nothing but ssh."""

    def __init__(self, town: Town, gateway: str) -> None:
        """Sit down, with a key of one's own."""
        self.town = town
        self.gateway = gateway
        self.address = town.address(gateway, 4)
        make = "mkdir -p ~/.ssh && ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519"
        key = town.must(DESK, "sh", "-c", f"{make} && cat ~/.ssh/id_ed25519.pub").strip()
        #: What a playbook is told, so that a gateway lets this operator in.
        self.account = json.dumps({"base_operators": [{"name": "operator", "keys": [key]}]})

    def ssh(self, *command: str) -> Done:
        """Run a command on the gateway, through the network."""
        options = ["BatchMode=yes", "ConnectTimeout=2", "ServerAliveInterval=1"]
        options += ["ServerAliveCountMax=2", "StrictHostKeyChecking=accept-new"]
        words = [word for option in options for word in ("-o", option)]
        return self.town.run(DESK, "ssh", *words, f"operator@{self.address}", *command)

    def playbook(self, name: str, *words: str) -> Done:
        """Run a playbook as from this desk: Ansible's own ssh, through the network."""
        # A socket's path has to be short; and who holds connections open is gone at the end.
        own = Path(tempfile.mkdtemp(prefix="ls"))
        try:
            key, known = own / "key", own / "known"
            key.write_text(self.town.must(DESK, "sh", "-c", "cat ~/.ssh/id_ed25519"))
            key.chmod(0o600)
            public = self.town.must(self.gateway, "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
            known.write_text(f"{self.address} {public}")
            reached = {
                "ansible_connection": "ssh",
                "ansible_host": str(self.address),
                "ansible_user": "operator",
                "ansible_become": True,
                "ansible_ssh_private_key_file": str(key),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={known}",
            }
            told = ("--limit", self.gateway, "-e", json.dumps(reached), *words)
            enter = ["nsenter", f"--net=/run/netns/{self.town.namespace(DESK)}", "--"]
            ansible = f"{Path(sys.executable).parent}/ansible-playbook"
            return subprocess.run(
                [*enter, ansible, f"playbooks/{name}.yml", "-i", "inventory/lab", *told],
                cwd=ROOT,
                env={
                    **os.environ,
                    "ANSIBLE_NOCOLOR": "1",
                    "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=2s"
                    " -o StrictHostKeyChecking=yes -o ServerAliveInterval=2"
                    " -o ServerAliveCountMax=2",
                    "ANSIBLE_SSH_CONTROL_PATH_DIR": str(own),
                    "ANSIBLE_TIMEOUT": "5",
                    "LC_ALL": "C.UTF-8",
                    VARIABLE: self.town.places.name,
                },
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        finally:
            until(lambda: not any(file.is_socket() for file in own.iterdir()), 10)
            shutil.rmtree(own)

    def gets_in(self) -> bool:
        """Tell whether a new connection comes about."""
        return self.ssh("true").returncode == 0
