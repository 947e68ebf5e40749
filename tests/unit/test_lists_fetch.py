"""How the monitoring host says for how long it can believe anybody."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pki.state import State
from tests.authorities import make_state
from tests.unit.test_observe_scrape import certified

Values = dict[tuple[str, str], float]


def told(given: Path, lists: Path) -> Values:
    """Have it said, as the timer has it; by each metric and what it is of."""
    words = ["lists", "fetch", "--given", str(given), "--lists", str(lists)]
    command = [sys.executable, "-I", "-m", "gateway.cli", *words]
    subprocess.run(command, check=True, capture_output=True)
    return {
        (s.name, s.labels.get("authority") or s.labels["certificate"]): s.value
        for family in text_string_to_metric_families((lists / "own.prom").read_text("ascii"))
        for s in family.samples
    }


@pytest.fixture(name="state")
def _state(tmp_path: Path) -> State:
    return make_state(tmp_path / "authorities", datetime.now(UTC))


def test_it_says_how_long_its_lists_and_its_certificate_are_good(
    state: State, tmp_path: Path
) -> None:
    """In seconds since 1970, as a gateway does of its own."""
    certified(state, tmp_path / "certificate.pem", "service", "monitoring-city")
    for name in ("root", "services"):
        (tmp_path / f"{name}.crl").write_bytes((state.folder / name / "crl.pem").read_bytes())

    values = told(tmp_path, tmp_path)

    now = datetime.now(UTC).timestamp()
    days = {
        name: round((end - now) / 86_400) for name, end in values.items() if "expiry" in name[0]
    }
    assert days == {
        ("loushan_certificate_expiry_timestamp_seconds", "monitoring"): 60,
        ("loushan_revocations_expiry_timestamp_seconds", "root"): 180,
        ("loushan_revocations_expiry_timestamp_seconds", "services"): 7,
    }


@pytest.mark.parametrize("spoiled", ["missing", "no list"])
def test_what_cannot_be_read_is_not_good(tmp_path: Path, spoiled: str) -> None:
    """It is told as what ended long ago, so that it is an alert."""
    if spoiled != "missing":
        for name in ("certificate.pem", "root.crl", "services.crl"):
            (tmp_path / name).write_text(spoiled)

    values = told(tmp_path, tmp_path)

    assert len(values) == 6
    assert set(values.values()) == {0.0}


def test_it_is_said_also_where_nothing_can_be_fetched(state: State, tmp_path: Path) -> None:
    """Nobody answers there; what lies on the disk is told all the same."""
    for name in ("root", "people", "services"):
        pem = (state.folder / name / "authority.pem").read_bytes()
        (tmp_path / "root.pem").write_bytes(pem)
    (tmp_path / "trusted.pem").write_bytes(b"")
    words = ["lists", "fetch", "127.0.0.1:9", "--given", str(tmp_path), "--lists", str(tmp_path)]
    command = [sys.executable, "-I", "-m", "gateway.cli", *words]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert "ZG520" in done.stderr
    assert (tmp_path / "own.prom").exists()
