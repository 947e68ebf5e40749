"""A folder of Debian packages, made a source that apt reads without a server.

Nothing in it depends on when or where it was made: the same packages are the same bytes.
"""

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

#: The time that everything in a bundle carries.
EPOCH_SECONDS = 946684800

_NAMED = ("Package", "Version", "Architecture")

_RELEASE = """\
Origin: Loushan
Label: Loushan
Suite: {suite}
Codename: {suite}
Date: Sat, 01 Jan 2000 00:00:00 UTC
Architectures: amd64
Acquire-By-Hash: no
SHA256:
 {digest} {size} Packages
"""


def index(folder: Path, suite: str) -> Mapping[str, str]:
    """Write what apt asks a source for, and give the version of each package by its name.

    Files get the names that they have in Debian's archive: apt would read the percent sign
    that it puts for an epoch as its own.

    Args:
        folder: with packages; `Packages` and `Release` are written into it.
        suite: the release of Debian that they are for.

    Raises:
        CalledProcessError: a file is no Debian package.
    """
    paragraphs, versions = {}, {}
    for package in sorted(folder.glob("*.deb")):
        asked = ["dpkg-deb", "--field", str(package)]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        name, version, architecture = (_field(told, of) for of in _NAMED)
        here = package.rename(folder / f"{name}_{version.split(':')[-1]}_{architecture}.deb")
        place = f"Filename: ./{here.name}\nSize: {here.stat().st_size}\nSHA256: {digest_of(here)}"
        paragraphs[here.name] = f"{told}\n{place}\n"
        versions[name] = version
    listing = folder / "Packages"
    listing.write_text("\n".join(text for _, text in sorted(paragraphs.items())), "utf-8")
    release = _RELEASE.format(suite=suite, digest=digest_of(listing), size=listing.stat().st_size)
    (folder / "Release").write_text(release, "ascii")
    return dict(sorted(versions.items()))


def digest_of(file: Path) -> str:
    """Give a file's SHA-256."""
    with file.open("rb") as read:
        return hashlib.file_digest(read, "sha256").hexdigest()


def _field(paragraph: str, name: str) -> str:
    for line in paragraph.splitlines():
        if line.startswith(f"{name}: "):
            return line.partition(": ")[2].strip()
    raise KeyError(name)
