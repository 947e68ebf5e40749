"""What holds a bundle together: its list of digests, which is signed, and what it says of itself.

The list is as `sha256sum` writes and reads it, so that whoever has nothing of ours yet can judge
a bundle with what Debian's installer leaves.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from gateway.errors import Refused, Where, problem

#: The list, its signature, and what the bundle says of itself; they come first, in this order.
SUMS, SIGNATURE, MANIFEST = "SHA256SUMS", "SHA256SUMS.sig", "manifest.json"
HEAD = (SUMS, SIGNATURE, MANIFEST)

#: The packages of hosts, as a source for apt in one archive; and the tree.
HOSTS, TREE = "hosts.tar", "tree.tar"

FORMAT = 1

_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")

#: Letters that mean one thing to every program, below folders that are not above.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*(?:/[A-Za-z0-9][A-Za-z0-9._+~-]*)*")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself.

    `packages` has the version of each package by its name, for `hosts`, for `controller/<release>`
    and for `wheels/<Python>`.
    """

    made: datetime
    commit: str
    version: str
    parts: tuple[str, ...]
    packages: Mapping[str, Mapping[str, str]]

    def text(self) -> str:
        """Give it as it is written."""
        made = self.made.astimezone(UTC).isoformat(timespec="seconds")
        said = {**asdict(self), "made": made, "format": FORMAT}
        return json.dumps(said, indent=1, sort_keys=True) + "\n"


def read_manifest(text: str, where: Where) -> Manifest:
    """Read what a bundle says of itself; what is signed is still to be asked.

    Raises:
        Refused: ZG270, it cannot be understood, or is of another format.
    """
    try:
        said = json.loads(text)
        if said.pop("format") != FORMAT:
            raise _is_none(where, f"{MANIFEST}: format")
        made = datetime.fromisoformat(said.pop("made"))
        if made.tzinfo is None:
            raise _is_none(where, f"{MANIFEST}: made")
        parts = tuple(str(part) for part in said.pop("parts"))
        return Manifest(made=made, parts=parts, **said)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        error = f"{MANIFEST}: {type(fault).__name__}: {fault}"
        raise Refused(problem("ZG270", where, error=error)) from fault


def write_sums(digests: Mapping[str, str]) -> str:
    """Give the list of digests, by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def read_sums(text: str, where: Where) -> Mapping[str, str]:
    """Read a list of digests: each file's, by its name.

    Raises:
        Refused: ZG270, a line is none of ours; ZG274, a name is not, or stands there twice.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise _is_none(where, f"{SUMS}: {ascii(line)[:80]}")
        digest, name = match.groups()
        if name in found or name in (SUMS, SIGNATURE) or not is_name(name):
            raise Refused(problem("ZG274", where, name=ascii(name)[1:-1]))
        found[name] = digest
    return found


def is_name(name: str) -> bool:
    """Tell whether a file of a bundle may be called so: it lies below, and nowhere else."""
    return _NAME.fullmatch(name) is not None


def _is_none(where: Where, error: str) -> Refused:
    return Refused(problem("ZG270", where, error=error))
