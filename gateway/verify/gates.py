"""What a proxy that keeps gates really holds, read out of the running program."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import PurePosixPath

from gateway.haproxy import Haproxy

#: The maps whose keys begin with the letter of a generation.
LETTERED = ("gates", "subjects", "ways", "routes", "grants", "hours")

Maps = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class LiveGates:
    """What a proxy holds: its maps by name, and the digest that it calls its configuration by.

    `conditions`, `servers`, `authorities`, `certificates` and `limits` are its configuration's as
    they are now: all can be changed at its control socket, and it calls itself as before.
    """

    digest: str
    maps: Maps
    conditions: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    servers: Mapping[str, str] = field(default_factory=dict)
    authorities: Mapping[str, frozenset[str]] = field(default_factory=dict)
    certificates: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def letter(self) -> str:
        """The letter of the generation in force; empty where none is."""
        return self._current[0]

    @property
    def revision(self) -> str:
        """The revision of the policy in force; empty where none is."""
        return "".join(self._current[1:2])

    @property
    def until(self) -> str:
        """The second of the epoch at which it ends; empty where nothing is in force."""
        return "".join(self._current[2:])

    @property
    def _current(self) -> list[str]:
        """What the one entry says of the policy in force: its letter, its revision, its end."""
        return self.maps.get("current", {}).get("policy", "").split("|")

    @property
    def digest_of_all(self) -> str:
        """A digest of all that it holds, in hex: another one where anything is different."""
        parts = (
            *(self.digest, self.maps, self.servers, self.certificates, self.limits),
            {str(line): held for line, held in self.conditions.items()},
            {file: sorted(trusted) for file, trusted in self.authorities.items()},
        )
        return sha256(json.dumps(parts, sort_keys=True, default=dict).encode()).hexdigest()

    @cached_property
    def in_force(self) -> Maps:
        """The maps of the generation in force, without its letter."""
        start = f"{self.letter}:"
        found = {
            name: {
                key.removeprefix(start): value
                for key, value in self.maps.get(name, {}).items()
                if key.startswith(start)
            }
            for name in LETTERED
        }
        return {**found, "zones": self.maps.get(f"zones_{self.letter}", {})}


def read_gates(haproxy: Haproxy) -> LiveGates:
    """Read a running proxy: what it calls its configuration by, and every map that it has.

    Raises:
        HaproxyRefused: it cannot be asked.
    """
    maps = {PurePosixPath(file).stem: haproxy.entries(file) for file in haproxy.maps()}
    digest = haproxy.info().get("description", "")
    return LiveGates(
        digest,
        maps,
        haproxy.conditions(),
        haproxy.servers(),
        haproxy.authorities(),
        haproxy.certificates(),
        haproxy.limits(),
    )
