"""Where a lab keeps what it must, and what its things are called."""

import os
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refused, problem
from gateway.policy.names import identifier, is_name

#: Another lab beside the usual one, as the tests have, is named by this variable.
VARIABLE = "LOUSHAN_LAB"

#: The process, by its number, with which a lab ends, however that one ends.
OWNER_VARIABLE = "LOUSHAN_LAB_FOR"

_USUAL = "lab"


@dataclass(frozen=True, slots=True)
class Places:
    """One lab's folders and names; two labs on one machine share none of them."""

    name: str = _USUAL

    @property
    def run(self) -> Path:
        """What says that the lab is up, gone after a boot of the machine."""
        return Path("/run/loushan-lab") / self.name

    @property
    def disk(self) -> Path:
        """The hosts' own disks, the signed plan, and its signers."""
        return Path("/var/lib/loushan-lab") / self.name

    @property
    def log(self) -> Path:
        """What the keeper says."""
        return Path("/var/log") / f"loushan-{self.name}.log"

    @property
    def prefix(self) -> str:
        """What every namespace of the lab begins with."""
        return "lab-" if self.name == _USUAL else f"lab.{self.name}-"

    @property
    def description(self) -> Path:
        """What stands where; written before anything is made."""
        return self.run / "lab.json"

    @property
    def plan(self) -> Path:
        """The lab's plan, signed by the lab's own signers."""
        return self.disk / "plan"

    @property
    def signers(self) -> Path:
        """The lab's own signers, made when it is put up."""
        return self.disk / "signers"

    @property
    def authorities(self) -> Path:
        """The lab's own authorities, which certify its hosts; made when it is put up."""
        return self.disk / "authorities"

    @property
    def root_key(self) -> Path:
        """The key of the lab's root, kept apart from the authorities."""
        return self.disk / "root" / "authority.key"

    def namespace(self, host: str) -> str:
        """Give the network namespace of a host."""
        return self.prefix + identifier(host)

    def host_run(self, host: str) -> Path:
        """Give where a host's state is: `leader`, `ready`, `console`."""
        return self.run / "hosts" / identifier(host)

    def host_disk(self, host: str) -> Path:
        """Give what a host has written, over the image it booted from."""
        return self.disk / "hosts" / identifier(host)


def places() -> Places:
    """Give the lab that is meant.

    Raises:
        Refused: ZG670, its name is not one.
    """
    name = os.environ.get(VARIABLE, _USUAL)
    if not is_name(name) or not name.isascii():
        raise Refused(problem("ZG670", name=name, variable=VARIABLE))
    return Places(name)


def owner() -> int:
    """Give the process that the lab is for; 0 where it is for whoever takes it down.

    Raises:
        Refused: ZG684, the variable holds no number.
    """
    number = os.environ.get(OWNER_VARIABLE, "0")
    if not (number.isascii() and number.isdecimal()):
        raise Refused(problem("ZG684", word=number, variable=OWNER_VARIABLE))
    return int(number)
