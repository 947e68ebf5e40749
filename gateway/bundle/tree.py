"""The tree itself, as it was committed."""

import subprocess
from pathlib import Path

from gateway.errors import Refused, Where, problem


def commit_of(root: Path, *, dirty: bool = False) -> str:
    """Give the commit of a checkout, if nothing in it is other than committed.

    Args:
        root: the checkout.
        dirty: whether what no commit has may be there; it is left out.

    Raises:
        Refused: ZG276, something is not committed, or this is no checkout.
    """
    commit = _git(root, "rev-parse", "--verify", "HEAD").decode("ascii").strip()
    changed = _git(root, "status", "--porcelain").decode("utf-8", "replace").splitlines()
    if changed and not dirty:
        raise Refused(problem("ZG276", Where(str(root)), error=changed[0].strip()))
    return commit


def archive(root: Path, commit: str, out: Path) -> None:
    """Write what a commit has as an archive; the same commit is the same bytes.

    Raises:
        Refused: ZG276, git could not.
    """
    out.write_bytes(_git(root, "-c", "tar.umask=0022", "archive", "--format=tar", commit))


def _git(root: Path, *words: str) -> bytes:
    # The owner of the folder may be somebody else than who makes the bundle.
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *words]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as fault:
        said = getattr(fault, "stderr", b"") or str(fault).encode()
        error = said.decode("utf-8", "replace").strip()
        raise Refused(problem("ZG276", Where(str(root)), error=error)) from fault
