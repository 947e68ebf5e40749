"""What the playbooks have made of the hosts: asked of the hosts as they run."""

import json
import re
from dataclasses import replace
from ipaddress import ip_interface

import pytest

from gateway.policy.decide import decide
from gateway.policy.gates import gates_at
from gateway.policy.model import Flow, Protocol
from gateway.policy.names import gateway_host
from gateway.policy.reasons import Verdict
from gateway.policy.wiring import Beyond, halves, wirings
from tests.lab.town import Town

pytestmark = pytest.mark.lab

GATEWAY = "suiyang-gw"
CAP_NET_ADMIN = 1 << 12

#: At these the monitoring host asks.
METRICS = ("9100", "9633")

#: `systemd-analyze security` calls this OK, and everything above it something worse.
OK = 2.0

UNITS = (
    "loushan-agent.service",
    "loushan-lists.service",
    "loushan-loader.service",
    "loushan-programs.service",
    "ulogd2.service",
)


@pytest.mark.parametrize("unit", UNITS)
def test_a_service_of_ours_is_sandboxed(town: Town, unit: str) -> None:
    """What systemd itself says of how exposed it is."""
    said = town.must(GATEWAY, "systemd-analyze", "security", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)

    assert exposure
    assert float(exposure[1]) <= OK


@pytest.mark.parametrize(
    ("unit", "capabilities"),
    [
        pytest.param("loushan-agent.service", 0, id="the agent can do nothing by itself"),
        pytest.param("loushan-loader.service", CAP_NET_ADMIN, id="the loader loads"),
        pytest.param("ulogd2.service", CAP_NET_ADMIN, id="who writes refusals down hears them"),
    ],
)
def test_a_process_has_the_capabilities_it_needs_and_no_more(
    town: Town, unit: str, capabilities: int
) -> None:
    """The kernel says what the running process may."""
    process = town.must(GATEWAY, "systemctl", "show", "--property=MainPID", "--value", unit)
    status = town.must(GATEWAY, "cat", f"/proc/{process.strip()}/status")
    held = dict(re.findall(r"^(Cap\w+|Uid):\s+(\S+)", status, re.MULTILINE))

    assert int(held["CapEff"], 16) == capabilities
    assert int(held["CapBnd"], 16) == capabilities
    assert held["Uid"] != "0"


def test_only_the_loader_may_change_the_packet_filter(town: Town) -> None:
    """One capability, and a user of its own."""
    asked = ("--property=CapabilityBoundingSet", "--property=User")
    said = town.must(GATEWAY, "systemctl", "show", *asked, "loushan-loader.service")

    assert set(said.split()) == {"CapabilityBoundingSet=cap_net_admin", "User=loushan-loader"}


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        pytest.param("ipv4/conf/{}/accept_redirects", 0, id="IPv4 redirects"),
        pytest.param("ipv4/conf/{}/send_redirects", 0, id="no redirects of ours"),
        pytest.param("ipv4/conf/{}/accept_source_route", 0, id="IPv4 source routes"),
        pytest.param("ipv4/conf/{}/rp_filter", 0, id="false sources are the ruleset's to refuse"),
        pytest.param("ipv6/conf/{}/accept_redirects", 0, id="IPv6 redirects"),
        pytest.param("ipv6/conf/{}/accept_source_route", -1, id="IPv6 source routes"),
        pytest.param("ipv6/conf/{}/accept_ra", 0, id="router advertisements"),
    ],
)
def test_every_interface_is_set_as_it_must(town: Town, setting: str, wanted: int) -> None:
    """Read from the kernel, for each interface that there is, also those that came late."""
    path = "/proc/sys/net/" + setting.format("*")
    said = town.must(GATEWAY, "sh", "-c", f"grep -H . {path}")
    values = {line.rpartition(":")[0]: int(line.rpartition(":")[2]) for line in said.splitlines()}

    assert len(values) >= len(wirings(town.plan)["suiyang"].interfaces)
    assert {path: value for path, value in values.items() if value != wanted} == {}


def test_addresses_and_routes_are_those_of_the_plan(town: Town) -> None:
    """On every gateway: what it has of its own, and where it sends what."""
    plan = replace(town.plan, shares_link=True)
    for wired in wirings(plan).values():
        if not town.plan.sites[wired.site].managed:
            continue
        host, wiring = town.active(wired.site), wired
        shared: set[str] = set()
        for half in halves(plan, wired):
            if gateway_host(wired.site, half.number) == host:
                wiring = half.wiring
                shared = {each.address.partition("/")[0] for each in half.shared}
        links = json.loads(town.must(host, "ip", "-json", "address", "show", "dev", "lo"))
        own = {a["local"] for a in links[0]["addr_info"]} - {"127.0.0.1", "::1", *shared}
        said = json.loads(town.must(host, "ip", "-json", "-4", "route"))
        said += json.loads(town.must(host, "ip", "-json", "-6", "route"))
        routes = {(r["dst"], r["dev"]) for r in said if r["dev"] not in {"OUTSIDE", "lo"}}
        wanted = {(_as_ip_says(str(r.network)), r.interface) for r in wiring.routes}
        ports = [port for port in wiring.interfaces if port.is_port]
        on_ports = {(str(ip_interface(port.address).network), port.name) for port in ports}
        # Whoever is active of a pair has a line's address beside its own.
        lines = [port for port in wired.interfaces if port.beyond is Beyond.LINE]
        on_ports |= {(str(ip_interface(port.address).network), port.name) for port in lines}

        assert own == {str(address) for address in wiring.addresses}
        assert routes == wanted | on_ports, host


def _as_ip_says(network: str) -> str:
    return "default" if network in {"0.0.0.0/0", "::/0"} else network.removesuffix("/32")


def test_nothing_listens_but_ssh_and_what_makes_links_metrics_and_gates(town: Town) -> None:
    """On every gateway, in both families; only a line's other end reaches what makes links.

    And only the monitoring host what tells metrics.
    """
    for gateway in town.gateways:
        said = town.must(gateway, "ss", "--no-header", "--listening", "--tcp", "--udp", "--numeric")
        listening = {line.split()[4].rpartition(":")[2] for line in said.splitlines()}

        gates = {str(g.port) for g in gates_at(town.plan, town.described.host(gateway).node)}
        metrics = METRICS if is_asked_for_metrics(town, gateway) else ()
        assert listening == {"22", "500", "4500", *metrics, *gates}, gateway


def is_asked_for_metrics(town: Town, gateway: str) -> bool:
    """Tell whether the plan lets the monitoring host ask a gateway."""
    ends = (town.address("city.monitoring", 4), town.address(gateway, 4))
    asked = Flow(*ends, Protocol.TCP, int(METRICS[1]))
    return decide(town.plan, asked).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    "said",
    [
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitrootlogin no",
    ],
)
def test_ssh_takes_keys_only(town: Town, said: str) -> None:
    """As the running configuration says it."""
    assert said in town.must(GATEWAY, "sshd", "-T").splitlines()


def test_services_run_and_begin_at_boot(town: Town) -> None:
    """Asked with testinfra, at the console."""
    host = town.ask(GATEWAY)

    for name in ("loushan-agent", "ulogd2", "systemd-networkd", "ssh"):
        assert host.service(name).is_running, name
        assert host.service(name).is_enabled, name
    assert host.service("loushan-closed").is_enabled
    assert not host.service("nftables").is_running, "Debian's own would flush everything"
    assert host.file("/var/log/journal").is_directory
