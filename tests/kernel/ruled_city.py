"""The lab's city with its rulesets in force, for tests that send packets through it.

The rulesets come straight from the compiler through `nft`, without the loader:
what is tested here is the packets and whoever listens to them.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

from gateway.compile.ruleset import compile_plan
from gateway.policy.model import Flow, Plan, Service
from gateway.policy.plan import read_plan
from lab import namespace
from lab.city import City, city
from lab.flows import Probe, Purpose
from lab.layout import home, lay_out

ROOT = Path(__file__).resolve().parents[2]

_number = count()


@cache
def lab_plan() -> Plan:
    """Read the lab's plan."""
    return read_plan(ROOT / "policy" / "lab")


def prefix() -> str:
    """Give a prefix that nobody else has."""
    return f"lst-lab{os.getpid()}x{next(_number)}-"


@contextmanager
def bare_city(sites: Iterable[str] = ()) -> Iterator[City]:
    """Put up the lab's city, or some sites of it, without any ruleset."""
    with city(lay_out(lab_plan(), sites), prefix()) as made:
        yield made


@contextmanager
def ruled_city(sites: Iterable[str] = ()) -> Iterator[City]:
    """Put up the lab's city with every ruleset in force and forwarding open."""
    rulesets = compile_plan(lab_plan())
    with bare_city(sites) as made:
        for gateway in made.layout.gateways:
            tell_nft(made, gateway, rulesets[gateway].text)
        made.open_forwarding()
        yield made


def tell_nft(made: City, gateway: str, text: str) -> None:
    """Change what a gateway's kernel holds."""
    namespace.run(made.namespace(gateway), [namespace.NFT, "-f", "-"], text)


def one(made: City, source: str, destination: str, service: Service, version: int = 4) -> Probe:
    """Make one honest probe from a zone to a zone, for the first port of a service."""
    zones = made.layout.plan.zones
    sender = made.layout.address(zones[source], version)
    receiver = made.layout.address(zones[destination], version)
    assert sender is not None
    assert receiver is not None
    ports = service.ports[0]
    flow = Flow(sender, receiver, ports.protocol, ports.low)
    return Probe(home(zones[source]), flow, Purpose.SAMPLE, source)
