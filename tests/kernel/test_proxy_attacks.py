"""Whoever attacks a real HAProxy that keeps gates is refused and written down; nobody else waits.

What certificates, paths, hosts and headers are refused is in `test_proxy.py`, too.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.artefacts import Generation
from gateway.compile.gate_maps import compile_maps
from gateway.load.gates import bring_into_force, revoke
from gateway.policy.model import Hours
from gateway.policy.requests import CHINA
from lab import namespace
from tests import http2
from tests.proxies import (
    CASE,
    CLERK,
    DESK,
    GATE,
    HOST,
    PATIENCE_SECONDS,
    SITE,
    Stand,
    authorities,
    authority_pem,
    certified,
    city,
    settle,
    standing,
    status,
    text,
    until,
)

pytestmark = pytest.mark.kernel

GRANTED = 200

#: As many connections as somebody opens and leaves; of one address this many are kept.
OPENED, KEPT = 2_000, 256


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(city(), tmp_path_factory.mktemp("attacked")) as stand:
        yield stand


@pytest.fixture(autouse=True)
def _settled(stand: Stand) -> None:
    settle(stand)


@pytest.fixture(name="clerk")
def _clerk(stand: Stand) -> Path:
    return stand.shown("person", CLERK)


def opened_by(stand: Stand, source: str) -> socket.socket:
    """Open a connection on which nothing is said."""
    return namespace.inside(stand.near, partial(opened_here, source))


def opened_here(source: str) -> socket.socket:
    """Open it where we are."""
    return socket.create_connection((GATE, 8443), PATIENCE_SECONDS, (source, 0))


def read_out(opened: socket.socket) -> None:
    """Read whatever comes, until the other side ends it or says nothing more."""
    with suppress(OSError):
        while opened.recv(9_999):
            pass


# --- certificates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        pytest.param(-400, "certificate_expired", id="expired"),
        pytest.param(50, "certificate_not_yet_valid", id="not yet valid"),
    ],
)
def test_a_certificate_that_is_not_valid_now_is_refused(
    stand: Stand, tmp_path: Path, days: int, reason: str
) -> None:
    """Whoever certified it, and that is written down with its name."""
    at = datetime.now(UTC) + timedelta(days=days)
    shown = certified(stand.authorities, tmp_path, "person", f"clerk{days % 1000}", at)
    number = len(stand.unasked)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        status(stand, shown, text("GET", CASE))

    until(lambda: len(stand.unasked) > number)
    found = stand.unasked[-1]
    assert (found["reason"], found["verdict"]) == (reason, "DROP")
    assert (found["authority"], found["source"]) == ("people", DESK)


def test_another_authoritys_certificate_with_our_chain_beside_it_is_refused(
    stand: Stand, tmp_path: Path, clerk: Path
) -> None:
    """The leaf counts, and not that some certificate among those shown is ours."""
    other = authorities(tmp_path / "others")
    shown = certified(other, tmp_path, "person", CLERK)
    ours = "".join(authority_pem(stand.authorities, each).decode() for each in ("people", "root"))
    leaf, _, rest = shown.read_text("ascii").partition("-----END CERTIFICATE-----\n")
    key = rest[rest.index("-----BEGIN PRIVATE") :]
    genuine = clerk.read_text("ascii").partition("-----BEGIN PRIVATE")[0]
    for filler in (ours, genuine):
        mixed = tmp_path / "mixed.pem"
        mixed.write_text(f"{leaf}-----END CERTIFICATE-----\n{filler}{key}", "ascii")
        number = len(stand.unasked)

        with pytest.raises((ssl.SSLError, ConnectionError)):
            status(stand, mixed, text("GET", CASE))

        until(lambda n=number: len(stand.unasked) > n)  # type: ignore[misc]  # the loop's
        assert stand.unasked[-1]["reason"] == "untrusted_certificate"


def test_a_certificate_revoked_before_it_is_shown_is_refused(stand: Stand, clerk: Path) -> None:
    """On a new connection as on one that stands."""
    number = len(stand.decisions)
    assert status(stand, clerk, text("GET", CASE)) == GRANTED
    until(lambda: len(stand.decisions) > number)
    serial = stand.decisions[-1]["serial"]
    revoke(stand.proxy, {f"people/{serial}": "2026-11-25"})
    try:
        found = status(stand, clerk, text("GET", CASE))
    finally:
        revoke(stand.proxy, {})

    assert found == 403
    assert status(stand, clerk, text("GET", CASE)) == GRANTED


@pytest.mark.parametrize(
    ("server_name", "newest", "reason"),
    [
        pytest.param("other.internal", ssl.TLSVersion.TLSv1_3, "no_tls", id="another name"),
        pytest.param(HOST, ssl.TLSVersion.TLSv1_2, "no_tls", id="TLS 1.2"),
        pytest.param(HOST, ssl.TLSVersion.TLSv1_3, "no_certificate", id="no certificate"),
    ],
)
def test_who_comes_no_further_than_the_handshake_is_written_down(
    stand: Stand, clerk: Path, server_name: str, newest: ssl.TLSVersion, reason: str
) -> None:
    """With why, and from where."""
    context = stand.context(None if reason == "no_certificate" else clerk)
    context.maximum_version = newest
    number = len(stand.unasked)

    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        stand.connect(DESK, context, server_name) as opened,
    ):
        stand.ask(opened, text("GET", CASE))

    until(lambda: len(stand.unasked) > number)
    found = stand.unasked[-1]
    assert (found["reason"], found["source"], found["port"]) == (reason, DESK, 8443)


def test_the_right_certificate_from_the_wrong_place_is_refused(stand: Stand, clerk: Path) -> None:
    """A clerk's, at the counter of the hall, and at an address of nobody's."""
    for source in ("10.12.1.9", GATE):
        number = len(stand.decisions)
        with stand.connect(source, stand.context(clerk), HOST) as opened:
            found = stand.ask(opened, text("GET", CASE)).status
        until(lambda n=number: len(stand.decisions) > n)  # type: ignore[misc]  # the loop's

        assert (found, stand.decisions[-1]["reason"]) == (403, "wrong_zone")


def test_the_right_certificate_at_the_wrong_time_is_refused(stand: Stand, clerk: Path) -> None:
    """On another day of the week than the hours of the grant have; it passes when they are over."""
    day = (datetime.now(CHINA) + timedelta(days=3)).isoweekday()
    hours = Hours("later", "样例", (day,), ((0, 24 * 60),))
    later = replace(stand.plan, grants=tuple(replace(g, hours=hours) for g in stand.plan.grants))
    found = []
    for plan, letter in ((later, Generation.B), (stand.plan, Generation.A)):
        end = datetime.now(UTC) + timedelta(hours=1)
        bring_into_force(stand.proxy, compile_maps(plan, SITE, letter), 8, end)
        number = len(stand.decisions)
        status(stand, clerk, text("GET", CASE))
        until(lambda n=number: len(stand.decisions) > n)  # type: ignore[misc]  # the loop's
        found.append(stand.decisions[-1]["reason"])

    assert found == ["outside_hours", "grant"]


# --- requests within requests ---------------------------------------------------------------------

_INNER = f"GET /supervision/x HTTP/1.1\r\nHost: {HOST}\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(("Content-Length: 6", "Transfer-Encoding: chunked"), "0\r\n\r\n" + _INNER,
                     id="CL.TE"),
        pytest.param(("Transfer-Encoding: chunked", f"Content-Length: {len(_INNER)}"),
                     f"{len(_INNER):x}\r\n{_INNER}\r\n0\r\n\r\n", id="TE.CL"),
        pytest.param(("Transfer-Encoding: xchunked", "Content-Length: 4"), "0\r\n\r\n" + _INNER,
                     id="TE that is none"),
        pytest.param(("Transfer-Encoding: chunked, identity",), "0\r\n\r\n" + _INNER,
                     id="TE that ends otherwise"),
        pytest.param(("Transfer-Encoding : chunked", "Content-Length: 4"), "0\r\n\r\n" + _INNER,
                     id="a blank before the colon"),
        pytest.param(("Content-Length: 5", "Content-Length: 6"), "0\r\n\r\n" + _INNER,
                     id="two lengths"),
        pytest.param(("Content-Length: +5",), "0\r\n\r\n" + _INNER, id="a length with a sign"),
        pytest.param(("Transfer-Encoding: chunked",), f"0;\n{_INNER}\r\n\r\n" + _INNER,
                     id="a chunk with half an end"),
        pytest.param(("Transfer-Encoding: chunked",), f"-1\r\n{_INNER}", id="a chunk below zero"),
        pytest.param(("X: y\rTransfer-Encoding: chunked", "Content-Length: 5"),
                     "0\r\n\r\n" + _INNER, id="a line that ends by half"),
    ],
)  # fmt: skip
def test_no_request_is_smuggled_in_another(
    stand: Stand, clerk: Path, headers: tuple[str, ...], body: str
) -> None:
    """An application sees what was judged, one for one, and nothing that the clerk may not ask."""
    before, decided = len(stand.seen), len(stand.decisions)
    with stand.connect(DESK, stand.context(clerk), HOST) as opened:
        opened.sendall(text("PUT", CASE, HOST, *headers) + body.encode())
        opened.settimeout(1)
        read_out(opened)
    # Its end is after whatever came of it.
    assert status(stand, clerk, text("GET", CASE)) == GRANTED
    until(lambda: stand.decisions[-1]["method"] == "GET" and len(stand.decisions) > decided)
    seen, judged = stand.seen[before:], stand.decisions[decided:]

    assert not [each for each in seen if each["path"].startswith("/supervision")]
    assert len(seen) == len([each for each in judged if each["verdict"] == "ACCEPT"])
    for each in seen:
        framed = [n.lower() for n, _ in each["headers"] if n.lower() in _FRAMING]
        assert len(framed) <= 1


_FRAMING = ("content-length", "transfer-encoding")


@pytest.mark.parametrize(
    ("more", "body"),
    [
        pytest.param((("transfer-encoding", "chunked"),), b"0\r\n\r\n" + _INNER.encode(), id="TE"),
        pytest.param((("content-length", "0"),), _INNER.encode(), id="a length that is too small"),
        pytest.param((("x", f"y\r\nTransfer-Encoding: chunked\r\n\r\n{_INNER}"),), None,
                     id="a line in a value"),
        pytest.param((("x: y\r\nhost", "other"),), None, id="a line in a name"),
        pytest.param(((":path", "/supervision/x"),), None, id="two paths"),
        pytest.param((("connection", "upgrade"),), None, id="a header of HTTP/1"),
    ],
)  # fmt: skip
def test_http_2_is_no_way_round(
    stand: Stand, clerk: Path, more: tuple[tuple[str, str], ...], body: bytes | None
) -> None:
    """What HTTP/1.1 would read in another way reaches no application, which is asked by that."""
    before = len(stand.seen)

    found = by_http_2(stand, clerk, http2.request("PUT", CASE, HOST, *more, body=body))

    assert found in {0, 400, 403, 421}
    assert len(stand.seen) == before


def test_an_application_of_http_2_is_told_the_host_that_was_judged(
    stand: Stand, clerk: Path
) -> None:
    """Whatever stands beside it (RFC 9113 section 8.3.1)."""
    frames = http2.request("GET", CASE, HOST, ("host", "other.internal"))

    assert by_http_2(stand, clerk, frames) == GRANTED
    assert [v for n, v in stand.seen[-1]["headers"] if n.lower() == "host"] == [HOST]


def by_http_2(stand: Stand, shown: Path, frames: bytes) -> int:
    """Give what one request of HTTP/2 is answered with; 0 where it is not."""
    context = stand.context(shown)
    context.set_alpn_protocols(["h2"])
    with stand.connect(DESK, context, HOST) as opened:
        opened.sendall(frames)
        return http2.answer(opened)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(("GET", CASE, HOST), GRANTED, id="as it should be"),
        pytest.param(("GET", CASE, f"{HOST}:8443"), GRANTED, id="with the port that it is"),
        pytest.param(("GET", "*", HOST), 403, id="a star"),
        pytest.param(("OPTIONS", "*", HOST), 403, id="a star as it may be"),
        pytest.param(("GET", "cases/1", HOST), 0, id="no root"),
        pytest.param(("GET", "/cases/../supervision/", HOST), 403, id="dots"),
        pytest.param(("GET", f"https://{HOST}{CASE}", HOST), 0, id="a whole address"),
        pytest.param(("GET", CASE, HOST.upper()), 421, id="a host in capitals"),
        pytest.param(("GET", CASE, f"{HOST}:0"), 421, id="port 0"),
        pytest.param(("GET", CASE, f"{HOST}:08443"), 421, id="a port written otherwise"),
        pytest.param(("GET", CASE, f"{HOST}:8444"), 421, id="another port"),
    ],
)
def test_http_2_is_judged_as_http_1_is(
    stand: Stand, clerk: Path, asked: tuple[str, str, str], expected: int
) -> None:
    """By the same steps; what is not written in the one way is refused."""
    before = len(stand.seen)
    found = by_http_2(stand, clerk, http2.request(*asked))

    assert found == expected or {found, expected} <= {0, 400}
    assert len(stand.seen) - before == (1 if expected == GRANTED else 0)


# --- too much, too slow, too many -----------------------------------------------------------------


def test_who_shows_no_certificate_is_not_read(stand: Stand) -> None:
    """However much he sends: in TLS 1.3 a client may speak before it was judged."""
    before = len(stand.seen)
    head, megabytes = text("PUT", CASE, HOST, "Content-Length: 99999999"), 16

    with pytest.raises((ssl.SSLError, ConnectionError)):
        status(stand, None, head + b"x" * megabytes * 2**20)

    assert len(stand.seen) == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(b"\x16\x03\x01\xff\xff" + b"a" * 1_000_000, id="a greeting without end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="no TLS"),
        pytest.param(b"\0" * 1_000_000, id="nothing of any kind"),
    ],
)
def test_what_is_no_tls_ends_at_once(stand: Stand, words: bytes) -> None:
    """And is written down."""
    number = len(stand.unasked)
    with opened_by(stand, DESK) as opened:
        with suppress(ConnectionError):
            opened.sendall(words)
        read_out(opened)

    until(lambda: len(stand.unasked) > number)
    assert stand.unasked[-1]["reason"] == "no_tls"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(text("GET", CASE, HOST, "X: " + "a" * 70_000), id="a header"),
        pytest.param(text("GET", CASE + "a" * 70_000, HOST), id="a path"),
        pytest.param(text("GET", CASE, HOST, *(f"X{n}: y" for n in range(100))), id="many headers"),
    ],
)
def test_too_much_is_no_request(stand: Stand, clerk: Path, words: bytes) -> None:
    """Refused before anything is judged, and written down as such."""
    before, number = len(stand.seen), len(stand.unasked)
    try:
        found = status(stand, clerk, words)
    except OSError:
        found = 0

    until(lambda: len(stand.unasked) > number)
    assert found in {0, 400}
    assert (stand.unasked[-1]["reason"], stand.unasked[-1]["name"]) == ("malformed", CLERK)
    assert len(stand.seen) == before


def test_a_refusal_waits_for_no_body(stand: Stand, clerk: Path) -> None:
    """Whoever is refused is so by the head of the request; of its body nothing is asked for."""
    words = text("POST", CASE, HOST, "Content-Length: 99999999999")

    assert status(stand, clerk, words) == 403


def test_who_is_slow_is_not_waited_for(stand: Stand, clerk: Path) -> None:
    """In the handshake, in the head of a request; somebody else is served meanwhile."""
    number = len(stand.unasked)
    with (
        opened_by(stand, DESK) as silent,
        stand.connect(DESK, stand.context(clerk), HOST) as half,
        stand.connect(DESK, stand.context(clerk), HOST) as other,
    ):
        half.sendall(text("GET", CASE)[:-6])
        between = stand.ask(other, text("GET", CASE)).status
        late = stand.ask(half, b"")
        assert silent.recv(1) == b""

    until(lambda: len(stand.unasked) > number)
    assert (between, late.status) == (GRANTED, 408)
    assert "incomplete" in {each["reason"] for each in stand.unasked[number:]}


def test_who_opens_thousands_of_connections_takes_nobody_elses(stand: Stand, clerk: Path) -> None:
    """Of one address as many are kept as one may have; others are served meanwhile."""
    crowd: list[socket.socket] = []
    with ExitStack() as held:

        def come() -> None:
            for _ in range(OPENED):
                with suppress(ConnectionError):
                    crowd.append(held.enter_context(opened_here("10.12.1.9")))

        # All at once: who says nothing for ten seconds is not kept either.
        namespace.inside(stand.near, come)
        until(lambda: len([each for each in crowd if not is_closed(each)]) == KEPT)
        found = status(stand, clerk, text("GET", CASE))

    assert found == GRANTED


def is_closed(opened: socket.socket) -> bool:
    """Tell whether the other side has ended it."""
    opened.setblocking(False)  # noqa: FBT003 - the standard library's own form
    try:
        return opened.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
