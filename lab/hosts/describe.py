"""What stands in a lab that is up: read from what `up` wrote down."""

import json
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refused, problem
from lab.hosts.blueprint import Blueprint, Host, read_blueprint
from lab.hosts.places import Places


@dataclass(frozen=True, slots=True)
class Described:
    """A lab that is up: its hosts, the plan it was drawn from, the sites that were asked for."""

    blueprint: Blueprint
    plan: Path
    sites: tuple[str, ...]

    def host(self, name: str) -> Host:
        """Give a host by its name, or a gateway by its site's.

        Raises:
            Refused: ZG677, there is none; names some that there are.
        """
        for host in self.blueprint.hosts:
            if name in (host.name, host.node):
                return host
        known = ", ".join(host.name for host in self.blueprint.hosts if host.boots)
        raise Refused(problem("ZG677", host=name, known=known))


def described(places: Places) -> Described:
    """Read what stands where.

    Raises:
        Refused: ZG671, no lab is up.
    """
    try:
        data = json.loads(places.description.read_text("utf-8"))
    except FileNotFoundError as fault:
        raise Refused(problem("ZG671")) from fault
    return Described(read_blueprint(data["hosts"]), Path(data["plan"]), tuple(data["sites"]))
