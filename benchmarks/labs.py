"""What benchmarks of booted labs have in common: who listens, and the least that Ansible can do."""

import os
import subprocess
import sys
from pathlib import Path

from lab.hosts.places import VARIABLE, Places

ROOT = Path(__file__).parents[1]


class Quiet:
    """Hears how far the booting is, and says nothing."""

    def image(self, line: str) -> None:
        """Hear what the building of the image says."""

    def booting(self, ready: int, total: int) -> None:
        """Hear how many hosts have booted."""


def smallest_run(places: Places) -> str:
    """Run the least that Ansible can do on a host as itself: one Python that answers."""
    program = Path(sys.executable).with_name("ansible")
    words = ["gateways", "-i", "inventory/lab", "-m", "ansible.builtin.ping", "--one-line"]
    environment = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "HOME": os.environ.get("HOME", "/root"),
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        VARIABLE: places.name,
    }
    command = [str(program), *words]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout
