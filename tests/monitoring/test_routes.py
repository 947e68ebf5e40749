"""Who is told of which alert, and which one is told in place of forty; asked of Alertmanager."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.monitoring.alert_cases import CASES, CITY_2, TAX, Labels
from tests.monitoring.alertmanager import NOWHERE, Alertmanager, as_set, filled_in, running
from tests.monitoring.promtool import alerts
from tests.monitoring.watchers import until

ALERTS = alerts()
RECEIVERS = {"urgent": "at_once", "warning": "everybody", "none": "watchdog"}

FIRING = [firing for case in CASES for firing in case.firing]


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the template, filled in."""
    text = filled_in(
        webhook=f"{NOWHERE}webhook",
        alive=f"{NOWHERE}watchdog",
        local=f"{NOWHERE}local",
        mail={"to": "ops@lab.internal", "from": "m@lab.internal", "smarthost": "mail:587"},
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


@pytest.fixture(scope="module")
def alertmanager(configuration: Path) -> Iterator[Alertmanager]:
    """Run Debian's, with our configuration."""
    with running(configuration) as found:
        yield found


def fires(alert: str, of: Labels, severity: str = "urgent") -> Labels:
    """Give the labels with which a rule fires of a gateway, as a case has them."""
    (found,) = {
        as_set(each)
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
    expected = {as_set(each) for each in told}
    with alertmanager.firing(firing):
        assert until(lambda: alertmanager.told() == expected), alertmanager.told()
        time.sleep(0.2)
        assert alertmanager.told() == expected
