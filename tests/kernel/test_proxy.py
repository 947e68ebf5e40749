"""A real HAProxy judges requests as the reference decision does, and changes its mind at once."""

import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway.artefacts import Generation
from gateway.compile.gate_maps import compile_maps
from gateway.compile.proxy import Layout, compile_proxy
from gateway.errors import Refused
from gateway.load.gates import bring_into_force, close, prolong, revoke, tell
from gateway.observe.content import Kind, content_of
from gateway.policy.request_reasons import RequestReason, UnaskedReason
from gateway.policy.requests import AUTHORITY, CHINA, Request, decide_request
from gateway.verify.gate_proof import SignedGates, find_in_gates
from gateway.verify.gate_tokens import wanted_keys
from gateway.verify.gates import read_gates
from lab import namespace
from tests.proxies import (
    CASE,
    CLERK,
    DESK,
    HOST,
    SITE,
    TOKEN,
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

SEALED = "/cases/sealed/1"


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(city(), tmp_path_factory.mktemp("proxy")) as stand:
        yield stand


@pytest.fixture(autouse=True)
def _settled(stand: Stand) -> None:
    settle(stand)


# --- what it decides ------------------------------------------------------------------------------


def test_requests_are_judged_as_the_plan_says(stand: Stand) -> None:
    """Drawn at random: verdict, reason, subject, resource and grant are the reference's."""
    draw = random.Random(20261125)  # noqa: S311 - repeatable, not secret
    plan = stand.plan
    places = [str(r[9]) for zone in plan.zones.values() for r in zone.ranges if r.version == 4]
    shown = [("person" if AUTHORITY[s.type] == "people" else "service", s) for s in
             plan.subjects.values()]  # fmt: skip
    paths = [CASE, SEALED, "/supervision/x", "/", "/Cases/1", "/cases/../x", "/cases/%41"]
    for _ in range(120):
        profile, subject = draw.choice(shown)
        source = draw.choice([draw.choice(places), str(plan.zones[subject.zones[0]].ranges[0][9])])
        method, path = draw.choice(["GET", "PUT", "POST", "DELETE"]), draw.choice(paths)
        file = stand.shown(profile, subject.certificate)
        number = len(stand.decisions)
        with stand.connect(source, stand.context(file), HOST) as opened:
            status = stand.ask(opened, text(method, path)).status
        until(lambda n=number: len(stand.decisions) > n)  # type: ignore[misc]  # the loop's
        line = stand.decisions[-1]

        wanted = decide_request(
            plan,
            SITE,
            Request(
                source=ip_address(source),
                authority=AUTHORITY[subject.type],
                name=subject.certificate,
                server_name=HOST,
                host=HOST,
                port=8443,
                method=method,
                path=path,
                at=datetime.fromtimestamp(line["at"] / 1000, CHINA),
            ),
        )
        found = (line["verdict"], line["reason"], line["subject"], line["resource"], line["grant"])
        assert found == (
            wanted.verdict,
            wanted.reason,
            wanted.subject or "",
            wanted.resource or "",
            wanted.grant or "",
        ), (source, subject.name, method, path)
        assert (status == GRANTED) is (wanted.reason is RequestReason.GRANT)
        assert line["status"] == status


@pytest.fixture(name="clerk")
def _clerk(stand: Stand) -> Path:
    return stand.shown("person", CLERK)


@pytest.mark.parametrize(
    "path",
    [
        "/cases/../supervision/",
        "/cases/./1",
        "/cases/..",
        "//cases/1",
        "/cases//1",
        "/cases/%2e%2e/supervision/",
        "/cases/%2F1",
        "/cases/%41",
        "/cases/%00",
        "/cases/%e5%8a%9e",
        "/cases/1;x=2",
        "/cases\\1",
        "/CASES/1",
        "/cases/Sealed/1",
        "/cases/'1\"",
        "*",
        "cases/1",
        "/cases/\u529e",
        "https://applications-city.svc.lab.internal/cases/../x",
        "https://other.internal/cases/1",
        "/cases/1#x",
    ],
)
def test_no_spelling_of_a_path_slips_round_a_route(stand: Stand, clerk: Path, path: str) -> None:
    """What is not written in the one way reaches no application."""
    before = len(stand.seen)

    assert status(stand, clerk, text("GET", path)) in {400, 403, 421}
    assert len(stand.seen) == before


@pytest.mark.parametrize(
    "path",
    ["/cases/1", "/cases/", "/cases/%E5%8A%9E", "/cases/a'b", "/cases/1?to=../x",
     "https://applications-city.svc.lab.internal/cases/1"],
)  # fmt: skip
def test_the_one_way_to_write_a_path_passes(stand: Stand, clerk: Path, path: str) -> None:
    """Chinese and a query too, and what a proxy of somebody's would send."""
    assert status(stand, clerk, text("GET", path)) == GRANTED


@pytest.mark.parametrize("start", ["https://", "HTTPS://", "ftp://", "https://somebody@"])
def test_an_application_is_sent_the_path_that_was_judged(
    stand: Stand, clerk: Path, start: str
) -> None:
    """Not a whole address with more in it, which it could read in its own way."""
    assert status(stand, clerk, text("GET", f"{start}{HOST}{CASE}?to=x")) == GRANTED
    assert stand.seen[-1]["path"] == f"{CASE}?to=x"


@pytest.mark.parametrize("length", [900, 3_000, 12_000])
def test_a_long_path_is_judged_and_written_down_whole(
    stand: Stand, clerk: Path, length: int
) -> None:
    """As a short one is; a record that is cut says neither what was asked nor what came of it."""
    path, number = CASE + "a" * length, len(stand.decisions)

    assert status(stand, clerk, text("GET", path)) == GRANTED
    until(lambda: len(stand.decisions) > number)
    found = stand.decisions[-1]
    assert (found["path"], found["reason"], found["verdict"]) == (path, "grant", "ACCEPT")


def test_a_method_is_written_down_as_it_was_asked(stand: Stand, clerk: Path) -> None:
    """Also one that HAProxy has no word for: it is not another method for that."""
    number = len(stand.decisions)

    assert status(stand, clerk, text("get", CASE)) == 403
    until(lambda: len(stand.decisions) > number)
    assert (stand.decisions[-1]["method"], stand.decisions[-1]["reason"]) == ("get", "no_grant")


@pytest.mark.parametrize(
    "name",
    ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL",
     "X-Rewrite-URL", "Upgrade", "HTTP2-Settings"],
)  # fmt: skip
def test_nobody_asks_for_something_else_beside_the_request(
    stand: Stand, clerk: Path, name: str
) -> None:
    """Applications obey such headers; the method and the path that were judged are the ones."""
    words = text("GET", CASE, HOST, f"{name}: PUT", "Connection: Upgrade")

    assert status(stand, clerk, words) == GRANTED
    assert name.lower() not in {n.lower() for n, _ in stand.seen[-1]["headers"]}


def test_no_connection_goes_on_without_being_judged(stand: Stand, clerk: Path) -> None:
    """Where an application switches protocols, no revocation would end what follows."""
    wish = ("Connection: Upgrade", "Upgrade: h2c")

    assert status(stand, clerk, text("GET", "/cases/switch", HOST, *wish)) == 502


def test_nobody_has_an_application_overlook_who_asks(stand: Stand, clerk: Path) -> None:
    """A header that `Connection` names is for the next hop alone (RFC 9110 section 7.6.1)."""
    words = text("GET", CASE, HOST, "Connection: keep-alive, Loushan-Identity")

    assert status(stand, clerk, words) == GRANTED
    assert "loushan-identity" not in dict(stand.seen[-1]["headers"]).get("connection", "").lower()


@pytest.mark.parametrize("address", ["2002:a0b:109::1", "::10.11.1.9"])
def test_an_address_is_in_no_zone_for_the_ipv4_address_in_it(
    stand: Stand, clerk: Path, address: str
) -> None:
    """RFC 3056 and RFC 4291: HAProxy would take both for the clerk's desk."""
    ours = "fd00:99::1"
    added = (f"address add {each}/128 dev lo nodad" for each in (address, ours))
    namespace.ip([*added], stand.near)

    def opened() -> socket.socket:
        return socket.create_connection((ours, 8443), 10, (address, 0))

    number = len(stand.decisions)
    try:
        plain = namespace.inside(stand.near, opened)
        with stand.context(clerk).wrap_socket(plain, server_hostname=HOST) as asking:
            assert stand.ask(asking, text("GET", CASE)).status == 403
    finally:
        removed = (f"address del {each}/128 dev lo" for each in (address, ours))
        namespace.ip([*removed], stand.near)
    until(lambda: len(stand.decisions) > number)
    assert stand.decisions[-1]["reason"] == "wrong_zone"


@pytest.mark.parametrize(
    ("host", "server_name"),
    [
        pytest.param("other.internal", HOST, id="another host"),
        pytest.param(HOST, "other.internal", id="another name in TLS"),
        pytest.param("", HOST, id="no host"),
        pytest.param(f"{HOST}\r\nHost: other.internal", HOST, id="two hosts"),
        pytest.param(f"{HOST}:8444", HOST, id="another port in it"),
        pytest.param(f"{HOST}:0", HOST, id="port 0 in it"),
        pytest.param(f"{HOST}:08443", HOST, id="a port written otherwise"),
        pytest.param(f"{HOST}:", HOST, id="a port that is not there"),
        pytest.param(HOST.upper(), HOST, id="capitals"),
        pytest.param(f"{HOST}.", HOST, id="a dot after it"),
    ],
)
def test_host_and_name_are_one(stand: Stand, clerk: Path, host: str, server_name: str) -> None:
    """What was asked for in TLS is what is asked for in HTTP, and is served here."""
    before = len(stand.seen)
    try:
        found = status(stand, clerk, text("GET", CASE, host), server_name)
    except ssl.SSLError:
        found = 0

    assert found in {0, 400, 403, 421}
    assert len(stand.seen) == before


@pytest.mark.parametrize(
    "name",
    ["Loushan-Identity", "loushan-identity", "LOUSHAN-IDENTITY", "Loushan_Identity",
     "loushan.identity", "X-Forwarded-For", "Forwarded", "X-Real-IP", "X-SSL-Client-CN"],
)  # fmt: skip
def test_nobody_says_who_he_is_but_the_gateway(stand: Stand, clerk: Path, name: str) -> None:
    """Whatever a client writes into the header, and however it spells it."""
    assert status(stand, clerk, text("GET", CASE, HOST, f"{name}: forged")) == GRANTED

    headers = stand.seen[-1]["headers"]
    assert "forged" not in str(headers)
    (told,) = (value for n, value in headers if n.lower().startswith("loushan"))
    assert told.startswith(f"{TOKEN} decision=city-gw.")


def test_who_is_not_told_of_does_not_pass(stand: Stand, clerk: Path) -> None:
    """An application would refuse, so the gateway does; each subject has a token of its own."""
    tokens = dict.fromkeys(wanted_keys(stand.plan, SITE), TOKEN)
    mine, number = f"tax_clerk:tax.office:{HOST}", len(stand.decisions)
    tell(stand.proxy, {key: text for key, text in tokens.items() if key != mine})
    refused = status(stand, clerk, text("GET", CASE))
    until(lambda: len(stand.decisions) > number)
    assert stand.decisions[-1]["reason"] == "no_policy"
    tell(stand.proxy, tokens)

    assert (refused, status(stand, clerk, text("GET", CASE))) == (503, GRANTED)


# --- who is let in at all -------------------------------------------------------------------------


def test_nobody_comes_in_without_a_certificate(stand: Stand) -> None:
    """No request of his is read."""
    number = len(stand.seen)
    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        stand.connect(DESK, stand.context(None), HOST) as opened,
    ):
        stand.ask(opened, text("GET", CASE))

    assert len(stand.seen) == number


@pytest.mark.parametrize("profile", ["bureau", "gateway"])
def test_who_is_certified_for_something_else_is_no_subject(stand: Stand, profile: str) -> None:
    """A signer's and a gateway's certificates are of other authorities, whatever their names."""
    number = len(stand.decisions)

    assert status(stand, stand.shown(profile, "huichuan-gw"), text("GET", CASE)) == 403
    until(lambda: len(stand.decisions) > number)
    assert stand.decisions[-1]["reason"] == "unknown_subject"


def test_who_certifies_himself_stays_out(stand: Stand, tmp_path: Path) -> None:
    """Authorities called as ours are, of somebody who has made their own."""
    other = authorities(tmp_path / "others")
    shown = certified(other, tmp_path, "person", CLERK)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        status(stand, shown, text("GET", CASE))


def test_nothing_older_than_tls_1_3_is_spoken(stand: Stand, clerk: Path) -> None:
    """RFC 8446; what is older is refused in the handshake."""
    context = stand.context(clerk)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(ssl.SSLError):
        stand.connect(DESK, context, HOST)


def test_no_session_is_resumed(stand: Stand, clerk: Path) -> None:
    """One that is would not be asked for its certificate again."""
    context = stand.context(clerk)
    with stand.connect(DESK, context, HOST) as opened:
        assert stand.ask(opened, text("GET", CASE)).status == GRANTED
        session = opened.session
    with stand.connect(DESK, context, HOST, session) as opened:
        assert stand.ask(opened, text("GET", CASE)).status == GRANTED
        assert not opened.session_reused


# --- and what changes meanwhile -------------------------------------------------------------------


def test_a_revoked_certificate_is_refused_at_the_next_request(stand: Stand, clerk: Path) -> None:
    """On the connection that stands; it passes again when it is not revoked any more."""
    number = len(stand.decisions)
    with stand.connect(DESK, stand.context(clerk), HOST) as opened:
        first = stand.ask(opened, text("GET", CASE))
        first.read()
        until(lambda: len(stand.decisions) > number)
        serial = stand.decisions[-1]["serial"]
        revoke(stand.proxy, {f"people/{serial}": "2026-11-25"})
        second = stand.ask(opened, text("GET", CASE))
        second.read()
    until(lambda: stand.decisions[-1]["reason"] == "revoked")
    # The same number by another authority is another certificate.
    revoke(stand.proxy, {f"services/{serial}": "2026-11-25"})
    third = status(stand, clerk, text("GET", CASE))
    revoke(stand.proxy, {})

    assert (first.status, second.status, third) == (GRANTED, 403, GRANTED)


def test_what_is_proven_no_more_stops(stand: Stand, clerk: Path) -> None:
    """When its time is over, when it is closed, and not before; a proof lets it go on."""
    with stand.connect(DESK, stand.context(clerk), HOST) as opened:
        found, soon = [], datetime.now(UTC) + timedelta(seconds=5)
        changes: list[Callable[[], object]] = [
            lambda: prolong(stand.proxy, soon),
            lambda: until(lambda: datetime.now(UTC) > soon + timedelta(seconds=1)),
            lambda: prolong(stand.proxy, datetime.now(UTC) + timedelta(hours=1)),
            lambda: close(stand.proxy),
        ]
        for change in changes:
            change()
            answer = stand.ask(opened, text("GET", CASE))
            answer.read()
            found.append(answer.status)
    bring_into_force(
        stand.proxy,
        compile_maps(stand.plan, SITE, Generation.A),
        7,
        datetime.now(UTC) + timedelta(hours=1),
    )

    assert found == [GRANTED, 503, GRANTED, 503]


def test_a_policy_takes_anothers_place_and_nobody_is_refused(stand: Stand, clerk: Path) -> None:
    """Requests go on while the maps change, again and again; each is judged by one of them."""
    answers: list[int] = []
    over = threading.Event()

    def ask_again_and_again() -> None:
        with stand.connect(DESK, stand.context(clerk), HOST) as opened:
            while not over.is_set():
                answer = stand.ask(opened, text("GET", CASE))
                answer.read()
                answers.append(answer.status)

    asking = [threading.Thread(target=ask_again_and_again) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        for turn, letter in enumerate((Generation.B, Generation.A) * 4):
            maps = compile_maps(stand.plan, SITE, letter)
            bring_into_force(stand.proxy, maps, 8 + turn, datetime.now(UTC) + timedelta(hours=1))
            # Who asks may be waiting for the processor.
            until(lambda r=8 + turn: r in {d["revision"] for d in stand.decisions})  # type: ignore[misc]  # the loop's
        until(lambda: len(answers) > 50)
    finally:
        over.set()
        for thread in asking:
            thread.join()

    assert set(answers) == {GRANTED}
    assert {line["revision"] for line in stand.decisions} >= set(range(8, 16))


def test_what_is_in_force_is_not_changed_in_pieces(stand: Stand) -> None:
    """Its maps would change one after the other, and a request meet half of each."""
    letter = Generation(read_gates(stand.proxy.haproxy).letter)
    before = read_gates(stand.proxy.haproxy).maps
    later = datetime.now(UTC) + timedelta(hours=1)
    nothing = compile_maps(replace(stand.plan, grants=()), SITE, letter)

    with pytest.raises(Refused) as refused:
        bring_into_force(stand.proxy, nothing, 21, later)

    assert [each.code for each in refused.value.problems] == ["ZG530"]
    assert read_gates(stand.proxy.haproxy).maps == before


def test_a_grant_that_is_withdrawn_ends_with_the_next_request(stand: Stand, clerk: Path) -> None:
    """On the connection that stands."""
    without = tuple(grant for grant in stand.plan.grants if grant.subject != "tax_clerk")
    later = datetime.now(UTC) + timedelta(hours=1)
    with stand.connect(DESK, stand.context(clerk), HOST) as opened:
        found = []
        for plan, letter in (
            (replace(stand.plan, grants=without), Generation.B),
            (stand.plan, Generation.A),
        ):
            bring_into_force(stand.proxy, compile_maps(plan, SITE, letter), 20, later)
            answer = stand.ask(opened, text("GET", CASE))
            answer.read()
            found.append(answer.status)

    assert found == [403, GRANTED]


# --- and what is read back ------------------------------------------------------------------------


#: So far ahead may the end of what is in force lie here.
AHEAD = timedelta(hours=2)


def findings(stand: Stand) -> set[str]:
    """Give what is wrong with what the running program holds."""
    live = read_gates(stand.proxy.haproxy)
    compiled = compile_proxy(stand.plan, SITE, Layout.of(str(stand.folder)))
    signed = SignedGates(
        stand.plan,
        SITE,
        int(live.revision),
        compiled.digest,
        compiled.text,
        trusted(stand),
        shown_by_it(stand),
        (),
        datetime.now(UTC) + AHEAD,
    )
    return {each.code for each in find_in_gates(signed, live)}


def trusted(stand: Stand) -> dict[str, frozenset[str]]:
    """Give the fingerprints of whom the proxy was told to trust."""
    return {
        str(file): frozenset(map(fingerprint, x509.load_pem_x509_certificates(file.read_bytes())))
        for file in (stand.folder / "clients.pem", stand.folder / "services.pem")
    }


def shown_by_it(stand: Stand) -> dict[str, str]:
    """Give the fingerprints of what it was given to show."""
    return {
        str(file): fingerprint(x509.load_pem_x509_certificate(file.read_bytes()))
        for file in (*(stand.folder / "certificates").iterdir(), stand.folder / "gateway.pem")
    }


def fingerprint(certificate: x509.Certificate) -> str:
    """Give it as HAProxy says it."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - as HAProxy says it


def test_somebody_elses_authority_in_the_running_program_is_found(
    stand: Stand, tmp_path: Path
) -> None:
    """Whoever has his own certify him as the leader would be the leader."""
    other = authorities(tmp_path / "others")
    file, before = stand.folder / "clients.pem", findings(stand)
    whole = file.read_text("ascii")
    added = authority_pem(other, "root").decode()
    trust(stand, file, whole + added)
    found = findings(stand)
    trust(stand, file, whole)

    assert (before, found, findings(stand)) == (set(), {"ZG699"}, set())


def trust(stand: Stand, file: Path, text: str) -> None:
    """Have the running program trust other authorities."""
    exchange(stand, "ca-file", file, text)


def exchange(stand: Stand, kind: str, file: Path, text: str) -> None:
    """Have the running program take another file: both commands are of one conversation."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(5)
        asking.connect(str(stand.proxy.haproxy.control))
        asking.sendall(f"prompt\nset ssl {kind} {file} <<\n{text.strip()}\n\n".encode())
        said = b""
        while b"ransaction created" not in said:
            said += asking.recv(9999)
        asking.sendall(f"commit ssl {kind} {file}\n".encode())
        while b"Success" not in said:
            said += asking.recv(9999)


def test_another_certificate_that_it_shows_is_found(stand: Stand) -> None:
    """Whoever has a service's certificate shown by the gateway has its requests elsewhere too."""
    (file,) = (stand.folder / "certificates").iterdir()
    other = stand.shown("service", "exchange")
    before = findings(stand)
    exchange(stand, "cert", file, other.read_text("ascii"))
    found = findings(stand)
    exchange(stand, "cert", file, file.read_text("ascii"))

    assert (before, found, findings(stand)) == (set(), {"ZG687"}, set())


@pytest.mark.parametrize(
    ("tampering", "undone"),
    [
        pytest.param("disable frontend gates_8443", "enable frontend gates_8443",
                     id="switched off"),
        pytest.param("set maxconn frontend gates_8443 1", "set maxconn frontend gates_8443 8000",
                     id="one at a time"),
        pytest.param("set maxconn global 10", "set maxconn global 8000", id="ten in all"),
        pytest.param("set rate-limit ssl-sessions global 1",
                     "set rate-limit ssl-sessions global 0", id="one a second"),
        pytest.param("set maxconn server to:city.applications:approval/application 1",
                     "set maxconn server to:city.applications:approval/application 0",
                     id="one for the application"),
    ],
)  # fmt: skip
def test_what_would_keep_people_out_is_found(stand: Stand, tampering: str, undone: str) -> None:
    """It permits nothing, and nobody is served."""
    before = findings(stand)
    stand.proxy.haproxy.ask(tampering)
    found = findings(stand)
    stand.proxy.haproxy.ask(undone)

    assert (before, found) == (set(), {"ZG688"})


def test_an_end_that_lies_too_far_ahead_is_found(stand: Stand) -> None:
    """Nothing would stop when nobody proves any more."""
    before = findings(stand)
    prolong(stand.proxy, datetime.now(UTC) + 2 * AHEAD)
    found = findings(stand)
    prolong(stand.proxy, datetime.now(UTC) + AHEAD / 2)

    assert (before, found, findings(stand)) == (set(), {"ZG689"}, set())


@pytest.mark.parametrize(
    ("tampering", "code"),
    [
        pytest.param("add map {maps}/grants.map {letter}:leader:city.leaders:cases:PUT x|0|9|-",
                     "ZG692", id="a right"),
        pytest.param("del map {maps}/grants.map {letter}:leader:city.leaders:supervision_view:GET",
                     "ZG698", id="a right less"),
        pytest.param("set map {maps}/subjects.map {letter}:people/tax-clerk leader", "ZG694",
                     id="another subject"),
        pytest.param("add map {maps}/zones_{letter}.map 192.0.2.0/24 city.leaders", "ZG694",
                     id="a wider zone"),
        pytest.param("add map {maps}/grants.map {letter}:tax_clerk:tax.office:cases:GET x|0|9|-",
                     "ZG694", id="a right a second time"),
    ],
)  # fmt: skip
def test_what_is_changed_in_the_running_program_is_found(
    stand: Stand, tampering: str, code: str
) -> None:
    """By whoever has its control socket; the signed policy takes it away again."""
    before = findings(stand)
    letter = Generation(read_gates(stand.proxy.haproxy).letter)
    said = stand.proxy.haproxy.ask(tampering.format(maps=stand.folder / "maps", letter=letter))
    found = findings(stand)
    later = datetime.now(UTC) + timedelta(hours=1)
    bring_into_force(stand.proxy, compile_maps(stand.plan, SITE, letter.other), 30, later)

    assert before == set()
    assert not said
    assert code in found
    assert findings(stand) == set()


@pytest.mark.parametrize(
    ("line", "tampering", "undone"),
    [
        pytest.param("acl permitted ", "add acl #{acl} no_grant", "del acl #{acl} no_grant",
                     id="what is refused passes"),
        pytest.param("application/json", "clear acl #{acl}", "add acl #{acl} application/json",
                     id="a condition that compares with nothing"),
        pytest.param("", "set server {server} addr 10.1.0.77", "set server {server} addr 10.1.5.1",
                     id="another application"),
        pytest.param("", "disable server {server}", "enable server {server}", id="none"),
    ],
)  # fmt: skip
def test_what_is_changed_in_its_configuration_is_found(
    stand: Stand, line: str, tampering: str, undone: str
) -> None:
    """It calls itself by the same digest afterwards; only its conditions and servers show it."""
    lines = (stand.folder / "haproxy.cfg").read_text("utf-8").split("\n")
    number = next(n for n, each in enumerate(lines, 1) if line in each)
    listed = stand.proxy.haproxy.ask("show acl").splitlines()
    acl = next((each.split()[0] for each in listed if f" line {number}." in each), "")
    named = {"acl": acl, "server": "to:city.applications:approval/application"}
    before = findings(stand)
    stand.proxy.haproxy.ask(tampering.format(**named))
    found = findings(stand)
    stand.proxy.haproxy.ask(undone.format(**named))

    assert before == set()
    assert found == {"ZG699"}
    assert findings(stand) == set()


def test_each_decision_has_a_number_and_none_is_missing(stand: Stand, clerk: Path) -> None:
    """What was refused and what was let pass alike, by the number in its name."""
    assert [status(stand, clerk, text("GET", path)) for path in (CASE, "/CASES/")] == [
        GRANTED, 403,
    ]  # fmt: skip
    settle(stand)
    numbers = sorted(int(line["id"].rpartition(".")[2]) for line in stand.decisions)

    assert numbers == list(range(1, len(numbers) + 1))
    assert all(line["reason"] in set(RequestReason) for line in stand.decisions)


def test_no_decision_is_lost_where_many_ask_at_once(stand: Stand, clerk: Path) -> None:
    """Two threads that write at one moment lose a line: there is one, and all lines are there."""
    before = {line["id"] for line in stand.decisions}
    context, words = stand.context(clerk), text("GET", CASE) * 50

    def ask() -> int:
        with stand.connect(DESK, context, HOST) as opened:
            opened.sendall(words)
            came = b""
            while came.count(b"HTTP/1.1 ") < 50:
                came += opened.recv(9999)
            return came.count(b"HTTP/1.1 200")

    with ThreadPoolExecutor(8) as threads:
        granted = sum(each.result() for each in [threads.submit(ask) for _ in range(8)])
    settle(stand)
    info = stand.proxy.haproxy.info()

    assert (info["Nbthread"], info["DroppedLogs"]) == ("1", "0")
    assert granted == 400
    assert len({line["id"] for line in stand.decisions} - before) == 400


def test_what_it_writes_is_what_the_decision_log_reads(stand: Stand, clerk: Path) -> None:
    """A decision with a number, or who did not get as far as one; each says why.

    What is no JSON is about the program itself, and kept as it is.
    """
    with pytest.raises((ssl.SSLError, ConnectionError)):
        status(stand, None, text("GET", CASE))
    assert [status(stand, clerk, text("GET", path)) for path in (CASE, "cases")] == [GRANTED, 400]
    settle(stand)
    lines = (stand.folder / "decisions").read_bytes().split(b"\n")[:-1]
    found = [content_of(line, (0, len(line))) for line in lines if line.startswith(b"{")]
    numbered = [each for each in found if each.kind is Kind.DECISION]

    assert {each.kind for each in found} == {Kind.DECISION, Kind.UNASKED}
    assert len(numbered) == len(stand.decisions)
    assert {each.body["reason"] for each in found} <= {*RequestReason, *UnaskedReason}
    assert {"no_certificate", "malformed"} <= {each["reason"] for each in stand.unasked}
