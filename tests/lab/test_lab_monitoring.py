"""The monitoring host of the booted city: whom it asks, who may ask it, and that it tells people.

Each fault is caused on a real host, several at once on different gateways, and
must arrive at a receiver as exactly its alert.
"""

import json
import re
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from playbooks.plugins.monitoring import branch
from tests.lab import faults
from tests.lab.pair import settle
from tests.lab.receiver import Receiver, now, receiving
from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

HOST, OPERATIONS = "city.monitoring", "city.operations"

UNITS = {
    HOST: (
        "loushan-alertmanager.service",
        "loushan-blackbox.service",
        "loushan-lists.service",
        "loushan-node-exporter.service",
        "loushan-notify.service",
        "loushan-prometheus.service",
        "loushan-scrape-lists.service",
        "loushan-scrape.service",
    ),
    OPERATIONS: ("loushan-watchdog.service",),
}


def query(town: Town, expr: str) -> list[dict[str, Any]]:
    """Ask Prometheus on its host, as anybody there may."""
    asked = f"http://127.0.0.1:9090/api/v1/query?query={urllib.parse.quote(expr)}"
    program = (
        "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"
    )
    done = town.run(HOST, "python3", "-c", program, asked)
    if done.returncode:
        return []
    found: list[dict[str, Any]] = json.loads(done.stdout)["data"]["result"]
    return found


def up(town: Town, job: str) -> dict[str, str]:
    """Give which targets of a job are up, by their instance."""
    said = query(town, f'up{{job="{job}"}}')
    return {each["metric"]["instance"]: each["value"][1] for each in said}


def watched(town: Town) -> set[str]:
    """Give the gateways to be watched: all but the portal's, to which no conduit leads."""
    return {host for host in town.gateways if not host.startswith("portal")}


# --- whom it asks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["loushan", "node", "ways"])
def test_every_gateway_of_the_plan_is_asked_and_answers(town: Town, job: str) -> None:
    """Both of a pair, by mutual TLS; and at its other address, by the other family."""
    assert until(lambda: up(town, job) == dict.fromkeys(watched(town), "1"), 60), up(town, job)


@pytest.mark.parametrize("job", ["prometheus", "alertmanager", "blackbox", "machine", "scrape"])
def test_the_host_watches_itself(town: Town, job: str) -> None:
    """Each part of it."""
    assert until(lambda: up(town, job) == {HOST: "1"}), up(town, job)


def test_targets_have_the_labels_that_rules_go_by(town: Town) -> None:
    """The site, the branch that it hangs on, and whether there are two."""
    said = {each["metric"]["instance"]: each["metric"] for each in query(town, 'up{job="loushan"}')}

    assert said.keys() == watched(town)
    for host, labels in said.items():
        site = town.described.host(host).node
        assert labels["site"] == site
        assert labels.get("branch", "") == branch(town.plan, site)
        assert labels.get("pair", "") == ("yes" if site == "city" else "")


def test_what_else_answers_is_seen_from_outside(town: Town) -> None:
    """The enrolment server and who misses this host, with how long their certificates are good."""
    expr = 'probe_ssl_earliest_cert_expiry{job="answers"} - time() > 86400'
    names = {"est.svc.lab.internal", "operations-city.svc.lab.internal"}

    found: set[str] = set()

    def both_answer() -> bool:
        found.clear()
        found.update(each["metric"]["instance"] for each in query(town, expr))
        return found == names

    assert until(both_answer, 60), found


@pytest.mark.parametrize(
    "metric",
    [
        "alertmanager_notifications_failed_total",
        "prometheus_config_last_reload_successful",
        "prometheus_rule_evaluation_failures_total",
        'loushan_revocations_expiry_timestamp_seconds{of="monitoring"} > time()',
        'loushan_certificate_expiry_timestamp_seconds{certificate="monitoring"} > time()',
    ],
)
def test_whatever_a_rule_asks_of_the_host_is_told(town: Town, metric: str) -> None:
    """So that no alert waits for what nobody says."""
    assert until(lambda: bool(query(town, metric))), metric


@pytest.mark.parametrize("target", ["portal-gw:9633", "tax-gw:22", "10.11.255.1:9633"])
def test_nobody_comes_further_by_it(town: Town, target: str) -> None:
    """Whoever may speak to the proxy on the host reaches what the plan has, and nothing else."""
    program = (
        "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 9095, timeout=9);"
        "c.request('GET', f'http://{sys.argv[1]}/metrics', headers={'Host': sys.argv[1]});"
        "print(c.getresponse().status)"
    )

    assert town.must(HOST, "python3", "-c", program, target) == "404\n"


# --- who may ask it -------------------------------------------------------------------------------


def test_nothing_of_it_listens_to_the_network(town: Town) -> None:
    """Prometheus, Alertmanager and all beside them: on this host alone.

    It is the log host and the time server too, and operators come by ssh.
    """
    said = town.must(HOST, "ss", "--no-header", "--listening", "--tcp", "--numeric")

    listening = {line.split()[3] for line in said.splitlines()}
    ports = {each.rpartition(":")[2] for each in listening if each.startswith("127.")}
    assert {"9090", "9093", "9095", "9096", "9097", "9100", "9115"} <= ports
    elsewhere = {e.rpartition(":")[2] for e in listening if not e.startswith("127.")}
    assert elsewhere == {"22", "4460", "6514"}


@pytest.mark.parametrize("port", [9090, 9093, 9095])
@pytest.mark.parametrize("host", ["city-gw", "city.office"])
def test_nobody_else_can_ask_it(town: Town, host: str, port: int) -> None:
    """Neither the gateway on its own segment nor another zone's host."""
    address = str(town.address(HOST, 4))

    assert town.run(host, "nc", "-z", "-w", "3", address, str(port)).returncode != 0


@pytest.mark.parametrize(
    ("host", "unit"), [(host, unit) for host, units in UNITS.items() for unit in units]
)
def test_each_service_may_do_its_work_and_little_else(town: Town, host: str, unit: str) -> None:
    """As systemd judges it; and nobody's account is another's."""
    said = town.must(host, "systemd-analyze", "security", "--no-pager", unit)

    assert float(said.strip().splitlines()[-1].split(":")[1].split()[0]) <= 2.0


def test_a_new_list_of_revocations_is_taken_up_by_itself(town: Town) -> None:
    """No playbook is needed: the host fetches it, and who asks gateways goes by it."""
    made = town.loushan("pki", "crl", str(town.places.authorities), "--authority", "services")
    assert made.returncode == 0, made.stderr
    newest = (town.places.authorities / "services" / "crl.pem").read_text("ascii")
    in_force = "/run/loushan-scrape/lists.pem"

    town.must(HOST, "systemctl", "start", "loushan-lists.service")

    assert until(lambda: newest.strip() in town.must(HOST, "cat", in_force))
    assert until(lambda: up(town, "loushan") == dict.fromkeys(watched(town), "1")), "as before"


# --- faults ---------------------------------------------------------------------------------------

Cause = Callable[[Town], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a host, and the alert of it; `of` are labels by which it is known."""

    name: str
    alert: str
    site: str
    cause: Cause
    of: dict[str, str] = field(default_factory=dict)
    clears: bool = True


def _at(cause: Callable[..., AbstractContextManager[None]], *hosts: str) -> Cause:
    return lambda town: cause(town, *hosts)


#: At gateways apart from each other; two of them at one gateway are of files that it has.
FAULTS = (
    Fault(
        "a line is cut",
        "LinkDown",
        "city",
        _at(faults.cable_pulled, "tax-gw", "city-gw"),
        {"link": "tax"},
    ),
    Fault(
        "a gateway is off", "LinkDown", "city", _at(faults.powerless, "hall-gw"), {"link": "hall"}
    ),
    Fault(
        "one of a pair does not answer",
        "GatewayDown",
        "city",
        _at(faults.exporter_stopped, "city-gw-2"),
        {"instance": "city-gw-2"},
    ),
    Fault(
        "a gateway's exporter ends",
        "GatewaySilent",
        "suiyang-housing",
        _at(faults.exporter_stopped, "suiyang-housing-gw"),
    ),
    Fault(
        "a ruleset is tampered with",
        "DriftRepaired",
        "huichuan-tax",
        _at(faults.tampered, "huichuan-tax-gw"),
        # It is told for ten minutes.
        clears=False,
    ),
    Fault("an agent ends", "AgentSilent", "huichuan", _at(faults.agent_stopped, "huichuan-gw")),
    Fault(
        "a certificate ends in days",
        "CertificateExpiring",
        "housing",
        _at(faults.certificate_ending, "housing-gw"),
        {"certificate": "metrics", "severity": "urgent"},
    ),
    Fault(
        "a list has run out",
        "CrlStale",
        "housing",
        _at(faults.list_ended, "housing-gw"),
        {"authority": "links", "severity": "urgent"},
    ),
    Fault(
        "a disk is nearly full",
        "DiskNearlyFull",
        "yangchuan",
        _at(faults.disk_full, "yangchuan-gw"),
        {"mountpoint": "/srv", "severity": "urgent"},
    ),
    Fault(
        "a clock is said to be fast",
        "ClockSkewed",
        "suiyang",
        _at(faults.clock_fast, "suiyang-gw"),
        # A group of warnings is told again after five minutes at the earliest.
        clears=False,
    ),
)


@dataclass
class Course:
    """How it went: when each fault was caused and mended, by its name."""

    receiver: Receiver
    begun: float
    caused: dict[str, float] = field(default_factory=dict)
    mended: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, tuple[float, float | None]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def course(town: Town) -> Iterator[Course]:
    """Cause every fault, wait until each is told, and mend all."""
    settle(town)
    with receiving(town) as receiver:
        went = Course(receiver, now())
        with ExitStack() as stack:
            for fault in FAULTS:
                stack.enter_context(_caused(town, fault, went))
            assert until(lambda: all(_told(went, fault) for fault in FAULTS), 60), _untold(went)
        yield went


@contextmanager
def _caused(town: Town, fault: Fault, went: Course) -> Iterator[None]:
    """Cause a fault, and note when that was, and when it was mended."""
    went.caused[fault.name] = now()
    with fault.cause(town):
        yield
    went.mended[fault.name] = now()


def _told(went: Course, fault: Fault) -> bool:
    return went.receiver.hears(went.begun, _labels(fault)) is not None


def _untold(went: Course) -> list[object]:
    missing = [fault.name for fault in FAULTS if not _told(went, fault)]
    return [missing, went.receiver.told(went.begun)]


def _labels(fault: Fault) -> dict[str, str]:
    return {"alertname": fault.alert, "site": fault.site, **fault.of}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.name))
def test_a_fault_is_told_and_is_over_when_it_is_mended(course: Course, fault: Fault) -> None:
    """At the receiver, by its labels."""
    told = course.receiver.waits(course.begun, 1, _labels(fault))
    over = None
    if fault.clears:
        over = course.receiver.waits(course.begun, 60, _labels(fault), is_over=True)

    after = None if over is None else over.at - course.mended[fault.name]
    course.seconds[fault.name] = (told.at - course.caused[fault.name], after)
    assert told.labels["severity"] in {"urgent", "warning"}


def test_nothing_else_is_told(course: Course) -> None:
    """One fault is one alert: what follows from it is not told, and nor is anything of others."""
    wanted = {(fault.alert, fault.site, fault.of.get("link", "")) for fault in FAULTS}

    came = (each.labels for each in course.receiver.told(course.begun))
    told = {(of["alertname"], of["site"], of.get("link", "")) for of in came}

    assert told == wanted


@pytest.mark.parametrize("words", ["【告警】LinkDown", "[alert] LinkDown", "【解除】LinkDown"])
def test_it_is_in_the_journal_of_the_monitoring_host(course: Course, words: str) -> None:
    """In words, in both languages, also that it is over."""
    told = course.receiver.town.journal(HOST, "--unit=loushan-notify.service")

    assert words in told


def test_who_is_silenced_is_missed_elsewhere(course: Course) -> None:
    """Prometheus ends: nobody could say so but another host, which does; and that it is back."""
    town, unit = course.receiver.town, "loushan-watchdog.service"
    cursor, stopped = town.cursor(OPERATIONS), now()
    town.must(HOST, "systemctl", "stop", "loushan-prometheus.service")
    try:
        assert until(lambda: "【告警】Watchdog" in town.since(OPERATIONS, cursor, unit), 60)
        silent = now() - stopped
    finally:
        town.must(HOST, "systemctl", "start", "loushan-prometheus.service")
    begun = now()
    assert until(lambda: "【解除】Watchdog" in town.since(OPERATIONS, cursor, unit), 60)
    course.seconds["Prometheus ends (dead man's switch)"] = (silent, now() - begun)


def test_the_seconds_are_said(
    course: Course, record_property: Callable[[str, object], None]
) -> None:
    """At the end of the run."""
    lines = [
        f"{name:40} told after {told:5.1f} s"
        + ("" if over is None else f", said to be over {over:5.1f} s after it was mended")
        for name, (told, over) in course.seconds.items()
    ]
    record_property("faults of the lab, from their cause to a receiver", "\n".join(lines))

    assert all(re.search(r"after +\d", line) for line in lines)
