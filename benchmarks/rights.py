"""Rights of any size at one gate of the lab's city: what the maps hold, and who may ask for what.

The maps are those that are compiled from the lab's plan, with entries of the same form
beside them.  Every route is asked for, so that no lookup is faster for being always the same.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.artefacts import GateMaps, Generation
from gateway.compile.gate_maps import ALWAYS, NEVER, compile_maps
from gateway.policy.gates import Gate, gates_at, ways_to
from gateway.policy.model import Plan
from gateway.policy.plan import read_plan
from gateway.policy.wiring import first_address

SITE = "city"

#: So many have certificates and ask; each may read its own share of the routes.
ASKERS = 8

#: Where they ask from.
ZONE = "tax.office"

METHOD = "GET"

#: As long as one that `gateway.load.identity_tokens` makes.
_TOKEN = "e" * 450

#: A path that no route has.
REFUSED_PATH = "/nobody/1"

_PLAN = Path(__file__).parents[1] / "policy/lab"

#: A subject's host, not its network's gateway.
_HOST = 9


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests come from and go to."""

    gate: Gate
    source: str
    application: str


@cache
def plan() -> Plan:
    """Read the lab's plan."""
    return read_plan(_PLAN)


@cache
def place() -> Place:
    """Choose the gate, an address that asks, and the address of what is behind the gate."""
    gate = next(each for each in gates_at(plan(), SITE) if ZONE in ways_to(plan(), each))
    return Place(
        gate,
        str(plan().zones[ZONE].ranges[0][_HOST]),
        str(first_address(plan().zones[gate.zone].ranges[0])),
    )


def asker(number: int) -> str:
    """Give the name in the certificate of one who asks."""
    return f"asker-{number}"


def path(number: int) -> str:
    """Give a path below a route; all are of one length."""
    return f"/made/{number:06}/1"


def maps(size: int, generation: Generation, mark: str = "made") -> GateMaps:
    """Give maps with so many entries in each of subjects, ways, routes and grants, and some more.

    `mark` begins the names of the grants, so that each says by which policy it was given.
    """
    letter, gate = f"{generation}:", place().gate
    compiled = compile_maps(plan(), SITE, generation)
    way = ways_to(plan(), gate)[ZONE]
    made: dict[str, dict[str, str]] = {"subjects": {}, "ways": {}, "routes": {}, "grants": {}}
    for number in range(size):
        subject = f"asker_{number}"
        route, by = f"route_{number:06}", f"asker_{number % ASKERS}"
        made["subjects"][f"{letter}people/{asker(number)}"] = subject
        made["ways"][f"{letter}{subject}:{ZONE}:{gate.name}"] = way
        made["routes"][f"{letter}{gate.name}/made/{number:06}/"] = route
        limits = f"{mark}_{number}|0|{NEVER}|{ALWAYS}"
        made["grants"][f"{letter}{by}:{ZONE}:{route}:{METHOD}"] = limits
    whole = {name: {**found, **made.get(name, {})} for name, found in compiled.maps.items()}
    return GateMaps(compiled.gateway, generation, whole)


def revoked(size: int) -> dict[str, str]:
    """Give so many certificates that are revoked, none of them of anybody here."""
    return {f"people/{number:032X}": "2026-11-25" for number in range(size)}


def tokens(size: int) -> dict[str, str]:
    """Give what an application is told of so many subjects, of the length of a real token."""
    host = place().gate.host
    return {f"asker_{number}:{ZONE}:{host}": _TOKEN for number in range(size)}
