"""Somebody at a desk in the operations zone, who comes to a gateway as in the city: by ssh.

They know no host but by the hosts' authority, and are known by a certificate.
"""

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


#: The lab that is up, as a real city: by ssh.
_CITY = f"""\
plugin: plan
plan: {ROOT}/policy/lab
connection: ssh
link_engine: program
lab: true
"""

#: Where the desk has what ssh knows hosts by, and nothing that it has learnt itself.
KNOWN = "/srv/desk/known_hosts"

_KEYS = "/srv/desk"


class Operator:
    """Somebody at a desk in the operations zone, who has nothing but ssh."""

    def __init__(
        self,
        town: Town,
        gateway: str,
        person: str = "operator",
        account: str = "operator",
        duty: str = "build",
    ) -> None:
        """Sit down, with a key of one's own, and have it certified for an account and a duty."""
        self.town = town
        self.gateway = gateway
        self.address = town.address(gateway, 4)
        #: Where the desk has this person's key.
        self.file = f"{_KEYS}/{person}"
        make = (
            f"mkdir -p {_KEYS}; rm -f {self.file}*; ssh-keygen -q -t ed25519 -N '' -f {self.file}"
        )
        self.key = town.must(DESK, "sh", "-c", f"{make} && cat {self.file}.pub").strip()
        self.certificate = certified(town, person, self.key, f"{duty}:{account}")
        self.show(self.certificate)
        self.learn()
        #: What a playbook is told, so that a gateway lets this operator in.
        self.account = json.dumps({"base_operators": [{"name": account, "duty": duty}]})

    def show(self, certificate: str) -> None:
        """Have another certificate for the same key; none where it is empty."""
        put = f"cat >{self.file}-cert.pub" if certificate else f"rm -f {self.file}-cert.pub"
        self.town.must(DESK, "sh", "-c", put, text=certificate)

    def learn(self) -> None:
        """Take the list of whom ssh knows, as the authority has it now."""
        known = (self.town.places.authorities / "ssh-host/known_hosts").read_text("utf-8")
        self.town.must(DESK, "sh", "-c", f"cat >{KNOWN}", text=known)

    def ssh(
        self, *command: str, account: str = "operator", version: int = 4, more: tuple[str, ...] = ()
    ) -> Done:
        """Run a command on the gateway, through the network."""
        options = ["BatchMode=yes", "ConnectTimeout=5", "ServerAliveInterval=1"]
        options += ["ServerAliveCountMax=5", "StrictHostKeyChecking=yes"]
        options += [f"UserKnownHostsFile={KNOWN}", "GlobalKnownHostsFile=/dev/null"]
        options += ["IdentitiesOnly=yes", f"IdentityFile={self.file}"]
        words = [word for option in options for word in ("-o", option)]
        there = f"{account}@{self.town.address(self.gateway, version)}"
        return self.town.run(DESK, "ssh", *more, *words, there, *command)

    def playbook(self, name: str, *words: str) -> Done:
        """Run a playbook as from this desk: Ansible's own ssh, through the network."""
        # A socket's path has to be short; and who holds connections open is gone at the end.
        own = Path(tempfile.mkdtemp(prefix="ls"))
        try:
            key, city = own / "key", own / "plan.yml"
            for end in ("", "-cert.pub"):
                key.with_name(f"key{end}").write_text(self.town.must(DESK, "cat", self.file + end))
            key.chmod(0o600)
            city.write_text(_CITY)
            reached = {"ansible_ssh_private_key_file": str(key)}
            told = ("--limit", self.gateway, "-e", json.dumps(reached), *words)
            enter = ["nsenter", f"--net=/run/netns/{self.town.namespace(DESK)}", "--"]
            ansible = f"{Path(sys.executable).parent}/ansible-playbook"
            return subprocess.run(
                [*enter, ansible, f"playbooks/{name}.yml", "-i", str(city), *told],
                cwd=ROOT,
                env={
                    **os.environ,
                    "ANSIBLE_NOCOLOR": "1",
                    "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=2s"
                    " -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null"
                    " -o ServerAliveInterval=2 -o ServerAliveCountMax=2",
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


def certified(town: Town, name: str, key: str, *accounts: str) -> str:
    """Have the city's authority certify an operator; give the certificate."""
    with tempfile.TemporaryDirectory() as beside:
        asked, issued = Path(beside) / "key.pub", Path(beside) / "key-cert.pub"
        asked.write_text(key, "utf-8")
        words = ["--profile", "ssh-user", "--name", name, "--public-key", str(asked)]
        words += [word for account in accounts for word in ("--principal", account)]
        authorities = str(town.places.authorities)
        done = town.loushan("pki", "issue", authorities, *words, "--out", str(issued))
        assert done.returncode == 0, done.stderr
        return issued.read_text("utf-8")
