"""Faults beside the gateways, and of the city's gates: each is caused on a real host."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from lab.hosts.desk import give_card
from lab.hosts.keeper import cgroup_of
from tests.lab.receiver import HOST
from tests.lab.seat import desk_at
from tests.lab.town import Town, until

OPERATIONS = "city.operations"

#: So many packets a second, and for so long at most.
_FLOOD = 100
_FLOOD_SECONDS = 900

#: Runs on a host of a zone: sends where nothing is let through, evenly.
_SENDS = f"""
import socket, sys, time
sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range({_FLOOD * _FLOOD_SECONDS}):
    sending.sendto(b"-", (sys.argv[1], 9))
    time.sleep({1 / _FLOOD})
"""


def log_host_away(town: Town) -> AbstractContextManager[None]:
    """Have the log host take no journal."""
    units = ("door.socket", "door.service", "store.service")
    return town.without(HOST, *(f"loushan-logs-{each}" for each in units))


def watchdog_deaf(town: Town) -> AbstractContextManager[None]:
    """Have nobody listen to whom the monitoring host says that it lives."""
    return town.without(OPERATIONS, "loushan-watchdog.socket", "loushan-watchdog.service")


def part_stopped(town: Town) -> AbstractContextManager[None]:
    """Stop the monitoring host's own exporter."""
    return town.without(HOST, "loushan-node-exporter.service")


@contextmanager
def enrolment_frozen(town: Town) -> Iterator[None]:
    """Have the enrolment server, which takes connections, say nothing any more."""
    freezer = cgroup_of(town.places) / "authority" / "cgroup.freeze"
    freezer.write_text("1")
    try:
        yield
    finally:
        freezer.write_text("0")


@contextmanager
def way_lost(town: Town, gateway: str) -> Iterator[None]:
    """Have nothing reach a gateway by IPv6 from the monitoring host."""
    route = ("ip", "-6", "route")
    lost = ("blackhole", str(town.address(gateway, 6)))
    town.must(HOST, *route, "add", *lost)
    try:
        yield
    finally:
        town.must(HOST, *route, "del", *lost)


@contextmanager
def flooded(town: Town, sender: str, receiver: str) -> Iterator[None]:
    """Send what is refused, and much of it."""
    run = ("systemd-run", "--quiet", "--unit=test-flood", "python3", "-c", _SENDS)
    town.must(sender, *run, str(town.address(receiver, 4)))
    try:
        yield
    finally:
        town.run(sender, "systemctl", "stop", "test-flood")


# --- the city's gates -----------------------------------------------------------------------------


@contextmanager
def proxy_stopped(town: Town, host: str) -> Iterator[None]:
    """Stop who serves requests."""
    with _gates(town, host), town.without(host, "loushan-proxy.service"):
        town.run(host, "loushan", "agent", "prove")
        yield


@contextmanager
def log_stopped(town: Town, host: str) -> Iterator[None]:
    """Stop who records decisions."""
    with _gates(town, host), town.without(host, "loushan-log.service"):
        yield


@contextmanager
def log_cut(town: Town, host: str) -> Iterator[None]:
    """Take the last decision out of the log, which the follower finds when it begins anew."""
    folder, follower = "/var/lib/loushan-log/decisions", "loushan-log.service"
    _ask(town)
    with _gates(town, host):
        newest = town.must(host, "sh", "-c", f"ls {folder}/*.jsonl | tail -n1").strip()
        cut = f'systemctl stop {follower} && cp -a "$0" /root/kept && sed -i \'$d\' "$0"'
        put_back = f'systemctl stop {follower} && cat /root/kept >"$0" && rm /root/kept'
        town.must(host, "sh", "-c", cut, newest)
        town.run(host, "systemctl", "start", follower)
        try:
            yield
        finally:
            town.must(host, "sh", "-c", put_back, newest)
            town.must(host, "systemctl", "start", follower)


@contextmanager
def _gates(town: Town, host: str) -> Iterator[None]:
    """Have the gates open before, and again afterwards."""
    assert until(lambda: town.is_open(host))
    yield
    town.run(host, "loushan", "agent", "prove")
    assert until(lambda: town.is_open(host))


def _ask(town: Town) -> None:
    """Have somebody ask once, so that there is a decision."""
    name, seat = "leader", "city.leaders"
    give_card(town.places, seat, name)
    answer = desk_at(town, seat, name, "supervision").ask("GET", "/supervision/")
    assert answer.status == 200, answer
