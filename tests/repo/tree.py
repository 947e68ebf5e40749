"""The files that the house rules are about: what git tracks, and what it would.

Ignored files are nobody's business.  Nothing here knows a rule.
"""

import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]


def files() -> tuple[PurePosixPath, ...]:
    """Give every file of the repository, relative to its root.

    Where git cannot tell, the asking test is skipped, and fails on continuous
    integration: rules that nobody looked at were not kept.
    """
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        message = "git cannot tell which files are ours: THE HOUSE RULES WERE NOT LOOKED AT"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    # The owner of the folder may be somebody else than who runs the tests.
    git = ("git", "-c", f"safe.directory={ROOT}")
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = sorted(set(listed.split("\0")) - {""})
    return tuple(PurePosixPath(name) for name in names if (ROOT / name).is_file())


def texts(*suffixes: str) -> dict[PurePosixPath, str]:
    """Give the text of every file that is text; with suffixes, of those only."""
    found = {}
    for file in files():
        if suffixes and file.suffix not in suffixes:
            continue
        content = (ROOT / file).read_bytes()
        if b"\0" not in content:
            found[file] = content.decode()
    return found


def folders() -> tuple[PurePosixPath, ...]:
    """Give every folder that holds a file, the root among them."""
    return tuple(sorted({folder for file in files() for folder in file.parents}))
