"""Debian's promtool, which evaluates rules as Prometheus does."""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.monitoring.alert_cases import Case
from tests.repo.tree import ROOT

RULES = sorted((ROOT / "monitoring").glob("*.rules.yml"))

_INTERVAL = "5s"

#: What always fires, and where nobody is asked; cases are of one gateway, and these are not.
_BESIDE = 'alertname!="Watchdog",site!="all"'

_COMPARISON = re.compile(r"== [01]\b|[<>](?= )")

#: What each comparison is turned into: a bound that is off by one.
_TURNED = {"== 0": ">= 0", "== 1": "<= 1", ">": ">=", "<": "<="}


def groups() -> list[dict[str, Any]]:
    """Give the groups of rules, as they stand."""
    read = (yaml.safe_load(file.read_text("utf-8")) for file in RULES)
    return [group for each in read for group in each["groups"]]


def alerts() -> list[dict[str, Any]]:
    """Give every rule."""
    return [rule for group in groups() for rule in group["rules"]]


def off_by_one(rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a rule with one of its comparisons off by one; each in turn."""
    expr = rule["expr"]
    for found in _COMPARISON.finditer(expr):
        other = f"{expr[: found.start()]}{_TURNED[found[0]]}{expr[found.end() :]}"
        yield {**rule, "expr": other}


def disagreements(folder: Path, rules: Iterable[Mapping[str, Any]], cases: Iterable[Case]) -> str:
    """Have cases tried on rules; give what promtool says is not as it should be, else nothing."""
    (said,) = disagreements_of_each(folder, [(rules, cases)])
    return said


def disagreements_of_each(
    folder: Path, tried: Iterable[tuple[Iterable[Mapping[str, Any]], Iterable[Case]]]
) -> list[str]:
    """Have cases tried on several sets of rules by one promtool; give the same for each."""
    files = [
        _written(folder, number, list(rules), cases) for number, (rules, cases) in enumerate(tried)
    ]
    command = ["promtool", "test", "rules", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # It says of each on standard output which it is, and SUCCESS or FAILED with what differs.
    _, *parts = (done.stdout + done.stderr).split("Unit Testing:")
    assert len(parts) == len(files), done.stdout + done.stderr
    return ["" if "SUCCESS" in part else part for part in parts]


def _written(
    folder: Path, number: int, rules: list[Mapping[str, Any]], cases: Iterable[Case]
) -> Path:
    group = {"name": "tried", "interval": _INTERVAL, "rules": rules}
    (folder / f"rules{number}.yml").write_text(json.dumps({"groups": [group]}), "utf-8")
    known = {rule["alert"] for rule in rules}
    body = {
        "rule_files": [f"rules{number}.yml"],
        "evaluation_interval": _INTERVAL,
        "tests": [_test(case, known) for case in cases],
    }
    file = folder / f"tests{number}.yml"
    file.write_text(json.dumps(body, ensure_ascii=False), "utf-8")
    return file


def _test(case: Case, known: set[str]) -> dict[str, Any]:
    firing = [each for each in case.firing if each["alertname"] in known]
    of_all = any(each.get("site") == "all" for each in firing)
    beside = 'alertname!="Watchdog"' if of_all else _BESIDE
    return {
        "name": case.name,
        "interval": _INTERVAL,
        "input_series": [{"series": s, "values": v} for s, v in case.series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{{beside},alertstate="firing"}}',
                "eval_time": case.at,
                "exp_samples": [{"labels": _sample(each), "value": 1} for each in firing],
            }
        ],
    }


def _sample(labels: Mapping[str, str]) -> str:
    named = {**labels, "alertstate": "firing"}
    inside = ",".join(f'{name}="{value}"' for name, value in named.items())
    return f"ALERTS{{{inside}}}"
