"""What packets may pass where requests are judged: to the gateway, and from it, and not past it."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.policy.decide import decide
from gateway.policy.model import Flow, Plan, Protocol
from gateway.policy.reasons import Verdict
from tests.plans import added, built, changed, lab_documents


@pytest.fixture(name="lab", scope="module")
def _lab() -> Plan:
    return built(lab_documents())


def passes(plan: Plan, source: str, destination: str, port: int) -> bool:
    """Tell whether a TCP flow passes."""
    flow = Flow(ip_address(source), ip_address(destination), Protocol.TCP, port)
    return decide(plan, flow).verdict is Verdict.ACCEPT


DESK, LEADER, GATEWAY, APPLICATION = "10.11.1.9", "10.1.2.9", "10.1.255.1", "10.1.5.1"


@pytest.mark.parametrize(
    ("source", "destination", "port", "expected"),
    [
        pytest.param(DESK, GATEWAY, 8443, True, id="to the gate"),
        pytest.param(LEADER, GATEWAY, 8444, True, id="to the other gate"),
        pytest.param(GATEWAY, APPLICATION, 8443, True, id="from the gateway on"),
        pytest.param("fd72:6a5e:11:1::9", "fd72:6a5e:1:ff::1", 8443, True, id="of IPv6"),
        pytest.param(DESK, APPLICATION, 8443, False, id="past the gate"),
        pytest.param("fd72:6a5e:11:1::9", "fd72:6a5e:1:5::1", 8443, False, id="past it, of IPv6"),
        pytest.param(LEADER, APPLICATION, 8444, False, id="past it inside the site"),
        pytest.param("10.21.0.9", GATEWAY, 8444, False, id="to a gate without a conduit"),
        pytest.param(GATEWAY, APPLICATION, 22, False, id="from the gateway elsewhere"),
        pytest.param("10.11.255.1", APPLICATION, 8443, False, id="from another gateway"),
    ],
)
def test_packets_pass_to_the_gate_and_not_past_it(
    lab: Plan, source: str, destination: str, port: int, *, expected: bool
) -> None:
    """Whatever the conduit says, which is about who may ask."""
    assert passes(lab, source, destination, port) is expected


def test_what_has_no_resource_passes_straight(lab: Plan) -> None:
    """The same conduit, where nothing is judged behind it."""
    plain = replace(lab, resources={}, grants=())

    assert plain.passages == plain.conduits
    assert passes(plain, DESK, APPLICATION, 8443)
    assert not passes(plain, DESK, GATEWAY, 8443)


def test_a_conduit_of_several_services_is_divided() -> None:
    """Only what is judged ends at the gateway."""
    written = "    to: city.applications\n    services: [approval, supervision]\n"
    plan = built(changed("conduits.yml", written, written.replace("[", "[ssh, ")))

    assert passes(plan, DESK, APPLICATION, 22)
    assert not passes(plan, DESK, APPLICATION, 8443)
    assert passes(plan, DESK, GATEWAY, 8443)


def test_two_gates_at_one_port_are_one_passage() -> None:
    """They are told apart by the name that is asked for, which no packet says."""
    more = (
        "  - {name: files, title: 附件, zone: city.business, service: https, path: /,"
        " label: 内部}\n"
    )
    other = more.replace("files", "more").replace("city.business", "city.office")
    documents = added("resources.yml", more + other)
    documents["conduits.yml"] += (
        "  - {name: to_office, title: 往办公区, from: {kind: department, zone: office},"
        " to: city.office, services: [https], label: 内部}\n"
    )
    plan = built(documents)

    ways = [c for c in plan.passages if (c.source, c.destination) == ("tax.office", "city.gateway")]
    assert [w.services[0].name for w in ways] == ["approval", "supervision", "https"]


def test_a_gateway_that_is_not_ours_keeps_no_gate() -> None:
    """What lies behind it is reached as the conduit says."""
    documents = changed("resources.yml", "zone: city.applications, service: supervision",
                        "zone: province.exchange, service: exchange")  # fmt: skip
    plan = built(documents)

    assert passes(plan, "10.1.0.9", "10.200.0.9", 8443)
