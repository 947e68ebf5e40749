"""Deliver the lists of revocations to every gateway, by the playbook that does so.

Who cannot be reached now fetches them from the enrolment server when it is back.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pki.errors import Code, PkiRefused

_ROOT = Path(__file__).resolve().parents[1]
_PLAYBOOK = _ROOT / "playbooks" / "revoke.yml"

#: Hundreds of gateways take no longer.
_PATIENCE_SECONDS = 600

_RECAP = re.compile(
    r"^(\S+)\s+: ok=\d+\s+changed=\d+\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Which hosts have the lists, and which do not have them yet."""

    have: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that has begun: the playbook starts, and waits for what is to be delivered."""

    inventory: Path
    process: "subprocess.Popen[str]"

    def end(self) -> Delivered:
        """Wait for it; say who has the lists.

        Raises:
            PkiRefused: the playbook reached nobody, or did not end.
        """
        try:
            told, wrong = self.process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired as fault:
            self.give_up()
            raise PkiRefused(Code.ZP056, inventory=self.inventory, error=fault) from fault
        ends = {host: (away, failed) == ("0", "0") for host, away, failed in _RECAP.findall(told)}
        have = tuple(host for host, is_well in ends.items() if is_well)
        if not have:
            said = (wrong.strip() or told.strip()).splitlines()
            raise PkiRefused(Code.ZP056, inventory=self.inventory, error=" | ".join(said[-3:]))
        return Delivered(have, tuple(host for host, is_well in ends.items() if not is_well))

    def give_up(self) -> None:
        """End the playbook: there is nothing to be delivered."""
        self.process.terminate()
        self.process.communicate()


@contextmanager
def begun(inventory: Path, authorities: Path) -> Iterator[Delivery]:
    """Begin to deliver the lists of a folder of authorities, whose lock the caller holds.

    The playbook takes a second to start, in which a list is signed.  It reads the lists when the
    lock is let go; where nothing was signed it is ended.

    Args:
        inventory: whose gateways, as for Ansible.
        authorities: the folder whose lists they are.

    Raises:
        PkiRefused: the playbook cannot be run.
    """
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "LOUSHAN_AUTHORITY": str(authorities.resolve()),
        # Ansible reads nothing where the locale is not one of UTF-8.
        "LC_ALL": "C.UTF-8",
    }
    try:
        process = subprocess.Popen(
            [str(program), str(_PLAYBOOK), "-i", str(inventory.resolve())],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as fault:
        raise PkiRefused(Code.ZP056, inventory=inventory, error=fault) from fault
    delivery = Delivery(inventory, process)
    try:
        yield delivery
    except BaseException:
        delivery.give_up()
        raise
