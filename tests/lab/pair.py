"""The city's pair of gateways, as tests have it: both in order, and the first one active."""

import re
import socket

from lab import namespace
from lab.hosts.pair import active
from tests.lab.town import Town, until

FIRST, SECOND = BOTH = ("city-gw", "city-gw-2")
SITE = "city"

#: What is permitted, over a link of the city's; and what is not.
SENDER, RECEIVER, PERMITTED, REFUSED = "tax.office", "city.business", 443, 5432

_TRY_SECONDS = 0.2


def settle(town: Town) -> None:
    """Have both in order, and the first one active."""
    for host in BOTH:
        assert until(lambda host=host: town.is_proven(host), 90), host  # type: ignore[misc]  # the loop's
    assert until(lambda: len(who(town)) == 1, 30), who(town)
    if who(town) == [SECOND]:
        town.must(SECOND, "systemctl", "restart", "keepalived.service")
    assert until(lambda: who(town) == [FIRST], 30), who(town)
    assert until(lambda: stands_by(town), 30)
    assert until(lambda: passes(town, PERMITTED), 60)


def stands_by(town: Town) -> bool:
    """Tell whether the second one has heard that the first one is active.

    While it has not, as when both have just begun, a cable that is pulled makes it active too,
    until it hears so.
    """
    said = town.journal(SECOND, "--unit=keepalived.service", "--lines=200")
    return re.findall(r"VRRP_Script\(alone\) (\w+)", said)[-1:] == ["failed"]


def who(town: Town) -> list[str]:
    """Give who is active."""
    return active(town.places, town.plan, SITE)


def passes(town: Town, port: int, version: int = 4) -> bool:
    """Tell whether a connection is answered, be it by a refusal of the host's own."""
    there = str(town.address(RECEIVER, version))

    def attempt() -> bool:
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_STREAM) as opened:
            opened.settimeout(_TRY_SECONDS)
            try:
                opened.connect((there, port))
            except ConnectionRefusedError:
                return True
            except OSError:
                return False
            return True

    return namespace.inside(town.namespace(SENDER), attempt)
