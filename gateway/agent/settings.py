"""What the administrator told this gateway's agent: `/etc/loushan/agent.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from gateway.policy.model import Plan
from gateway.settings import read_settings_file
from gateway.vici import SOCKET

SETTINGS_FILE = Path("/etc/loushan/agent.toml")

_SHORTEST_SECONDS, _LONGEST_SECONDS = 5, 3600


class OnDrift(StrEnum):
    """What to do where the host does not hold the accepted policy."""

    REPAIR = "repair"
    REFUSE = "refuse"


class LinkEngine(StrEnum):
    """What encrypts on this host: its kernel, or strongSwan's program where the kernel cannot."""

    KERNEL = "kernel"
    PROGRAM = "program"

    def seen_from_here(self, plan: Plan) -> Plan:
        """Give a plan as this host has it: a program has one interface for all links."""
        return replace(plan, shares_link=self is LinkEngine.PROGRAM)


@dataclass(frozen=True, slots=True)
class Settings:
    """Which gateway this host is, and how it is kept.

    `enrolment` is where its certificate is renewed, `host:port`; empty where it is not.
    """

    gateway: str
    on_drift: OnDrift = OnDrift.REPAIR
    prove_every_seconds: int = 60
    confirm_within_seconds: int = 120
    link_engine: LinkEngine = LinkEngine.KERNEL
    enrolment: str = ""


def read_settings(file: Path = SETTINGS_FILE) -> Settings:
    """Read the settings; a word that is not known is refused, not passed over.

    Raises:
        Refused: ZG813, the file cannot be read or understood.
    """
    return read_settings_file(file, "ZG813", Settings, _settings)


def link_engine() -> LinkEngine:
    """Give what encrypts on the host that this runs on; the kernel where nobody said.

    Raises:
        Refused: ZG813, the settings cannot be understood.
    """
    return read_settings().link_engine if SETTINGS_FILE.exists() else LinkEngine.KERNEL


def daemon() -> Path | None:
    """Give the socket of this host's strongSwan; None where it has none, as in a rehearsal.

    Without it no link is set up, and nothing passes between sites.
    """
    return SOCKET if SOCKET.exists() else None


def _settings(data: Mapping[str, object]) -> Settings:
    gateway = data["gateway"]
    if not isinstance(gateway, str) or not gateway:
        message = "gateway"
        raise ValueError(message)
    return Settings(
        gateway,
        OnDrift(str(data.get("on_drift", OnDrift.REPAIR))),
        _seconds(data, "prove_every_seconds", 60),
        _seconds(data, "confirm_within_seconds", 120),
        LinkEngine(str(data.get("link_engine", LinkEngine.KERNEL))),
        str(data.get("enrolment", "")),
    )


def _seconds(data: Mapping[str, object], name: str, default: int) -> int:
    value = data.get(name, default)
    if type(value) is not int or not _SHORTEST_SECONDS <= value <= _LONGEST_SECONDS:
        message = f"{name}: {_SHORTEST_SECONDS} .. {_LONGEST_SECONDS}"
        raise ValueError(message)
    return value
