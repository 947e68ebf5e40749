"""Each host has the city's time, from a server that its authority has certified and nobody else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

SERVER, GATEWAY, APPLICATIONS = "city.monitoring", "tax-gw", "city.applications"
AUTHORITY, SETTINGS = "/etc/loushan/time/authority.pem", "/etc/chrony/chrony.conf"

#: Mode, key, type, length; then how long ago, attempts, refusals, and cookies that are left.
_AUTHENTICATED = re.compile(r"(?m)^(\S+) +NTS +[1-9]\d* +\d+ +[1-9]\d* +\S+ +\d+ +\d+ +[1-9]")


def asked(town: Town, host: str, what: str) -> str:
    """Give what chrony says of itself."""
    return town.run(host, "chronyc", "-n", what).stdout


def is_authenticated(town: Town, host: str) -> bool:
    """Tell whether a host has shaken hands with a time server."""
    return _AUTHENTICATED.search(asked(town, host, "authdata")) is not None


def goes_by_it(town: Town, host: str) -> bool:
    """Tell whether a host's time is that of a server."""
    return "Leap status     : Normal" in asked(town, host, "tracking")


@contextmanager
def otherwise(town: Town, host: str, file: str, text: str) -> Iterator[None]:
    """Have something else in a file for a while, and no cookie or time from before."""
    before = town.must(host, "cat", file)
    forget = "systemctl stop chrony; rm -f /var/lib/chrony/*.nts; systemctl start chrony"
    town.must(host, "tee", file, text=text)
    town.must(host, "sh", "-c", forget)
    try:
        yield
    finally:
        town.must(host, "tee", file, text=before)
        town.must(host, "sh", "-c", forget)


@pytest.mark.parametrize("host", [GATEWAY, "city-gw", APPLICATIONS])
def test_a_host_has_the_time_of_the_citys_server_authenticated(town: Town, host: str) -> None:
    """By NTS, as chrony itself says; a cookie has come, and the source counts."""
    assert until(lambda: is_authenticated(town, host) and goes_by_it(town, host))

    found = _AUTHENTICATED.search(asked(town, host, "authdata"))
    assert found is not None
    assert found[1] in {str(town.address(SERVER, family)) for family in (4, 6)}


def test_a_server_that_another_authority_has_certified_is_not_heard(town: Town) -> None:
    """Here the host trusts the authority of people, and no longer the server's."""
    people = (town.places.authorities / "people/authority.pem").read_text("ascii")

    with otherwise(town, GATEWAY, AUTHORITY, people):
        tried = "journalctl -u chrony -n 20 | grep -E 'TLS handshake.*failed|not trusted'"
        assert until(lambda: town.run(GATEWAY, "sh", "-c", tried).returncode == 0)
        assert not is_authenticated(town, GATEWAY)
        assert not goes_by_it(town, GATEWAY)

    assert until(lambda: is_authenticated(town, GATEWAY))


def test_time_that_is_not_authenticated_counts_for_nothing(town: Town) -> None:
    """The same server answers, and is not believed."""
    settings = town.must(GATEWAY, "cat", SETTINGS)
    assert " nts " in settings

    with otherwise(town, GATEWAY, SETTINGS, settings.replace(" nts ", " ")):
        # `N`: its answers are good, and it may not be chosen.
        passed_over = re.compile(r"(?m)^N \S+ +N .* [0-9.]+ +\S+ +\S+ +N$")
        assert until(lambda: passed_over.search(asked(town, GATEWAY, "selectdata")) is not None, 15)
        assert not goes_by_it(town, GATEWAY)

    assert until(lambda: goes_by_it(town, GATEWAY))


@pytest.mark.parametrize("host", [GATEWAY, SERVER])
def test_a_containers_clock_is_watched_and_not_set_and_that_is_said(town: Town, host: str) -> None:
    """On a machine of its own the same program sets it."""
    told = town.journal(host, "--unit=chrony.service")

    assert "it is watched here, and not set" in told
    assert "Disabled control of system clock" in told


def test_nobody_is_served_but_by_the_policy(town: Town) -> None:
    """The key exchange is closed to an office; a gateway comes to it, and serves nobody itself."""
    address = str(town.address(SERVER, 4))

    assert town.run("tax.office", "nc", "-z", "-w", "1", address, "4460").returncode != 0
    assert town.run(GATEWAY, "nc", "-z", "-w", "4", address, "4460").returncode == 0
    assert ":123 " not in town.must(GATEWAY, "ss", "-Huln")
