"""What Debian has: fetched by apt, which also says whether a folder of packages is whole.

apt works in a folder of its own, with one list of sources and with what a host has already;
what is installed or configured on this machine decides nothing, but for its proxy.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refused, Where, problem

#: What hosts run.
SUITE = "trixie"

_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"

_ASKED = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")

_INSTALL = ("install", "--yes", "--no-install-recommends")


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Where Debian comes from, and where its security updates do."""

    main: str
    security: str

    def sources(self, suite: str) -> tuple[str, ...]:
        """Give the lines of apt's list for a release."""
        places = (
            (self.main, suite),
            (self.main, f"{suite}-updates"),
            (self.security, f"{suite}-security"),
        )
        return tuple(f"deb [signed-by={_KEYS}] {place} {name} main" for place, name in places)


def main_mirror() -> str:
    """Give where this machine gets Debian from.

    Raises:
        Refused: ZG675, it does not say.
    """
    for mirror in _known():
        if mirror.endswith("debian"):
            return mirror
    raise Refused(problem("ZG675"))


def mirrors(main: str = "", security: str = "") -> Mirrors:
    """Give the mirrors that are named, else those of this machine.

    Security updates lie beside the main mirror where this machine names no place for them.

    Raises:
        Refused: ZG675, none is named and this machine does not say.
    """
    main = main.rstrip("/") or main_mirror()
    known = [mirror for mirror in _known() if mirror.endswith("debian-security")]
    return Mirrors(main, security.rstrip("/") or next(iter(known), f"{main}-security"))


def fetch(
    suite: str, names: Sequence[str], folder: Path, where: Mirrors, installed: Path | None = None
) -> None:
    """Fetch packages with all that they need, and nothing that they only recommend.

    Args:
        suite: the release of Debian.
        names: the packages, or apt's patterns.
        folder: where to.
        where: from where.
        installed: dpkg's list of what a host has already; unless it is given, nothing.

    Raises:
        Refused: ZG277, Debian has no such package, or cannot be reached.
    """
    (folder / "partial").mkdir(parents=True, exist_ok=True)
    with _apt(where.sources(suite), installed) as apt:
        archives = ("-o", f"Dir::Cache::archives={folder}")
        done = apt.run(*archives, *_INSTALL, "--download-only", *names)
    (folder / "lock").unlink(missing_ok=True)
    shutil.rmtree(folder / "partial")
    if done.returncode:
        raise Refused(problem("ZG277", Where(suite), error=_last(done)))


def prove_whole(folder: Path, names: Sequence[str], installed: Path | None = None) -> None:
    """Return nothing where apt can install packages from a folder alone, or raise.

    Args:
        folder: with packages and their list.
        names: what must be there, with all that it needs.
        installed: dpkg's list of what a host has already; unless it is given, nothing.

    Raises:
        Refused: ZG278, something is missing or is not what the list says.
    """
    with tempfile.TemporaryDirectory(prefix="loushan-apt-") as own:
        # By a link: a line of sources takes no path with a space in it.
        (Path(own) / "packages").symlink_to(folder.resolve())
        with _apt((f"deb [trusted=yes] file:{own}/packages ./",), installed) as apt:
            done = apt.run(*_INSTALL, "--simulate", *names)
    if done.returncode:
        raise Refused(problem("ZG278", Where(str(folder)), missing=_last(done)))


@dataclass(frozen=True, slots=True)
class _Apt:
    options: tuple[str, ...]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Have it done with new lists, or give why there are none."""
        # What was not reached is otherwise passed over with a warning.
        lists = self._get("-o", "APT::Update::Error-Mode=any", "update")
        return lists if lists.returncode else self._get(*words)

    def _get(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/usr/bin/apt-get", "--quiet", *self.options, *words],
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


@contextmanager
def _apt(sources: Sequence[str], installed: Path | None) -> Iterator[_Apt]:
    """Give apt with a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="loushan-apt-") as folder:
        own = Path(folder)
        for name in ("etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
            (own / name).mkdir(parents=True)
        (own / "etc/sources.list").write_text("".join(f"{line}\n" for line in sources), "utf-8")
        status = installed or own / "status"
        if installed is None:
            status.write_text("")
        settings = {
            "Dir::Etc": own / "etc",
            "Dir::State": own / "state",
            "Dir::State::status": status.resolve(),
            "Dir::Cache": own / "cache",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "root",
        }
        words = (word for name, value in settings.items() for word in ("-o", f"{name}={value}"))
        yield _Apt(tuple(words))


def _known() -> Iterator[str]:
    told = subprocess.run(_ASKED, capture_output=True, text=True, check=False).stdout
    yield from dict.fromkeys(line.strip().rstrip("/") for line in told.splitlines())


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """Give what apt says is wrong: which package needs what, and its errors."""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    wrong = [line for line in lines if line.startswith("E: ") or "Depends: " in line]
    return " | ".join(wrong)[:1500] or "apt-get"
