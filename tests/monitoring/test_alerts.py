"""Each alert is quiet and fires as it should, says what is wrong in words, and has its runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.observe.metrics import METRICS
from tests.monitoring.alert_cases import CASES, Case
from tests.monitoring.promtool import (
    RULES,
    alerts,
    disagreements,
    disagreements_of_each,
    off_by_one,
)
from tests.repo.tree import ROOT

ALERTS = alerts()
NAMES = sorted({rule["alert"] for rule in ALERTS})

#: These are not ours: Prometheus's own, and those of node_exporter's collectors that we switch on.
OTHERS = {
    "up",
    "ALERTS",
    "node_time_seconds",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "alertmanager_notifications_failed_total",
    "probe_ssl_earliest_cert_expiry",
    "probe_success",
    "prometheus_config_last_reload_successful",
    "prometheus_rule_evaluation_failures_total",
}

HAN = re.compile(r"[\u4e00-\u9fff]")

SECTIONS = ["Meaning", "Impact", "Diagnose", "Fix", "Escalate"]


def cases_of(alert: str) -> list[Case]:
    """Give what is tried of an alert."""
    return [case for case in CASES if case.alert == alert]


def test_prometheus_takes_the_rules() -> None:
    """All of them, with nothing that it warns of."""
    command = ["promtool", "check", "rules", "--lint-fatal", *map(str, RULES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_quiet_and_fires_as_it_should(tmp_path: Path) -> None:
    """In each case what should fire does, with these very labels, and nothing else does."""
    assert disagreements(tmp_path, ALERTS, CASES) == ""


@pytest.mark.parametrize("alert", [name for name in NAMES if name != "Watchdog"])
def test_each_alert_is_tried_both_ways(alert: str) -> None:
    """Whoever adds one adds both."""
    assert {case.is_quiet for case in cases_of(alert)} == {True, False}


def test_a_rule_that_is_off_by_one_is_found(tmp_path: Path) -> None:
    """Each bound is seen by that alert's own cases: one that says `>= 0` for `> 0`, too."""
    rules = [each for rule in ALERTS for each in off_by_one(rule)]
    said = disagreements_of_each(tmp_path, (([r], cases_of(r["alert"])) for r in rules))

    assert len(rules) >= len(ALERTS)
    assert [rule for rule, found in zip(rules, said, strict=True) if not found] == []


def test_the_watchdog_always_fires(tmp_path: Path) -> None:
    """Also where there is nothing at all."""
    (rule,) = (each for each in ALERTS if each["alert"] == "Watchdog")
    never = {**rule, "expr": "vector(1) > 1"}
    fires = {"alertname": "Watchdog", "severity": "none", "site": "all"}
    case = Case("Watchdog", "nothing is known", {}, (fires,))

    assert disagreements(tmp_path, [{**rule, "alert": "Dog"}], [_renamed(case)]) == ""
    assert disagreements(tmp_path, [{**never, "alert": "Dog"}], [_renamed(case)])


def _renamed(case: Case) -> Case:
    """Give the case under a name that others' queries do not leave out."""
    return Case("Dog", case.says, case.series, ({**case.firing[0], "alertname": "Dog"},))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_in_words(rule: dict[str, Any]) -> None:
    """In both languages, with the gateway or the site in it; and how urgent it is."""
    said = rule["annotations"]

    assert sorted(said) == ["en", "runbook", "zh"]
    assert HAN.search(said["zh"])
    assert not HAN.search(said["en"])
    in_each = [set(re.findall(r"\$[a-z.]+", said[language])) for language in ("en", "zh")]
    assert in_each[0] == in_each[1]
    assert said["en"].endswith(".")
    assert said["zh"].endswith("。")
    assert rule["labels"]["severity"] in {"urgent", "warning", "none"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_has_a_runbook_of_its_name(rule: dict[str, Any]) -> None:
    """Which says what it means, what suffers, how to find the cause, what to do, whom to call."""
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
    text = (ROOT / rule["annotations"]["runbook"]).read_text("utf-8")

    assert text.startswith(f"# {rule['alert']}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert "```" in text
    assert "Nobody is alarmed" not in text


def test_every_metric_that_a_rule_names_is_given() -> None:
    """By the exporter, or by those beside it."""
    named = {
        name
        for rule in ALERTS
        for name in re.findall(r"\b((?:loushan|node)_[a-z_]+)\b(?!\s*=)", rule["expr"])
    }

    assert named
    assert named <= METRICS.keys() | OTHERS


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_every_metric_of_a_case_is_given_with_its_labels(case: Case) -> None:
    """So that no rule is tried on what no gateway says."""
    of_targets = {"job", "instance", "site", "branch", "pair"}
    for series in case.series:
        name, _, rest = series.partition("{")
        labels = set(re.findall(r"([a-z_]+)=", rest)) - of_targets
        if name in METRICS:
            assert labels == set(METRICS[name].labels), series
        else:
            assert name in OTHERS, series
