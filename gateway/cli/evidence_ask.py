"""Has the playbook `evidence` ask the hosts, and reads what they answered."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gateway.errors import Refused, problem
from gateway.evidence.hosts_asked import AskedHost, host_from_json

_ROOT = Path(__file__).resolve().parents[2]
_PLAYBOOK = _ROOT / "playbooks" / "evidence.yml"

#: So much of what Ansible said is repeated where no host was asked.
_LAST_CHARACTERS = 400

#: What Ansible prints of one host; the rest is for its log.
_TOLD = re.compile(r"^(ok|fatal): \[([^\]]+)\]")

#: What a terminal would obey stands for nothing in what a host is said to have said.
_HIDDEN = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def ask_hosts(
    inventory: Path, limit: str | None, tell: Callable[[str], None]
) -> tuple[AskedHost, ...]:
    """Ask every host of an inventory; give each, also those that were not reached.

    Args:
        inventory: as Ansible takes it.
        limit: Ansible's pattern of hosts; None for all.
        tell: hears the name of each host that is done.

    Raises:
        Refused: ZG915, the playbooks are not here; ZG914, no host was asked;
            ZG918, what was brought back cannot be read.
    """
    program = Path(sys.executable).with_name("ansible-playbook")
    if not program.exists() or not _PLAYBOOK.exists():
        raise Refused(problem("ZG915", place=str(_PLAYBOOK)))
    with TemporaryDirectory(prefix="loushan-evidence-") as folder:
        words = [str(_PLAYBOOK), "-i", str(inventory), "-e", json.dumps({"evidence_into": folder})]
        said = _play([str(program), *words, *(("--limit", limit) if limit else ())], tell)
        hosts = tuple(sorted(read_answers(Path(folder)), key=lambda host: host.name))
    if not hosts:
        last = " ".join(said.split())[-_LAST_CHARACTERS:]
        raise Refused(problem("ZG914", said=last or "-"))
    return hosts


def _play(command: list[str], tell: Callable[[str], None]) -> str:
    """Run it to its end, whatever that is: who was not reached is in the files."""
    said: list[str] = []
    with subprocess.Popen(
        command,
        env={**os.environ, **_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                said.append(line)
                if told := _TOLD.match(line):
                    tell(told[2])
        except BaseException:
            process.terminate()
            raise
    return _HIDDEN.sub("", "".join(said))


_ENVIRONMENT = {
    "ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg"),
    "ANSIBLE_NOCOLOR": "1",
    # Ansible reads nothing where the locale is not one of UTF-8.
    "LC_ALL": "C.UTF-8",
}


def read_answers(folder: Path) -> Iterator[AskedHost]:
    """Read each host's file; who was to be asked and has none is said too.

    Raises:
        Refused: ZG918, a file cannot be read.
    """
    bodies = {file.name: _body(file) for file in sorted(folder.glob("*.json"))}
    everybody: set[str] = set()
    for name, body in bodies.items():
        try:
            yield host_from_json(body)
            everybody |= set(body["everybody"]) - {body["host"]}
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            raise Refused(problem("ZG918", file=name, error=repr(fault))) from fault
    for name in sorted(everybody - {name.removesuffix(".json") for name in bodies}):
        yield AskedHost(name, trouble="nothing came back from it")


def _body(file: Path) -> Mapping[str, Any]:
    try:
        body = json.loads(file.read_text("utf-8"))
    except ValueError as fault:
        raise Refused(problem("ZG918", file=file.name, error=str(fault))) from fault
    return body if isinstance(body, dict) else {}
