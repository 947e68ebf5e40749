"""What was asked of a host and what it answered, as the playbook `evidence` brings it back."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: What a host is asked: a program and its words.
Command = tuple[str, ...]

#: The hosts that we provision, as the inventory groups them.
GATEWAYS, APPLICATIONS = "gateways", "applications"
LOGS, TIME, MONITORING, WATCHDOG = "logs", "time", "monitoring", "watchdog"

#: What a host is as far as waivers go, by the first of its groups.
_KINDS = {GATEWAYS: GATEWAYS, APPLICATIONS: APPLICATIONS} | dict.fromkeys(
    (MONITORING, LOGS, TIME, WATCHDOG), MONITORING
)

#: What is asked of the inventory; the rest of it is not evidence's business.
VARIABLES = (
    "ansible_connection",
    "ansible_user",
    "base_operators",
    "group_names",
    "hardening_mirror",
    "hardening_security_mirror",
    "loushan_addresses",
    "loushan_gates",
    "loushan_interfaces",
    "loushan_monitoring",
    "loushan_pair",
    "loushan_plan",
    "loushan_site",
    "loushan_title",
    "loushan_trust",
    "loushan_waivers",
)


def shown(command: Command) -> str:
    """Give a command as one would type it."""
    return shlex.join(command)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said to one command.

    `status` is None where it did not end in time; `at` is the host's own
    clock, in UTC; `cut` says that it said more than was brought back.
    """

    command: Command
    status: int | None
    said: str
    complained: str
    at: str
    cut: bool = False

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Answer":
        """Read one.

        Raises:
            KeyError, TypeError, ValueError: it is of another form.
        """
        status = given["status"]
        return cls(
            command=tuple(str(word) for word in given["command"]),
            status=None if status is None else int(status),
            said=str(given["said"]),
            complained=str(given["complained"]),
            at=str(given["at"]),
            cut=bool(given["cut"]),
        )

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine, whole."""
        return {
            "command": list(self.command),
            "status": self.status,
            "said": self.said,
            "complained": self.complained,
            "at": self.at,
            "cut": self.cut,
        }


@dataclass(frozen=True, slots=True)
class Operator:
    """Who may log in to a host, and for what."""

    name: str
    duty: str


@dataclass(frozen=True, slots=True)
class AskedHost:
    """One host, what the inventory says of it, and what it answered.

    `signed` is the digest of the plan that two people signed, in hex, empty
    where who judges has none.  `shared` are the addresses of whichever of a
    pair is active; none where the plan has one gateway.  `groups` are the
    inventory's.  `own_kernel` is false for a container of the lab; `asker` is
    who logs in to ask, empty at a console; `trouble` says why a host was not
    reached, and is empty where it was.
    """

    name: str
    kind: str = GATEWAYS
    title: str = ""
    plan: str = ""
    trust: str = ""
    signed: str = ""
    addresses: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    has_links: bool = False
    gates: tuple[str, ...] = ()
    is_monitored: bool = False
    site: str = ""
    shared: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    own_kernel: bool = True
    asker: str = ""
    mirrors: tuple[str, ...] = ()
    operators: tuple[Operator, ...] = ()
    waived: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    answers: Mapping[Command, Answer] = field(default_factory=dict)

    @property
    def is_pair(self) -> bool:
        """Tell whether the plan has two gateways here."""
        return bool(self.shared)

    @property
    def is_gateway(self) -> bool:
        """Tell whether it is one of our gateways."""
        return self.kind == GATEWAYS

    @classmethod
    def from_variables(
        cls,
        name: str,
        said: Mapping[str, Any],
        answers: Sequence[Answer] = (),
        trouble: str = "",
    ) -> "AskedHost":
        """Take what the inventory says of a host, of which nothing need be there.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is of another form.
        """
        groups = set(said.get("group_names", ()))
        at_console = said.get("ansible_connection", "ssh") == "console"
        interfaces = list(said.get("loushan_interfaces", ()))
        mirrors = (said.get("hardening_mirror", ""), said.get("hardening_security_mirror", ""))
        return cls(
            name=name,
            kind=next((kind for of, kind in _KINDS.items() if of in groups), ""),
            title=str(said.get("loushan_title", "")),
            plan=str(said.get("loushan_plan", "")),
            trust=str(said.get("loushan_trust", "")),
            addresses=tuple(str(a).partition("/")[0] for a in said.get("loushan_addresses", ())),
            interfaces=tuple(str(each["name"]) for each in interfaces),
            has_links=any(each["beyond"] == "link" for each in interfaces),
            gates=tuple(map(str, said.get("loushan_gates", ()))),
            is_monitored=bool(said.get("loushan_monitoring", "")),
            site=str(said.get("loushan_site", "")),
            shared=tuple(_shared(said.get("loushan_pair", {}))),
            groups=frozenset(map(str, groups)),
            own_kernel=not at_console,
            asker="" if at_console else str(said.get("ansible_user", "")),
            mirrors=tuple(str(mirror) for mirror in mirrors if mirror),
            operators=tuple(_operators(said.get("base_operators", ()))),
            waived={str(k): str(v) for k, v in said.get("loushan_waivers", {}).items()},
            trouble=trouble,
            answers={answer.command: answer for answer in answers},
        )


def _operators(said: Sequence[Mapping[str, Any]]) -> Iterator[Operator]:
    for each in said:
        yield Operator(str(each["name"]), str(each["duty"]))


def _shared(pair: Mapping[str, Any]) -> Iterator[str]:
    for each in pair.get("shared", ()):
        yield str(each["address"]).partition("/")[0]


def host_from_json(given: Mapping[str, Any]) -> AskedHost:
    """Read what the playbook wrote of one host.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is of another form.
    """
    answers = [Answer.from_json(each) for each in given["answers"]]
    return AskedHost.from_variables(
        str(given["host"]), given["variables"], answers, str(given["trouble"])
    )
