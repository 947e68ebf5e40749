"""The dashboard for who has Grafana: all of it can be asked; what is not known is not good."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.observe.metrics import METRICS
from tests.repo.tree import ROOT

BOARDS = sorted((ROOT / "monitoring" / "grafana").glob("*.json"))
HAN = re.compile(r"[一-鿿]")

#: What Grafana fills in, and what it may be.
FILLED = {"$__rate_interval": "1m", "$site": "tax|city"}

#: Prometheus's own.
OTHERS = {"up", "ALERTS"}


def board(file: Path) -> dict[str, Any]:
    """Read a dashboard."""
    read: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return read


def expressions(part: object) -> Iterator[str]:
    """Give every expression, wherever it stands."""
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield _filled(part["expr"])
        for each in part.values():
            yield from expressions(each)
    elif isinstance(part, list):
        for each in part:
            yield from expressions(each)


def _filled(expression: str) -> str:
    for name, value in FILLED.items():
        expression = expression.replace(name, value)
    return expression


EXPRESSIONS = sorted({each for file in BOARDS for each in expressions(board(file))})


def evaluated(folder: Path, cases: dict[str, list[dict[str, Any]]]) -> str:
    """Have promtool evaluate expressions where nothing is known; give what it says against them."""
    (folder / "none.yml").write_text(json.dumps({"groups": []}), "utf-8")
    tests = [
        {"interval": "5s", "promql_expr_test": [{"expr": e, "eval_time": "5m", "exp_samples": s}]}
        for e, s in cases.items()
    ]
    (folder / "tests.yml").write_text(
        json.dumps({"rule_files": ["none.yml"], "tests": tests}), "utf-8"
    )
    command = ["promtool", "test", "rules", str(folder / "tests.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_there_is_one() -> None:
    """With something on it."""
    assert len(EXPRESSIONS) > 15
    assert not [each for each in EXPRESSIONS if "$" in each]


def test_prometheus_evaluates_every_expression_and_nothing_known_is_nothing_good(
    tmp_path: Path,
) -> None:
    """Where no gateway is known there is no value, so `?`; but of alerting, which says 0: red."""
    alerting = [each for each in EXPRESSIONS if each.endswith("or vector(0)")]
    expected = {
        each: [{"labels": "{}", "value": 0}] if each in alerting else [] for each in EXPRESSIONS
    }

    assert len(alerting) == 1
    assert evaluated(tmp_path, expected) == ""


@pytest.mark.parametrize("expression", ["sum(loushan_proven", "rate(up)", "loushan_proven{"])
def test_an_expression_that_is_none_is_found(tmp_path: Path, expression: str) -> None:
    """By the same promtool."""
    assert evaluated(tmp_path, {expression: []})


def test_every_metric_is_given_with_its_labels() -> None:
    """By the exporter: none that was renamed, and no label that is not there."""
    of_targets = {"job", "site", "instance", "alertstate", "severity", "alertname"}
    for each in EXPRESSIONS:
        for name, labels in re.findall(r"\b(loushan_[a-z_]+|up|ALERTS)(\{[^}]*\})", each):
            known = of_targets | set(METRICS[name].labels if name in METRICS else ())
            assert name in METRICS.keys() | OTHERS, each
            assert set(re.findall(r"([a-z]+)=~?\"", labels)) <= known, each


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: str(file.stem))
def test_a_panel_is_named_in_both_languages(file: Path) -> None:
    """And each has a place of its own, and says `?` where nothing is known."""
    panels = board(file)["panels"]

    for panel in panels:
        zh, _, en = panel["title"].partition(" · ")
        assert HAN.search(zh), panel["title"]
        assert en, panel["title"]
        assert not HAN.search(en), panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"] == "?"
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
