"""Real packets say what the reference decision says, and say so where a ruleset is wrong."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.errors import Problem
from gateway.policy.decide import Packet, decide, decide_at
from gateway.policy.model import Flow, Protocol, Service
from gateway.policy.reasons import Reason, Verdict
from gateway.policy.topology import Hook
from lab import namespace
from lab.agreement import disagreements
from lab.city import City
from lab.flows import Expected, Probe, Purpose, choose, expect
from lab.layout import OUTSIDE, Route, home, lay_out
from lab.probe import ProbeResult, Refusal, probe
from tests.kernel.ruled_city import lab_plan, one, ruled_city, tell_nft

pytestmark = pytest.mark.kernel

PLAN = lab_plan()
HTTPS, SSH, PING = PLAN.services["https"], PLAN.services["ssh"], PLAN.services["ping"]
VIDEO = PLAN.services["video"]
SEED = 20090501


@pytest.fixture(scope="module")
def lab_city() -> Iterator[City]:
    """Give the lab's city as it should be; who changes it puts it back."""
    with ruled_city() as made:
        yield made


@contextmanager
def tampered(made: City, gateway: str, text: str) -> Iterator[None]:
    """Change a gateway's live ruleset for a while."""
    whole = namespace.run(
        made.namespace(gateway), [namespace.NFT, "-s", "list", "table", "inet", "loushan"]
    )
    tell_nft(made, gateway, text)
    try:
        yield
    finally:
        tell_nft(made, gateway, f"delete table inet loushan\n{whole}")


def codes(problems: list[Problem]) -> Counter[str]:
    """Count problems by their code."""
    return Counter(found.code for found in problems)


# --- agreement ----------------------------------------------------------------------------------


def test_packets_and_the_decision_agree_about_the_whole_lab(lab_city: City) -> None:
    """Every expectation, conduit and boundary, and much else: what passes, what not, and why."""
    probes = choose(lab_city.layout, SEED, 1000)

    results = probe(lab_city, probes)

    assert disagreements(lab_city.layout, results) == []
    assert len([r for r in results if r.answered]) > 80
    assert len([r for r in results if r.refusals]) > 1500


def test_what_is_tried_leaves_nothing_out() -> None:
    """Each expectation and each conduit, in both families, and every other kind of packet."""
    probes = choose(lay_out(PLAN), SEED)

    expected = [p for p in probes if p.purpose is Purpose.EXPECTATION]
    of_expectations = {(p.about, p.flow.source.version) for p in expected}
    of_conduits = {(decide(PLAN, p.flow).conduit, p.flow.source.version) for p in probes}
    assert of_expectations == {(e.name, v) for e in PLAN.expectations for v in (4, 6)}
    assert of_conduits >= {(c.name, v) for c in PLAN.conduits for v in (4, 6)}
    assert {p.purpose for p in probes} == set(Purpose)
    assert {p.flow.protocol for p in probes} == set(Protocol)


def test_a_port_just_outside_a_conduit_is_tried_and_refused(lab_city: City) -> None:
    """The nearest port that no conduit between the two carries is refused for real."""
    probes = [p for p in choose(lab_city.layout, SEED) if p.purpose is Purpose.BOUNDARY]

    results = probe(lab_city, probes)

    assert all(decide(PLAN, p.flow).verdict is Verdict.DROP for p in probes)
    assert not [r for r in results if r.delivered]
    assert {r.refusals[0].reason for r in results} == {Reason.NO_CONDUIT}


def test_the_same_seed_tries_the_same() -> None:
    """A failure can be repeated; another seed tries something else."""
    layout = lay_out(PLAN)

    assert choose(layout, 7) == choose(layout, 7)
    assert choose(layout, 7) != choose(layout, 8)


def test_the_second_try_is_not_let_by_as_part_of_the_first(lab_city: City) -> None:
    """A probe is always a first packet: closing the conduit is seen at once."""
    wanted = one(lab_city, "tax.office", "city.business", HTTPS)
    pinged = one(lab_city, "city.operations", "tax.gateway", PING)
    shut = "insert rule inet loushan a_forward goto refuse_no_conduit\n"

    before = probe(lab_city, [wanted, pinged])
    with tampered(lab_city, "city", shut):
        after = probe(lab_city, [wanted, pinged])

    assert [r.answered for r in before] == [True, True]
    assert [r.delivered for r in after] == [False, False]


# --- what is refused, and how it is recorded --------------------------------------------------


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("origin", "source", "gateway"),
    [
        pytest.param("city.operations", "city.office", "city", id="a neighbour's zone"),
        pytest.param("housing.office", "tax.office", "housing", id="another site's zone"),
        pytest.param("province.exchange", "tax.office", "city", id="by way of the province"),
        pytest.param(OUTSIDE, "tax.office", "city", id="from outside"),
        pytest.param("tax", "tax.office", "tax", id="the gateway itself"),
        pytest.param("city.office", "city.gateway", "city", id="the gateway's own address"),
    ],
)
def test_a_false_source_is_refused_where_it_comes_in(
    lab_city: City, origin: str, source: str, gateway: str, version: int
) -> None:
    """Who may reach the approval system cannot be played by somebody else."""
    honest = one(lab_city, source, "city.business", HTTPS, version)
    spoofed = replace(honest, origin=origin, purpose=Purpose.SPOOFED)

    (result,) = probe(lab_city, [spoofed])

    assert not result.delivered
    assert result.refusals == (Refusal(gateway, Reason.UNEXPECTED_SOURCE),)


@pytest.mark.parametrize(
    ("source", "destination", "packet", "gateway"),
    [
        pytest.param(
            "tax.office",
            "housing.business",
            Packet(Hook.FORWARD, "office", "city", ip_address(0), ip_address(0), 6, 443),
            "tax",
            id="at the gateway where it begins",
        ),
        pytest.param(
            "province.exchange",
            "tax.office",
            Packet(Hook.FORWARD, "province", "tax", ip_address(0), ip_address(0), 6, 443),
            "city",
            id="at the first gateway of ours",
        ),
        pytest.param(
            "tax.office",
            "tax.gateway",
            Packet(Hook.INPUT, "office", "", ip_address(0), ip_address(0), 6, 443),
            "tax",
            id="to the gateway itself",
        ),
        pytest.param(
            "portal.gateway",
            "city.business",
            Packet(Hook.OUTPUT, "", OUTSIDE, ip_address(0), ip_address(0), 6, 443),
            "portal",
            id="from a gateway that may send nothing",
        ),
    ],
)
def test_the_record_has_the_reason_of_the_decision(
    lab_city: City, source: str, destination: str, packet: Packet, gateway: str
) -> None:
    """The packet's log entry says what `decide_at` says, at the gateway that it is said of."""
    wanted = one(lab_city, source, destination, HTTPS)
    packet = replace(packet, source=wanted.flow.source, destination=wanted.flow.destination)

    (result,) = probe(lab_city, [wanted])

    decision = decide_at(PLAN, gateway, packet)
    assert decision.verdict is Verdict.DROP
    assert result.refusals == (Refusal(gateway, decision.reason),)
    assert expect(lab_city.layout, wanted) == Expected(Verdict.DROP, decision.reason, gateway)


def test_a_packet_led_astray_is_refused_at_the_wrong_exit(lab_city: City) -> None:
    """A route that is not the plan's does not carry a permitted packet past another department."""
    wanted = one(lab_city, "city.operations", "tax.gateway", SSH)
    astray = Route(PLAN.zones["tax.gateway"].ranges[0], "housing", "fe80::2")
    place = lab_city.namespace("city")

    namespace.ip([_route("replace", astray)], place)
    try:
        (result,) = probe(lab_city, [wanted])
    finally:
        namespace.ip([_route("replace", replace(astray, interface="tax"))], place)

    assert not result.delivered
    assert result.refusals == (Refusal("city", Reason.WRONG_EXIT),)


def _route(verb: str, route: Route) -> str:
    return f"route {verb} {route.network} via inet6 {route.next_hop} dev {route.interface}"


@pytest.mark.parametrize("version", [4, 6])
def test_nothing_goes_to_the_world_outside(lab_city: City, version: int) -> None:
    """Office, portal and gateway alike: an address of no zone is not reached."""
    outside = next(a for a in lab_city.layout.nodes[OUTSIDE].addresses if a.version == version)
    probes = []
    for origin in ("city.leaders", "portal.web", "yangchuan.office", "city"):
        own = next(a for a in lab_city.layout.nodes[origin].addresses if a.version == version)
        flow = Flow(own, outside, Protocol.TCP, 443)
        probes.append(Probe(origin, flow, Purpose.STRANGER, origin))

    results = probe(lab_city, probes)

    assert [r.delivered for r in results] == [False] * 4
    assert {r.refusals[0].reason for r in results} == {Reason.NO_CONDUIT}


# --- what goes red --------------------------------------------------------------------------------


def test_an_element_that_is_gone_is_missed(lab_city: City) -> None:
    """One conduit's entry deleted from a live map: its packets are lost, in that family alone."""
    element = "a_from_tax.office_4 { 10.1.0.0/24 . tcp . 443 }"
    wanted = [one(lab_city, "tax.office", "city.business", HTTPS, v) for v in (4, 6)]

    with tampered(lab_city, "tax", f"delete element inet loushan {element}\n"):
        results = probe(lab_city, wanted)

    assert [r.delivered for r in results] == [False, True]
    assert codes(disagreements(lab_city.layout, results)) == {"ZG664": 1}


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param("insert rule inet loushan forward accept\n", id="a rule before all others"),
        pytest.param(
            "insert rule inet loushan a_from_tax.office accept\n", id="a rule in a zone's chain"
        ),
        pytest.param(
            "flush chain inet loushan forward\n"
            "add chain inet loushan forward { policy accept; }\n"
            "add rule inet loushan forward ct state vmap { established : accept }\n",
            id="the hook's policy",
        ),
        pytest.param(
            "insert rule inet loushan refuse_no_conduit accept\n", id="a refusal that accepts"
        ),
    ],
)
def test_a_gateway_that_was_opened_is_seen(lab_city: City, tampering: str) -> None:
    """What must be refused passes the opened gateway; the next one refuses it, or it arrives."""
    across = one(lab_city, "tax.office", "housing.business", HTTPS)
    inside = one(lab_city, "tax.office", "tax.business", HTTPS)

    with tampered(lab_city, "tax", tampering):
        results = probe(lab_city, [across, inside])

    assert [r.delivered for r in results] == [False, True]
    assert results[0].refusals[0].gateway == "city"
    assert codes(disagreements(lab_city.layout, results)) == {"ZG666": 1, "ZG663": 1}


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param("drop", id="not recorded"),
        pytest.param('log prefix "loushan:untracked" group 5 drop', id="another reason"),
        pytest.param('log prefix "loushan:no_conduit" group 6 drop', id="another log"),
    ],
)
def test_a_refusal_that_is_not_recorded_rightly_is_seen(lab_city: City, refusal: str) -> None:
    """It is not enough that a packet is dropped."""
    wanted = one(lab_city, "tax.office", "housing.business", HTTPS)
    chain = "inet loushan refuse_no_conduit"
    text = f"flush chain {chain}\nadd rule {chain} {refusal}\n"

    with tampered(lab_city, "tax", text):
        results = probe(lab_city, [wanted])

    assert not results[0].delivered
    assert codes(disagreements(lab_city.layout, results)) == {"ZG666": 1}


@pytest.mark.parametrize(
    ("source", "destination", "service"),
    [
        pytest.param("tax.office", "city.business", HTTPS, id="tcp"),
        pytest.param("city.operations", "tax.gateway", PING, id="icmp"),
    ],
)
def test_an_answer_that_is_lost_is_seen(
    lab_city: City, source: str, destination: str, service: Service
) -> None:
    """A gateway that lets a request by and refuses what comes back serves nobody."""
    wanted = one(lab_city, source, destination, service)
    text = "insert rule inet loushan forward ct direction reply drop\n"

    with tampered(lab_city, "city", text):
        results = probe(lab_city, [wanted])

    assert [(r.delivered, r.answered) for r in results] == [(True, False)]
    assert codes(disagreements(lab_city.layout, results)) == {"ZG665": 1}


def test_a_flow_of_every_protocol_is_answered(lab_city: City) -> None:
    """The listeners answer, so that silence means refusal: tcp, udp and echo."""
    udp = next(p for p in VIDEO.ports if p.protocol is Protocol.UDP)
    video = one(lab_city, "city.monitoring", "hall.video", replace(VIDEO, ports=(udp,)))
    wanted = [
        one(lab_city, "tax.office", "city.business", HTTPS),
        video,
        one(lab_city, "city.operations", "tax.gateway", PING, 6),
    ]

    results = probe(lab_city, wanted)

    assert {p.flow.protocol for p in wanted} == set(Protocol)
    assert [(r.delivered, r.answered, r.refusals) for r in results] == [(True, True, ())] * 3


def _wrongly_decided(result: ProbeResult) -> ProbeResult:
    return replace(result, delivered=not result.delivered, answered=not result.answered)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(_wrongly_decided, "ZG663", id="arrived"),
        pytest.param(lambda r: replace(r, refusals=()), "ZG666", id="not recorded"),
        pytest.param(
            lambda r: replace(r, refusals=(Refusal("city", "no_conduit"),)),
            "ZG666",
            id="recorded elsewhere",
        ),
        pytest.param(lambda r: replace(r, refusals=r.refusals * 2), "ZG666", id="recorded twice"),
    ],
)
def test_the_comparison_misses_no_difference(
    change: Callable[[ProbeResult], ProbeResult], code: str
) -> None:
    """Pure: a refused probe with one thing changed is a problem."""
    layout = lay_out(PLAN)
    flow = Flow(ip_address("10.11.1.1"), ip_address("10.12.0.1"), Protocol.TCP, 443)
    refused = ProbeResult(
        probe=Probe("tax.office", flow, Purpose.SAMPLE, "tax.office"),
        delivered=False,
        answered=False,
        refusals=(Refusal("tax", "no_conduit"),),
    )

    assert disagreements(layout, [refused]) == []
    assert codes(disagreements(layout, [change(refused)])) == {code: 1}


# --- fragments ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("port", "arrives"), [(6970, True), (6969, False), (7000, False)])
def test_a_datagram_in_fragments_is_judged_as_one(
    lab_city: City, version: int, port: int, *, arrives: bool
) -> None:
    """No part of it has a port to itself; it passes whole by a conduit, or not at all."""
    index = (4, 6).index(version)
    receiver = PLAN.zones["hall.video"].ranges[index].network_address + 1
    sender = PLAN.zones["city.monitoring"].ranges[index].network_address + 1
    family = socket.AF_INET if version == 4 else socket.AF_INET6

    def bound(node: str, address: str, at: int) -> socket.socket:
        made = namespace.inside(
            lab_city.namespace(node), lambda: socket.socket(family, socket.SOCK_DGRAM)
        )
        made.bind((address, at))
        made.settimeout(1.0 if arrives else 0.3)
        return made

    with (
        bound(home(PLAN.zones["hall.video"]), str(receiver), port) as listening,
        bound(home(PLAN.zones["city.monitoring"]), str(sender), 0) as sending,
    ):
        sending.sendto(b"x" * 4000, (str(receiver), port))
        if arrives:
            assert len(listening.recv(8000)) == 4000
        else:
            with pytest.raises(TimeoutError):
                listening.recv(8000)
