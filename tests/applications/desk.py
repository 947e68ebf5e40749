"""People at an application: each request is one decision of the gateway, with its own number."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from applications.approval.pages import make_app
from applications.identity import HEADER
from gateway.labels import Label, Level
from gateway.policy.model import Subject
from tests.applications.cluster import Cluster
from tests.applications.tokens import CLERK, HOST, NUMBER, checked, gateways_token

HALL = Subject(
    name="hall_counter",
    title="大厅窗口岗",
    type="post",
    zones=("hall.counter",),
    clearance=Label(Level.内部),
    certificate="hall-counter",
)

#: A Wednesday.
TODAY = date(2026, 11, 4)

FILING = {
    "matter": "建筑工程施工许可",
    "applicant": "申请人甲",
    "content": "拟于城东新建仓库一座。",
}


@dataclass
class WallCalendar:
    """The day it is, for a test to turn."""

    day: date = TODAY

    def __call__(self) -> date:
        """Give the day."""
        return self.day


@dataclass
class Desk:
    """An application, and everybody who asks it something through the gateway."""

    app: Flask
    today: WallCalendar
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def ask(
        self,
        method: str,
        path: str,
        *,
        by: Subject = CLERK,
        decision: str = "",
        headers: dict[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - what Flask's client takes
    ) -> TestResponse:
        """Ask for JSON, unless the headers say otherwise."""
        named = decision or f"city-gw.1764081000.{next(self.numbers)}"
        said = f"{gateways_token(by)} decision={named}; number={NUMBER}"
        sent = {HEADER: said, "Accept": "application/json", **(headers or {})}
        client = self.app.test_client()
        return client.open(path, method=method, base_url=f"https://{HOST}", headers=sent, **more)

    def file(self, **other: str) -> int:
        """File a case and give its number."""
        answer = self.ask("POST", "/cases/", by=HALL, json={**FILING, **other})
        assert answer.status_code == 201, answer.text
        return int(answer.get_json()["id"])

    def step(self, number: int, step: str, note: str = "理由") -> int:
        """Take a step, and give the status of the answer."""
        method = "PUT" if step in {"grant", "deny"} else "PATCH"
        answer = self.ask(method, f"/cases/{number}", json={"step": step, "note": note})
        return answer.status_code

    def case(self, number: int) -> dict[str, Any]:
        """Read a case."""
        answer = self.ask("GET", f"/cases/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found


def approval_desk(database: Cluster) -> Desk:
    """Give the approval application on a database, on a Wednesday."""
    today = WallCalendar()
    app = make_app(checked(), database.database("loushan-approval"), today)
    return Desk(app, today)
