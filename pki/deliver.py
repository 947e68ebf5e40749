"""Deliver the lists of revocations to every gateway, by the playbook that does so.

Who cannot be reached now fetches them from the enrolment server when it is back.
"""

import os
import re
import subprocess
import sys
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
    """Which gateways have the lists, and which do not have them yet."""

    have: tuple[str, ...]
    missing: tuple[str, ...]


def deliver(inventory: Path, authorities: Path) -> Delivered:
    """Deliver the lists of a folder of authorities.

    Args:
        inventory: whose gateways, as for Ansible.
        authorities: the folder whose lists they are.

    Raises:
        PkiRefused: the playbook cannot be run, or reached nobody.
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
        done = subprocess.run(
            [str(program), str(_PLAYBOOK), "-i", str(inventory.resolve())],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise PkiRefused(Code.ZP056, inventory=inventory, error=fault) from fault
    ends = {
        host: (away, failed) == ("0", "0") for host, away, failed in _RECAP.findall(done.stdout)
    }
    have = tuple(host for host, is_well in ends.items() if is_well)
    if not have:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise PkiRefused(Code.ZP056, inventory=inventory, error=" | ".join(said[-3:]))
    return Delivered(have, tuple(host for host, is_well in ends.items() if not is_well))
