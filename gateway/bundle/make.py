"""Makes a bundle: gathers its parts, proves that they are whole, lists and signs them."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway import __version__
from gateway.bundle import debian, needs
from gateway.bundle.lists import (
    HEAD,
    HOSTS,
    MANIFEST,
    SUMS,
    TREE,
    Manifest,
    write_sums,
)
from gateway.bundle.pack import files_below, pack
from gateway.bundle.packages import digest_of, index
from gateway.bundle.signature import sign
from gateway.bundle.tree import archive, commit_of
from gateway.bundle.wheels import PYTHONS, fetch_wheels
from gateway.errors import Refused, Where, problem

PARTS = ("hosts", "controller", "wheels", "tree")

#: The releases of Debian that a controller may be.
CONTROLLERS = ("bookworm", "trixie")

Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made.

    `packages` is a folder of Debian packages that hosts get in place of what a mirror has;
    `installed` is dpkg's list of what they have already, and unless it is given they have nothing.
    """

    root: Path
    key: Path
    made: datetime
    parts: Sequence[str] = PARTS
    dirty: bool = False
    mirror: str = ""
    security_mirror: str = ""
    packages: Path | None = None
    installed: Path | None = None


def make(out: Path, wanted: Wanted, tell: Tell) -> Manifest:
    """Make a bundle; give what it says of itself.

    Args:
        out: the file; it is there when it is whole.
        wanted: what goes in, and who signs.
        tell: hears each step, in English and Chinese.

    Raises:
        Refused: ZG276 to ZG279, a part cannot be had or is not whole, or it cannot be written.
    """
    if out.exists():
        raise Refused(problem("ZG279", Where(str(out)), error="it is there already"))
    if not wanted.key.is_file():
        # Before all the rest, which takes minutes.
        raise Refused(problem("ZG279", Where(str(wanted.key)), error="there is no such file"))
    try:
        # Beside the file: what is gathered is as large.
        with tempfile.TemporaryDirectory(prefix=".loushan-bundle-", dir=out.parent) as folder:
            return _make(out, Path(folder), wanted, tell)
    except OSError as fault:
        raise Refused(problem("ZG279", Where(str(out)), error=fault)) from fault


def _make(out: Path, staging: Path, wanted: Wanted, tell: Tell) -> Manifest:
    content = staging / "content"
    content.mkdir()
    commit = commit_of(wanted.root, dirty=wanted.dirty) if "tree" in wanted.parts else ""
    packages: dict[str, Mapping[str, str]] = {}
    if commit:
        tell("the tree", "代码树")
        archive(wanted.root, commit, content / TREE)
    if "hosts" in wanted.parts:
        packages["hosts"] = _hosts(staging / "hosts", content / HOSTS, wanted, tell)
    if "controller" in wanted.parts:
        packages |= _controllers(content, wanted, tell)
    if "wheels" in wanted.parts:
        packages |= _wheels(content, wanted, tell)
    manifest = Manifest(wanted.made, commit, __version__, tuple(wanted.parts), packages)
    (content / MANIFEST).write_text(manifest.text(), "ascii")
    tell("digests and the signature", "摘要与签名")
    names = files_below(content)
    (content / SUMS).write_text(write_sums({n: digest_of(content / n) for n in names}), "ascii")
    sign(content / SUMS, wanted.key)
    tell("writing the file", "写入文件")
    whole = staging / "whole"
    pack(whole, content, [*HEAD, *(name for name in names if name not in HEAD)])
    whole.replace(out)
    return manifest


def _hosts(folder: Path, packed: Path, wanted: Wanted, tell: Tell) -> Mapping[str, str]:
    """Gather what the roles install, with what a host has before them where it may be newer."""
    names = needs.of_hosts(wanted.root)
    if wanted.packages is not None:
        tell("hosts' packages, from a folder", "主机软件包,取自文件夹")
        folder.mkdir()
        for package in wanted.packages.glob("*.deb"):
            shutil.copy(package, folder)
    else:
        tell(f"hosts' packages ({debian.SUITE})", f"主机软件包({debian.SUITE})")
        base = () if wanted.installed else needs.BASE
        debian.fetch(debian.SUITE, (*names, *base), folder, _mirrors(wanted), wanted.installed)
    versions = index(folder, debian.SUITE)
    tell(f"whether {len(versions)} packages are whole", f"核对 {len(versions)} 个软件包是否完整")
    debian.prove_whole(folder, names, wanted.installed)
    pack(packed, folder, files_below(folder))
    return versions


def _controllers(content: Path, wanted: Wanted, tell: Tell) -> Mapping[str, Mapping[str, str]]:
    found, names = {}, needs.of_controller(wanted.root)
    for suite in CONTROLLERS:
        tell(f"the controller's packages ({suite})", f"控制机软件包({suite})")
        part = f"controller/{suite}"
        debian.fetch(suite, names, content / part, _mirrors(wanted))
        found[part] = index(content / part, suite)
        debian.prove_whole(content / part, names)
    return found


def _wheels(content: Path, wanted: Wanted, tell: Tell) -> Mapping[str, Mapping[str, str]]:
    found, required = {}, needs.of_python(wanted.root)
    for python in PYTHONS:
        tell(f"Python packages ({python})", f"Python 软件包({python})")
        part = f"wheels/{python}"
        found[part] = fetch_wheels(required, python, content / part)
    return found


def _mirrors(wanted: Wanted) -> debian.Mirrors:
    return debian.mirrors(wanted.mirror, wanted.security_mirror)


def now() -> datetime:
    """Give the time that a bundle is made: this, or that of the variable SOURCE_DATE_EPOCH.

    With it, the same inputs are the same bytes (reproducible-builds.org).
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    time = datetime.fromtimestamp(int(given), UTC) if given.isdecimal() else datetime.now(UTC)
    return time.replace(microsecond=0)
