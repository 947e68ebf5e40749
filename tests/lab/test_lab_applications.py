"""The applications on their host: whom they serve, what stays, and what comes back.

The gateway's part is played in one place, `hop`: a certificate in its name, a key of its tokens.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pki.issue import newest_of, renew
from pki.state import Secrets, open_state
from tests.lab.hop import GATEWAY, HOST, Hop, believed, certified, stand_in
from tests.lab.town import Done, Town, until

pytestmark = pytest.mark.lab

#: Plugged into the applications' own segment: no gateway stands before it.
NEIGHBOUR = "neighbour"

SHOWN, KEY = "/etc/loushan-app/service.pem", "/etc/loushan-app/service.key"
BACKUPS = "/var/backups/loushan-approval"
IDENTITY_KEYS = "/var/lib/loushan/identity-keys.json"

#: `systemd-analyze security` calls this OK, and everything above it something worse.
OK = 2.0

UNITS = (
    "loushan-approval.service",
    "loushan-approval-backup.service",
    "loushan-approval-database.service",
    "loushan-approval-prepare.service",
    "loushan-supervision.service",
    "postgresql@17-main.service",
)

#: An application's host, a gateway, and a zone's host with nothing of ours.
HOSTS = (HOST, GATEWAY, "city.business")

FILING = {"matter": "建筑工程施工许可", "applicant": "申请人甲", "content": "拟建仓库一座。"}


@pytest.fixture(scope="module")
def gateway(town: Town) -> Hop:
    """Give who can ask in the gateway's place."""
    return stand_in(town)


@pytest.fixture
def hop(gateway: Hop) -> Iterator[Hop]:
    """Have the application believe who stands in, for one test."""
    with believed(gateway):
        yield gateway


def file(hop: Hop) -> int:
    """File a case at the hall and give its number."""
    answer = hop.ask("approval", "POST", "/cases/", "hall_counter", FILING)
    assert answer.status == 201, answer
    return int(answer.body["id"])


def step(hop: Hop, number: int, what: str, *, decision: str = "") -> int:
    """Have the clerk take a step, and give the status of the answer."""
    method = "PUT" if what in {"grant", "deny"} else "PATCH"
    body = {"step": what, "note": "理由"}
    path = f"/cases/{number}"
    return hop.ask("approval", method, path, "tax_clerk", body, decision=decision).status


def watched(hop: Hop, number: int) -> dict[str, object]:
    """Give a case as supervision shows it."""
    answer = hop.ask("supervision", "GET", "/supervision/", "leader")
    assert answer.status == 200, answer
    found: dict[str, object] = next(each for each in answer.body["cases"] if each["id"] == number)
    return found


# --- what it is for -------------------------------------------------------------------------------


def test_a_case_is_filed_accepted_and_decided_and_supervision_sees_its_clock(hop: Hop) -> None:
    """Each by whom the gateway names; the leader sees when it is due, and that it was in time."""
    number = file(hop)
    filed = watched(hop, number)
    steps = [step(hop, number, "accept")]
    accepted = watched(hop, number)
    steps.append(step(hop, number, "grant"))
    decided = watched(hop, number)

    case = hop.ask("approval", "GET", f"/cases/{number}", "tax_clerk").body
    assert steps == [200, 200]
    assert filed["due_on"]
    assert accepted["due_on"]
    assert accepted["due_on"] != filed["due_on"]
    assert (accepted["pace"], decided["pace"]) == ("on_time", "done")
    assert [each["subject"] for each in case["steps"]] == ["hall_counter", "tax_clerk", "tax_clerk"]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("application", ["approval", "supervision"])
def test_an_application_answers_the_gateway_by_its_gates_name(
    hop: Hop, application: str, family: int
) -> None:
    """Below the root, in both families; its health needs nobody's name."""
    answer = hop.other(family=family).ask(application, "GET", "/health")

    assert (answer.status, answer.body) == (200, {"status": "ok"})


# --- whom it refuses ------------------------------------------------------------------------------


def test_whoever_shows_no_certificate_is_refused(hop: Hop) -> None:
    """At the gateway's own address, with a good token."""
    answer = hop.other(shown="").ask("approval", "GET", "/cases/", "tax_clerk")

    # What is said of it may be lost with the connection.
    said = answer.fault.upper().replace(" ", "_")
    assert answer.status == 0
    assert any(words in said for words in ("CERTIFICATE_REQUIRED", "RESET", "BROKEN_PIPE"))


@pytest.mark.parametrize("name", ["tax-gw", "applications-city"])
def test_whoever_shows_another_name_is_refused(hop: Hop, name: str) -> None:
    """Another gateway's and its own, both of the same authority."""
    answer = hop.other(shown=certified(hop.town, name)).ask(
        "approval", "GET", "/cases/", "tax_clerk"
    )

    assert (answer.status, answer.body["error"]["code"]) == (403, "not_the_gateway")


@pytest.mark.parametrize("application", ["approval", "supervision"])
def test_whoever_comes_from_elsewhere_is_not_heard(hop: Hop, application: str) -> None:
    """Also beside it on its segment, with the gateway's certificate and a good token."""
    town = hop.town
    beside = hop.other(host=NEIGHBOUR)
    found = town.run(NEIGHBOUR, "ping", "-c1", "-W5", str(town.address(HOST, 4)))

    answer = beside.ask(application, "GET", "/health")

    assert found.returncode == 0, "the wire is whole"
    assert "TimeoutError" in answer.fault


def test_a_token_by_another_key_is_refused(hop: Hop) -> None:
    """And the application's log says why."""
    town, cursor = hop.town, hop.town.cursor(HOST)

    stranger = hop.other(key=ec.generate_private_key(ec.SECP256R1()))
    answer = stranger.ask("approval", "GET", "/cases/", "tax_clerk")

    assert (answer.status, answer.body["error"]["code"]) == (403, "not_through_the_gateway")
    assert "refused: unknown_key" in town.since(HOST, cursor, "loushan-approval.service")


def test_who_is_not_named_is_refused(hop: Hop) -> None:
    """The gateway's certificate alone is nobody."""
    assert hop.ask("approval", "GET", "/cases/").status == 403
    assert hop.ask("supervision", "GET", "/supervision/").status == 403


def test_a_decision_lets_one_change_be_done(hop: Hop) -> None:
    """A token that is shown again, with the decision that it was shown with, changes no more."""
    number, decision = file(hop), hop.decision()

    first = step(hop, number, "accept", decision=decision)
    again = step(hop, number, "grant", decision=decision)

    assert (first, again) == (200, 409)
    assert hop.ask("approval", "GET", f"/cases/{number}", "tax_clerk").body["case"]["state"] != (
        "granted"
    )


# --- how shut it is -------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS)
def test_a_service_of_an_application_is_sandboxed(town: Town, unit: str) -> None:
    """What systemd itself says of how exposed it is; PostgreSQL as well."""
    said = town.must(HOST, "systemd-analyze", "security", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)

    assert exposure
    assert float(exposure[1]) <= OK


def test_no_gateway_has_a_database(town: Town) -> None:
    """The image offers it to whoever needs it, and has it installed nowhere."""
    installed = {host: town.ask(host).package("postgresql-17").is_installed for host in HOSTS}

    assert installed == {HOST: True, GATEWAY: False, "city.business": False}


def test_the_database_has_no_address_and_nobody_else_comes_in(town: Town) -> None:
    """Two sockets listen on the host beside ssh, and both are the applications'."""
    listening = town.must(HOST, "ss", "--no-header", "--listening", "--tcp", "--udp", "--numeric")
    ports = {line.split()[4].rpartition(":")[2] for line in listening.splitlines()}
    users = {
        user: town.run(HOST, "runuser", f"--user={user}", "--", "psql", "-XAtc", "SELECT 1", base)
        for user, base in (
            ("nobody", "approval"),
            ("loushan-supervision", "postgres"),
            ("loushan-approval", "postgres"),
        )
    }
    as_another = town.run(HOST, "psql", "-XAtc", "SELECT 1", "-U", "loushan-approval", "approval")

    assert ports == {"22", "8443", "8444"}
    assert {user: done.returncode for user, done in users.items()} == dict.fromkeys(users, 2)
    assert as_another.returncode == 2
    assert "Peer authentication failed" in as_another.stderr


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        pytest.param("loushan-approval", "DELETE FROM steps", id="what was done is removed"),
        pytest.param("loushan-approval", "DROP TABLE cases", id="who serves makes no tables"),
        pytest.param("loushan-supervision", "SELECT content FROM cases", id="what is confidential"),
        pytest.param(
            "loushan-supervision",
            "BEGIN; SET TRANSACTION READ WRITE; DELETE FROM cases",
            id="who watches writes nothing",
        ),
    ],
)
def test_the_database_itself_refuses_what_a_fault_in_a_page_would_do(
    town: Town, user: str, statement: str
) -> None:
    """By the rights of the role that the page has."""
    words = ("psql", "-XAt", "-d", "approval", "-c", statement)
    done = town.run(HOST, "runuser", f"--user={user}", "--", *words)

    assert done.returncode == 1
    assert "permission denied" in done.stderr or "must be owner" in done.stderr


# --- what comes back ------------------------------------------------------------------------------


def test_what_was_dumped_comes_back(hop: Hop) -> None:
    """A table is dropped; the dump of before is put in its place, and the case is there."""
    town, number = hop.town, file(hop)
    town.must(HOST, "systemctl", "start", "loushan-approval-backup.service")
    dump = town.must(HOST, "sh", "-c", f"ls {BACKUPS}/*.dump").split()[-1]
    owner = ("runuser", "--user=loushan-approval-owner", "--")
    town.must(HOST, *owner, "psql", "-qX", "-d", "approval", "-c", "DROP TABLE cases CASCADE")
    lost = hop.ask("approval", "GET", f"/cases/{number}", "tax_clerk").status
    ill = hop.ask("approval", "GET", "/health").status

    said = town.must(HOST, "loushan-approval-restore", dump)

    assert (lost, ill) == (503, 503)
    assert "approval_before_" in said
    assert hop.ask("approval", "GET", f"/cases/{number}", "tax_clerk").status == 200
    assert step(hop, number, "accept") == 200
    assert watched(hop, number)["id"] == number


def test_a_dump_is_for_its_owner_alone(town: Town) -> None:
    """Who serves cannot read one; each night there is another."""
    town.must(HOST, "systemctl", "start", "loushan-approval-backup.service")
    done = town.run(HOST, "runuser", "--user=loushan-approval", "--", "ls", BACKUPS)
    timer = town.must(HOST, "systemctl", "list-timers", "--no-pager", "loushan-approval-backup.*")

    assert done.returncode != 0
    assert "loushan-approval-backup.timer" in timer


def test_a_database_that_was_killed_comes_back_by_itself(hop: Hop) -> None:
    """Nobody starts anything, and what was filed is there."""
    town, number = hop.town, file(hop)
    asked = ("systemctl", "show", "--property=MainPID", "--value", "postgresql@17-main.service")
    before = town.must(HOST, *asked)

    town.must(HOST, "kill", "-KILL", before.strip())

    path = f"/cases/{number}"
    assert until(lambda: hop.ask("approval", "GET", path, "tax_clerk").status == 200)
    assert until(lambda: hop.ask("supervision", "GET", "/health").status == 200)
    assert town.must(HOST, *asked) != before


def test_new_programs_do_not_take_the_databases_memory_away(hop: Hop) -> None:
    """What makes roles runs as PostgreSQL's own user, and is run again with each new version."""
    hop.town.must(HOST, "systemctl", "restart", "loushan-approval-database.service")

    assert until(lambda: hop.ask("approval", "GET", "/health").status == 200)
    assert file(hop)


def test_after_a_boot_it_serves_again(hop: Hop) -> None:
    """What was filed is there."""
    number = file(hop)
    done = hop.town.loushan("lab", "reboot", HOST)

    assert done.returncode == 0, done.stderr
    path = f"/cases/{number}"
    assert until(lambda: hop.ask("approval", "GET", path, "tax_clerk").status == 200)
    assert until(lambda: hop.ask("supervision", "GET", "/health").status == 200)


# --- the playbook ---------------------------------------------------------------------------------


def test_a_second_run_changes_nothing(town: Town) -> None:
    """Nor would a dry run."""
    done, dry = town.playbook("applications"), town.playbook("applications", "--check", "--diff")

    for each in (done, dry):
        assert each.returncode == 0, each.stdout[-3000:]
        assert "changed=0 " in each.stdout


def test_before_a_gateway_has_a_key_it_is_said_what_to_run(town: Town) -> None:
    """Nothing is done to the applications' host."""
    done = without_a_key(town)

    said = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert f"{GATEWAY} cannot say yet who asks: run enforce.yml first" in said
    assert "changed=0 " in done.stdout


def without_a_key(town: Town) -> Done:
    """Run the playbook while the gateway shows no key; its next proof shows it again."""
    for _ in range(3):
        town.must(GATEWAY, "loushan", "agent", "prove")
        town.must(GATEWAY, "mv", IDENTITY_KEYS, f"{IDENTITY_KEYS}.away")
        try:
            done = town.playbook("applications")
        finally:
            is_shown = town.run(GATEWAY, "test", "-e", IDENTITY_KEYS).returncode == 0
            town.must(GATEWAY, "mv", f"{IDENTITY_KEYS}.away", IDENTITY_KEYS)
        if not is_shown:
            return done
    pytest.fail("a proof came between, each time")


def test_both_gateways_of_the_pair_are_believed(town: Town) -> None:
    """The keys of both, and no others; both say it under one name."""
    keys = [
        key
        for gateway in ("city-gw", "city-gw-2")
        for key in json.loads(town.must(gateway, "cat", IDENTITY_KEYS))["keys"]
    ]
    town.playbook("applications")
    known = json.loads(town.must(HOST, "cat", "/etc/loushan-app/gateway.jwks"))["keys"]

    assert sorted(known, key=str) == sorted(keys, key=str)


def test_a_key_that_is_gone_is_made_anew_and_shown(town: Town) -> None:
    """The applications are started again with what was certified of it."""
    before = town.must(HOST, "cat", SHOWN)
    town.must(HOST, "rm", KEY)

    done = town.playbook("applications")

    after = town.must(HOST, "cat", SHOWN)
    assert done.returncode == 0, done.stdout[-3000:]
    assert before != after
    assert shown_by(town) == {after}


def test_what_is_old_is_renewed_with_another_key(town: Town) -> None:
    """A quarter of its life is left; the applications are started again with the new one."""
    asked = town.must(HOST, "openssl", "req", "-new", "-key", KEY, "-subj", "/CN=applications-city")
    now = datetime.now(UTC)
    state = open_state(town.places.authorities, now)
    record, then = newest_of(state, "applications-city", "service"), now - timedelta(days=45)
    old = renew(state, record, asked.encode(), Secrets(), then).chain().decode()
    town.must(HOST, "sh", "-c", f"cat >{SHOWN}", text=old)
    key = town.must(HOST, "sha256sum", KEY)

    dry = town.playbook("applications", "--check", "--diff")
    unchanged = town.must(HOST, "sha256sum", KEY), town.must(HOST, "cat", SHOWN)
    done = town.playbook("applications")

    after = town.must(HOST, "cat", SHOWN)
    assert "less than a third of its life is left" in " ".join(dry.stdout.split())
    assert unchanged == (key, old)
    assert done.returncode == 0, done.stdout[-3000:]
    assert after != old
    assert town.must(HOST, "sha256sum", KEY) != key
    assert shown_by(town) == {after}


def shown_by(town: Town) -> set[str]:
    """Give the certificates that the running applications were handed."""
    units = ("loushan-approval.service", "loushan-supervision.service")
    return {town.must(HOST, "cat", f"/run/credentials/{u}/certificate.pem") for u in units}
