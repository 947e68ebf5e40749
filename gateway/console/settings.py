"""What the administrator told a page: `/etc/loushan-page/NAME.toml`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.settings import read_settings_file

#: The settings' file, in the environment of the service.
VARIABLE = "LOUSHAN_PAGE_SETTINGS"

#: By these names a browser on the host itself asks.
LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


class Shows(StrEnum):
    """What a page is of: everything, or what the exhibition hall may know."""

    CITY = "city"
    HALL = "hall"


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What is shown, and to whom.

    `readers` are the names in the certificates of who may look; without any there
    is no TLS, and the role has the page listen on the host itself alone.
    `hosts` are the names by which it may be asked for.
    """

    shows: Shows
    readers: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = LOOPBACK


def page_settings(environment: Mapping[str, str] = os.environ) -> PageSettings:
    """Read the settings that the environment names; a word that is not known is refused.

    Raises:
        Refused: ZG974, they cannot be read or understood.
    """
    file = Path(environment.get(VARIABLE, "/etc/loushan-page/centre.toml"))
    return read_settings_file(file, "ZG974", PageSettings, _settings)


def _settings(data: Mapping[str, object]) -> PageSettings:
    readers, hosts = data.get("readers", []), data.get("hosts", [])
    for given in (readers, hosts):
        if not isinstance(given, list) or not all(isinstance(n, str) and n for n in given):
            raise ValueError(given)
    names = [*map(str, hosts)] if isinstance(hosts, list) else []
    return PageSettings(
        Shows(str(data["shows"])),
        frozenset(map(str, readers)) if isinstance(readers, list) else frozenset(),
        (*LOOPBACK, *names),
    )
