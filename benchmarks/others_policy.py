"""The same rights as others would judge them: dictionaries in Python, asked once a request.

Only the standard library, for it runs in an environment of its own.
"""

import json
import os
import re
import time
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

#: Names the file that has the maps.
VARIABLE = "OTHERS_POLICY"

_PATH = re.compile(r"/(?:[a-z0-9._~!$'()*+,=:@&/-]|%[89A-F][0-9A-F])*")
_STEPS = re.compile(r"//|/\.{1,2}(/|$)")
_CHINA_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what; `name` is of the certificate, `serial` its number in hex."""

    authority: str
    name: str
    serial: str
    source: str
    host: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The reason, and the grant where there is one."""

    reason: str
    grant: str = ""


class Rights:
    """The maps, keys without the letter of a generation."""

    def __init__(self, maps: dict[str, dict[str, str]]) -> None:
        """Take the maps; the zones are looked up by network."""
        self.maps = maps
        self.zones = [(ip_network(each), zone) for each, zone in maps["zones"].items()]

    @cache  # noqa: B019 - as many as there are addresses of clients, for as long as this runs
    def zone(self, source: str) -> str:
        """Give the zone of an address."""
        address = ip_address(source)
        return next((zone for network, zone in self.zones if address in network), "")

    def route(self, gate: str, path: str) -> str | None:
        """Give the resource whose path is the longest that this one begins with."""
        end = len(path)
        while (end := path.rfind("/", 0, end)) >= 0:
            found = self.maps["routes"].get(f"{gate}{path[: end + 1]}")
            if found is not None:
                return found
        return None

    def decide(self, asked: Asked) -> Decided:  # noqa: PLR0911 - a reason each
        """Judge a request; the first step that refuses gives the reason."""
        maps = self.maps
        if f"{asked.authority}/{asked.serial}" in maps["revoked"]:
            return Decided("revoked")
        if not _PATH.fullmatch(asked.path) or _STEPS.search(asked.path):
            return Decided("not_canonical")
        gate = maps["gates"].get(asked.host)
        if gate is None:
            return Decided("unknown_host")
        subject = maps["subjects"].get(f"{asked.authority}/{asked.name}")
        if subject is None:
            return Decided("unknown_subject")
        zone = self.zone(asked.source)
        if f"{subject}:{zone}:{gate}" not in maps["ways"]:
            return Decided("wrong_zone")
        resource = self.route(gate, asked.path)
        if resource is None:
            return Decided("unknown_resource")
        limits = maps["grants"].get(f"{subject}:{zone}:{resource}:{asked.method}")
        if limits is None:
            return Decided("no_grant")
        grant, since, until, hours = limits.split("|")
        now = time.time()
        if not int(since) <= now < int(until):
            return Decided("not_now", grant)
        at = time.gmtime(now + _CHINA_SECONDS)
        slot = f"{at.tm_wday + 1}-{at.tm_hour:02}-{at.tm_min // 15}"
        if f"{hours}:" not in maps["hours"] and f"{hours}:{slot}" not in maps["hours"]:
            return Decided("outside_hours", grant)
        return Decided("grant", grant)


def rights() -> Rights:
    """Read the maps that the environment names."""
    maps: dict[str, Any] = json.loads(Path(os.environ[VARIABLE]).read_text("utf-8"))
    return Rights(maps)
