"""Python packages as wheels, for a release of Python that need not be this one.

pip judges the conditions of a package by the Python that it runs on; so what it fetched is
looked through once more by those of the Python that it is for.
"""

import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from gateway.errors import Refused, Where, problem

#: The Pythons of Debian 12 and 13.
PYTHONS = ("3.11", "3.13")

#: The C library of Debian 12; what is for an older one runs too.
_NEWEST_LIBRARY = 36
_PLATFORMS = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(_NEWEST_LIBRARY, 4, -1)),
    "manylinux2014_x86_64",
)

#: What one round finds to be missing may miss something itself.
_ROUNDS = 5


def fetch_wheels(requirements: Sequence[str], python: str, folder: Path) -> Mapping[str, str]:
    """Fetch what a Python of a release needs; give each one's version by its name.

    Args:
        requirements: as pyproject lists them.
        python: the release, as in `3.13`.
        folder: where to.

    Raises:
        Refused: ZG277, pip could not; ZG278, what it brought is not whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing: tuple[str, ...] = ()
    for _ in range(_ROUNDS):
        _download([*requirements, *missing], python, folder)
        missing = unmet(folder, requirements, python)
        if not missing:
            return {_name(w): _version(w) for w in sorted(folder.glob("*.whl"))}
    raise Refused(problem("ZG278", Where(f"Python {python}"), missing=", ".join(missing)))


def unmet(folder: Path, requirements: Sequence[str], python: str) -> tuple[str, ...]:
    """Give what a folder of wheels does not have of what is required, there and by each other."""
    known = {_name(wheel): wheel for wheel in folder.glob("*.whl")}
    missing: set[str] = set()
    seen: set[tuple[Path, str]] = set()
    asked = [(text, "") for text in requirements]
    while asked:
        text, extra = asked.pop()
        requirement = Requirement(text)
        if not _applies(requirement, python, extra):
            continue
        wheel = known.get(canonicalize_name(requirement.name))
        if wheel is None or not requirement.specifier.contains(_version(wheel), prereleases=True):
            missing.add(str(requirement).partition(";")[0].strip())
            continue
        for wanted in ("", *sorted(requirement.extras)):
            if (wheel, wanted) not in seen:
                seen.add((wheel, wanted))
                asked += [(inner, wanted) for inner in _required_by(wheel)]
    return tuple(sorted(missing))


def _applies(requirement: Requirement, python: str, extra: str) -> bool:
    if requirement.marker is None:
        return True
    there = {"python_version": python, "python_full_version": f"{python}.0", "extra": extra}
    return requirement.marker.evaluate(there)


def _required_by(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as packed:
        name = next(n for n in packed.namelist() if n.endswith(".dist-info/METADATA"))
        said = HeaderParser().parsestr(packed.read(name).decode("utf-8"))
    yield from said.get_all("Requires-Dist", [])


def _name(wheel: Path) -> str:
    return parse_wheel_filename(wheel.name)[0]


def _version(wheel: Path) -> str:
    return str(parse_wheel_filename(wheel.name)[1])


def _download(requirements: Sequence[str], python: str, folder: Path) -> None:
    platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
    command = [
        *(sys.executable, "-I", "-m", "pip", "download"),
        *("--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:"),
        *("--implementation", "cp", "--python-version", python, "--dest", str(folder)),
        *platforms,
        *requirements,
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " | ".join(done.stderr.strip().splitlines()[-4:])
        raise Refused(problem("ZG277", Where(f"Python {python}"), error=said))
