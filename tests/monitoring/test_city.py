"""The city as Debian's Prometheus and Alertmanager tell it, by our rules: page, terminal, exit."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.observe.city.asking import Asked, ask_city
from gateway.observe.city.judging import judge_city
from gateway.observe.city.sites import read_sites
from gateway.observe.city.standing import Standing
from gateway.observe.city.state import CityState, SiteState
from tests.monitoring.watchers import Watchers, free_port, until, watchers
from tests.repo.tree import ROOT
from tests.watched_city import WatchedCity, watched_city

PLAN = ROOT / "policy" / "lab"
SITES = read_sites(PLAN)

#: Within this a cut link must be seen.
_SEEN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Stand:
    """A city, and who watches it."""

    city: WatchedCity
    server: str
    watchers: Watchers

    def state(self) -> CityState:
        """Give the picture of now."""
        return judge_city(SITES, ask_city(self.watchers.asked))

    def site(self, name: str) -> SiteState:
        """Give one site of it."""
        return next(s for g in self.state().groups for s in g.sites if s.name == name)

    def watch_all(self, *, but: str = "") -> None:
        """Have every gateway asked, but one."""
        known = {host: each.labels for host, each in self.city.gateways.items() if host != but}
        self.watchers.watch(self.server, known)

    def status(self, *words: str) -> int:
        """Say `loushan status`; give its exit status."""
        asked = self.watchers.asked
        where = ("--prometheus", asked.prometheus, "--alertmanager", asked.alertmanager)
        return main(["--lang", "zh", "status", "--plan", str(PLAN), *where, *words])


@pytest.fixture(scope="module", name="stand")
def a_watched_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Run a city that is well until everybody knows it."""
    folder = tmp_path_factory.mktemp("watched")
    city = watched_city(SITES, folder / "hosts")
    with city.served() as server, watchers(folder) as who:
        stand = Stand(city, server, who)
        stand.watch_all()
        assert until(lambda: stand.state().standing is Standing.GOOD), stand.state()
        yield stand


def test_a_city_that_is_well_is_good(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """On one screen, with every site; and the exit status says so."""
    assert stand.status() == 0

    said = capsys.readouterr().out
    assert "已证明 10/10" in said
    assert "链路通 9/9" in said
    assert "告警 0" in said
    assert "5/5" in said, "what the plan keeps away is not counted: it is neither well nor not"
    for site in SITES.sites:
        assert site.title in said


def test_the_same_is_there_for_a_machine(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """With everything that is judged."""
    assert stand.status("--json") == 0

    said = json.loads(capsys.readouterr().out)
    assert said["counts"]["proofs"] == {"good": 10}
    assert said["is_alerted"] is True


def test_a_site_that_nobody_asks_is_shown_as_such(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in the plan, and whoever configures Prometheus forgot it."""
    stand.watch_all(but="hall-gw")
    try:
        assert until(lambda: stand.site("hall").standing is Standing.UNKNOWN)
        assert stand.status() == 1
        assert "无人采集" in capsys.readouterr().out
    finally:
        stand.watch_all()
    assert until(lambda: stand.state().standing is Standing.GOOD)


def test_a_cut_link_is_seen_and_is_one_alert(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    """At its lower end, within half a minute; what is behind it is unknown, and nobody's alert."""
    began = time.monotonic()
    stand.city.cut("suiyang")

    def is_told() -> bool:
        return [a.alert for a in stand.site("suiyang").alerts if a.is_told] == ["LinkDown"]

    assert until(lambda: stand.site("suiyang").standing is Standing.URGENT)
    assert time.monotonic() - began < _SEEN_SECONDS
    assert until(is_told), stand.state().alerts
    assert stand.site("yangchuan").standing is Standing.UNKNOWN
    assert stand.site("city").standing is Standing.GOOD
    assert stand.status() == 1
    said = capsys.readouterr().out
    assert "至 市信息中心 的链路中断" in said
    assert "docs/runbooks/LinkDown.md" in said


def test_what_others_say_is_no_markup_on_a_terminal(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    """A label moves no cursor, and colours nothing."""
    labels = {"instance": "x\x1b[2J[bold]y[/bold]\u202e", "site": "tax"}
    known = {host: each.labels for host, each in stand.city.gateways.items()}
    stand.watchers.watch(stand.server, {**known, "tax-gw": labels})
    try:
        assert until(lambda: any(f.key == "stranger" for f in stand.state().facts))
        stand.status()
        said = capsys.readouterr().out
        assert "x[2J[bold]y[/bold] 被采集" in said
        assert "\x1b" not in said
    finally:
        stand.watch_all()


def test_without_alertmanager_nobody_is_told(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is not good, whatever else is."""
    asked = stand.watchers.asked
    alone = replace(
        stand, watchers=replace(stand.watchers, asked=Asked(asked.prometheus, _nowhere()))
    )

    assert alone.status() == 1
    assert "Alertmanager 没有应答" in capsys.readouterr().out


def test_without_prometheus_it_says_where_to_ask(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    """And shows nothing."""
    nowhere = Asked(_nowhere(), stand.watchers.asked.alertmanager)
    alone = replace(stand, watchers=replace(stand.watchers, asked=nowhere))

    assert alone.status() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "ZG973" in said.err
    assert "--prometheus" in said.err


def test_a_plan_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anybody is asked."""
    assert main(["--lang", "en", "status", "--plan", str(tmp_path / "none.json")]) == 1
    assert "ZG971" in capsys.readouterr().err


def _nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}"
