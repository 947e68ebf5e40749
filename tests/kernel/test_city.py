"""A plan's city stands as the plan says, refuses nothing by itself, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from gateway.errors import Refused
from lab import namespace
from lab.city import City, city, sweep_abandoned
from lab.flows import Purpose, choose
from lab.layout import OUTSIDE, lay_out
from lab.nflog import LogReader
from lab.probe import probe
from tests.kernel.ruled_city import ROOT, bare_city, lab_plan, one, prefix, ruled_city

pytestmark = pytest.mark.kernel

PLAN = lab_plan()
HTTPS = PLAN.services["https"]

#: It is a second or less; a busy machine takes longer.
LONGEST_BUILD_SECONDS = 10

#: A city in a process of its own, which says when it stands.
CHILD = """
import sys, time
from lab.city import city
from lab.layout import lay_out
from tests.kernel.ruled_city import lab_plan
with city(lay_out(lab_plan(), ["tax"]), sys.argv[1]):
    print("stands", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def lab_city() -> Iterator[City]:
    """Give the lab's city without rulesets; a test that opens it says so in its name."""
    with bare_city() as made:
        yield made


def links(made: City, node: str) -> dict[str, bool]:
    """Ask the kernel for a node's interfaces but `lo`, and whether each is up."""
    answer = namespace.run(made.namespace(node), [namespace.IP, "-json", "link", "show"])
    return {
        link["ifname"]: "UP" in link["flags"]
        for link in json.loads(answer)
        if link["ifname"] != "lo"
    }


def on_the_host() -> str:
    """Ask the kernel for the interfaces of the namespace that the tests run in."""
    command = [namespace.IP, "-oneline", "link", "show"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def begin_child(name: str) -> "subprocess.Popen[str]":
    """Put up a city in another process, and wait until it stands."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "stands\n"
    assert namespace.names(name)
    return child


# --- what stands ----------------------------------------------------------------------------


def test_every_gateway_has_the_interfaces_of_the_plan(lab_city: City) -> None:
    """A zone's interface has its name, a link's that of the neighbour; each is up."""
    assert links(lab_city, "suiyang") == dict.fromkeys(
        ["business", "office", "city", "suiyang-housing", "yangchuan"], True
    )
    assert links(lab_city, "yangchuan") == {"office": True, "suiyang": True}


def test_a_city_of_two_trees_meets_outside_alone(lab_city: City) -> None:
    """The portal has no link to the office network; only OUTSIDE joins them."""
    assert links(lab_city, "portal") == {"web": True, OUTSIDE: True}
    assert links(lab_city, OUTSIDE) == {"city": True, "portal": True}


def test_nothing_of_a_city_stands_on_the_host(lab_city: City) -> None:
    """Wires are made where they belong, and never have an end anywhere else."""
    ours = {interface for wire in lab_city.layout.wires for _, interface in (wire.near, wire.far)}

    found = {line.split(": ")[1].partition("@")[0] for line in on_the_host().splitlines()}

    assert not found & ours


def test_gateways_forward_nothing_until_they_are_opened() -> None:
    """Without a ruleset there is no forwarding: what is opened last is closed first."""
    with bare_city(["tax", "city"]) as made:
        wanted = [one(made, "tax.office", "city.business", HTTPS, v) for v in (4, 6)]

        before = probe(made, wanted)
        made.open_forwarding()
        after = probe(made, wanted)

    assert [(r.delivered, r.answered) for r in before] == [(False, False)] * 2
    assert [(r.delivered, r.answered) for r in after] == [(True, True)] * 2


def test_the_city_itself_refuses_nothing() -> None:
    """Without rulesets every zone reaches every other: no cable, route or sysctl refuses for us."""
    with bare_city() as made:
        made.open_forwarding()
        honest = [p for p in choose(made.layout, 1, 300) if p.purpose is not Purpose.SPOOFED]

        results = probe(made, honest)

    assert len(results) > 800
    assert not [r for r in results if not (r.delivered and r.answered)]


def test_the_lab_stands_in_seconds() -> None:
    """Whoever rehearses does not wait."""
    began = time.monotonic()

    with bare_city():
        seconds = time.monotonic() - began

    assert seconds < LONGEST_BUILD_SECONDS


def test_some_sites_stand_with_those_between_them() -> None:
    """A township and a department meet by way of county and city; nothing else stands."""
    layout = lay_out(PLAN, ["yangchuan", "tax"])

    assert layout.gateways == ("city", "tax", "suiyang", "yangchuan")
    assert "suiyang-housing.office" not in layout.nodes


@pytest.mark.parametrize("sites", [["nowhere"], ["city", "City"]])
def test_a_site_that_is_not_in_the_plan_is_refused(sites: list[str]) -> None:
    """A slip of the pen does not quietly build less."""
    with pytest.raises(Refused) as refused:
        lay_out(PLAN, sites)

    assert [found.code for found in refused.value.problems] == ["ZG660"]


# --- what is left ---------------------------------------------------------------------------


def test_nothing_is_left_after_success() -> None:
    """Namespaces go, and wires with them."""
    before = on_the_host()
    name = prefix()

    with city(lay_out(PLAN, ["tax"]), name):
        assert namespace.names(name)

    assert not namespace.names(name)
    assert on_the_host() == before


def test_nothing_is_left_after_a_failure() -> None:
    """An error in the middle takes the city down, and is then heard."""
    name = prefix()

    with pytest.raises(ZeroDivisionError), city(lay_out(PLAN, ["tax"]), name):
        raise ZeroDivisionError

    assert not namespace.names(name)


def test_nothing_is_left_of_a_city_that_could_not_be_finished() -> None:
    """What stood before the kernel refused goes too."""
    name = prefix()
    namespace.add([f"{name}tax"])

    with pytest.raises(Refused) as refused, city(lay_out(PLAN, ["tax"]), name):
        pass

    assert [found.code for found in refused.value.problems] == ["ZG662"]
    assert not namespace.names(name)


def test_nothing_is_left_after_ctrl_c() -> None:
    """Who is tired of waiting leaves nothing behind."""
    name = prefix()

    with begin_child(name) as child:
        child.send_signal(signal.SIGINT)
        child.wait(60)

    assert child.returncode == -signal.SIGINT
    assert not namespace.names(name)


def test_what_a_killed_run_left_is_found_and_removed() -> None:
    """Nobody can tidy up after SIGKILL but the next; a living owner keeps its city."""
    start = f"lst-killed{os.getpid()}-"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    abandoned, owned = f"{start}{dead.pid}-", f"{start}{os.getpid()}-"
    kept = f"{start}kept-"
    namespace.add([f"{abandoned}city", f"{owned}city", f"{kept}city"])
    try:
        removed = sweep_abandoned(start)
        left = namespace.names(start)
    finally:
        namespace.sweep(start)

    assert removed == [abandoned]
    assert left == [f"{owned}city", f"{kept}city"]


def test_a_sweep_removes_what_carries_the_prefix_and_nothing_else() -> None:
    """The neighbour whose name only begins alike stays."""
    mine, other = prefix(), prefix()
    namespace.add([f"{mine}a", f"{mine}b", f"{other}a", f"x{mine}a"])
    try:
        removed = namespace.sweep(mine)
        left = namespace.names(other) + namespace.names(f"x{mine}")
    finally:
        namespace.remove([f"{mine}a", f"{mine}b", f"{other}a", f"x{mine}a"])

    assert removed == [f"{mine}a", f"{mine}b"]
    assert left == [f"{other}a", f"x{mine}a"]


@pytest.mark.parametrize("prefix_", ["", "ls-", "lst", "lst-lab"])
def test_a_sweep_of_what_may_be_anybodys_is_refused(prefix_: str) -> None:
    """A prefix is long enough and ends where a name may end."""
    with pytest.raises(ValueError, match=f"^{prefix_}$"):
        namespace.sweep(prefix_)


def test_a_log_that_somebody_else_reads_is_no_empty_log() -> None:
    """Of two readers of one log each would miss refusals; so the second refuses to go on."""
    with ruled_city(["portal"]) as made:
        reader = namespace.inside(made.namespace("portal"), LogReader)
        wanted = [one(made, "portal.web", "portal.gateway", HTTPS)]

        with pytest.raises(Refused) as refused:
            probe(made, wanted)
        reader.close()
        (result,) = probe(made, wanted)

    assert [found.code for found in refused.value.problems] == ["ZG669"]
    assert [r.reason for r in result.refusals] == ["no_conduit"]
