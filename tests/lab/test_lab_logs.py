"""The log host has what every host says, by the name in its certificate, and loses none of it."""

import json
import os
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lab.hosts.signing import certify
from pki.parts import make_key
from playbooks.plugins.action.service_identity import chain_for
from playbooks.plugins.logs import sender_address
from tests.authorities import request
from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

LOG_HOST, SERVER = "city.monitoring", "monitoring-city-logs.svc.lab.internal"
SENDER, OTHER, APPLICATIONS = "tax-gw", "city-gw-2", "city.applications"
FOLDER = "/var/log/loushan-logs"

#: A journal that came to its end long ago.
OLD = f"{FOLDER}/remote-127.0.0.9@{'a' * 32}-0000000000000001-0005f00000000000.journal"

DOOR, STORE, SOCKET = (
    f"loushan-logs-{name}" for name in ("door.service", "store.service", "door.socket")
)
FORWARD = "loushan-forward.service"

#: `systemd-analyze security` calls this OK, and everything above it something worse.
OK = 2.0

#: Runs on a host with Debian's Python: brings one entry, and says what came of it as JSON.
_CLIENT = """
import http.client, json, socket, ssl, sys, tempfile
asked = json.load(sys.stdin)
own = "/etc/loushan/forward"
context = ssl.create_default_context(cafile=f"{own}/authorities.pem")
context.maximum_version = getattr(ssl.TLSVersion, asked["most"])
with tempfile.NamedTemporaryFile("w", dir="/dev/shm") as shown:
    if asked["shown"] == "own":
        context.load_cert_chain(f"{own}/certificate.pem", f"{own}/forward.key")
    elif asked["shown"]:
        shown.write(asked["shown"])
        shown.flush()
        context.load_cert_chain(shown.name)
try:
    plain = socket.create_connection((asked["server"], 6514), 4)
    with context.wrap_socket(plain, server_hostname=asked["server"]) as secured:
        body = asked["body"].encode()
        head = "POST /upload HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/vnd.fdo.journal"
        secured.sendall(f"{head}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n".encode() + body)
        answer = http.client.HTTPResponse(secured)
        answer.begin()
        print(json.dumps({"status": answer.status, "fault": ""}))
except (OSError, http.client.HTTPException) as fault:
    print(json.dumps({"status": 0, "fault": f"{type(fault).__name__}: {fault}"}))
"""


def entry(word: str, host: str) -> str:
    """Give one entry of a journal, which says that it is a host's."""
    return (
        "__REALTIME_TIMESTAMP=1795000000000000\n__MONOTONIC_TIMESTAMP=1000\n"
        f"_BOOT_ID={'1' * 32}\n_MACHINE_ID={'2' * 32}\n_HOSTNAME={host}\nMESSAGE={word}\n\n"
    )


def bring(
    town: Town, word: str, *, shown: str, says: str = SENDER, most: str = "TLSv1_3"
) -> tuple[int, str]:
    """Bring an entry from a gateway, showing a certificate; give the status, or why none."""
    body = word if "\n" in word else entry(word, says)
    asked = {"shown": shown, "most": most, "server": SERVER, "body": body}
    answer = json.loads(town.must(SENDER, "python3", "-c", _CLIENT, text=json.dumps(asked)))
    return answer["status"], answer["fault"]


def word() -> str:
    """Give a word that nobody else says."""
    return f"mark-{os.urandom(6).hex()}"


def say(town: Town, host: str) -> str:
    """Have a host say something in its journal, and give what it said."""
    said = word()
    town.must(host, "logger", said)
    return said


def kept(town: Town, host: str, text: str) -> int:
    """Tell how often the log host has some words of a host."""
    done = town.run(LOG_HOST, "loushan-logs", host, "--output=cat", f"--grep={text}", "--no-pager")
    return done.stdout.count(text)


def is_kept(town: Town, host: str, text: str) -> bool:
    """Wait until the log host has some words of a host; tell whether it has."""
    return until(lambda: kept(town, host, text) > 0)


def forwarded(town: Town, host: str) -> float:
    """Give when the log host had all of a gateway's journal, as the gateway's metrics have it."""
    told = town.must(
        host, "loushan", "metrics", "show", "loushan_journal_forwarded_timestamp_seconds"
    )
    return float(told.split()[-1])


def is_refused(town: Town, since: str) -> bool:
    """Wait until who sends says that the log host does not take it; tell whether it does."""
    return until(lambda: "failed" in town.since(SENDER, since, unit=FORWARD))


@pytest.mark.parametrize("host", [SENDER, OTHER, APPLICATIONS])
def test_what_a_host_says_is_on_the_log_host(town: Town, host: str) -> None:
    """A gateway's, one of a pair's, and an application's."""
    assert is_kept(town, host, say(town, host))


def test_what_a_gateway_refuses_is_on_the_log_host(town: Town) -> None:
    """With its reason: this is what an attack is traced by."""
    town.run("tax.office", "nc", "-z", "-w", "1", str(town.address("city.office", 4)), "443")

    assert is_kept(town, SENDER, "loushan:no_conduit")


@pytest.fixture(scope="module")
def shown(town: Town, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Certify another service, and a person who is called as a sender."""
    key, name = make_key("ecdsa-p384"), f"{SENDER}-logs"
    folder = tmp_path_factory.mktemp("person")
    person = certify(town.places.authorities, name, request(name, key).decode(), folder, "person")
    return {
        "nobody": "",
        "person": person + _private(key),
        "service": _service(town, f"{SENDER}-metrics"),
    }


def _service(town: Town, name: str) -> str:
    key = make_key("ecdsa-p384")
    chain = chain_for(town.places.authorities, name, request(name, key).decode(), is_old=False)
    return chain + _private(key)


def _private(key: object) -> str:
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return str(key.private_bytes(*plain).decode())  # type: ignore[attr-defined]  # a key of any kind


@pytest.mark.parametrize(
    ("who", "status"),
    [
        pytest.param("nobody", 0, id="no certificate"),
        pytest.param("person", 403, id="the sender's name, by another authority"),
        pytest.param("service", 403, id="a name that sends nothing: the same gateway's metrics"),
    ],
)
def test_who_is_no_sender_of_the_plan_is_refused(
    town: Town, shown: dict[str, str], who: str, status: int
) -> None:
    """Nothing of what they bring is kept, under any name."""
    said = word()

    answer, fault = bring(town, said, shown=shown[who])

    assert answer == status, fault
    assert town.run(LOG_HOST, "grep", "-rlqs", said, FOLDER).returncode == 1


def test_an_older_tls_is_refused(town: Town) -> None:
    """Also with the sender's own certificate, which is taken by 1.3."""
    assert bring(town, word(), shown="own", most="TLSv1_2")[0] == 0
    assert bring(town, word(), shown="own")[0] == 202


def test_nobody_writes_in_the_name_of_another(town: Town) -> None:
    """Whatever an entry says of itself, it is kept as whose certificate was shown."""
    said = word()

    assert bring(town, said, shown="own", says=OTHER)[0] == 202

    assert is_kept(town, SENDER, said)
    assert kept(town, OTHER, said) == 0


def test_a_revoked_sender_is_refused_and_nobody_else(town: Town) -> None:
    """By the number of its certificate, as `revoke.yml` delivers it."""
    number = town.must(
        SENDER,
        "openssl",
        "x509",
        "-in",
        "/etc/loushan/forward/certificate.pem",
        "-noout",
        "-serial",
    )
    file = "/etc/loushan/logs/revoked"
    before = town.must(LOG_HOST, "cat", file)
    try:
        serial = number.strip().removeprefix("serial=")
        town.must(LOG_HOST, "tee", file, text=f"{before}{serial}\n")
        town.must(LOG_HOST, "systemctl", "restart", DOOR)
        answer = bring(town, word(), shown="own")
        arrives = is_kept(town, OTHER, say(town, OTHER))
    finally:
        town.must(LOG_HOST, "tee", file, text=before)
        town.must(LOG_HOST, "systemctl", "restart", DOOR)

    assert answer[0] == 403
    assert arrives
    assert is_kept(town, SENDER, say(town, SENDER))


def test_the_store_is_on_no_network_that_another_process_is_on(town: Town) -> None:
    """Whoever is on the log host and no administrator cannot bring what no certificate names."""
    knock = ("nc", "-z", "-w", "1", "127.0.0.1", "19532")
    number = town.must(
        LOG_HOST, "systemctl", "show", "--property=MainPID", "--value", STORE
    ).strip()

    assert town.run(LOG_HOST, *knock).returncode != 0
    assert town.run(LOG_HOST, "nsenter", f"--target={number}", "--net", *knock).returncode == 0


def test_nobody_comes_there_by_the_policy_but_who_sends(town: Town) -> None:
    """The packets are dropped: a zone beside the log host's, and an office of another site."""
    address = str(town.address(LOG_HOST, 4))

    for host in ("city.office", "tax.office"):
        assert town.run(host, "nc", "-z", "-w", "1", address, "6514").returncode != 0
    assert town.run(SENDER, "nc", "-z", "-w", "4", address, "6514").returncode == 0


def test_nothing_is_lost_while_the_log_host_is_away(town: Town) -> None:
    """What is said meanwhile arrives afterwards; until then the gateway tells that it has not."""
    cursor = town.cursor(SENDER)
    try:
        town.must(LOG_HOST, "systemctl", "stop", SOCKET, DOOR, STORE)
        said = [say(town, SENDER) for _ in range(3)]
        assert is_refused(town, cursor)
        before = forwarded(town, SENDER)
        told = word()
        town.must(SENDER, "logger", told)
        stands_still = forwarded(town, SENDER) == before
    finally:
        town.must(LOG_HOST, "systemctl", "start", STORE, SOCKET, DOOR)

    assert stands_still
    assert all(is_kept(town, SENDER, each) for each in (*said, told))
    assert until(lambda: forwarded(town, SENDER) > before)


@pytest.fixture
def little_room(town: Town) -> Iterator[Callable[[], None]]:
    """Give the store a disk that is nearly full; hand out how it is given back what it had."""
    mount = ("mount", "-t", "tmpfs", "-o", "size=16m,mode=0777", "tmpfs", FOLDER)
    gone: list[bool] = []

    def give_back() -> None:
        if not gone:
            town.must(LOG_HOST, "systemctl", "stop", DOOR, STORE)
            town.must(LOG_HOST, "umount", FOLDER)
            town.must(LOG_HOST, "systemctl", "start", STORE, DOOR)
            gone.append(True)

    town.must(LOG_HOST, "systemctl", "stop", DOOR, STORE)
    own = f"{FOLDER}/remote-{sender_address(OTHER)}.journal"
    town.must(LOG_HOST, "sh", "-c", f"cp {own} /root/old; {' '.join(mount)}; mv /root/old {OLD}")
    filler = f"head -c $(( $(df --output=avail -B1 {FOLDER} | tail -n1) - 1500000 )) /dev/zero"
    town.must(LOG_HOST, "sh", "-c", f"{filler} >{FOLDER}/filler")
    town.must(LOG_HOST, "systemctl", "start", STORE, DOOR)
    yield give_back
    give_back()


def test_with_a_full_disk_nothing_is_taken_in_and_that_is_told(
    town: Town, little_room: Callable[[], None]
) -> None:
    """Nothing old is taken away for it, and what was refused arrives when there is room again."""
    cursor, seen = town.cursor(LOG_HOST), town.cursor(SENDER)
    # More than there is room for, and nothing that could be pressed together.
    much = "".join(entry(os.urandom(30_000).hex(), SENDER) for _ in range(100))
    answer = bring(town, much, shown="own")
    # Small entries find room for a while.
    assert is_refused(town, seen)
    before = forwarded(town, SENDER)
    said = say(town, SENDER)

    assert answer[0] != 202
    assert town.says(LOG_HOST, cursor, "No space left on device", unit=STORE)
    assert forwarded(town, SENDER) == before
    assert town.run(LOG_HOST, "test", "-s", OLD).returncode == 0
    town.must(LOG_HOST, "systemctl", "start", "loushan-logs-tidy.service")
    assert "% full" in town.since(LOG_HOST, cursor, unit="loushan-logs-tidy.service")
    little_room()
    assert is_kept(town, SENDER, said)


def test_a_journal_is_kept_for_half_a_year_after_its_last_entry(town: Town) -> None:
    """What is older than the law wants goes, and nothing before; whatever its first entry says."""
    name = f"{FOLDER}/remote-127.0.0.9@{'a' * 32}-0000000000000001-0005f00000000000"
    script = f"touch -d '-199 days' {name}.journal; touch -d '-202 days' {name[:-1]}1.journal"
    town.must(LOG_HOST, "sh", "-c", script)

    town.must(LOG_HOST, "systemctl", "start", "loushan-logs-tidy.service")

    left = town.must(LOG_HOST, "ls", FOLDER)
    town.must(LOG_HOST, "rm", f"{name}.journal")
    assert f"{name.rpartition('/')[2]}.journal" in left
    assert f"{name[:-1].rpartition('/')[2]}1.journal" not in left
    assert f"remote-{sender_address(SENDER)}.journal" in left


def test_who_sends_and_who_keeps_may_do_little_else(town: Town) -> None:
    """As systemd judges the services."""
    for host, units in (
        (SENDER, [FORWARD]),
        (LOG_HOST, [DOOR, STORE, "loushan-logs-tidy.service"]),
    ):
        for unit in units:
            said = town.must(host, "systemd-analyze", "security", "--no-pager", unit)
            assert float(said.strip().splitlines()[-1].split(":")[1].split()[0]) <= OK
