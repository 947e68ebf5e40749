"""Who may ask what of the applications, asked by people at their desks in the booted city."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import Refused
from lab.hosts.desk import Answer, Desk, give_card, lend_card
from tests.lab.seat import desk_at
from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

CASES, VIEW = "/cases/", "/supervision/"
CLERK, LEADER, COUNTER = "tax-clerk", "leader", "hall-counter"

#: What fetches lists of revocations now and then, and what hears of them at once.
TIMER, LISTS = "loushan-renewal.timer", "loushan-lists.service"

#: A playbook that runs on a busy machine has ended within this.
HEARD_SECONDS = 90

#: Who sits where.
SEATS = {CLERK: "tax.office", LEADER: "city.leaders", COUNTER: "hall.counter"}


@pytest.fixture(scope="module")
def seated(town: Town) -> Town:
    """Give everybody a card; the gates are open."""
    for name, host in SEATS.items():
        give_card(town.places, host, name)
    lend_card(town.places, LEADER, SEATS[LEADER], "tax.office")
    assert until(lambda: all(map(town.is_open, gateways(town))))
    assert until(lambda: serves(town))
    return town


def gateways(town: Town) -> list[str]:
    """Give the hosts that keep the city's gates."""
    return [host for host in town.gateways if town.described.host(host).node == "city"]


def desk(town: Town, name: str, service: str, host: str = "", family: int = 4) -> Desk:
    """Give somebody's desk, where they sit unless said."""
    return desk_at(town, host or SEATS[name], name, service, family)


def serves(town: Town) -> bool:
    """Tell whether a clerk is answered, who comes over a link."""
    with suppress(Refused):
        return desk(town, CLERK, "approval").ask("GET", CASES).status == 200
    return False


def recorded(town: Town, answer: Answer) -> dict[str, object]:
    """Give what the gateway's log has of a decision, as an administrator looks it up."""
    host = answer.decision.partition(".")[0]
    command = ("loushan", "decision", answer.decision, "--json")
    assert until(lambda: town.run(host, *command).returncode == 0), answer
    return dict(json.loads(town.must(host, *command))["decision"])


# --- who may, and who may not ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "service", "path"),
    [
        pytest.param(CLERK, "approval", CASES, id="a clerk, approval"),
        pytest.param(LEADER, "supervision", VIEW, id="a leader, supervision"),
    ],
)
@pytest.mark.parametrize("family", [4, 6])
def test_who_may_ask_is_answered_by_the_application(
    seated: Town, name: str, service: str, path: str, family: int
) -> None:
    """The page is the application's; what let it pass is written down."""
    answer = desk(seated, name, service, family=family).ask("GET", path, headers=())

    assert answer.status == 200, answer
    assert "<html" in answer.text
    assert answer.reason == ""
    assert recorded(seated, answer)["reason"] == "grant"


@pytest.mark.parametrize(
    ("name", "service", "path", "host", "reason"),
    [
        pytest.param(CLERK, "approval", "/other", "", "unknown_resource", id="no resource"),
        pytest.param(CLERK, "approval", "/cases/../cases/", "", "not_canonical", id="a path trick"),
        pytest.param(LEADER, "supervision", VIEW, "tax.office", "wrong_zone", id="another's desk"),
        pytest.param(LEADER, "approval", CASES, "", "no_grant", id="a leader, approval"),
        pytest.param(CLERK, "supervision", VIEW, "", "no_grant", id="a clerk, supervision"),
        pytest.param(COUNTER, "supervision", VIEW, "", None, id="a counter, supervision"),
    ],
)
def test_who_may_not_ask_is_refused(  # noqa: PLR0913, PLR0917 - a table's columns
    seated: Town, name: str, service: str, path: str, host: str, reason: str | None
) -> None:
    """With a decision that can be looked up; or before that, where no conduit leads to the gate."""
    asking = desk(seated, name, service, host)
    if reason is None:
        with pytest.raises(Refused):
            asking.ask("GET", path)
        return
    answer = asking.ask("GET", path)

    assert (answer.status, answer.reason) == (403, reason)
    assert recorded(seated, answer)["verdict"] == "DROP"


def test_another_action_is_refused(seated: Town) -> None:
    """A clerk decides cases, and files none."""
    answer = desk(seated, CLERK, "approval").ask("POST", CASES, "{}")

    assert (answer.status, answer.reason) == (403, "no_grant")


def test_nobody_comes_to_the_application_past_the_gate(seated: Town) -> None:
    """Its own address is refused by the packet filter, for a clerk and for who sits beside it."""
    straight = seated.address("city.applications", 4)
    for name, host in ((CLERK, "tax.office"), (LEADER, "city.leaders")):
        service = "approval" if name == CLERK else "supervision"
        with pytest.raises(Refused):
            replace(desk(seated, name, service, host), address=straight).ask("GET", CASES)


def test_a_page_says_why_and_by_which_decision(seated: Town) -> None:
    """In Chinese unless English was asked for."""
    chinese = desk(seated, CLERK, "approval").ask("GET", "/other", headers=("Accept: text/html",))
    english = desk(seated, CLERK, "approval").ask(
        "GET", "/other", headers=("Accept: text/html", "Accept-Language: en")
    )

    assert (chinese.status, english.status) == (403, 403)
    assert "请求未获准许" in chinese.text
    assert "not permitted" in english.text
    assert "city-gw" in chinese.text


# --- while it stands ------------------------------------------------------------------------------


@contextmanager
def without(town: Town, *units: str) -> Iterator[None]:
    """Have services stand still at both gateways of the city for a while."""
    with ExitStack() as stack:
        for host in gateways(town):
            stack.enter_context(town.without(host, *units))
        yield


@pytest.mark.parametrize(
    ("still", "more"),
    [
        pytest.param((TIMER,), (), id="by the server's word alone"),
        pytest.param((TIMER, LISTS), ("--deliver", "inventory/lab"), id="by the playbook alone"),
    ],
)
def test_a_revoked_certificate_ends_a_connection_that_stands(
    seated: Town, still: tuple[str, ...], more: tuple[str, ...]
) -> None:
    """Seconds after the command, and what TLS could resume does not bring it back.

    What is asked in that very moment may be cut instead, as a download is.
    """
    asking = desk(seated, COUNTER, "approval")
    words = ("pki", "revoke", str(seated.places.authorities), COUNTER, *more)
    with without(seated, *still), asking.connected() as sitting:
        first = last = sitting.ask("GET", CASES)
        with ThreadPoolExecutor(1) as beside:
            revoking = beside.submit(seated.loushan, *words)
            end = time.monotonic() + HEARD_SECONDS
            with suppress(Refused):
                while last.status == 200 and time.monotonic() < end:
                    time.sleep(0.2)
                    last = sitting.ask("GET", CASES)
            is_over = time.monotonic() < end
            done = revoking.result()
        again = asking.ask("GET", CASES)
    seated.must(SEATS[COUNTER], "rm", f"/root/cards/{COUNTER}.pem")
    give_card(seated.places, SEATS[COUNTER], COUNTER)

    assert done.returncode == 0, done.stderr
    assert first.status == 200
    assert is_over
    assert (last.status, last.reason) in ((403, "revoked"), (200, first.reason))
    assert again.reason == "revoked"


# --- what is kept, and what is closed -------------------------------------------------------------


@pytest.fixture
def gateway(seated: Town) -> Iterator[str]:
    """Give the gateway that answers; its gates are open before and afterwards."""
    host = seated.active("city")
    assert until(lambda: seated.is_open(host))
    yield host
    seated.run(host, "systemctl", "start", "loushan-log.service", "loushan-proxy.service")
    seated.run(host, "loushan", "agent", "prove")
    assert until(lambda: seated.is_open(host))


_TAMPER = """
import socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.connect("/run/loushan/proxy/control.sock")
asking.sendall(sys.argv[1].encode() + b"\\n")
print(asking.recv(65536).decode())
"""


def test_a_right_that_nobody_signed_is_found_and_taken_back(seated: Town, gateway: str) -> None:
    """Put in at the proxy's own socket, as root could; within seconds it is out again, unasked."""
    maps = "/var/lib/loushan/proxy/maps"
    current = seated.must(gateway, "python3", "-c", _TAMPER, f"show map {maps}/current.map")
    letter = current.split()[2][0]
    right = f"{letter}:leader:city.leaders:cases:GET tax_decides_cases|0|253402300800|-"
    before = seated.status(gateway)["drift"]["count"]
    seated.must(gateway, "python3", "-c", _TAMPER, f"add map {maps}/grants.map {right}")

    assert until(lambda: drift(seated, gateway)["count"] > before, 5)
    assert drift(seated, gateway)["last"]["what"]["code"] == "ZG692"
    assert until(lambda: seated.is_proven(gateway))
    assert "leader:city.leaders:cases" not in seated.must(
        gateway, "python3", "-c", _TAMPER, f"show map {maps}/grants.map"
    )


def drift(town: Town, gateway: str) -> dict[str, Any]:
    """Give what an agent says of what it has found, and how often."""
    return dict(town.status(gateway)["drift"])


def test_what_is_not_recorded_is_not_served(seated: Town, gateway: str) -> None:
    """The gates close with the log, and open with it; the packet filter stays as it is."""
    seated.must(gateway, "systemctl", "stop", "loushan-log.service")

    def is_shut() -> bool:
        problems = (seated.status(gateway)["gates"] or {}).get("problems", [])
        return [each["code"] for each in problems] == ["ZG533"]

    assert until(is_shut), "the log's last word holds for ten seconds"
    closed = desk(seated, CLERK, "approval").ask("GET", CASES)

    assert (closed.status, closed.reason) == (503, "no_policy")
    assert seated.status(gateway)["proven"]


def test_a_proxy_that_was_killed_serves_again(seated: Town, gateway: str) -> None:
    """It begins with nothing in force, and is given what was signed."""
    seated.must(gateway, "systemctl", "kill", "--signal=KILL", "loushan-proxy.service")

    assert until(lambda: serves(seated))


def test_the_log_is_whole(seated: Town) -> None:
    """On either gateway: nothing is missing, altered or out of place."""
    for host in gateways(seated):
        done = seated.run(host, "loushan", "log", "verify", "--json")
        assert done.returncode == 0, done.stdout


def test_services_are_sandboxed(seated: Town) -> None:
    """As systemd judges them."""
    for unit in ("loushan-proxy.service", "loushan-log.service", "loushan-watch.service"):
        said = seated.must(seated.active("city"), "systemd-analyze", "security", "--no-pager", unit)
        assert float(said.strip().splitlines()[-1].split(":")[1].split()[0]) <= 2.0
