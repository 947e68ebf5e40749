"""The monitoring host of the booted city: whom it asks, and who may ask it."""

import pytest

from playbooks.plugins.monitoring import branch
from tests.lab.receiver import HOST
from tests.lab.town import Town, until
from tests.lab.watching import query

pytestmark = pytest.mark.lab

OPERATIONS = "city.operations"

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
