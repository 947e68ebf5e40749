"""How gateways are, asked by the monitoring host of the booted city, and by nobody else."""

import json
import os
import re
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.observe.metrics import METRICS
from gateway.policy.model import Address
from gateway.policy.names import gateway_host
from gateway.policy.wiring import halves, wirings
from lab.hosts.signing import certify
from pki.parts import make_key
from playbooks.plugins.action.service_identity import chain_for
from tests.authorities import request
from tests.lab.town import Town, until
from tests.monitoring.promtool import alerts

pytestmark = pytest.mark.lab

MONITORING, READER = "city.monitoring", "monitoring-city"
PORTS = {"loushan": 9633, "node": 9100}
SERVICES = ("loushan-gather", "loushan-metrics", "loushan-node-exporter")

#: Runs on a host, with Debian's Python: asks once, and says what came of it as JSON.
_CLIENT = """
import http.client, json, socket, ssl, sys, tempfile
asked = json.load(sys.stdin)
context = ssl.create_default_context(cadata=asked["root"])
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.maximum_version = getattr(ssl.TLSVersion, asked["most"])
if context.maximum_version < context.minimum_version:
    context.minimum_version = context.maximum_version
with tempfile.NamedTemporaryFile("w", dir="/dev/shm") as shown:
    if asked["shown"]:
        shown.write(asked["shown"])
        shown.flush()
        context.load_cert_chain(shown.name)
try:
    plain = socket.create_connection((asked["address"], asked["port"]), 4)
    with context.wrap_socket(plain, server_hostname=asked["name"]) as secured:
        secured.sendall(b"GET /metrics HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        answer = http.client.HTTPResponse(secured)
        answer.begin()
        print(json.dumps({"status": answer.status, "text": answer.read().decode()}))
except (OSError, http.client.HTTPException) as fault:
    print(json.dumps({"status": 0, "text": f"{type(fault).__name__}: {fault}"}))
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status and a text; 0, and why, where nothing did."""

    status: int
    text: str

    def value(self, metric: str) -> float | None:
        """Give the value of a metric with its labels, as it is written; None where it is not."""
        found = re.search(rf"^{re.escape(metric)} (\S+)$", self.text, re.MULTILINE)
        return float(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may come: certificates of the lab's own authorities, with their keys."""

    town: Town
    shown: dict[str, str]

    def address(self, gateway: str, family: int) -> Address:
        """Give a gateway's own address: of a pair, not the one that they share."""
        wiring = wirings(self.town.plan)[self.town.described.host(gateway).node]
        own = {gateway_host(wiring.site, h.number): h for h in halves(self.town.plan, wiring)}
        addresses = own[gateway].wiring.addresses if own else wiring.addresses
        return next(each for each in addresses if each.version == family)

    def scrape(  # noqa: PLR0913 - who asks whom, from where and how
        self,
        gateway: str,
        job: str = "loushan",
        who: str = READER,
        *,
        host: str = MONITORING,
        family: int = 4,
        most: str = "TLSv1_3",
    ) -> Answer:
        """Ask a gateway as somebody; nobody shows nothing."""
        asked = {
            "root": (self.town.places.authorities / "root" / "authority.pem").read_text("ascii"),
            "shown": self.shown.get(who, ""),
            "address": str(self.address(gateway, family)),
            "port": PORTS[job],
            "name": f"{gateway}-metrics.svc.lab.internal",
            "most": most,
        }
        said = self.town.must(host, "python3", "-c", _CLIENT, text=json.dumps(asked))
        return Answer(**json.loads(said))


@pytest.fixture(scope="module")
def readers(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Readers:
    """Have the monitoring host certified, another service, and a person."""
    shown = {name: _service(town, name) for name in (READER, "monitoring-tax")}
    key, name = make_key("ecdsa-p384"), f"monitoring-{os.getpid()}"
    asked, folder = request(name, key).decode(), tmp_path_factory.mktemp("person")
    issued = certify(town.places.authorities, name, asked, folder, "person")
    shown["person"] = issued + _private(key)
    return Readers(town, shown)


def _service(town: Town, name: str) -> str:
    key = make_key("ecdsa-p384")
    asked = request(name, key).decode()
    chain = chain_for(town.places.authorities, name, asked, is_old=False)
    return chain + _private(key)


def _private(key: object) -> str:
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return str(key.private_bytes(*plain).decode())  # type: ignore[attr-defined]  # a key of any kind


@pytest.mark.parametrize("family", [4, 6])
def test_the_monitoring_host_is_told_by_every_gateway(readers: Readers, family: int) -> None:
    """Of itself and of its machine; but the portal's, to which no conduit leads."""
    waiting = [host for host in readers.town.gateways if not host.startswith("portal")]

    def all_have_told() -> bool:
        waiting[:] = [host for host in waiting if not tells(readers, host, family)]
        return not waiting

    assert waiting
    assert until(all_have_told), waiting


def tells(readers: Readers, gateway: str, family: int) -> bool:
    """Tell whether a gateway says all that it should."""
    ours = readers.scrape(gateway, family=family)
    machine = readers.scrape(gateway, "node", family=family)
    is_gathered = ours.value('loushan_source_up{source="gatherer"}') == 1
    return is_gathered and "node_uname_info" in machine.text


def test_whatever_a_rule_asks_is_told(readers: Readers) -> None:
    """By a gateway with gates, a pair and links; and no metric that is not described."""
    gateway = readers.town.active("city")
    told = readers.scrape(gateway).text + readers.scrape(gateway, "node").text
    named = {
        name
        for rule in alerts()
        for name in re.findall(r"\b(?:loushan|node)_[a-z_]+\b(?!\s*=)", rule["expr"])
    }

    given = set(re.findall(r"^([a-z_]+)[ {]", told, re.MULTILINE))
    assert named <= given
    assert {name for name in given if name.startswith("loushan_")} <= METRICS.keys()


@pytest.mark.parametrize("job", PORTS)
@pytest.mark.parametrize(
    ("who", "how"),
    [
        pytest.param("nobody", "certificate.required", id="no certificate"),
        pytest.param("person", "unknown.ca|bad.certificate", id="another authority's"),
    ],
)
def test_who_is_not_certified_is_refused(readers: Readers, job: str, who: str, how: str) -> None:
    """Before a word is read."""
    answer = readers.scrape("tax-gw", job, who)

    assert answer.status == 0
    assert re.search(f"(?i){how}|reset|EOF|broken", answer.text), answer.text
    assert "loushan_proven" not in answer.text


@pytest.mark.parametrize("job", PORTS)
def test_another_name_is_refused(readers: Readers, job: str) -> None:
    """Though the authority of services has certified it."""
    answer = readers.scrape("tax-gw", job, "monitoring-tax")

    assert answer.status in {0, 403}, answer
    assert "loushan_proven" not in answer.text
    assert "node_uname_info" not in answer.text


@pytest.mark.parametrize("job", PORTS)
def test_an_older_tls_is_refused(readers: Readers, job: str) -> None:
    """1.3 and nothing below."""
    assert readers.scrape("tax-gw", job, most="TLSv1_2").status == 0


@pytest.mark.parametrize(
    ("host", "job", "counts"),
    [
        pytest.param("city.office", "node", "city", id="from the city's office"),
        pytest.param("tax.office", "loushan", "tax", id="from the gateway's own site"),
    ],
)
def test_the_policy_lets_nobody_else_come(
    readers: Readers, host: str, job: str, counts: str
) -> None:
    """Also with the very certificate: the packets are dropped, and counted where they were."""
    metric, gateway = (
        'loushan_refused_packets_total{reason="no_conduit"}',
        readers.town.active(counts),
    )
    before = readers.scrape(gateway).value(metric)
    answer = readers.scrape("tax-gw", job, host=host)

    assert answer.status == 0
    assert "time" in answer.text.lower()
    assert before is not None
    assert until(lambda: (readers.scrape(gateway).value(metric) or 0) > before)


def test_one_of_a_pair_is_active(readers: Readers) -> None:
    """And the links are up there, and not at the other one."""
    town = readers.town
    pair = [host for host in town.gateways if town.described.host(host).node == "city"]
    told = {host: readers.scrape(host) for host in pair}

    assert len(pair) == 2
    for host, answer in told.items():
        is_active = host == town.active("city")
        assert answer.value("loushan_pair_active") == is_active
        assert answer.value('loushan_link_up{leads="down",link="tax"}') == is_active


def test_what_is_not_gathered_any_more_is_not_told(readers: Readers) -> None:
    """Nothing of what was gathered last is; the agent is told of as before."""
    town = readers.town
    try:
        town.must("tax-gw", "systemctl", "stop", "loushan-gather.service")
        answer = readers.scrape("tax-gw")
    finally:
        town.must("tax-gw", "systemctl", "start", "loushan-gather.service")

    assert answer.value('loushan_source_up{source="gatherer"}') == 0
    assert answer.value('loushan_source_up{source="agent"}') == 1
    assert "loushan_link_up" not in answer.text
    assert "loushan_certificate" not in answer.text
    up = 'loushan_source_up{source="gatherer"}'
    assert until(lambda: readers.scrape("tax-gw").value(up) == 1)


def test_who_serves_the_network_may_do_nothing_else(readers: Readers) -> None:
    """As systemd judges the services; who answers has no network, and who asks the kernel none."""
    town = readers.town
    for service in SERVICES:
        unit = f"{service}.service"
        said = town.must("tax-gw", "systemd-analyze", "security", "--no-pager", unit)
        assert float(said.strip().splitlines()[-1].split(":")[1].split()[0]) <= 2.0
    ask = ("systemctl", "show", "--property=MainPID", "--value", "loushan-metrics.service")
    number = town.must("tax-gw", *ask).strip()
    listening = town.must("tax-gw", "cat", f"/proc/{number}/net/dev")
    status = town.must("tax-gw", "cat", f"/proc/{number}/status")

    assert [line.split(":")[0].strip() for line in listening.splitlines()[2:]] == ["lo"]
    assert "CapEff:\t0000000000000000" in status
    assert re.search(r"^Uid:\t[1-9]", status, re.MULTILINE)
