"""Who is told of which alert, and which one is told in place of forty; asked of Alertmanager."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from tests.monitoring.alert_cases import CASES, CITY_2, TAX, Labels
from tests.monitoring.promtool import alerts
from tests.repo.tree import ROOT

ALERTS = alerts()
TEMPLATE = ROOT / "monitoring" / "alertmanager.yml.j2"
RECEIVERS = {"urgent": "at_once", "warning": "everybody", "none": "watchdog"}
PATIENCE_SECONDS = 60

#: Nobody listens there.
_NOWHERE = "http://127.0.0.1:9/"

FIRING = [firing for case in CASES for firing in case.firing]


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the template, filled in."""
    strict = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - YAML
    text = strict.from_string(TEMPLATE.read_text("utf-8")).render(
        monitoring_webhook=f"{_NOWHERE}webhook",
        monitoring_alive=f"{_NOWHERE}watchdog",
        monitoring_local=f"{_NOWHERE}local",
        monitoring_mail={
            "to": "ops@lab.internal",
            "from": "m@lab.internal",
            "smarthost": "mail:587",
        },
    )
    file = tmp_path_factory.mktemp("routes") / "alertmanager.yml"
    file.write_text(text, "utf-8")
    return file


def amtool(*words: str | Path) -> str:
    """Ask amtool; it must agree."""
    done = subprocess.run(["amtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alertmanager_takes_the_configuration(configuration: Path) -> None:
    """As it is filled in."""
    assert "SUCCESS" in amtool("check-config", configuration)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_every_alert_reaches_whom_it_should(
    configuration: Path, rule: Mapping[str, Mapping[str, str]]
) -> None:
    """By how urgent it is, and exactly one receiver."""
    severity = rule["labels"]["severity"]
    labels = (f"alertname={rule['alert']}", f"severity={severity}", "site=tax")
    routed = ("config", "routes", "test", f"--config.file={configuration}")

    assert amtool(*routed, *labels).split() == [RECEIVERS[severity]]


@pytest.mark.parametrize("labels", [(), ("severity=odd",), ("alertname=New", "site=tax")])
def test_what_nobody_thought_of_is_told_too(configuration: Path, labels: tuple[str, ...]) -> None:
    """An alert without a severity, or of another one, is nobody's loss."""
    routed = ("config", "routes", "test", f"--config.file={configuration}")

    assert amtool(*routed, *labels).split() == ["everybody"]


def test_the_urgent_are_told_at_once_and_in_every_way(configuration: Path) -> None:
    """Within five seconds, also in a group that was told before; by webhook, mail and here."""
    read = yaml.safe_load(configuration.read_text("utf-8"))
    (route,) = (r for r in read["route"]["routes"] if r["receiver"] == "at_once")
    (receiver,) = (r for r in read["receivers"] if r["name"] == "at_once")

    assert (route["group_wait"], route["group_interval"]) == ("5s", "5s")
    urls = {each["url"].rpartition("/")[2] for each in receiver["webhook_configs"]}
    assert urls == {"webhook", "local"}
    assert receiver["email_configs"][0]["to"] == "ops@lab.internal"


# --- one page and not forty -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running one, whose receivers nobody is."""

    url: str

    def ask(self, what: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask its API."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/{what}", content, headers)  # noqa: S310 - ours
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - ours
            return json.loads(answer.read() or b"null")

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        with suppress(OSError):
            return bool(self.ask("status"))
        return False

    @contextmanager
    def firing(self, alerts: Iterable[Labels]) -> Iterator[None]:
        """Have alerts fire together; afterwards they are over."""
        now = datetime.now(UTC)
        begun, until = now.isoformat(), (now + timedelta(hours=1)).isoformat()
        alerts = [*alerts]
        self.ask("alerts", [{"labels": e, "startsAt": begun, "endsAt": until} for e in alerts])
        try:
            yield
        finally:
            self.ask("alerts", [{"labels": e, "startsAt": begun, "endsAt": begun} for e in alerts])

    def told(self) -> set[frozenset[tuple[str, str]]]:
        """Give the alerts that are told, and not left out because of another one."""
        return {_as_set(each["labels"]) for each in self.ask("alerts?inhibited=false")}


def _as_set(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


@pytest.fixture(scope="module")
def alertmanager(configuration: Path) -> Iterator[Alertmanager]:
    """Run Debian's, with our configuration."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    options = {
        "config.file": configuration,
        "storage.path": configuration.parent / "data",
        "web.listen-address": f"127.0.0.1:{port}",
        "cluster.listen-address": "",
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    with (configuration.parent / "said").open("wb") as said:
        process = subprocess.Popen(["prometheus-alertmanager", *words], stdout=said, stderr=said)
    try:
        running = Alertmanager(f"http://127.0.0.1:{port}/api/v2")
        assert until(running.is_ready)
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def until(what: Callable[[], bool]) -> bool:
    """Wait until something holds; tell whether it does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


def fires(alert: str, of: Labels, severity: str = "urgent") -> Labels:
    """Give the labels with which a rule fires of a gateway, as a case has them."""
    (found,) = {
        _as_set(each)
        for each in FIRING
        if each["alertname"] == alert
        and each["severity"] == severity
        and all(each.get(name) == value for name, value in of.items())
    }
    return dict(found)


_LINK = fires("LinkDown", {"link": "suiyang"})
_LINK_BELOW = fires("LinkDown", {"link": "yangchuan"})
_COUNTY = fires("GatewaySilent", {"site": "suiyang"})
_BELOW = fires("GatewaySilent", {"site": "yangchuan"})
_ELSEWHERE = fires("GatewaySilent", {"site": "tax"})
_CITY = fires("GatewaySilent", {"site": "city"})
_FORTY = [{**_BELOW, "site": name, "cut_off": name} for name in (f"township{n}" for n in range(40))]


@pytest.mark.parametrize(
    ("firing", "told"),
    [
        pytest.param([_LINK, _COUNTY, _BELOW, *_FORTY], [_LINK], id="a county's line is cut"),
        pytest.param([_LINK_BELOW, _BELOW], [_LINK_BELOW], id="a township's line is cut"),
        pytest.param([_LINK_BELOW, _COUNTY], [_LINK_BELOW, _COUNTY], id="and the county is silent"),
        pytest.param([_LINK, _ELSEWHERE], [_LINK, _ELSEWHERE], id="a line, and a site elsewhere"),
        pytest.param([_CITY, _COUNTY, _BELOW, _ELSEWHERE], [_CITY], id="the city's own gateways"),
        pytest.param([_COUNTY, _ELSEWHERE], [_COUNTY, _ELSEWHERE], id="two sites, no reason known"),
        pytest.param(
            [fires("AgentSilent", TAX), fires("PolicyUnproven", TAX), fires("GatesClosed", TAX)],
            [fires("AgentSilent", TAX)],
            id="a dead agent",
        ),
        pytest.param(
            [fires("AgentSilent", TAX), {**fires("PolicyUnproven", TAX), "instance": "x-gw"}],
            [fires("AgentSilent", TAX), {**fires("PolicyUnproven", TAX), "instance": "x-gw"}],
            id="a dead agent, and another gateway",
        ),
        pytest.param(
            [
                fires("DecisionLogDamaged", TAX),
                fires("DecisionLogStopped", TAX),
                fires("GatesClosed", TAX),
            ],
            [fires("DecisionLogDamaged", TAX)],
            id="a damaged log",
        ),
        pytest.param(
            [fires("CrlStale", TAX), fires("CrlStale", TAX, "warning"), fires("GatesClosed", TAX)],
            [fires("CrlStale", TAX)],
            id="a list that ran out",
        ),
        pytest.param(
            [fires("CrlStale", TAX, "warning"), fires("GatesClosed", TAX)],
            [fires("CrlStale", TAX, "warning"), fires("GatesClosed", TAX)],
            id="a list that is late closes nothing",
        ),
        pytest.param(
            [fires("DiskNearlyFull", TAX), fires("DiskNearlyFull", TAX, "warning")],
            [fires("DiskNearlyFull", TAX)],
            id="a disk",
        ),
        pytest.param(
            [
                fires("DiskNearlyFull", TAX),
                {**fires("DiskNearlyFull", TAX, "warning"), "mountpoint": "/srv"},
            ],
            [
                fires("DiskNearlyFull", TAX),
                {**fires("DiskNearlyFull", TAX, "warning"), "mountpoint": "/srv"},
            ],
            id="two disks",
        ),
        pytest.param(
            [fires("GatewayDown", CITY_2), fires("DriftRepaired", TAX)],
            [fires("GatewayDown", CITY_2), fires("DriftRepaired", TAX)],
            id="what has nothing to do with each other",
        ),
    ],
)
def test_what_follows_from_another_is_not_told(
    alertmanager: Alertmanager, firing: list[Labels], told: list[Labels]
) -> None:
    """And what does not, is; by the labels with which the rules fire."""
    expected = {_as_set(each) for each in told}
    with alertmanager.firing(firing):
        assert until(lambda: alertmanager.told() == expected), alertmanager.told()
        time.sleep(0.2)
        assert alertmanager.told() == expected
