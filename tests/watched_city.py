"""A city that is watched: what each gateway says, by its own services' code, as a test wants it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from gateway.observe.city.answers import Answers, Series, alerts_of
from gateway.observe.city.questions import SHOWN, Question
from gateway.observe.city.sites import CitySites, WatchedSite
from gateway.observe.exporter import GatewayCollector, text_of
from gateway.observe.status import write_status
from tests.gateway_metrics import AGENT, GATHERED, Written

DAY = 86_400

_LOG: dict[str, Any] = {
    "recording": True,
    "damaged": [],
    "why": [],
    "records": 812,
    "signed": 812,
    "behind_bytes": 0,
    "free_bytes": 1 << 30,
    "gaps": 0,
    "missed": 0,
    "awaited": 0,
    "repeated": 0,
    "unreadable": {},
    "decisions": {"ACCEPT": {"grant": 640}, "DROP": {"no_grant": 21, "unknown_subject": 3}},
    "unasked": {"no_certificate": 7},
}


@dataclass(slots=True)
class Watched:
    """One gateway; its services' words are changed by a test, and `is_silent` says nothing."""

    host: str
    site: WatchedSite
    labels: Mapping[str, str]
    written: Written
    agent: dict[str, Any] = field(default_factory=dict)
    gathered: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] | None = None
    is_silent: bool = False
    dead: set[str] = field(default_factory=set)

    def text(self) -> str:
        """Give what Prometheus reads of it now: everything that lives has just been written."""
        now = datetime.now(UTC)
        until = (now + timedelta(days=300)).isoformat()
        since = (now - timedelta(days=3)).isoformat()
        fresh = {"proved_at": now.isoformat(), "until": until, "since": since, "drift_count": 0}
        self.written.agent(**{**fresh, "gates": None, **self.agent})
        self.written.gatherer(**self.gathered)
        files = self.written.files
        if self.log is not None:
            files.log.parent.mkdir(exist_ok=True)
            files.log_settings.touch()
            write_status(files.log, {**_LOG, **self.log})
        for name in self.dead:
            getattr(files, name).unlink(missing_ok=True)
        return text_of(GatewayCollector(self.site.hub, files)).decode()


@dataclass(slots=True)
class WatchedCity:
    """All gateways that are asked; `alerts` are as Alertmanager says them."""

    sites: CitySites
    gateways: dict[str, Watched]
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def __getitem__(self, host: str) -> Watched:
        """Give one gateway."""
        return self.gateways[host]

    def cut(self, site: str) -> None:
        """Cut the link above a site: what is below answers no more, and its hub says so."""
        below = {site}
        for place in self.sites.sites:
            if place.hub in below:
                below.add(place.name)
        for each in self.gateways.values():
            each.is_silent = each.is_silent or each.site.name in below
            for link in each.gathered.get("links") or ():
                if link["name"] == site:
                    link.update(up=False)

    def answers(self) -> Answers:
        """Give what Prometheus would answer, without one."""
        now = time.time()
        series: dict[Question, list[Series]] = {question: [] for question in Question}
        for each in self.gateways.values():
            up = {"__name__": "up", "job": "loushan", **each.labels}
            series[Question.STATE].append(Series(up, float(not each.is_silent)))
            series[Question.SCRAPED].append(Series(dict(each.labels), now - 2))
            if each.is_silent:
                continue
            for family in text_string_to_metric_families(each.text()):
                for sample in family.samples:
                    named = {"__name__": sample.name, **sample.labels, **each.labels}
                    if sample.name in SHOWN:
                        series[Question.STATE].append(Series(named, sample.value))
                    elif sample.name in _COUNTED:
                        series[_COUNTED[sample.name]].append(Series(named, sample.value))
        always = alert(
            "Watchdog", "none", "all", "Alerts reach whoever reads this.", "告警通道正常。"
        )
        return Answers(now, series, alerts_of([always, *self.alerts]), {})

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve all gateways' metrics, each below its name; give the address."""
        city = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer as one gateway's exporter."""
                gateway = city.gateways[self.path.strip("/")]
                if gateway.is_silent:
                    self.send_error(503)
                    return
                body = gateway.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


_COUNTED = {
    "loushan_refused_packets_total": Question.PACKETS,
    "loushan_decisions_total": Question.DECISIONS,
    "loushan_unasked_total": Question.UNASKED,
    "loushan_drifts_total": Question.DRIFTS,
}


def watched_city(sites: CitySites, folder: Path) -> WatchedCity:
    """Give a city all of whose gateways are well; its first site has gates and a log."""
    found = {}
    for site in sites.sites:
        for number, host in enumerate(site.hosts if site.is_watched else ()):
            own = folder / host
            own.mkdir(parents=True)
            labels = {"instance": host, "site": site.name}
            if branch := _branch(sites, site):
                labels["branch"] = branch
            if len(site.hosts) > 1:
                labels["pair"] = "yes"
            gateway = Watched(host, site, labels, Written(own))
            gateway.gathered = _gathered(sites, site, number)
            if site is sites.sites[0] and number == 0:
                gateway.log, gateway.agent["gates"] = {}, AGENT["gates"]
            found[host] = gateway
    return WatchedCity(sites, found)


def alert(name: str, severity: str, site: str, en: str, zh: str, **labels: str) -> dict[str, Any]:
    """Give an alert as Alertmanager says it."""
    return {
        "labels": {"alertname": name, "severity": severity, "site": site, **labels},
        "annotations": {"en": en, "zh": zh, "runbook": f"docs/runbooks/{name}.md"},
        "startsAt": (datetime.now(UTC) - timedelta(minutes=3)).isoformat(),
        "status": {"state": "active", "inhibitedBy": [], "silencedBy": []},
    }


def _branch(sites: CitySites, site: WatchedSite) -> str:
    by_name = {each.name: each for each in sites.sites}
    while site.hub and by_name[site.hub].hub:
        site = by_name[site.hub]
    return site.name if site.hub else ""


def _gathered(sites: CitySites, site: WatchedSite, number: int) -> dict[str, Any]:
    now = time.time()
    near = [site.hub] if site.hub else []
    near += [each.name for each in sites.sites if each.hub == site.name]
    lives = [now - 10 * DAY, now + 50 * DAY]
    stands_by = number > 0
    return {
        "links": []
        if stands_by
        else [{"name": each, "up": True, "since": now - 7200, "in": 9, "out": 9} for each in near],
        "active": not stands_by if len(site.hosts) > 1 else None,
        "certificates": [{"name": "gateway", "life": lives}],
        "revocations": [
            {"authority": "links", "of": "links", "life": [now - DAY, now + 6 * DAY]},
        ],
        "refused": {name: [0, 0] for name in GATHERED["refused"]},
    }
