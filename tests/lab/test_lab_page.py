"""The monitoring page on the booted city's monitoring host, and who finds what of it."""

import json
import urllib.request
from dataclasses import dataclass

import pytest

from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

HOST, ELSEWHERE = "city.monitoring", "city.office"
CENTRE, HALL = 8470, 8471


@dataclass(frozen=True, slots=True)
class Page:
    """The host with its pages, as `monitoring.yml` has put them there."""

    town: Town

    def found_by(self, unit: str, path: str) -> list[str]:
        """Give what a service finds in a folder, as its own process sees it."""
        asked = ("systemctl", "show", "--property=MainPID", "--value", unit)
        process = self.town.must(HOST, *asked).strip()
        inside = ("nsenter", f"--target={process}", "--mount", "ls", "-1", path)
        return self.town.must(HOST, *inside).split()

    def opened(self, port: int = CENTRE) -> str:
        """Have this machine reach a page, as a person does; give its address."""
        done = self.town.loushan("lab", "open", HOST, str(port), "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return str(json.loads(done.stdout)["url"])


@pytest.fixture(scope="module", name="page")
def a_page(town: Town) -> Page:
    """Have the pages of the city's own host."""
    return Page(town)


def read(url: str) -> str:
    """Read a page on this machine."""
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - the lab's own
        return str(answer.read().decode())


def test_a_person_on_this_machine_opens_the_page(page: Page) -> None:
    """By the address that `lab open` prints; twice it is the same one."""
    url = page.opened()

    assert page.opened() == url
    assert "市税务局" in read(f"{url}?lang=zh")
    # Earlier tests may have put a word to the city's name.
    title = json.loads(read(f"{page.opened(HALL)}hall.json"))["title"]
    assert title.startswith("样例城市")


def test_nobody_else_reaches_it(page: Page) -> None:
    """Not from another host of the site: it listens on its own loopback."""
    address = page.town.layout.nodes[HOST].addresses[0]
    for port in (CENTRE, HALL):
        done = page.town.run(ELSEWHERE, "nc", "-zw2", str(address), str(port))
        assert done.returncode != 0
        page.town.must(HOST, "nc", "-zw2", "127.0.0.1", str(port))


def test_the_halls_service_finds_nothing_else(page: Page) -> None:
    """Neither the picture nor the sites; and the wall's service does not find the hall's."""
    assert page.found_by("loushan-page-hall.service", "/run/loushan-city") == ["hall"]
    assert page.found_by("loushan-page-hall.service", "/etc/loushan-page") == ["hall.toml"]
    assert page.found_by("loushan-page-centre.service", "/run/loushan-city") == ["centre"]
    assert set(page.found_by("loushan-page-centre.service", "/etc/loushan-page")) == {
        "centre.toml",
        "sites.json",
    }


@pytest.mark.parametrize("unit", ["loushan-page-centre", "loushan-page-hall"])
def test_a_page_has_no_network_and_no_rights(page: Page, unit: str) -> None:
    """As systemd judges it, and as its own process finds it."""
    said = page.town.must(HOST, "systemctl", "show", f"{unit}.service")
    shown = dict(line.partition("=")[::2] for line in said.splitlines())
    inside = ("nsenter", f"--target={shown['MainPID']}", "--net", "ip", "-brief", "link")

    assert [line.split()[0] for line in page.town.must(HOST, *inside).splitlines()] == ["lo"]
    status = page.town.must(HOST, "cat", f"/proc/{shown['MainPID']}/status")
    assert "CapBnd:\t0000000000000000" in status
    assert shown["User"] not in {"", "root"}
    exposure = page.town.run(HOST, "systemd-analyze", "security", "--no-pager", f"{unit}.service")
    assert "SAFE" in exposure.stdout


def test_what_is_written_no_more_is_unknown(page: Page) -> None:
    """Who asks is stopped: the page says so by itself, and takes it up when it is back."""
    url = page.opened()

    def facts() -> set[str]:
        return {fact["key"] for fact in json.loads(read(f"{url}city.json"))["facts"]}

    assert until(lambda: "picture_missing" not in facts())
    page.town.must(HOST, "systemctl", "stop", "loushan-city.service")
    try:
        assert until(lambda: "picture_missing" in facts())
    finally:
        page.town.must(HOST, "systemctl", "start", "loushan-city.service")
    assert until(lambda: "picture_missing" not in facts())
