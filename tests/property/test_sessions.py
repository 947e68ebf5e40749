"""The quick judge of live connections says what the reference decision says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.load.sessions import Permitted, permitted
from gateway.policy.decide import ECHO_REQUEST, ICMP, ICMPV6, TCP, UDP, decide
from gateway.policy.model import Address, Flow, Plan, Protocol
from gateway.policy.reasons import Verdict
from tests.cities import small_city

CITY = small_city()
JUDGES = {gateway: permitted(CITY, gateway) for gateway in CITY.gateways}

PORTS = [0, 8, 22, 128, 442, 443, 444, 554, 5432, 6969, 6970, 6999, 7000, 65535]


def addresses(plan: Plan) -> list[Address]:
    """Give the first and last address of every zone, and those just outside."""
    edges = [
        edge
        for zone in plan.zones.values()
        for network in zone.ranges
        for edge in (network.network_address, network.broadcast_address)
    ]
    return edges + [edge + 1 for edge in edges] + [edge - 1 for edge in edges]


def expected(plan: Plan, gateway: str, flow: Flow) -> bool:
    """Ask the reference: is it accepted, and does its way lead past this gateway?"""
    decision = decide(plan, flow)
    return decision.verdict is Verdict.ACCEPT and gateway in {h.gateway for h in decision.path}


@pytest.mark.parametrize("gateway", CITY.gateways)
@given(
    source=st.sampled_from(addresses(CITY)),
    destination=st.sampled_from(addresses(CITY)),
    protocol=st.sampled_from([Protocol.TCP, Protocol.UDP]),
    port=st.sampled_from(PORTS),
)
def test_it_judges_as_the_reference_does(
    gateway: str, source: Address, destination: Address, protocol: Protocol, port: int
) -> None:
    """A connection lives on exactly where its first packet would be accepted now."""
    number = {Protocol.TCP: TCP, Protocol.UDP: UDP}[protocol]

    judged = JUDGES[gateway].permits(source.packed, destination.packed, number, port)

    same_family = source.version == destination.version
    flow = Flow(source, destination, protocol, port)
    assert judged == (same_family and expected(CITY, gateway, flow))


@pytest.mark.parametrize("gateway", CITY.gateways)
def test_every_conduit_is_judged_as_the_reference_does(gateway: str) -> None:
    """All of the small city: every pair of zones, every port at an edge of a service."""
    by_version = {
        version: [z.ranges[index].network_address + 7 for z in CITY.zones.values()]
        for index, version in enumerate((4, 6))
    }
    judge = JUDGES[gateway]
    permits = 0
    for hosts in by_version.values():
        for source in hosts:
            for destination in hosts:
                for port in PORTS:
                    flow = Flow(source, destination, Protocol.TCP, port)
                    wanted = expected(CITY, gateway, flow)
                    permits += wanted
                    assert judge.permits(source.packed, destination.packed, TCP, port) == wanted
    assert permits


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("destination", ["city.approval", "city.monitor"])
def test_ping_is_an_echo_request_and_nothing_else(version: int, destination: str) -> None:
    """Another message type, or the other family's protocol, is not ping."""
    index, number = (0, ICMP) if version == 4 else (1, ICMPV6)
    ends = [CITY.zones[z].ranges[index].network_address + 7 for z in ("red.office", destination)]
    source, target = (end.packed for end in ends)
    judge: Permitted = JUDGES["city"]

    wanted = expected(CITY, "city", Flow(ends[0], ends[1], Protocol.ICMP))

    assert judge.permits(source, target, number, ECHO_REQUEST[number]) == wanted
    assert not judge.permits(source, target, number, 13)
    assert not judge.permits(source, target, ICMP + ICMPV6 - number, ECHO_REQUEST[number])


@pytest.mark.parametrize("protocol", [2, 33, 47, 132])
def test_what_no_service_can_name_is_not_permitted(protocol: int) -> None:
    """Protocols other than tcp, udp and ping have no conduit."""
    source = CITY.zones["red.office"].ranges[0].network_address.packed
    target = CITY.zones["city.approval"].ranges[0].network_address.packed

    assert not JUDGES["city"].permits(source, target, protocol, 443)
