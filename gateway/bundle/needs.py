"""What a city's hosts and its controller install: as the roles, the launcher and pyproject say.

There is no second list: who adds a package to a role has added it to the bundle.
"""

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

#: Where a role says what it installs: for every host, or for the few that are for it.
PACKAGES, SOFTWARE = "packages", "software"

#: What a host has before any role, beside what is essential; what it installs, it may have newer.
BASE = ("?essential", "?priority(required)")


def named_by_roles(roles: Path, kind: str) -> Iterator[str]:
    """Give what the roles install: the variables called `<role>_packages`, or `<role>_software`.

    Args:
        roles: the folder of roles.
        kind: `PACKAGES` or `SOFTWARE`.
    """
    for role in sorted(folder for folder in roles.iterdir() if folder.is_dir()):
        for part in ("defaults", "vars"):
            file = role / part / "main.yml"
            said = yaml.safe_load(file.read_text("utf-8")) if file.exists() else None
            yield from (said or {}).get(f"{role.name}_{kind}", [])


def of_hosts(root: Path) -> tuple[str, ...]:
    """Give the Debian packages that the roles of a tree install, each once."""
    roles = root / "roles"
    named = {*named_by_roles(roles, PACKAGES), *named_by_roles(roles, SOFTWARE)}
    return tuple(sorted(named))


def of_controller(root: Path) -> tuple[str, ...]:
    """Give the Debian packages that a tree's launcher installs where they are missing.

    It is asked, for it alone has the list; what only the lab and the tests need is not said.
    """
    asked = ["/bin/sh", str(root / "loushan"), "needs"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(set(told.split())))


def of_python(root: Path) -> tuple[str, ...]:
    """Give the Python packages that the launcher installs, with their limits."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return tuple(project["dependencies"])
