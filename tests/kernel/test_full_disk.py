"""A disk that is really full: the follower says so, and loses nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plans import ROOT

pytestmark = pytest.mark.kernel

_ON_IT = 'mount -t tmpfs -o size=1m none "$1" && exec "$3" -m tests.kernel.full_disk "$1" "$2"'
_SMALL_DISK = ("unshare", "--mount", "sh", "-c", _ON_IT, "sh")


def test_a_full_disk_stops_service_and_loses_nothing(tmp_path: Path) -> None:
    """Not recording while there is no room, recording when there is; every decision once."""
    disk, elsewhere = tmp_path / "disk", tmp_path / "run"
    disk.mkdir()
    elsewhere.mkdir()

    done = subprocess.run(
        [*_SMALL_DISK, str(disk), str(elsewhere), sys.executable],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    before, full, after = found["said"]
    assert before == [True, [], 100]
    assert full[:2] == [False, ["cannot_write", "disk_full"]]
    assert full[2] < 700
    assert after == [True, [], 701]
    assert (found["whole"], found["holds"]) == (True, True)
