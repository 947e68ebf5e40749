"""A real HAProxy judges connections to what is no HTTP: when each begins, and while it lasts."""

import random
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from gateway.artefacts import Generation
from gateway.compile.gate_maps import compile_maps
from gateway.load.gates import bring_into_force, close, end_what_is_over, prolong, revoke
from gateway.observe.content import DecisionId
from gateway.policy.model import Plan
from gateway.policy.reasons import Verdict
from gateway.policy.requests import AUTHORITY, CHINA, connection, decide_request
from gateway.verify.gates import read_gates
from tests.proxies import CLERK, DESK, HOST, SITE, Stand, city, settle, standing, text, until

pytestmark = pytest.mark.kernel

PORT = 5432
COPIER = "huichuan-business"


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(city(), tmp_path_factory.mktemp("connections")) as stand:
        yield stand


@pytest.fixture(autouse=True)
def _settled(stand: Stand) -> None:
    settle(stand)


@pytest.fixture(name="copier")
def _copier(stand: Stand) -> Path:
    return stand.shown("service", COPIER)


@pytest.fixture(name="running")
def _running(stand: Stand, copier: Path) -> Iterator[ssl.SSLSocket]:
    """Give a connection that was let pass, as is written down."""
    in_force(stand, stand.plan)
    number = len(stand.decisions)
    with stand.connect(place(stand), stand.context(copier), HOST, port=PORT) as opened:
        assert says_back(opened)
        until(lambda: len(stand.decisions) > number)
        yield opened
    until(lambda: not stand.proxy.haproxy.tracked("streams"))


def place(stand: Stand) -> str:
    """Give an address from which the copying system may ask."""
    return str(stand.plan.zones["huichuan.business"].ranges[0][9])


def in_force(stand: Stand, plan: Plan) -> None:
    """Have a plan in force, by the other letter than before."""
    held = read_gates(stand.proxy.haproxy).letter
    letter = Generation.B if held == Generation.A else Generation.A
    later = datetime.now(UTC) + timedelta(hours=1)
    bring_into_force(stand.proxy, compile_maps(plan, SITE, letter), 7, later)


def says_back(opened: ssl.SSLSocket) -> bool:
    """Tell whether what is said comes back, as from the application; False where it has ended."""
    try:
        opened.sendall(b"no HTTP at all\n")
        return opened.recv(99) == b"no HTTP at all\n"
    except (ConnectionError, ssl.SSLError):
        return False


def asks(stand: Stand, source: str, shown: Path, server_name: str = HOST) -> bool:
    """Tell whether somebody's connection is let pass."""
    try:
        with stand.connect(source, stand.context(shown), server_name, port=PORT) as opened:
            return says_back(opened)
    except (ConnectionError, ssl.SSLError):
        return False


def test_connections_are_judged_as_the_plan_says(stand: Stand) -> None:
    """Drawn at random: verdict, reason, subject, resource and grant are the reference's."""
    draw = random.Random(20261126)  # noqa: S311 - repeatable, not secret
    plan = stand.plan
    places = [str(r[9]) for zone in plan.zones.values() for r in zone.ranges if r.version == 4]
    verdicts = set()
    for _ in range(60):
        subject = draw.choice(list(plan.subjects.values()))
        profile = "person" if AUTHORITY[subject.type] == "people" else "service"
        source = draw.choice([draw.choice(places), str(plan.zones[subject.zones[0]].ranges[0][9])])
        number = len(stand.decisions)
        passes = asks(stand, source, stand.shown(profile, subject.certificate))
        until(lambda n=number: len(stand.decisions) > n)  # type: ignore[misc]  # the loop's
        line = stand.decisions[-1]

        at = datetime.fromtimestamp(line["at"] / 1000, CHINA)
        shown = (AUTHORITY[subject.type], subject.certificate)
        wanted = decide_request(plan, SITE, connection(ip_address(source), shown, HOST, PORT, at))
        found = (line["verdict"], line["reason"], line["subject"], line["resource"], line["grant"])
        assert found == (
            wanted.verdict,
            wanted.reason,
            wanted.subject or "",
            wanted.resource or "",
            wanted.grant or "",
        ), (source, subject.name)
        assert passes is (wanted.verdict is Verdict.ACCEPT)
        assert (line["method"], line["path"], line["status"]) == ("CONNECT", "/", 0)
        verdicts.add(wanted.verdict)
    assert verdicts == set(Verdict)


def test_a_connection_has_a_number_as_a_request_has(stand: Stand, copier: Path) -> None:
    """Of one count, so that none is missing; who is refused in the handshake has a reason."""
    number, refused = len(stand.decisions), len(stand.unasked)
    assert asks(stand, place(stand), copier)
    with stand.connect(DESK, stand.context(stand.shown("person", CLERK)), HOST) as opened:
        stand.ask(opened, text("GET", "/cases/1"))
    assert not asks(stand, DESK, stand.shown("person", CLERK))
    assert not asks(stand, place(stand), copier, "other.internal")
    until(lambda: len(stand.decisions) == number + 3 and len(stand.unasked) > refused)

    names = [DecisionId.read(line["id"]).counter for line in stand.decisions[number:]]
    assert sorted(names) == list(range(min(names), min(names) + 3))
    assert (stand.unasked[-1]["reason"], stand.unasked[-1]["port"]) == ("no_tls", PORT)


def test_who_says_nothing_is_judged_all_the_same(stand: Stand, copier: Path) -> None:
    """When the connection begins: some servers speak first, and nobody is let in by silence."""
    number = len(stand.decisions)
    with stand.connect(DESK, stand.context(stand.shown("person", CLERK)), HOST, port=PORT) as one:
        refused = one.recv(1)
    with stand.connect(place(stand), stand.context(copier), HOST, port=PORT):
        until(lambda: len(stand.decisions) == number + 2)

    assert refused == b""
    assert [line["reason"] for line in stand.decisions[number:]] == ["wrong_zone", "grant"]


def test_http_is_not_heard_where_connections_are_judged(stand: Stand) -> None:
    """Who may ask by requests may not connect, and what he says goes nowhere."""
    clerk, before = stand.shown("person", CLERK), len(stand.seen)
    try:
        with stand.connect(DESK, stand.context(clerk), HOST, port=PORT) as opened:
            opened.sendall(text("GET", "/cases/1", f"{HOST}:{PORT}"))
            found = opened.recv(99)
    except (ConnectionError, ssl.SSLError):
        found = b""

    assert found == b""
    assert len(stand.seen) == before


def without_copies(stand: Stand) -> None:
    """Have a policy in force in which nobody may copy."""
    grants = tuple(g for g in stand.plan.grants if g.resource != "copies")
    in_force(stand, replace(stand.plan, grants=grants))


def revoked(stand: Stand) -> None:
    """Revoke whoever asked last."""
    revoke(stand.proxy, {f"services/{stand.decisions[-1]['serial']}": "2026-11-26"})


def over(stand: Stand) -> None:
    """Have the day come on which the grant has ended."""
    letter = Generation(read_gates(stand.proxy.haproxy).letter)
    at = datetime(2027, 1, 1, 0, 0, 1, tzinfo=CHINA)
    prolong(stand.proxy, at + timedelta(hours=1))
    end_what_is_over(stand.proxy, compile_maps(stand.plan, SITE, letter), (), at)


def unproven(stand: Stand) -> None:
    """Have the end of what is in force come."""
    letter, now = Generation(read_gates(stand.proxy.haproxy).letter), datetime.now(UTC)
    prolong(stand.proxy, now)
    end_what_is_over(stand.proxy, compile_maps(stand.plan, SITE, letter), (), now)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(revoked, id="the certificate is revoked"),
        pytest.param(without_copies, id="the grant is withdrawn"),
        pytest.param(over, id="the grant has ended"),
        pytest.param(unproven, id="nobody proves any more"),
        pytest.param(lambda stand: close(stand.proxy), id="the policy is closed"),
    ],
)
def test_a_connection_ends_when(
    stand: Stand, running: ssl.SSLSocket, copier: Path, change: Callable[[Stand], object]
) -> None:
    """And no other one begins."""
    before = says_back(running)
    change(stand)
    after = says_back(running)
    again = asks(stand, place(stand), copier) if change is not over else False
    revoke(stand.proxy, {})

    assert (before, after, again) == (True, False, False)


def test_a_connection_goes_on_while_it_is_granted(stand: Stand, running: ssl.SSLSocket) -> None:
    """Another policy that grants it too, and somebody else's revocation, are nothing to it."""
    in_force(stand, stand.plan)
    revoke(stand.proxy, {"services/77": "2026-11-26"})
    letter = Generation(read_gates(stand.proxy.haproxy).letter)
    ended = end_what_is_over(
        stand.proxy, compile_maps(stand.plan, SITE, letter), ("services/77",), datetime.now(UTC)
    )
    revoke(stand.proxy, {})

    assert ended == ()
    assert says_back(running)
