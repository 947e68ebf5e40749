"""Reads what Prometheus and Alertmanager answer; pure.

All of it is untrusted: names, words and numbers may be anybody's.  What is too
long is cut, what cannot be printed is left out, what is no number is no value,
and what is of another form is no answer.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.observe.city.questions import Question

#: Of more than this nobody makes a picture.
MOST_SERIES, MOST_ALERTS = 100_000, 500

_LONGEST_LABEL, _LONGEST_WORDS, _MOST_LABELS = 128, 400, 24

_RUNBOOK = re.compile(r"docs/runbooks/([A-Za-z]{1,40})\.md")

#: What a body of another form makes of reading it.
WRONG_FORM = (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError)


@dataclass(frozen=True, slots=True)
class Series:
    """One value with its labels."""

    labels: Mapping[str, str]
    value: float

    @property
    def name(self) -> str:
        """The metric's name; empty where it was worked out."""
        return self.labels.get("__name__", "")


@dataclass(frozen=True, slots=True)
class AlertSaid:
    """An alert that fires, in words; `of` is the site that it is about, as the rules say it.

    `is_told` is false where it follows from another alert, or where somebody silenced it.
    """

    alert: str
    severity: str
    of: str
    instance: str
    en: str
    zh: str
    runbook: str
    since: float
    is_told: bool
    is_silenced: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """All that was answered at a moment, by Prometheus' own clock.

    A question without an answer is not among the series; `alerts` is None where
    nobody said which alerts fire.  `missing` says who did not answer, and why.
    """

    now: float
    series: Mapping[Question, Sequence[Series]] = field(default_factory=dict)
    alerts: tuple[AlertSaid, ...] | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


def series_of(body: Any) -> tuple[float, tuple[Series, ...]]:  # noqa: ANN401 - anybody's JSON
    """Read Prometheus' answer to an instant query: its time, and the values.

    Raises:
        One of WRONG_FORM: it is none.
    """
    data = body["data"]
    if body["status"] != "success" or data["resultType"] != "vector":
        raise ValueError(body["status"])
    rows = data["result"]
    if len(rows) > MOST_SERIES:
        raise ValueError(len(rows))
    now = max((float(row["value"][0]) for row in rows), default=math.nan)
    return now, tuple(_series(rows))


def alerts_of(body: Any) -> tuple[AlertSaid, ...]:  # noqa: ANN401 - anybody's JSON
    """Read Alertmanager's alerts (`/api/v2/alerts`), the worst and the newest first.

    Raises:
        One of WRONG_FORM: they are none.
    """
    found = [_alert(entry) for entry in body[:MOST_ALERTS]]
    order = {"urgent": 0, "warning": 1}
    return tuple(sorted(found, key=lambda each: (order.get(each.severity, 2), -each.since)))


def clean(text: object, longest: int = _LONGEST_WORDS) -> str:
    """Give text that shows nothing but itself: no control of a terminal, no turned direction."""
    whole = str(text)
    kept = "".join(c for c in whole[:longest] if not unicodedata.category(c).startswith("C"))
    return kept if len(whole) <= longest else f"{kept[: longest - 1]}…"


def _series(rows: Iterable[Mapping[str, Any]]) -> Iterator[Series]:
    for row in rows:
        value = float(row["value"][1])
        if math.isfinite(value):
            yield Series(_labels(row["metric"]), value)


def _labels(labels: Mapping[str, Any]) -> dict[str, str]:
    if len(labels) > _MOST_LABELS:
        raise ValueError(len(labels))
    return {str(name): clean(value, _LONGEST_LABEL) for name, value in labels.items()}


def _alert(entry: Mapping[str, Any]) -> AlertSaid:
    labels, words, status = entry["labels"], entry["annotations"], entry["status"]
    named = _RUNBOOK.fullmatch(str(words.get("runbook", "")))
    name = clean(labels["alertname"], _LONGEST_LABEL)
    return AlertSaid(
        alert=name,
        severity=clean(labels.get("severity", ""), _LONGEST_LABEL),
        of=clean(labels.get("cut_off") or labels.get("site", ""), _LONGEST_LABEL),
        instance=clean(labels.get("instance", ""), _LONGEST_LABEL),
        en=clean(words.get("en") or name),
        zh=clean(words.get("zh") or name),
        runbook=named[1] if named else "",
        since=datetime.fromisoformat(str(entry["startsAt"])).timestamp(),
        is_told=not status["inhibitedBy"] and not status["silencedBy"],
        is_silenced=bool(status["silencedBy"]),
    )
