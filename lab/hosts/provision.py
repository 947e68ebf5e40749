"""Runs a playbook over a lab that is up, as an administrator would; its words go to a log."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.errors import Refused, problem
from lab.hosts.places import VARIABLE, Places

_ROOT = Path(__file__).resolve().parents[2]

#: How the lines begin that tell what is going on.
_TELLING = ("PLAY [", "TASK [", "RUNNING HANDLER [")

#: So much of the log is shown when a play fails.
_LAST_LINES = 12


def log_of(places: Places, playbook: str) -> Path:
    """Give where a playbook's words go."""
    return Path("/var/log") / f"loushan-{places.name}-{playbook}.log"


def play(
    places: Places,
    playbook: str,
    tell: Callable[[str], None] = lambda _line: None,
    extra: Sequence[str] = (),
) -> str:
    """Run a playbook by its name and give what it said.

    Raises:
        Refused: ZG683, it failed; names the log and carries its last words.
    """
    log = log_of(places, playbook)
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [f"playbooks/{playbook}.yml", "-i", "inventory/lab", *extra]
    said: list[str] = []
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [str(program), *words],
            cwd=_ROOT,
            env=environment(places),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            for line in process.stdout or ():
                file.write(line)
                file.flush()
                said.append(line)
                if line.startswith(_TELLING):
                    tell(line.partition("[")[2].rpartition("]")[0])
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.wait():
        last = "".join(line for line in said if line.strip())[-2000:].splitlines()[-_LAST_LINES:]
        raise Refused(problem("ZG683", playbook=playbook, log=log, said=" | ".join(last)))
    return "".join(said)


def environment(places: Places) -> dict[str, str]:
    """Give what a command that is about a lab is to know of ours."""
    kept = {name: os.environ[name] for name in ("HOME", "TERM") if name in os.environ}
    return {
        **kept,
        VARIABLE: places.name,
        "ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        # Ansible reads nothing where the locale is not one of UTF-8.
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
