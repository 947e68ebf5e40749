"""A person's desk, before one of the gates of the city."""

from gateway.policy.gates import gates_at
from lab.hosts.desk import Desk
from tests.lab.pair import SITE
from tests.lab.town import Town


def desk_at(town: Town, host: str, name: str, service: str, family: int = 4) -> Desk:
    """Give the desk at which somebody asks a service, by one of the gateway's addresses."""
    (gate,) = (each for each in gates_at(town.plan, SITE) if each.service == service)
    address = next(a for a in town.layout.nodes[SITE].addresses if a.version == family)
    return Desk(town.places, host, name, address, gate)
