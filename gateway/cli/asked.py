"""Who asks for what at a gate, in the words in which a person says it."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.errors import Refused, problem
from gateway.policy.gates import Gate, gates_at
from gateway.policy.model import Plan, Resource, Subject

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT")

#: So many names are listed where one was not found.
_LISTED = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: the site whose gateway judges, the gate, its port and a path."""

    site: str
    gate: Gate
    port: int
    path: str


def add_asked(parser: argparse.ArgumentParser) -> None:
    """Ask who asks, how, and for what."""
    parser.add_argument(
        "subject", metavar="SUBJECT", help="a subject's name or title | 主体的名称或称谓"
    )
    parser.add_argument("method", metavar="METHOD", choices=_METHODS, help=", ".join(_METHODS))
    parser.add_argument(
        "resource",
        metavar="RESOURCE",
        help="a resource's name or title, or a whole https:// address | "
        "客体的名称或称谓,或完整的 https:// 地址",
    )


def subject_named(plan: Plan, text: str) -> Subject:
    """Give a subject by its name or title.

    Raises:
        Refused: ZG715, there is none.
    """
    for subject in plan.subjects.values():
        if text in {subject.name, subject.title}:
            return subject
    raise Refused(problem("ZG715", text=text, known=", ".join(list(plan.subjects)[:_LISTED])))


def asked_for(plan: Plan, text: str) -> Asked:
    """Give what is meant by a resource's name or title, or by a whole https:// address.

    Raises:
        Refused: ZG716, there is no such resource, and no gate of that name.
    """
    for site, gate, resource in _resources(plan):
        if text in {resource.name, resource.title}:
            return Asked(site, gate, gate.port, resource.path)
    parts = urlsplit(text)
    port = parts.port or 443
    at_host = [
        (site, gate)
        for site, gate, _ in _resources(plan)
        if (parts.scheme, parts.hostname) == ("https", gate.host)
    ]
    for site, gate in sorted(at_host, key=lambda each: each[1].port != port):
        return Asked(site, gate, port, parts.path or "/")
    known = ", ".join(list(plan.resources)[:_LISTED])
    raise Refused(problem("ZG716", text=text, known=known))


def _resources(plan: Plan) -> Iterator[tuple[str, Gate, Resource]]:
    for site in plan.sites:
        for gate in gates_at(plan, site):
            yield from ((site, gate, resource) for resource in gate.resources)
