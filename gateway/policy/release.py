"""The release folder of a plan: its two files, read as they are, written whole.

`release.json` is the statement and its signatures, `difference.json` what was
reviewed.  Nothing here judges them.
"""

import os
from pathlib import Path

from gateway.errors import Problem, Refused, Where, problem
from gateway.policy.disk import settle
from gateway.policy.documents import LARGEST_PLAN_BYTES, RELEASE_FOLDER
from gateway.policy.signature import LARGEST_RELEASE_BYTES, Release, parse_release
from gateway.policy.signers import read_small_file

RELEASE_FILE = "release.json"
DIFFERENCE_FILE = "difference.json"


def read_release(plan_folder: Path) -> tuple[Release, bytes]:
    """Read what was signed about a plan, and the bytes of the reviewed difference.

    Raises:
        Refused: a file is missing, a link, too large, or not a release.
    """
    folder = plan_folder / RELEASE_FOLDER
    missing: list[Problem] = []
    if folder.is_symlink():
        raise Refused(problem("ZG004", Where(str(folder))))
    for name, code in ((RELEASE_FILE, "ZG301"), (DIFFERENCE_FILE, "ZG315")):
        if not os.path.lexists(folder / name):
            missing.append(problem(code, Where(str(folder / name))))
    if missing:
        raise Refused(*missing)
    content = read_small_file(folder / RELEASE_FILE, LARGEST_RELEASE_BYTES)
    difference = read_small_file(folder / DIFFERENCE_FILE, LARGEST_PLAN_BYTES)
    return parse_release(content, Where(str(folder / RELEASE_FILE))), difference


def write_release(plan_folder: Path, release: Release, difference: bytes) -> None:
    """Write both files, each whole or not at all, and wait until the disk has them.

    The difference goes first: were the power to fail between the two, the old
    release would no longer fit the new difference and be refused, not mistaken.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = plan_folder / RELEASE_FOLDER
    folder.mkdir(exist_ok=True)
    _write(folder / DIFFERENCE_FILE, difference)
    _write(folder / RELEASE_FILE, release.content)


def _write(file: Path, content: bytes) -> None:
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with new.open("xb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    settle(file.parent)
