"""The gates of a host, on a real HAProxy: open while four things hold, closed when one does not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.agent.gates import Gates, GateState
from gateway.agent.signed import SignedPlan, read_delivered, verified
from gateway.load.gate_lists import AUTHORITIES, as_shown
from gateway.load.gates import Proxy, close, revoke, tell
from gateway.policy.signers import load_trust
from pki.signers import make_signers
from tests.kernel.test_agent import Gateway
from tests.proxies import CASE, CLERK, HOST, SITE, Stand, settle, standing, status, text, until

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
    now = datetime.now(UTC)
    make_signers(folder / "trust", "ed25519", None, now)
    plan = Gateway(folder, "").signed("one")
    signed = verified(read_delivered(plan), load_trust(folder / "trust"), datetime.now(UTC))
    with standing(signed.plan, folder / "proxy") as stand:
        lay_out(stand)
        state = folder / "state"
        state.mkdir()
        (state / "proxy").symlink_to(stand.folder)
        host = Host(stand, signed, state)
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


def test_a_plan_without_gates_leaves_none(host: Host) -> None:
    """What ran for another plan ends."""
    without = replace(host.signed, plan=replace(host.signed.plan, resources={}, grants=()))
    state = host.gates.bring(without)
    with pytest.raises(OSError, match="refused"):
        host.asks()

    assert state == GateState(is_open=False)
    assert host.gates.keep(without) == (GateState(is_open=False), [])


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
