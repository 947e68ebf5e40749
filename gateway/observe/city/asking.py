"""Asks Prometheus and Alertmanager, with bounds on time and size; the only I/O of the picture."""

import http.client
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from gateway.errors import Refused, problem
from gateway.observe.city.answers import (
    WRONG_FORM,
    AlertSaid,
    Answers,
    Series,
    alerts_of,
    clean,
    series_of,
)
from gateway.observe.city.questions import QUESTIONS, Question

PROMETHEUS, ALERTMANAGER = "http://127.0.0.1:9090", "http://127.0.0.1:9093"

#: How long all questions together may take, and how long one answer may be.
PATIENCE_SECONDS = 10.0
LARGEST_BYTES = 32 << 20

_CHUNK_BYTES = 1 << 16
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask; `alertmanager` is empty where there is none."""

    prometheus: str = PROMETHEUS
    alertmanager: str = ALERTMANAGER


def ask_city(asked: Asked) -> Answers:
    """Ask everything once; who does not answer is named in `missing`, and nothing is raised.

    Raises:
        Refused: ZG972, an address is none.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    missing: dict[str, str] = {}
    series: dict[Question, tuple[Series, ...]] = {}
    now = math.nan
    for question, text in QUESTIONS.items():
        body = {"query": text, "timeout": f"{PATIENCE_SECONDS:.0f}s"}
        answer = _ask(asked.prometheus, "/api/v1/query", body, series_of, until)
        if isinstance(answer, str):
            missing["prometheus"] = answer
            break
        at, series[question] = answer
        now = at if math.isnan(now) else now
    alerts: tuple[AlertSaid, ...] | None = None
    if asked.alertmanager:
        said = _ask(asked.alertmanager, "/api/v2/alerts", None, alerts_of, until)
        if isinstance(said, str):
            missing["alertmanager"] = said
        else:
            alerts = said
    return Answers(time.time() if math.isnan(now) else now, series, alerts, missing)


def _ask(
    url: str,
    path: str,
    body: Mapping[str, str] | None,
    read: Callable[[Any], Read],
    until: float,
) -> Read | str:
    """Ask one thing; give what was read, or in a word why there is nothing."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused(problem("ZG972", url=url))
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        port = parts.port
    except ValueError as fault:
        raise Refused(problem("ZG972", url=url)) from fault
    connection = make(parts.hostname, port, timeout=max(0.1, until - time.monotonic()))
    try:
        connection.request(
            "GET" if body is None else "POST",
            f"{parts.path.rstrip('/')}{path}",
            None if body is None else urlencode(body),
            {} if body is None else _FORM,
        )
        return read(json.loads(_whole(connection.getresponse(), until)))
    except (OSError, http.client.HTTPException, *WRONG_FORM) as fault:
        return clean(f"{type(fault).__name__}: {fault}")
    finally:
        connection.close()


def _whole(answer: http.client.HTTPResponse, until: float) -> bytes:
    """Read an answer to its end, unless it is too long, or takes too long.

    Raises:
        OSError: it does, or it is a refusal.
    """
    if answer.status != http.HTTPStatus.OK:
        message = f"status {answer.status}"
        raise OSError(message)
    parts, size = [], 0
    while part := answer.read1(_CHUNK_BYTES):
        size += len(part)
        if size > LARGEST_BYTES:
            message = f"more than {LARGEST_BYTES} bytes"
            raise OSError(message)
        if time.monotonic() > until:
            message = f"more than {PATIENCE_SECONDS:.0f} seconds"
            raise TimeoutError(message)
        parts.append(part)
    return b"".join(parts)
