"""Bundles, and operators who sign them, for tests: small ones, whole in form."""

import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from gateway.bundle.judge import Trust
from gateway.bundle.lists import HEAD, MANIFEST, SIGNATURE, SUMS, Manifest, write_sums
from gateway.bundle.signature import Signers, sign

NOW = datetime.now(UTC).replace(microsecond=0)
COMMIT = "0" * 40

#: What a small bundle has; `make` in `Makers` lists and signs it.
CONTENT = {"hosts.tar": b"packages", "wheels/3.13/a-1-py3-none-any.whl": b"wheel"}


def keygen(*words: str | Path) -> None:
    """Run ssh-keygen."""
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)


@dataclass(frozen=True, slots=True)
class Makers:
    """Operators with certificates of one authority, in a folder."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path) -> "Makers":
        """Make the authority, and the list that believes it about the duty `build`."""
        keygen("-t", "ed25519", "-N", "", "-f", folder / "authority")
        line = f'build:* cert-authority,namespaces="loushan-bundle" {_public(folder)}'
        (folder / "signers").write_text(line)
        return cls(folder)

    @property
    def signers(self) -> Path:
        """The list of who may sign."""
        return self.folder / "signers"

    def operator(self, name: str, *principals: str, until: str = "+1d") -> Path:
        """Give the certificate of an operator, with the key beside it."""
        key = self.folder / name
        keygen("-t", "ed25519", "-N", "", "-f", key)
        named = ["-I", name, "-n", ",".join((name, *principals)), "-V", f"-52w:{until}"]
        keygen("-s", self.folder / "authority", *named, f"{key}.pub")
        return self.folder / f"{name}-cert.pub"

    def trust(self, **other: object) -> Trust:
        """Give whom and what somebody believes who has that list."""
        given: dict[str, object] = {"signers": Signers(self.signers), "now": NOW, **other}
        return Trust(**given)  # type: ignore[arg-type]  # the tests know its fields


def signed(
    folder: Path,
    key: Path,
    content: Mapping[str, bytes],
    *,
    made: datetime = NOW - timedelta(hours=1),
    manifest: bytes = b"",
) -> dict[str, bytes]:
    """List and sign what a bundle has; give all of it, in order."""
    said = Manifest(made, COMMIT, "1", ("hosts",), {"hosts": {"a": "1"}}).text().encode()
    all_of_it = {**content, MANIFEST: manifest or said}
    sums = write_sums({name: sha256(data).hexdigest() for name, data in all_of_it.items()})
    message = folder / SUMS
    message.write_text(sums)
    (folder / SIGNATURE).unlink(missing_ok=True)
    sign(message, key)
    head = {SUMS: sums.encode(), SIGNATURE: (folder / SIGNATURE).read_bytes()}
    rest = {name: all_of_it[name] for name in sorted(all_of_it) if name not in HEAD}
    return {**head, MANIFEST: all_of_it[MANIFEST], **rest}


def write(file: Path, members: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> Path:
    """Write an archive, whatever its members are called, and as often as they are named."""
    pairs = members.items() if isinstance(members, Mapping) else members
    with tarfile.open(file, "w") as archive:
        for name, data in pairs:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def tree(*names: str) -> bytes:
    """Give an archive as git makes one of a tree: folders, files, a program."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.mode = 0o775 if name == "loushan" else 0o664
            member.size = 3
            archive.addfile(member, io.BytesIO(b"hi\n"))
    return out.getvalue()


def wheel(folder: Path, name: str, version: str = "1.0", *required: str) -> Path:
    """Write a wheel that has nothing but what it requires."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    texts = {
        f"{name}.py": "",
        f"{info}/METADATA": head + "".join(f"Requires-Dist: {each}\n" for each in required),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{each},,\n" for each in (*texts, f"{info}/RECORD"))
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as packed:
        for each, text in {**texts, f"{info}/RECORD": record}.items():
            packed.writestr(each, text)
    return file


def package(folder: Path, name: str, version: str = "1", depends: str = "") -> Path:
    """Build a Debian package that has nothing but its name."""
    build = folder / f".{name}"
    (build / "DEBIAN").mkdir(parents=True)
    said = {
        "Package": name,
        "Version": version,
        "Architecture": "all",
        "Maintainer": "sample <sample@example.org>",
        "Description": "sample",
        **({"Depends": depends} if depends else {}),
    }
    text = "".join(f"{field}: {value}\n" for field, value in said.items())
    (build / "DEBIAN" / "control").write_text(text)
    file = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    subprocess.run(["dpkg-deb", "--build", build, file], check=True, capture_output=True)
    return file


def said_of(manifest: bytes) -> dict[str, object]:
    """Read a manifest as a machine would."""
    found: dict[str, object] = json.loads(manifest)
    return found


def _public(folder: Path) -> str:
    return (folder / "authority.pub").read_text()
