"""`loushan rehearse`: plan, proof and packets agree, or the command says where they do not."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from gateway.artefacts import Ruleset
from gateway.compile.ruleset import compile_slice
from gateway.policy.topology import GatewaySlice
from lab import namespace, rehearsal
from lab.city import KEPT
from lab.layout import OUTSIDE
from lab.rehearsal import Rehearsal, Step, Wanted, rehearse
from tests.kernel.ruled_city import ROOT, lab_plan

pytestmark = pytest.mark.kernel

PLAN = lab_plan()
SITES = ("tax", "yangchuan")


class Nobody:
    """Listens to no progress."""

    def begin(self, step: Step, total: int) -> None:
        """Hear nothing."""

    def advance(self, count: int = 1) -> None:
        """Hear nothing."""


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", "rehearse", "policy/lab", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def codes(rehearsed: Rehearsal) -> set[str]:
    """Give the codes of what is wrong."""
    return {found.code for found in rehearsed.problems}


def one_entry_short(part: GatewaySlice) -> Ruleset:
    """Compile, and forget what lets the tax bureau approve."""
    whole = compile_slice(part)
    if part.gateway != "tax":
        return whole
    maps = tuple(
        replace(m, elements=()) if m.name == "from_tax.office_4" else m for m in whole.maps
    )
    return replace(whole, maps=maps)


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """Give what the command says to a machine about the whole lab."""
    answer = command("--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    said: dict[str, Any] = json.loads(answer.stdout)
    return said


def test_the_lab_agrees_with_its_plan(said: dict[str, Any]) -> None:
    """Every gateway is proven, all of them together are, and no packet says otherwise."""
    assert said["agrees"]
    assert all(gateway["proof"]["holds"] for gateway in said["gateways"])
    assert [gateway["gateway"] for gateway in said["gateways"]] == list(PLAN.gateways)
    assert said["path_findings"] == []
    assert len(said["probes"]) > 1500


def test_every_cell_is_expected_proven_and_probed(said: dict[str, Any]) -> None:
    """The table has no blank: each pair of zones of two nodes was looked at by all three."""
    zones = len(PLAN.zones)

    assert len(said["cells"]) == zones * (zones - 1)
    assert {(cell["proven"], cell["probed"]) for cell in said["cells"]} == {("agrees", "agrees")}
    assert {cell["expected"] for cell in said["cells"]} == {"open", "closed"}


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("refused", "must pass")), ("zh", ("被拒绝的报文", "应放行"))]
)
def test_a_person_reads_it_in_their_language(language: str, words: tuple[str, ...]) -> None:
    """A table, and three refusals with the reason that the gateway recorded."""
    answer = command("--sites", ",".join(SITES), "--lang", language)

    assert answer.returncode == 0, answer.stderr
    assert all(word in answer.stdout for word in words)
    assert "●●●" in answer.stdout
    assert answer.stdout.count("(no_conduit)") + answer.stdout.count("(unexpected_source)") == 3


def test_what_proof_and_packets_find_is_said_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ruleset that is not the plan's: the loader refuses it, and nothing passes there."""
    monkeypatch.setattr(rehearsal, "compile_slice", one_entry_short)

    rehearsed = rehearse(Wanted(PLAN, SITES, sample=20), Nobody())

    broken = [e.gateway for e in rehearsed.enforced if not e.is_proven]
    differing = {c.source for c in rehearsed.cells if "differs" in (c.proven, c.probed)}
    assert broken == ["tax"]
    assert {"ZG664", "ZG666"} <= codes(rehearsed)
    assert "tax.office" in differing
    assert "yangchuan.office" not in {c.source for c in rehearsed.cells if c.probed == "differs"}


def test_without_packets_no_city_is_needed() -> None:
    """Each gateway is loaded by itself, read back and proven; so are all together."""
    rehearsed = rehearse(Wanted(PLAN, probes=False), Nobody())

    assert rehearsed.problems == []
    assert all(e.is_proven for e in rehearsed.enforced)
    assert {(c.proven, c.probed) for c in rehearsed.cells} == {("agrees", "silent")}


def test_without_packets_a_wrong_ruleset_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the proof of the gateway, and by that of all together."""
    monkeypatch.setattr(rehearsal, "compile_slice", one_entry_short)

    rehearsed = rehearse(Wanted(PLAN, probes=False), Nobody())

    assert [e.gateway for e in rehearsed.enforced if not e.is_proven] == ["tax"]
    assert "ZG641" in codes(rehearsed)


def test_a_kept_city_stands_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants to look around may; the next rehearsal tidies up."""
    kept = f"lst-kept{os.getpid()}-"
    monkeypatch.setattr(rehearsal, "KEPT", kept)
    try:
        rehearsed = rehearse(Wanted(PLAN, ("tax",), keep=True, sample=1), Nobody())
        standing = namespace.names(kept)
        rehearse(Wanted(PLAN, ("tax",), sample=1), Nobody())
        left = namespace.names(kept)
    finally:
        namespace.sweep(kept)

    assert standing == sorted(rehearsed.namespaces.values())
    assert set(rehearsed.namespaces) == {"tax", "tax.business", "tax.office", OUTSIDE}
    assert left == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [(), ("--no-probe",)], ids=["a city", "no city"])
def test_nothing_is_left_of_an_interrupted_rehearsal(
    words: tuple[str, ...], number: signal.Signals
) -> None:
    """No namespace and no process, however it is ended."""
    with subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "rehearse", "policy/lab", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        end = time.monotonic() + 60
        while not namespace.names(f"ls-{child.pid}-") and time.monotonic() < end:
            time.sleep(0.01)
        os.killpg(child.pid, number)
        child.wait(60)

    assert child.returncode in (130, 128 + number)
    assert namespace.names(f"ls-{child.pid}-") == []
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)


@pytest.mark.parametrize("words", [("--sites", "nowhere"), ("--sites", "tax,Tax")])
def test_a_site_that_is_not_in_the_plan_is_refused(words: tuple[str, ...]) -> None:
    """Nothing is built for a slip of the pen."""
    answer = command(*words)

    assert answer.returncode == 1
    assert "ZG660" in answer.stderr


def test_the_kept_city_has_a_prefix_of_its_own() -> None:
    """It is no process's, so that tidying up after dead ones leaves it alone."""
    assert not KEPT.removeprefix("ls-").rstrip("-").isdigit()


def test_what_decides_beside_the_ruleset_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the city each gateway's routing is looked at as on a host: it is proven, or not loaded."""

    class Meddler(Nobody):
        def begin(self, step: Step, total: int) -> None:
            super().begin(step, total)
            if step is Step.ENFORCE:
                namespace.ip(["rule add from 10.11.1.0/24 lookup 77"], f"{prefix}tax")

    prefix = f"lst-beside{os.getpid()}-"
    monkeypatch.setattr(rehearsal, "_prefix", lambda: prefix)

    rehearsed = rehearse(Wanted(PLAN, sample=1), Meddler())

    assert [e.gateway for e in rehearsed.enforced if not e.is_proven] == ["tax"]
    assert "ZG634" in codes(rehearsed)
