"""The lab itself: it comes up, can be used, and leaves nothing, however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import namespace
from lab.hosts.places import OWNER_VARIABLE, VARIABLE, Places
from tests.lab.town import ROOT, loushan, until

pytestmark = pytest.mark.lab

WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")

#: Of two sites, and of one host more.
FEW = ("--sites", "tax,city", "--guest", "walled@tax.office")


@pytest.fixture
def name() -> Iterator[str]:
    """Give the name of a lab of the test's own; it is taken down in any case."""
    name = f"l{os.getpid()}"
    yield name
    loushan(name, "lab", "down")


def leftovers(name: str) -> list[str]:
    """Give everything on this machine that carries a lab's name."""
    places = Places(name)
    found = [str(path) for path in (places.run, places.disk) if path.exists()]
    found += namespace.names(places.prefix)
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [line for line in mounts if f"/{name}/" in line or places.prefix in line]
    # os.walk does not mind what goes while it looks.
    folders = (folder for folder, _, _ in os.walk("/sys/fs/cgroup"))
    found += [folder for folder in folders if folder.endswith(f"/loushan-{name}")]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(f"/{name}/" in os.fsdecode(word) for word in words) or (
            b"lab.hosts.keeper" in words and name.encode() in words
        ):
            found.append(f"{process}: {words!r}")
    return found


def start(name: str, *words: str, owner: int = 0) -> subprocess.Popen[bytes]:
    """Begin to put a lab up."""
    environment = {**os.environ, VARIABLE: name, OWNER_VARIABLE: str(owner)}
    return subprocess.Popen(
        [sys.executable, "-I", "-m", "gateway.cli", "lab", "up", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def hosts_booted(name: str) -> int:
    """Count the hosts that are ready."""
    return len(list(Places(name).run.glob("hosts/*/ready")))


def test_a_part_of_the_city_comes_up_is_used_and_leaves_nothing(name: str) -> None:
    """Up, status, exec, logs, cut, join, down: what the README promises, in this order."""
    watchers = WATCHERS.read_text()

    up = loushan(name, "lab", "up", *FEW, "--json")
    status = loushan(name, "lab", "status", "--json")
    said = loushan(name, "lab", "exec", "tax", "--", "hostname")
    failed = loushan(name, "lab", "exec", "tax.office", "--", "false")
    asked = until(lambda: is_answered(name), 5)
    cut = loushan(name, "lab", "cut", "walled")
    unanswered = is_answered(name)
    loushan(name, "lab", "join", "walled")
    joined = until(lambda: is_answered(name), 5)
    logs = loushan(name, "lab", "logs", "tax-gw", "--unit", "host-keys")
    down = loushan(name, "lab", "down")

    assert up.returncode == 0, up.stderr
    hosts = {entry["host"]: entry for entry in json.loads(status.stdout)}
    assert {entry["host"] for entry in json.loads(up.stdout)["hosts"]} == set(hosts)
    assert {"city-gw", "tax-gw", "tax.office", "tax.business", "walled"} <= set(hosts)
    assert not [host for host in hosts if host.startswith(("housing", "huichuan", "portal"))]
    assert {entry["system"] for entry in hosts.values()} == {"running"}
    assert hosts["tax-gw"]["agent"] is None
    assert (said.returncode, said.stdout) == (0, "tax-gw\n")
    assert failed.returncode == 1
    assert (asked, cut.returncode, unanswered, joined) == (True, 0, False, True)
    assert "SSH keys" in logs.stdout
    assert down.returncode == 0
    assert not leftovers(name)
    assert WATCHERS.read_text() == watchers


def is_answered(name: str) -> bool:
    """Tell whether the gateway answers who is walled in; a cable that is new may lose the first."""
    ping = ("ping", "-c1", "-W1", "10.11.1.1")
    return loushan(name, "lab", "exec", "walled", "--", *ping).returncode == 0


@pytest.mark.parametrize(
    ("number", "booted"),
    [
        pytest.param(signal.SIGINT, 0, id="Ctrl-C at once"),
        pytest.param(signal.SIGINT, 2, id="Ctrl-C while hosts boot"),
        pytest.param(signal.SIGTERM, 1, id="a polite kill while hosts boot"),
        pytest.param(signal.SIGKILL, 0, id="kill -9 before a host boots"),
        pytest.param(signal.SIGKILL, 2, id="kill -9 while hosts boot"),
    ],
)
def test_up_that_is_ended_in_the_middle_leaves_nothing(
    name: str, number: signal.Signals, booted: int
) -> None:
    """Half a lab is none."""
    watchers = WATCHERS.read_text()
    process = start(name, "--sites", "city,tax")
    assert until(Places(name).description.exists)
    assert until((Places(name).run / "keeper").exists)
    assert until(lambda: hosts_booted(name) >= booted)

    process.send_signal(number)
    process.wait(120)

    assert process.returncode != 0
    assert until(lambda: not leftovers(name)), leftovers(name)
    assert WATCHERS.read_text() == watchers


def test_a_lab_goes_with_the_process_it_is_for(name: str) -> None:
    """Tests that are killed -9 leave no city; while their process lives, the city stands."""
    with subprocess.Popen(["sleep", "600"]) as owner:
        up = loushan(name, "lab", "up", "--sites", "portal", owner=owner.pid)
        time.sleep(0.5)
        stands = hosts_booted(name)
        owner.kill()
        owner.wait()

    assert up.returncode == 0, up.stderr
    assert stands == 2
    assert until(lambda: not leftovers(name)), leftovers(name)


def test_a_lab_whose_keeper_is_killed_leaves_nothing(name: str) -> None:
    """Kill -9 the one that keeps the hosts; the one above it takes all away."""
    assert loushan(name, "lab", "up", "--sites", "portal").returncode == 0
    above = int((Places(name).run / "keeper").read_text())
    kept = int(Path(f"/proc/{above}/task/{above}/children").read_text().split()[0])

    os.kill(kept, signal.SIGKILL)

    assert until(lambda: not leftovers(name)), leftovers(name)


def test_two_labs_stand_side_by_side(name: str) -> None:
    """Each has its own hosts; one goes and the other does not notice."""
    other = f"{name}b"
    try:
        both = [loushan(lab, "lab", "up", "--sites", "portal") for lab in (name, other)]
        loushan(name, "lab", "exec", "portal.web", "--", "touch", "/root/mine")
        seen = loushan(other, "lab", "exec", "portal.web", "--", "ls", "/root/mine")
        twice = loushan(name, "lab", "up", "--sites", "portal")
        loushan(other, "lab", "down")
        still = loushan(name, "lab", "exec", "portal.web", "--", "ls", "/root/mine")
    finally:
        loushan(other, "lab", "down")

    assert [up.returncode for up in both] == [0, 0]
    assert seen.returncode != 0
    assert "ZG678" in twice.stderr
    assert still.returncode == 0
    assert not leftovers(other)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["up", "--sites", "taxx"], "ZG660", id="a site that is not in the plan"),
        pytest.param(["up", "--guest", "eve@tax.cellar"], "ZG672", id="a guest in no zone"),
        pytest.param(["up", "--guest", "eve@tax.gateway"], "ZG672", id="a guest in a gateway"),
        pytest.param(["up", "--guest", "eve"], "ZG681", id="a guest nowhere"),
        pytest.param(["exec", "tax", "--", "true"], "ZG671", id="a command while no lab is up"),
        pytest.param(["status"], "ZG671", id="the status while no lab is up"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    name: str, words: list[str], code: str
) -> None:
    """A refusal says why, and nothing was begun."""
    done = loushan(name, "lab", *words)

    assert done.returncode != 0
    assert code in done.stderr
    assert not leftovers(name)


def test_a_name_that_is_none_is_refused() -> None:
    """A lab's name becomes part of folders that are removed: only small letters, digits, dashes."""
    refused = [loushan(bad, "lab", "down") for bad in ("../x", "A", "", "遵义")]

    assert all("ZG670" in done.stderr for done in refused)


def test_an_owner_that_is_no_process_is_refused(name: str) -> None:
    """The variable holds a number or is not set."""
    environment = {**os.environ, VARIABLE: name, OWNER_VARIABLE: "me"}
    done = subprocess.run(
        [sys.executable, "-I", "-m", "gateway.cli", "lab", "up", "--sites", "portal"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ZG684" in done.stderr
    assert not leftovers(name)


def test_a_host_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    """The refusal names hosts that there are."""
    loushan(name, "lab", "up", "--sites", "portal")

    done = loushan(name, "lab", "exec", "portall", "--", "true")

    assert "ZG677" in done.stderr
    assert "portal.web" in done.stderr
