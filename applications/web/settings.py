"""The one file of settings of an application: where it stands, and before which gateway."""

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from applications.identity import IdentityCheck, KeyFile

#: Names the file; the unit sets it.
VARIABLE = "LOUSHAN_APP_SETTINGS"


#: The one that is a list.
_CLIENTS = "clients"


class SettingsError(ValueError):
    """The file of settings is missing, or says something else than it should."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the role writes down.

    `host` is the name by which the application is asked for, `gateway` the
    gateway that says who asks, `keys` its public keys, `database` how libpq
    reaches the database.  `clients` are the names with which the gateway
    connects, one for each of a pair, and `authority` certifies those;
    `certificate` and `key` are the application's own.
    """

    host: str
    gateway: str
    clients: tuple[str, ...]
    keys: str
    database: str
    authority: str
    certificate: str
    key: str

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the file.

        Raises:
            SettingsError: it is missing, lacks something, or has something that is not known.
        """
        try:
            said = tomllib.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as fault:
            message = f"{file}: {fault}"
            raise SettingsError(message) from fault
        known = {field.name for field in fields(cls)}
        empty = [name for name, value in said.items() if not _is_said(name, value)]
        if set(said) != known or empty:
            wrong = ", ".join(sorted({*known.symmetric_difference(said), *empty}))
            message = f"{file}: missing, empty or unknown: {wrong}"
            raise SettingsError(message)
        return cls(**{**said, _CLIENTS: tuple(said[_CLIENTS])})

    def check(self) -> IdentityCheck:
        """Give the check that they ask for."""
        return IdentityCheck(self.host, self.gateway, KeyFile(Path(self.keys)))

    @classmethod
    def of_environment(cls) -> Self:
        """Read the file that the unit names.

        Raises:
            SettingsError: it names none, or as `read` does.
        """
        return cls.read(Path(os.environ.get(VARIABLE, "/nonexistent")))


def _is_said(name: str, value: object) -> bool:
    """Tell whether a setting is there: a text, or a list of texts, none of them empty."""
    texts = value if name == _CLIENTS and isinstance(value, list) else [value]
    is_list = isinstance(value, list) or name != _CLIENTS
    return is_list and bool(texts) and all(isinstance(each, str) and each for each in texts)
