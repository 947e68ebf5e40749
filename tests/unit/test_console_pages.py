"""The pages that people look at: what they show, what they never show, and to whom."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.console.city_pages import city_pages
from gateway.console.guard import HEADERS
from gateway.console.hall_pages import hall_pages
from gateway.console.serve import application
from gateway.console.settings import VARIABLE, PageSettings, Shows, page_settings
from gateway.console.words import WORDS
from gateway.errors import Refused
from gateway.observe.city.answers import Answers
from gateway.observe.city.asking import Asked
from gateway.observe.city.hall import hall_view
from gateway.observe.city.judging import judge_city
from gateway.observe.city.sites import read_sites
from gateway.observe.city.watch import LASTS_SECONDS, watch
from gateway.observe.status import write_status
from gateway.observe.told import Source
from tests.repo.tree import ROOT
from tests.watched_city import WatchedCity, alert, watched_city

SITES = read_sites(ROOT / "policy" / "lab")
OWN = ("127.0.0.1", "localhost")
HAN = re.compile(r"[一-鿿]")


@pytest.fixture
def city(tmp_path: Path) -> WatchedCity:
    """Give the lab's city, all of whose gateways are well."""
    return watched_city(SITES, tmp_path / "hosts")


class Screen:
    """The pages of a city, over the files that its service writes."""

    def __init__(self, folder: Path) -> None:
        """Have pages that show what will be written in a folder."""
        self.city, self.hall = folder / "city.json", folder / "hall.json"
        pages = city_pages(Source("city", self.city, LASTS_SECONDS), SITES, OWN)
        screen = hall_pages(Source("hall", self.hall, LASTS_SECONDS), OWN)
        self.pages, self.screen = self._client(pages), self._client(screen)

    @staticmethod
    def _client(app: Any) -> FlaskClient:  # noqa: ANN401 - an application
        app.testing = True
        client: FlaskClient = app.test_client()
        client.environ_base["HTTP_HOST"] = "127.0.0.1:8470"
        return client

    def write(self, answers: Answers) -> None:
        """Write what the service would."""
        state = judge_city(SITES, answers)
        write_status(self.city, state.as_json())
        write_status(self.hall, hall_view(state))

    def get(self, path: str, **headers: str) -> str:
        """Give a page."""
        answer = self.ask(path, **headers)
        assert answer.status_code == 200, answer.status
        return answer.get_data(as_text=True)

    def ask(self, path: str, **headers: str) -> TestResponse:
        """Ask as a browser does that reads Chinese."""
        return self.pages.get(path, headers={"Accept-Language": "zh-CN", **headers})


@pytest.fixture(scope="module", name="pages")
def pages_once(tmp_path_factory: pytest.TempPathFactory) -> Screen:
    """Give the pages: their templates are compiled once."""
    return Screen(tmp_path_factory.mktemp("pages"))


@pytest.fixture
def screen(pages: Screen) -> Screen:
    """Give the pages; nothing is written yet."""
    for file in (pages.city, pages.hall):
        file.unlink(missing_ok=True)
    return pages


def standings(page: str) -> set[str]:
    """Give every standing that a page shows, but those of its legend."""
    picture = page.partition('id="picture"')[2].partition("<footer>")[0]
    return set(re.findall(r'data-standing="([a-z]+)"', picture))


# --- what is shown --------------------------------------------------------------------------------


def test_the_wall_shows_the_city(screen: Screen, city: WatchedCity) -> None:
    """Every site by its title, in Chinese, with a link to its own page."""
    screen.write(city.answers())
    page = screen.get("/")

    assert '<html lang="zh-CN">' in page
    for site in SITES.sites:
        assert site.title in page
        assert f'href="/site/{site.name}"' in page
    assert standings(page) == {"good", "apart"}
    assert "无告警" in page


def test_a_fault_is_seen_at_a_glance(screen: Screen, city: WatchedCity) -> None:
    """As a word and a shape; the alert with its words and its runbook."""
    city.cut("suiyang")
    told = "suiyang 的链路中断。"
    city.alerts.append(alert("LinkDown", "urgent", "city", "x", told, cut_off="suiyang"))
    screen.write(city.answers())
    page = screen.get("/")

    assert told in page
    assert 'href="/runbook/LinkDown"' in page
    assert {"urgent", "unknown"} <= standings(page)
    assert '<use href="#urgent"/>' in page
    assert "紧急" in page


@pytest.mark.parametrize(
    ("path", "accepts", "language"),
    [
        pytest.param("/", "zh-CN,zh", "zh-CN", id="a Chinese browser"),
        pytest.param("/", "en-US,en", "en", id="an English one"),
        pytest.param("/", "fr", "zh-CN", id="another one"),
        pytest.param("/?lang=en", "zh-CN", "en", id="asked for"),
        pytest.param("/?lang=zh", "en", "zh-CN", id="asked for in Chinese"),
        pytest.param("/?lang=xx", "en", "en", id="no language"),
    ],
)
def test_a_page_speaks_the_readers_language(
    screen: Screen, city: WatchedCity, path: str, accepts: str, language: str
) -> None:
    """What is asked for goes before what the browser has."""
    screen.write(city.answers())
    page = screen.get(path, **{"Accept-Language": accepts})

    assert f'<html lang="{language}">' in page
    assert ("Gateways proven" in page) is (language == "en")


def test_an_asked_language_stays(screen: Screen, city: WatchedCity) -> None:
    """From page to page."""
    screen.write(city.answers())

    assert 'href="/site/tax?lang=en"' in screen.get("/?lang=en")
    assert 'href="/?lang=en"' in screen.get("/site/tax?lang=en")


def test_a_site_has_a_page(screen: Screen, city: WatchedCity) -> None:
    """With both gateways of a pair, refusals by reason, and every link."""
    screen.write(city.answers())
    page = screen.get("/site/city")

    for words in (
        "city-gw-2",
        "主用",
        "备用",
        "没有授权准许",
        "策略剩余",
        "链路至",
        "省中心",
        "开放",
    ):
        assert words in page, words


def test_a_page_of_a_site_that_is_silent_shows_no_old_value(
    screen: Screen, city: WatchedCity
) -> None:
    """What was known of it is not known now."""
    city["tax-gw"].is_silent = True
    screen.write(city.answers())
    page = screen.get("/site/tax")

    assert "没有应答" in page
    assert "上次证明" not in page


@pytest.mark.parametrize("name", ["LinkDown", "PolicyUnproven"])
def test_a_runbook_can_be_read(screen: Screen, name: str) -> None:
    """As it stands."""
    assert (ROOT / f"docs/runbooks/{name}.md").read_text("utf-8")[:40] in screen.get(
        f"/runbook/{name}"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/site/nowhere",
        "/runbook/Nothing",
        "/runbook/..%2f..%2fpolicy%2flab%2fplan",
        "/runbook/../README",
        "/static/../settings.py",
        "/nothing",
    ],
)
def test_there_is_nothing_else(screen: Screen, city: WatchedCity, path: str) -> None:
    """No other file is ever given."""
    screen.write(city.answers())

    assert screen.ask(path).status_code == 404


def test_the_picture_is_there_for_a_machine(screen: Screen, city: WatchedCity) -> None:
    """With its age."""
    screen.write(city.answers())
    said = json.loads(screen.get("/city.json"))

    assert said["counts"]["proofs"] == {"good": 10}
    assert said["age_seconds"] < LASTS_SECONDS


def test_the_words_are_in_both_languages() -> None:
    """Whoever adds one says both."""
    assert [key for key, (en, zh) in WORDS.items() if HAN.search(en) or not zh] == []


# --- what is old, missing or damaged --------------------------------------------------------------


def old(file: Path) -> None:
    """Have a file say that it was written long ago."""
    body = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**body, "written": body["written"] - 60}), "utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(Path.unlink, id="missing"),
        pytest.param(old, id="old"),
        pytest.param(lambda file: file.write_text("{", "utf-8"), id="damaged"),
        pytest.param(lambda file: file.write_text("[]", "utf-8"), id="of another form"),
    ],
)
def test_what_is_not_of_now_is_unknown(
    screen: Screen, city: WatchedCity, spoil: Callable[[Path], object]
) -> None:
    """On every page, and in the hall; never good."""
    screen.write(city.answers())
    spoil(screen.city)
    spoil(screen.hall)

    for path in ("/", "/site/tax"):
        page = screen.get(path)
        assert "good" not in standings(page)
        assert "没有当前状况" in page
    said = json.loads(screen.get("/city.json"))
    assert said["counts"]["sites"] == {"apart": 1, "unknown": 10}
    hall = screen.screen.get("/hall.json").get_json()
    assert hall["is_known"] is False
    assert "good" not in standings(screen.screen.get("/").get_data(as_text=True))


def test_before_anything_was_written_everything_is_unknown(screen: Screen) -> None:
    """All sites of the plan are there all the same."""
    page = screen.get("/")

    assert "汇川区" in page
    assert "good" not in standings(page)


def test_the_service_writes_what_is_known_and_goes_on_where_nobody_answers(tmp_path: Path) -> None:
    """Prometheus is not there: a picture that knows nothing, and says so."""
    turns = iter([True, False])
    files = (tmp_path / "centre" / "city.json", tmp_path / "hall" / "hall.json")
    watch(SITES, Asked("http://127.0.0.1:9", ""), lambda: next(turns), files, print)

    assert json.loads(files[0].read_text("utf-8"))["standing"] == "unknown"
    assert json.loads(files[1].read_text("utf-8"))["standing"] == "unknown"


# --- hostile words --------------------------------------------------------------------------------

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'


def test_words_of_others_are_shown_as_words(screen: Screen, city: WatchedCity) -> None:
    """A label, an alert or a name of a certificate is text, and never a part of the page."""
    city["tax-gw"].gathered["certificates"] = [{"name": HOSTILE, "life": [0.0, 0.0]}]
    said = alert(HOSTILE, "urgent", "tax", HOSTILE, HOSTILE, instance=HOSTILE)
    city.alerts.append(said)
    screen.write(city.answers())

    for path in ("/", "/site/tax", "/?lang=en"):
        page = screen.get(path)
        assert "&lt;script&gt;" in page
        assert "<script>" not in page
        assert "<img" not in page
        assert "49" not in re.sub(r"\d{2}:\d{2}:\d{2}", "", page).partition("{{7*7}}")[0][-20:]


def test_a_page_has_no_script_or_style_of_its_own(screen: Screen, city: WatchedCity) -> None:
    """The browser would not take them: the policy in the headers lets none in."""
    city.cut("suiyang")
    screen.write(city.answers())

    for path in ("/", "/site/city", "/runbook/LinkDown", "/nothing"):
        page = screen.ask(path).get_data(as_text=True)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=\"/static/)", page)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)


@pytest.mark.parametrize(
    "path", ["/", "/site/tax", "/runbook/LinkDown", "/static/page.css", "/none"]
)
def test_every_answer_has_the_headers(screen: Screen, path: str) -> None:
    """Also a refusal, and a file."""
    with screen.ask(path) as answer:
        assert answer.status_code in {200, 404}

    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


# --- who is answered ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.1.3.1", ""])
def test_another_name_is_refused(screen: Screen, city: WatchedCity, host: str) -> None:
    """A page elsewhere gives our address a name of its own, to have a browser read ours."""
    screen.write(city.answers())
    for client, path in ((screen.pages, "/"), (screen.screen, "/hall.json")):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 400
        assert b"\xe6\xa0\xb7" not in answer.data


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_sent(screen: Screen, method: str) -> None:
    """A page is read."""
    assert screen.pages.open("/", method=method).status_code == 405
    assert screen.screen.open("/", method=method).status_code == 405


def test_the_hall_has_no_other_page(screen: Screen, city: WatchedCity) -> None:
    """Not the wall, not a site, not a runbook, not the picture."""
    screen.write(city.answers())

    for path in ("/site/tax", "/city.json", "/runbook/LinkDown", "/static/../city.json"):
        assert screen.screen.get(path).status_code == 404


def test_the_hall_shows_no_name(screen: Screen, city: WatchedCity) -> None:
    """Whatever is wrong."""
    city.cut("suiyang")
    city.alerts.append(alert("LinkDown", "urgent", "city", "words", "词语", cut_off="suiyang"))
    screen.write(city.answers())
    text = screen.screen.get("/").get_data(as_text=True)
    text += screen.screen.get("/hall.json").get_data(as_text=True)

    for site in SITES.sites:
        assert site.title not in text
        assert not re.search(rf"\b{site.name}(?:-gw)?\b", text.replace('class="hall"', "")), site
    assert not re.search(r"LinkDown|词语|no_grant|没有授权|紧急|urgent(?!\" viewBox)", text)


# --- settings -------------------------------------------------------------------------------------


def settings(folder: Path, text: str) -> PageSettings:
    """Read settings as a service does."""
    file = folder / "page.toml"
    file.write_text(text, "utf-8")
    return page_settings({VARIABLE: str(file)})


def test_settings_are_read(tmp_path: Path) -> None:
    """What is shown, to whom, and by which name."""
    read = settings(tmp_path, 'shows = "hall"\nreaders = ["a.b"]\nhosts = ["c.d"]\n')

    assert (read.shows, read.readers) == (Shows.HALL, frozenset({"a.b"}))
    assert read.hosts[-1] == "c.d"


@pytest.mark.parametrize(
    "text",
    [
        "",
        'shows = "all"',
        'shows = "city"\nwho = 1',
        'shows = "city"\nreaders = "a.b"',
        'shows = "city"\nreaders = [""]',
        'shows = "city"\nhosts = [1]',
        "shows = [",
    ],
)
def test_settings_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    """A word that is not known is not passed over."""
    with pytest.raises(Refused, match="ZG974"):
        settings(tmp_path, text)


def test_without_a_readers_certificate_nobody_is_answered() -> None:
    """Where readers are named, who comes without TLS is refused before anything is shown."""
    app = application(PageSettings(Shows.HALL, frozenset({"wall.svc.lab.internal"})))
    said: list[str] = []
    body = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda status, _: said.append(status))  # type: ignore[arg-type]  # nothing is written

    assert said == ["403 Forbidden"]
    assert b"".join(body) == b""


def test_times_are_of_china(screen: Screen, city: WatchedCity) -> None:
    """Wherever the server stands."""
    screen.write(city.answers())
    now = datetime.now(UTC) + timedelta(hours=8)

    assert now.strftime("%Y-%m-%d") in screen.get("/") or now.hour == 0
