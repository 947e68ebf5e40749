"""`loushan lab status`: which hosts run, and what each gateway says of its policy."""

import argparse
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused
from lab.manners import require_root

if TYPE_CHECKING:
    from lab.hosts.blueprint import Host
    from lab.hosts.places import Places

#: What a gateway's agent says of itself, for everybody on the host to read.
_STATUS = "/run/loushan/status.json"

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host: `system` as systemd calls it, `agent` as the gateway's agent says it."""

    host: "Host"
    system: str
    agent: dict[str, object] | None

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return {
            "host": self.host.name,
            "role": self.host.role,
            "system": self.system,
            "agent": self.agent,
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say how each host is; the exit status tells whether all run."""
    require_root()
    from lab.hosts.describe import described  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    here = places()
    hosts = [host for host in described(here).blueprint.hosts if host.boots]
    found = ask_all(here, hosts)
    if arguments.json:
        say_json([status.as_json() for status in found])
    else:
        for status in found:
            say(f"{status.host.name:26} {status.system:10} {policy_text(arguments, status)}")
    return ExitStatus.OK if all(s.system == "running" for s in found) else ExitStatus.REFUSED


def ask_all(places: "Places", hosts: "Iterable[Host]") -> list[HostStatus]:
    """Ask hosts how they are, some at once."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda host: _ask(places, host), hosts))


def _ask(places: "Places", host: "Host") -> HostStatus:
    """Ask a host how it is."""
    from lab.hosts.blueprint import Role  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.machine import execute  # noqa: PLC0415 - as above

    script = "systemctl is-system-running || true"
    if host.role is Role.GATEWAY:
        script += f"; cat {_STATUS} 2>/dev/null || true"
    try:
        system, _, agent = execute(places, host.name, ["sh", "-c", script]).partition("\n")
        return HostStatus(host, system, json.loads(agent) if agent.strip() else None)
    except (Refused, ValueError):
        return HostStatus(host, "down", None)


def policy_text(arguments: argparse.Namespace, status: HostStatus) -> str:
    """Say what a gateway's agent says of its policy; nothing of a host that is none."""
    from lab.hosts.blueprint import Role  # noqa: PLC0415 - so that help answers at once

    if status.host.role is not Role.GATEWAY:
        return ""
    agent = status.agent
    if agent is None:
        return words(arguments, "bare: no agent", "裸机:无守护程序")
    force = agent.get("in_force")
    if not isinstance(force, dict):
        return words(arguments, "no policy: everything is refused", "无策略:拒绝一切")
    stamp = f"{force.get('plan')} {force.get('revision')} {str(force.get('digest'))[:16]}"
    proven = words(arguments, "proven", "已证明") if agent.get("proven") else None
    return (
        f"{stamp}  {proven or words(arguments, 'NOT PROVEN', '未证明')}  {agent.get('proved_at')}"
    )
