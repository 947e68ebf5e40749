"""A follower that is killed, at whatever moment, loses no decision and doubles none."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.observe.files import KEY_FILE
from gateway.observe.keys import read_verifier
from gateway.observe.verify import verify_log
from tests.decision_logs import ORIGIN, lines, recorded
from tests.plans import ROOT

#: Nothing here takes a tenth of it; who waits longer waits in vain.
_PATIENCE_SECONDS = 60


@pytest.mark.parametrize("how", ["before", "half"])
def test_a_kill_at_any_step_loses_and_doubles_nothing(tmp_path: Path, how: str) -> None:
    """At every call that changes a disk, before it and in the middle of it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.dying_follower", tmp_path, how],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    steps, written, status = map(int, done.stdout.split())

    assert status == 0
    assert steps > 20
    assert recorded(tmp_path / "log") == list(range(1, written + 1))
    found = verify_log(tmp_path / "log", read_verifier(tmp_path / "log" / KEY_FILE))
    assert found.problems == []
    assert found.signed == found.records


def test_the_service_is_killed_under_load_and_goes_on(tmp_path: Path) -> None:
    """`loushan log follow` itself, with kill -9, while lines come."""
    raw, log, settings = tmp_path / "raw", tmp_path / "log", tmp_path / "log.toml"
    settings.write_text(
        f'origin = "{ORIGIN}"\nraw = "{raw}"\nfolder = "{log}"\nkey = "{tmp_path}/key.pem"\n'
        f'status = "{tmp_path}/status.json"\nreserve_bytes = 1\nfree_bytes = 8192\n'
        "checkpoint_seconds = 1\n"
    )
    raw.touch()
    number, statuses = 0, []
    for ending in (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        follower = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "log", "follow", "--settings", settings],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        until, begun = time.monotonic() + _PATIENCE_SECONDS, _size(log)
        while _size(log) < begun + 20_000 and time.monotonic() < until:
            with raw.open("ab") as proxy:
                proxy.write(lines(*range(number + 1, number + 21)))
            number += 20
            time.sleep(0.01)
        os.kill(follower.pid, ending)
        statuses.append(follower.wait(_PATIENCE_SECONDS))

    assert statuses == [-signal.SIGKILL] * 3 + [0]
    assert recorded(log) == list(range(1, number + 1))
    assert verify_log(log, read_verifier(log / KEY_FILE)).problems == []


def _size(log: Path) -> int:
    return sum(file.stat().st_size for file in log.glob("*.jsonl"))
