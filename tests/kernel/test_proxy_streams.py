"""A real HAProxy is made to end what is under way, once it would not be let pass any more."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.artefacts import Generation
from gateway.compile.gate_maps import compile_maps
from gateway.load.gates import bring_into_force, close, end_what_is_over, prolong, revoke
from gateway.policy.model import Plan
from gateway.verify.gates import read_gates
from tests import http2
from tests.proxies import (
    CASE,
    CLERK,
    DESK,
    HOST,
    PATIENCE_SECONDS,
    SITE,
    Stand,
    city,
    settle,
    standing,
    text,
    until,
)

pytestmark = pytest.mark.kernel

SLOW = f"{CASE}/slow"
GRANTED = 200


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(city(), tmp_path_factory.mktemp("streams")) as stand:
        yield stand


@pytest.fixture(autouse=True)
def _settled(stand: Stand) -> None:
    settle(stand)


@pytest.fixture(name="clerk")
def _clerk(stand: Stand) -> Path:
    return stand.shown("person", CLERK)


@pytest.fixture(name="download")
def _download(stand: Stand, clerk: Path) -> Iterator[ssl.SSLSocket]:
    """Give a connection on which a download is running, as is written down."""
    in_force(stand, stand.plan)
    number = len(stand.decisions)
    with stand.connect(DESK, stand.context(clerk), HOST) as opened:
        assert stand.ask(opened, text("GET", SLOW)).status == GRANTED
        until(lambda: len(stand.decisions) > number)
        yield opened
    until(lambda: not stand.proxy.haproxy.tracked("streams"))


def in_force(stand: Stand, plan: Plan) -> Generation:
    """Have a plan in force, by the other letter than before."""
    held = read_gates(stand.proxy.haproxy).letter
    letter = Generation.B if held == Generation.A else Generation.A
    later = datetime.now(UTC) + timedelta(hours=1)
    bring_into_force(stand.proxy, compile_maps(plan, SITE, letter), 7, later)
    return letter


def without(plan: Plan, subject: str) -> Plan:
    """Give a plan in which somebody has no grant."""
    return replace(plan, grants=tuple(g for g in plan.grants if g.subject != subject))


def goes_on(opened: ssl.SSLSocket, drops: int = 400) -> bool:
    """Tell whether a download runs: more comes than can have been on its way."""
    try:
        return all(opened.recv(4) for _ in range(drops))
    except (ConnectionError, ssl.SSLError):
        return False


def has_ended(opened: ssl.SSLSocket) -> bool:
    """Tell whether a download ends: not that it stands still, which is a fault of the test."""
    return not goes_on(opened, 4_000)


def serial_of(stand: Stand) -> str:
    """Give the serial number of who asked last."""
    return str(stand.decisions[-1]["serial"])


def unproven(stand: Stand) -> None:
    """Have the end of what is in force come, as where no proof moves it on."""
    now = datetime.now(UTC)
    prolong(stand.proxy, now)
    letter = Generation(read_gates(stand.proxy.haproxy).letter)
    end_what_is_over(stand.proxy, compile_maps(stand.plan, SITE, letter), (), now)


CHANGES: dict[str, Callable[[Stand], object]] = {
    "the certificate is revoked": lambda stand: revoke(
        stand.proxy, {f"people/{serial_of(stand)}": "2026-11-25"}
    ),
    "the grant is withdrawn": lambda stand: in_force(stand, without(stand.plan, "tax_clerk")),
    "the policy is closed": lambda stand: close(stand.proxy),
    "the grant has ended": lambda stand: end_what_is_over(
        stand.proxy,
        compile_maps(stand.plan, SITE, Generation(read_gates(stand.proxy.haproxy).letter)),
        (),
        datetime.now(UTC) - timedelta(days=30_000),
    ),
    "nobody proves any more": unproven,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_download_ends_when(stand: Stand, download: ssl.SSLSocket, change: str) -> None:
    """It has begun rightly, and goes on until it is not right any more."""
    before = goes_on(download)
    CHANGES[change](stand)
    ended = has_ended(download)
    revoke(stand.proxy, {})

    assert (before, ended) == (True, True)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda stand: in_force(stand, stand.plan), id="the policy is another"),
        pytest.param(lambda stand: in_force(stand, without(stand.plan, "leader")),
                     id="somebody else's grant is withdrawn"),
        pytest.param(lambda stand: revoke(stand.proxy, {f"services/{serial_of(stand)}": "x"}),
                     id="another authority's certificate is revoked"),
        pytest.param(lambda stand: end_what_is_over(
            stand.proxy,
            compile_maps(stand.plan, SITE, Generation(read_gates(stand.proxy.haproxy).letter)),
            ("people/77",), datetime.now(UTC)), id="a second has passed"),
    ],
)  # fmt: skip
def test_a_download_goes_on_when(
    stand: Stand, download: ssl.SSLSocket, change: Callable[[Stand], object]
) -> None:
    """Nobody is cut who would be let pass."""
    change(stand)
    found = goes_on(download)
    revoke(stand.proxy, {})

    assert found


def test_of_one_connection_what_is_permitted_goes_on(stand: Stand, clerk: Path) -> None:
    """HTTP/2 has many streams on one; the one whose grant is withdrawn ends alone."""
    in_force(stand, stand.plan)
    context = stand.context(clerk)
    context.set_alpn_protocols(["h2"])
    only_reading = replace(
        stand.plan,
        grants=tuple(
            replace(g, actions=("read",)) if g.subject == "tax_clerk" else g
            for g in stand.plan.grants
        ),
    )
    with stand.connect(DESK, context, HOST) as opened:
        opened.sendall(http2.request("GET", SLOW, HOST) + http2.another("PUT", SLOW, HOST, 3))
        until(lambda: len(stand.proxy.haproxy.tracked("streams")) == 2)
        in_force(stand, only_reading)
        kept = stand.proxy.haproxy.tracked("streams")
    until(lambda: not stand.proxy.haproxy.tracked("streams"))

    assert [key.split("|")[5:7] for key in kept] == [["GET", SLOW]]


def test_an_upload_ends_too(stand: Stand, clerk: Path) -> None:
    """No answer has begun, and none is waited for; what is written down is that it was let in."""
    in_force(stand, stand.plan)
    number = len(stand.decisions)
    with stand.connect(DESK, stand.context(clerk), HOST) as opened, ExitStack() as later:
        later.callback(in_force, stand, stand.plan)
        opened.sendall(text("PUT", CASE, HOST, "Content-Length: 99999999") + b"x")
        until(lambda: bool(stand.proxy.haproxy.tracked("streams")))
        in_force(stand, without(stand.plan, "tax_clerk"))
        opened.settimeout(PATIENCE_SECONDS)
        assert has_ended(opened)

    until(lambda: len(stand.decisions) > number)
    assert (stand.decisions[number]["method"], stand.decisions[number]["reason"]) == (
        "PUT", "grant",
    )  # fmt: skip
