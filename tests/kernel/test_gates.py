"""The gates of a host, on a real HAProxy: open while four things hold, closed when one does not."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.agent.gate_watch import Watch
from gateway.agent.gates import Gates, GateState
from gateway.agent.signed import SignedPlan, read_delivered, verified
from gateway.artefacts import Generation
from gateway.errors import Refused
from gateway.haproxy import HaproxyRefused
from gateway.load.gate_lists import AUTHORITIES, as_shown
from gateway.load.gates import Proxy, close, in_force, prolong, revoke, tell
from gateway.policy.signers import load_trust
from gateway.verify.gates import read_gates
from pki.profiles import PACKAGED
from pki.revoke import revoke as revoke_by_list
from pki.signers import make_signers
from pki.state import open_state
from tests.authorities import NO_SECRETS
from tests.kernel.test_agent import Gateway
from tests.proxies import (
    CASE,
    CLERK,
    DESK,
    HOST,
    SITE,
    Stand,
    settle,
    standing,
    status,
    text,
    until,
)

pytestmark = pytest.mark.kernel

GRANTED, NO_POLICY = 200, 503


@dataclass
class Host:
    """A host with a proxy, a signed plan, and its gates; `records` is whether it records."""

    stand: Stand
    signed: SignedPlan
    folder: Path
    records: bool = True

    @property
    def gates(self) -> Gates:
        """Its gates."""
        given = self.stand.folder
        return Gates(SITE, self.folder, lambda: self.records, given, given)

    @property
    def proxy(self) -> Proxy:
        """Its proxy."""
        return self.stand.proxy

    def keep(self) -> tuple[GateState, list[str]]:
        """Prove, as each proof does."""
        state, found = self.gates.keep(self.signed)
        return state, sorted({each.code for each in found})

    def asks(self) -> int:
        """Have the clerk ask."""
        shown = self.stand.folder / f"person-{CLERK}.pem"
        if not shown.exists():
            self.stand.shown("person", CLERK)
        return status(self.stand, shown, text("GET", CASE))


@pytest.fixture(name="host", scope="module")
def _host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("gates")
    make_signers(folder / "trust", "ed25519", None, datetime.now(UTC))
    plan = Gateway(folder, "").signed("one")
    signed = verified(read_delivered(plan), load_trust(folder / "trust"), datetime.now(UTC))
    with standing(signed.plan, folder / "state/proxy") as stand:
        lay_out(stand)
        host = Host(stand, signed, folder / "state")
        close(host.proxy)
        yield host


def lay_out(stand: Stand) -> None:
    """Give the host what the role does beside what every proxy has."""
    for part in ("lists", "shown"):
        (stand.folder / part).mkdir()
    for name in AUTHORITIES:
        content = (stand.authorities.folder / name / "crl.pem").read_bytes()
        (stand.folder / "lists" / f"{name}.crl").write_bytes(content)
    shown = {"gateway.pem": "gateway.pem", f"{HOST}.pem": f"certificates/{HOST}.pem"}
    for name, file in shown.items():
        first = x509.load_pem_x509_certificates((stand.folder / file).read_bytes())[0]
        (stand.folder / "shown" / name).write_bytes(first.public_bytes(Encoding.PEM))


@pytest.fixture(autouse=True)
def _open(host: Host) -> None:
    """Each test begins with open gates."""
    host.records = True
    host.gates.bring(host.signed)


def test_what_was_signed_is_brought_into_force_and_proven(host: Host) -> None:
    """And the application is told who asks, by the host's own key."""
    assert host.asks() == GRANTED
    assert host.keep() == (GateState(is_open=True), [])
    told = dict(host.stand.seen[-1]["headers"])["loushan-identity"]
    assert told.count(".") >= 2
    assert (host.folder / "identity-keys.json").exists()
    assert (host.folder / "identity.key").stat().st_mode & 0o077 == 0


def test_a_proxy_that_lost_everything_is_given_it_again(host: Host) -> None:
    """As one that has begun anew; that is no drift."""
    close(host.proxy)
    assert host.asks() == NO_POLICY

    assert host.keep() == (GateState(is_open=True), [])
    assert host.asks() == GRANTED


def test_nothing_passes_that_is_not_recorded(host: Host) -> None:
    """Neither what is in force, nor what is brought; it opens with the log."""
    host.records = False
    kept, _ = host.keep()
    closed = host.asks()
    brought = host.gates.bring(host.signed)
    again = host.asks()
    host.records = True

    assert ([p.code for p in kept.problems], kept.is_open) == (["ZG533"], False)
    assert (brought.is_open, closed, again) == (False, NO_POLICY, NO_POLICY)
    assert host.keep()[0].is_open
    assert host.asks() == GRANTED


@pytest.mark.parametrize("name", AUTHORITIES)
def test_nothing_passes_without_a_list(host: Host, name: str) -> None:
    """Who is on it is not known."""
    file = host.stand.folder / "lists" / f"{name}.crl"
    kept = file.read_bytes()
    file.unlink()
    try:
        state, found = host.keep()
        asked = host.asks()
    finally:
        file.write_bytes(kept)

    assert ([p.code for p in state.problems], found, asked) == (["ZG517"], [], NO_POLICY)


def test_lists_that_have_run_out_close_the_gates(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When their grace is over too."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            del tz
            return cls(2030, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("gateway.agent.gates.datetime", Later)

    state, _ = host.keep()

    assert [p.code for p in state.problems] == ["ZG536"]
    assert host.asks() == NO_POLICY


def test_a_token_of_somebody_elses_is_found_and_made_anew(host: Host) -> None:
    """One subject's for another, one that nobody signed, one too many, and one that is missing."""
    file = host.proxy.file("tokens")
    true = dict(host.proxy.haproxy.entries(file))
    mine, leaders = f"tax_clerk:tax.office:{HOST}", f"leader:city.leaders:{HOST}"
    for wrong in (
        {**true, mine: true[leaders]},
        {**true, mine: true[mine][:-4] + "AAAA"},
        {**true, f"nobody:tax.office:{HOST}": true[mine]},
        {key: token for key, token in true.items() if key != mine},
    ):
        tell(host.proxy, wrong)
        state, found = host.keep()
        host.gates.bring(host.signed)

        assert (state.is_open, found) == (False, ["ZG682"])
        assert host.keep() == (GateState(is_open=True), [])


def test_what_was_switched_off_at_its_socket_goes_with_the_process(host: Host) -> None:
    """Bringing the policy into force again begins the program anew where maps are not enough."""
    host.proxy.haproxy.ask("disable frontend gates_8443")
    before = host.keep()[1]
    host.gates.bring(host.signed)

    assert before == ["ZG688"]
    assert host.keep() == (GateState(is_open=True), [])
    assert host.asks() == GRANTED


def test_who_only_looks_changes_nothing(host: Host) -> None:
    """Neither the end of what is in force nor what applications are told; a difference stays."""
    before = read_gates(host.proxy.haproxy).digest_of_all
    found = host.gates.differences(host.signed)
    after = read_gates(host.proxy.haproxy).digest_of_all
    revoke(host.proxy, {"people/3A0F": "2026-11-26"})
    strange = [each.code for each in host.gates.differences(host.signed)]

    assert (found, after) == ([], before)
    assert strange == ["ZG697"]
    assert "people/3A0F" in read_gates(host.proxy.haproxy).maps["revoked"]


def test_a_plan_without_gates_leaves_none(host: Host) -> None:
    """What ran for another plan ends."""
    without = replace(host.signed, plan=replace(host.signed.plan, resources={}, grants=()))
    state = host.gates.bring(without)
    with pytest.raises(OSError, match="refused"):
        host.asks()

    assert state == GateState(is_open=False)
    assert host.gates.keep(without) == (GateState(is_open=False), [])


def fewer_gates(signed: SignedPlan) -> SignedPlan:
    """Give the same with one gate less, for which the program is begun anew."""
    kept = {name: each for name, each in signed.plan.resources.items() if name == "cases"}
    grants = tuple(grant for grant in signed.plan.grants if grant.resource in kept)
    return replace(signed, plan=replace(signed.plan, resources=kept, grants=grants))


def test_a_policy_with_other_gates_refuses_nobody(host: Host) -> None:
    """On a connection for each request, and on one that lasts until the proxy ends it."""
    answers: list[int] = []
    over = threading.Event()
    context = host.stand.context(host.stand.shown("person", CLERK))

    def ask_again_and_again(most: int) -> None:
        while not over.is_set():
            with host.stand.connect(DESK, context, HOST) as opened:
                for _ in range(most):
                    answer = host.stand.ask(opened, text("GET", CASE))
                    answer.read()
                    answers.append(answer.status)
                    if answer.will_close or over.is_set():
                        break

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask_again_and_again, most) for most in (1, 1, 10_000, 10_000)]
        try:
            for signed in (fewer_gates(host.signed), host.signed) * 2:
                before = len(answers)
                assert host.gates.bring(signed) == GateState(is_open=True)
                until(lambda n=before: len(answers) > n + 20)  # type: ignore[misc]  # the loop's
        finally:
            over.set()
    for each in asking:
        each.result()

    assert set(answers) == {GRANTED}


def test_who_begins_by_itself_begins_with_nothing_in_force(host: Host) -> None:
    """What a process that took over began with is gone when it runs."""
    host.gates.bring(fewer_gates(host.signed))

    assert {each.stat().st_size for each in (host.stand.folder / "maps").iterdir()} == {0}
    assert host.gates.keep(fewer_gates(host.signed)) == (GateState(is_open=True), [])


@pytest.fixture(name="watch")
def _watch(host: Host, tmp_path: Path) -> Watch:
    return Watch(host.gates, tmp_path / "changed", lambda: host.records)


def told(watch: Watch, at: float = 0.0) -> bool:
    """Look twice, as where the first look saw something; tell whether the agent was told."""
    watch.changed.unlink(missing_ok=True)
    if watch.look(at):
        watch.look(at)
    return watch.changed.exists()


STRANGE: dict[str, Callable[[Host], object]] = {
    "a right that nobody signed": lambda host: host.proxy.haproxy.ask(
        f"add map {host.proxy.file('grants')} a:leader:city.leaders:cases:GET x|0|253402300800|-"
    ),
    "another end": lambda host: prolong(host.proxy, datetime.now(UTC) + timedelta(days=9)),
    "nobody is revoked": lambda host: revoke(host.proxy, {"people/3A0F": "2026-11-26"}),
    "other words about who asks": lambda host: tell(host.proxy, {"leader:x:y": "a.b.c"}),
    "a gate that is shut": lambda host: host.proxy.haproxy.ask("disable frontend gates_8443"),
    "all is lost": lambda host: host.proxy.haproxy.ask(f"clear map {host.proxy.file('current')}"),
}


@pytest.mark.parametrize("change", STRANGE)
def test_what_is_changed_between_two_proofs_is_seen(host: Host, watch: Watch, change: str) -> None:
    """And told once in a while, until it is as it was proven."""
    quiet = told(watch)
    host.keep()
    kept = told(watch)
    STRANGE[change](host)
    seen, again, later = told(watch, 10.0), told(watch, 12.0), told(watch, 16.0)
    host.gates.bring(host.signed)

    assert (quiet, kept) == (False, False)
    assert (seen, again, later) == (True, False, True)
    assert not told(watch, 30.0)


def test_gates_that_were_closed_and_stand_open_are_seen(host: Host, watch: Watch) -> None:
    """Nothing was proven; that nothing passes is not told."""
    letter = Generation(read_gates(host.proxy.haproxy).letter)
    host.gates.close()
    closed = told(watch)
    current = in_force(letter, 1, datetime.now(UTC) + timedelta(minutes=1))
    host.proxy.haproxy.replace(host.proxy.file("current"), current)
    opened = told(watch)
    host.gates.close()

    assert (closed, opened) == (False, True)


def test_a_log_that_ends_and_begins_is_told_at_once(host: Host, watch: Watch) -> None:
    """The proof that follows closes the gates, and opens them again."""
    host.records = False
    ended, still = told(watch, 1.0), told(watch, 2.0)
    host.keep()
    host.records = True
    begun = told(watch, 3.0)
    host.keep()

    assert (ended, still, begun) == (True, False, True)
    assert not told(watch, 9.0)


def test_what_is_under_way_ends_with_its_time(host: Host, watch: Watch) -> None:
    """Without a proof: the watch ends what could not begin any more."""
    context = host.stand.context(host.stand.shown("person", CLERK))
    with host.stand.connect(DESK, context, HOST) as opened:
        assert host.stand.ask(opened, text("GET", f"{CASE}/slow")).status == GRANTED
        watch.look(0.0)
        runs = host.proxy.haproxy.tracked("streams")
        prolong(host.proxy, datetime.now(UTC) - timedelta(seconds=1))
        watch.look(1.0)
        until(lambda: not host.proxy.haproxy.tracked("streams"))

    assert len(runs) == 1


def test_a_list_counts_as_soon_as_it_lies_there(host: Host, watch: Watch) -> None:
    """Whoever brought it; and without being told again where none is new."""
    file = host.stand.shown("person", CLERK)
    lists = host.stand.folder / "lists/people.crl"
    before = lists.read_bytes()
    watch.take_up()
    granted = host.asks()
    serial = x509.load_pem_x509_certificate(file.read_bytes()).serial_number
    authorities = open_state(host.stand.authorities.folder, datetime.now(UTC), PACKAGED)
    revoke_by_list(authorities, f"{serial:x}", "unspecified", NO_SECRETS, datetime.now(UTC))
    lists.write_bytes((host.stand.authorities.folder / "people/crl.pem").read_bytes())
    watch.take_up()
    refused = host.asks()
    revoke(host.proxy, {})
    watch.take_up()
    untold = host.asks()
    lists.write_bytes(b"no list")
    with pytest.raises(Refused):
        watch.take_up()
    lists.write_bytes(before)

    assert (granted, refused, untold) == (GRANTED, 403, GRANTED)


def test_a_proxy_that_is_away_stops_no_watch(tmp_path: Path) -> None:
    """It says so, and its service looks again."""
    gates = Gates(SITE, tmp_path, given=tmp_path, run=tmp_path)

    with pytest.raises(HaproxyRefused):
        Watch(gates, tmp_path / "changed", lambda: True).look(0.0)


def test_a_list_names_a_certificate_as_the_proxy_does(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a number whose first bit is set, before which DER has a zero."""
    for number in (0xF00D_0000_0000_0000_0001, 0x0BAD_0000_0000_0000_0001):
        monkeypatch.setattr(x509, "random_serial_number", lambda n=number: n)
        name = f"{CLERK}-{number:x}"
        settle(host.stand)
        file = host.stand.shown("person", name)
        count = len(host.stand.decisions)
        status(host.stand, file, text("GET", CASE))
        until(lambda n=count: len(host.stand.decisions) > n)  # type: ignore[misc]  # the loop's

        assert host.stand.decisions[-1]["serial"] == as_shown(number)
        revoke(host.proxy, {f"people/{as_shown(number)}": "2026-11-26"})
        assert status(host.stand, file, text("GET", CASE)) == 403
        until(lambda: host.stand.decisions[-1]["reason"] == "revoked")
