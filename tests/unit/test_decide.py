"""The reference decision: through a conduit, or not at all."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.policy.decide import (
    ICMPV6,
    TCP,
    UDP,
    VRRP,
    Packet,
    State,
    decide,
    decide_at,
)
from gateway.policy.lines import heartbeat_of, lines_of
from gateway.policy.model import Flow, Plan, Protocol
from gateway.policy.reasons import Reason, Verdict
from gateway.policy.topology import Hook, slices
from tests.cities import small_city


@pytest.fixture(name="city", scope="module")
def _city() -> Plan:
    return small_city()


def _flow(source: str, destination: str, port: int, protocol: Protocol = Protocol.TCP) -> Flow:
    return Flow(ip_address(source), ip_address(destination), protocol, port)


def _udp(source: str, destination: str, port: int) -> Flow:
    return _flow(source, destination, port, Protocol.UDP)


@pytest.mark.parametrize(
    "flow",
    [
        pytest.param(_flow("10.2.0.9", "10.1.1.9", 443), id="IPv4"),
        pytest.param(_flow("fd00:2::9", "fd00:1:1::9", 443), id="IPv6"),
        pytest.param(_flow("10.2.0.9", "10.1.1.9", 0, Protocol.ICMP), id="ping"),
    ],
)
def test_what_a_conduit_carries_passes(city: Plan, flow: Flow) -> None:
    """The conduit is named, and the gateways on the way."""
    decision = decide(city, flow)

    assert (decision.verdict, decision.conduit) == (Verdict.ACCEPT, "approval_from_red")
    assert [hop.gateway for hop in decision.path] == ["red", "city"]


@pytest.mark.parametrize(
    ("flow", "reason"),
    [
        pytest.param(_flow("10.1.1.9", "10.2.0.9", 443), Reason.NO_CONDUIT, id="the other way"),
        pytest.param(_flow("10.2.0.9", "10.1.1.9", 22), Reason.NO_CONDUIT, id="another service"),
        pytest.param(_flow("10.2.0.9", "10.1.1.9", 443, Protocol.UDP), Reason.NO_CONDUIT, id="udp"),
        pytest.param(_flow("10.2.0.9", "10.3.0.9", 443), Reason.NO_CONDUIT, id="county to county"),
        pytest.param(_flow("10.9.0.9", "10.1.1.9", 443), Reason.UNKNOWN_SOURCE, id="from no zone"),
        pytest.param(_flow("10.2.0.9", "8.8.8.8", 443), Reason.UNKNOWN_DESTINATION, id="outside"),
        pytest.param(_flow("10.2.0.9", "10.2.0.8", 443), Reason.SAME_ZONE, id="inside one zone"),
        pytest.param(_udp("10.1.2.9", "10.2.1.9", 6970), Reason.NO_CONDUIT, id="an answer"),
        pytest.param(_udp("10.2.1.9", "10.1.2.9", 6969), Reason.NO_CONDUIT, id="below a range"),
        pytest.param(_udp("10.2.1.9", "10.1.2.9", 7000), Reason.NO_CONDUIT, id="above a range"),
    ],
)  # fmt: skip
def test_everything_else_is_dropped(city: Plan, flow: Flow, reason: Reason) -> None:
    """What no conduit carries does not pass, and the reason is said."""
    decision = decide(city, flow)

    assert (decision.verdict, decision.reason) == (Verdict.DROP, reason)


def _packet(**changes: object) -> Packet:
    values: dict[str, object] = {
        "hook": Hook.FORWARD,
        "arrival": "red",
        "departure": "approval",
        "source": ip_address("10.2.0.9"),
        "destination": ip_address("10.1.1.9"),
        "protocol": TCP,
        "port": 443,
    }
    return Packet(**(values | changes))  # type: ignore[arg-type]  # the values are a packet's


def test_a_packet_of_a_conduit_passes_its_gateways(city: Plan) -> None:
    """By the one interface in and the one out."""
    decision = decide_at(city, "city", _packet())

    assert (decision.verdict, decision.conduit) == (Verdict.ACCEPT, "approval_from_red")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"arrival": "blue"}, Reason.UNEXPECTED_SOURCE, id="another's link"),
        pytest.param({"arrival": "office"}, Reason.UNEXPECTED_SOURCE, id="a zone's interface"),
        pytest.param({"arrival": "eth9"}, Reason.UNEXPECTED_SOURCE, id="no interface of ours"),
        pytest.param({"source": ip_address("10.9.0.9")}, Reason.UNEXPECTED_SOURCE, id="no zone"),
        pytest.param({"departure": "office"}, Reason.WRONG_EXIT, id="misrouted inside"),
        pytest.param({"departure": "blue"}, Reason.WRONG_EXIT, id="misrouted to another county"),
        pytest.param({"port": 444}, Reason.NO_CONDUIT, id="another port"),
        pytest.param({"protocol": UDP}, Reason.NO_CONDUIT, id="another protocol"),
        pytest.param({"protocol": 47}, Reason.NO_CONDUIT, id="a tunnel"),
        pytest.param({"state": State.INVALID}, Reason.INVALID_STATE, id="invalid"),
        pytest.param({"state": State.UNTRACKED}, Reason.UNTRACKED, id="untracked"),
        pytest.param({"hook": Hook.INPUT, "departure": ""}, Reason.UNEXPECTED_SOURCE, id="input"),
    ],
)
def test_a_packet_out_of_place_is_dropped(
    city: Plan, changes: dict[str, object], reason: Reason
) -> None:
    """Spoofed, misrouted, untracked or simply not written down."""
    decision = decide_at(city, "city", _packet(**changes))

    assert (decision.verdict, decision.reason) == (Verdict.DROP, reason)


@pytest.fixture(name="pair", scope="module")
def _pair(city: Plan) -> Plan:
    """The same city with two gateways."""
    return replace(city, sites={**city.sites, "city": replace(city.sites["city"], gateways=2)})


def _beat(plan: Plan, **changes: object) -> Packet:
    heartbeat = heartbeat_of(replace(plan.sites["city"], gateways=2))
    assert heartbeat is not None
    values = {"hook": Hook.INPUT, "arrival": heartbeat.interface, "departure": "", "port": 0}
    ends = {"source": heartbeat.ends[0], "destination": heartbeat.group}
    return _packet(**{**values, **ends, "protocol": VRRP, **changes})


@pytest.mark.parametrize("end", ["fe80::ff:1", "fe80::ff:2"], ids=["the first", "the second"])
@pytest.mark.parametrize("hook", [Hook.INPUT, Hook.OUTPUT])
def test_a_pair_hear_each_others_heartbeat(pair: Plan, hook: Hook, end: str) -> None:
    """On the cable between them, whoever of the two speaks: they have one slice."""
    packet = _beat(pair, hook=hook, source=ip_address(end))
    if hook is Hook.OUTPUT:
        packet = replace(packet, arrival="", departure=packet.arrival)

    decision = decide_at(pair, "city", packet)

    assert (decision.verdict, decision.reason) == (Verdict.ACCEPT, Reason.HEARTBEAT)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"arrival": "office"}, id="from a zone"),
        pytest.param({"arrival": "l-red"}, id="from a line"),
        pytest.param({"source": ip_address("fe80::2")}, id="from another address"),
        pytest.param({"destination": ip_address("fe80::1")}, id="to another address"),
        pytest.param({"destination": ip_address("fe80::ff:2")}, id="to the other one alone"),
        pytest.param({"protocol": TCP, "port": 22}, id="ssh"),
        pytest.param({"protocol": UDP, "port": 500}, id="a link"),
        pytest.param({"hook": Hook.FORWARD, "departure": "office"}, id="passed on"),
    ],
)
def test_nothing_else_is_a_heartbeat(pair: Plan, changes: dict[str, object]) -> None:
    """And nothing else is accepted on that cable."""
    decision = decide_at(pair, "city", _beat(pair, **changes))

    assert decision.verdict is Verdict.DROP


def test_one_gateway_alone_has_no_heartbeat(city: Plan) -> None:
    """What a pair may say is refused where there is none."""
    decision = decide_at(city, "city", _beat(city))

    assert decision.verdict is Verdict.DROP


#: The city's line to red.
RED = lines_of(small_city(), "city")[1]

LINK = {
    "hook": Hook.INPUT,
    "arrival": "l-red",
    "departure": "",
    "source": RED.far,
    "destination": RED.own,
    "protocol": UDP,
    "port": 500,
}
SENT = {"arrival": "", "departure": "l-red", "source": RED.own, "destination": RED.far}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="key exchange"),
        pytest.param({"port": 4500}, id="what the link carries"),
        pytest.param({"hook": Hook.OUTPUT, **SENT}, id="sent"),
    ],
)
def test_the_ends_of_a_line_may_make_their_link(city: Plan, changes: dict[str, object]) -> None:
    """IKEv2 and ESP in UDP between its two addresses; who may stay, certificates decide."""
    decision = decide_at(city, "city", _packet(**(LINK | changes)))

    assert (decision.verdict, decision.reason) == (Verdict.ACCEPT, Reason.LINK)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"port": 501}, id="another port"),
        pytest.param({"protocol": TCP}, id="another protocol"),
        pytest.param({"arrival": "l-hill"}, id="a line that is another gateway's"),
        pytest.param({"arrival": "l-blue"}, id="another line"),
        pytest.param({"arrival": "office"}, id="a zone"),
        pytest.param({"arrival": "red"}, id="the link itself"),
        pytest.param({"source": ip_address("fd00::2")}, id="from elsewhere"),
        pytest.param({"destination": ip_address("fd00::2")}, id="to elsewhere"),
        pytest.param({"source": RED.own, "destination": RED.far}, id="sent back"),
        pytest.param({"hook": Hook.FORWARD, "departure": "office"}, id="passed on"),
        pytest.param(
            {"source": ip_address("10.4.1.9"), "destination": ip_address("10.1.1.1")}, id="IPv4"
        ),
    ],
)
def test_nothing_else_comes_by_a_line(city: Plan, changes: dict[str, object]) -> None:
    """Plain traffic beside a link is refused, and so is IKE that comes anywhere else."""
    decision = decide_at(city, "city", _packet(**(LINK | changes)))

    assert (decision.verdict, decision.reason) == (Verdict.DROP, Reason.UNEXPECTED_SOURCE)


def test_neighbours_are_found_on_the_link_only(city: Plan) -> None:
    """A solicitation that came over a router is not one: RFC 4861 section 7.1.1."""
    solicitation = {
        "hook": Hook.INPUT,
        "arrival": "office",
        "departure": "",
        "source": ip_address("fe80::1"),
        "destination": ip_address("ff02::1:ff00:1"),
        "protocol": ICMPV6,
        "port": 135,
        "state": State.UNTRACKED,
    }

    here = decide_at(city, "city", _packet(**solicitation, hop_limit=255))
    routed = decide_at(city, "city", _packet(**solicitation, hop_limit=254))

    assert here.verdict is Verdict.ACCEPT
    assert (routed.verdict, routed.reason) == (Verdict.DROP, Reason.UNTRACKED)


def test_what_a_gateway_owns_is_reached_only_by_a_conduit(city: Plan) -> None:
    """Its own addresses are a zone; its addresses in other zones are not."""
    ssh = {
        "hook": Hook.INPUT,
        "arrival": "office",
        "departure": "",
        "source": ip_address("10.1.0.9"),
        "port": 22,
    }

    own = decide_at(city, "city", _packet(**ssh, destination=ip_address("10.1.3.1")))
    beside = decide_at(city, "city", _packet(**ssh, destination=ip_address("10.1.1.1")))

    assert own.verdict is Verdict.ACCEPT
    assert (beside.verdict, beside.reason) == (Verdict.DROP, Reason.NO_CONDUIT)


def test_each_gateway_knows_only_its_slice(city: Plan) -> None:
    """What does not cross a gateway is not in it."""
    parts = slices(city)

    names = {crossing.conduit.name for crossing in parts["blue"].crossings}
    assert names == {"approval_from_blue"}
    assert {c.conduit.name for c in parts["red"].crossings} >= {"approval_from_hill"}
    assert "approval_from_red" not in {c.conduit.name for c in parts["hill"].crossings}
