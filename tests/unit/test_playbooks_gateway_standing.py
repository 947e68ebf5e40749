"""Who stands worse than before a change is found, in words; who stands as well is let be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbooks.plugins.modules import gateway_standing as host
from tests.unit.test_playbooks_host_state import options, without_words

WELL: dict[str, Any] = {
    "proven": True,
    "drift": 2,
    "gates": True,
    "links": ["city", "suiyang"],
    "failed": ["old.service"],
}

WORSE = [
    pytest.param({"proven": False}, "not proven", id="not proven"),
    pytest.param({"drift": 3}, "drift, 1 times", id="drift"),
    pytest.param({"gates": False}, "gates are closed", id="gates"),
    pytest.param({"links": ["city"]}, "link suiyang is down", id="a link"),
    pytest.param({"links": []}, "link city is down", id="all links"),
    pytest.param({"failed": ["old.service", "new.service"]}, "new.service has", id="a unit"),
]

BETTER = [
    pytest.param({}, id="as before"),
    pytest.param({"links": ["city", "suiyang", "tax"]}, id="a link more"),
    pytest.param({"failed": []}, id="no unit that has failed"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once."""
    monkeypatch.setattr(host, "_LOOK_SECONDS", 0.01)


def test_what_is_documented_is_what_is_taken() -> None:
    """Word for word."""
    assert options(host.SPEC) == without_words(yaml.safe_load(host.DOCUMENTATION)["options"])


@pytest.mark.parametrize(("change", "said"), WORSE)
def test_what_is_worse_is_said(change: dict[str, Any], said: str) -> None:
    """And what to look at."""
    found = list(host.worse(WELL, {**WELL, **change}))

    assert any(said in each for each in found)


@pytest.mark.parametrize("change", BETTER)
def test_what_is_no_worse_is_let_be(change: dict[str, Any]) -> None:
    """Also where it is better."""
    now = {**WELL, **change}

    assert list(host.worse(WELL, now)) == []
    assert host.watch(WELL, 0, 0, lambda: now) == now


def test_gates_that_were_closed_may_stay_so() -> None:
    """Nobody asks for more than there was."""
    closed = {**WELL, "gates": False}

    assert list(host.worse(closed, closed)) == []


@pytest.mark.parametrize(("change", "said"), WORSE)
def test_who_does_not_come_to_stand_as_before_is_told(change: dict[str, Any], said: str) -> None:
    """When the time for it is over."""
    with pytest.raises(host.UnwellError, match=said):
        host.watch(WELL, 0.05, 0, lambda: {**WELL, **change})


def test_what_takes_a_moment_is_waited_for() -> None:
    """A service that begins anew has no links yet."""
    looks: Iterator[dict[str, Any]] = iter([{**WELL, "links": []}, {**WELL, "proven": False}, WELL])

    assert host.watch(WELL, 60, 0, lambda: next(looks)) == WELL


def test_what_fails_while_it_is_watched_is_not_waited_for() -> None:
    """It stood well, and does no more."""
    looks: Iterator[dict[str, Any]] = iter([WELL, WELL, {**WELL, "links": []}, WELL])

    with pytest.raises(host.UnwellError, match="link city is down"):
        host.watch(WELL, 60, 60, lambda: next(looks))


@pytest.mark.parametrize("says", ["", "[]", "{}", '{"proven": true}', "no JSON", "null"])
def test_who_does_not_say_how_he_stands_is_not_well(
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that is silent, or says something else."""
    program = tmp_path / "loushan"
    program.write_text(f"#!/bin/sh\ncat <<'X'\n{says}\nX\n")
    program.chmod(0o755)
    monkeypatch.setattr(host, "_LOUSHAN", str(program))

    with pytest.raises(host.UnwellError):
        host.read()
