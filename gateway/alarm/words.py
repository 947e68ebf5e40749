"""Alerts as Alertmanager posts them, in words that people read; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: Alertmanager posts a group at once; more than so many of it are counted, not read out.
MOST_TOLD = 20

_LONGEST = 400

#: By how urgent it is, as syslog has it: critical, warning; and notice where it is over.
_PRIORITIES, _OVER = {"urgent": 2, "warning": 4}, 5


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong, or is over now; `runbook` is the file that says what to do."""

    name: str
    severity: str
    is_over: bool
    en: str
    zh: str
    runbook: str = ""

    @property
    def priority(self) -> int:
        """Give syslog's number."""
        return _OVER if self.is_over else _PRIORITIES.get(self.severity, _PRIORITIES["warning"])

    @property
    def lines(self) -> tuple[str, str]:
        """Say it in Chinese and in English."""
        zh, en = ("解除", "over") if self.is_over else ("告警", "alert")
        more = f"({self.runbook})" if self.runbook and not self.is_over else ""
        return (
            plain(f"【{zh}】{self.name}:{self.zh}{more}"),
            plain(f"[{en}] {self.name}: {self.en} {more}".rstrip()),
        )


def alarms_of(body: Mapping[str, Any]) -> list[Alarm]:
    """Read what Alertmanager posts (webhook, version 4).

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is of another form.
    """
    found = [_alarm(each) for each in body["alerts"]]
    told, more = found[:MOST_TOLD], len(found) - MOST_TOLD
    if more > 0:
        rest = Alarm("…", "warning", is_over=False, en=f"and {more} more.", zh=f"另有 {more} 条。")
        return [*told, rest]
    return told


def is_sign_of_life(body: Mapping[str, Any]) -> bool:
    """Tell whether it is the alert that always fires.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is of another form.
    """
    return any(
        each["labels"]["alertname"] == "Watchdog" and each["status"] == "firing"
        for each in body["alerts"]
    )


def silence(seconds: float, since: datetime, *, is_over: bool) -> Alarm:
    """Say that the monitoring host has been silent, or is heard again."""
    at, length = since.astimezone().strftime("%Y-%m-%d %H:%M:%S"), f"{seconds:.0f}"
    if is_over:
        en = f"The monitoring host is heard again, after {length} s of silence."
        zh = f"监控主机恢复报平安,失声 {length} 秒。"
    else:
        en = f"The monitoring host has been silent since {at}: nobody is told of anything."
        zh = f"监控主机自 {at} 起失声:任何告警都不会送达。"
    return Alarm("Watchdog", "urgent", is_over, en, zh, "docs/runbooks/Watchdog.md")


def plain(text: str) -> str:
    """Give a text without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST]


def _alarm(untrusted: Mapping[str, Any]) -> Alarm:
    labels, said = untrusted["labels"], untrusted["annotations"]
    name = str(labels["alertname"])
    return Alarm(
        name=name,
        severity=str(labels.get("severity", "")),
        is_over=untrusted["status"] == "resolved",
        en=str(said.get("en", name)),
        zh=str(said.get("zh", name)),
        runbook=str(said.get("runbook", "")),
    )
