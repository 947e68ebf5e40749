"""What the administrator told the follower of the decision log: `/etc/loushan/log.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from gateway.observe.checkpoint import check_origin
from gateway.observe.status import STATUS_FILE
from gateway.settings import read_settings_file

SETTINGS_FILE = Path("/etc/loushan/log.toml")
LOG_FOLDER = Path("/var/lib/loushan-log/decisions")

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are, and the bounds.

    `origin` names the log in its checkpoints, such as
    `city-gw.gw.lab.internal/decisions`.  A number that is missing is awaited
    `await_seconds`, which must be longer than the proxy's longest request.
    """

    origin: str
    raw: Path = Path("/var/lib/loushan-proxy/decisions.raw")
    folder: Path = LOG_FOLDER
    key: Path = Path("/var/lib/loushan-log/key.pem")
    status: Path = STATUS_FILE
    reserve_bytes: int = 512 * _MEBIBYTE
    behind_bytes: int = 16 * _MEBIBYTE
    free_bytes: int = 64 * _MEBIBYTE
    await_seconds: int = 900
    checkpoint_seconds: int = 10


def read_settings(file: Path = SETTINGS_FILE) -> Settings:
    """Read the settings; a word that is not known is refused, not passed over.

    Raises:
        Refused: ZG980, the file cannot be read or understood.
    """
    return read_settings_file(file, "ZG980", Settings, _settings)


def _settings(data: Mapping[str, object]) -> Settings:
    kinds = {each.name: each.type for each in fields(Settings)}
    origin = check_origin(str(data["origin"]))
    paths = {name: _path(data[name]) for name in data if kinds[name] is Path}
    numbers = {name: _number(name, data[name]) for name in data if kinds[name] is int}
    return Settings(origin, **paths, **numbers)  # type: ignore[arg-type]  # by kind, above


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError(value)
    return Path(value)


def _number(name: str, value: object) -> int:
    if type(value) is not int or value < 1:
        message = f"{name}: 1 ..."
        raise ValueError(message)
    return value
