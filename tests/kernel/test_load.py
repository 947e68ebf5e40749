"""How a policy comes into force on a real kernel, judged by packets and not by its words."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.artefacts import Chain, Generation
from gateway.errors import Refused
from gateway.load import forwarding, nft
from gateway.load.events import Silence, Step
from gateway.load.inforce import InForce, in_force, read_host
from gateway.load.loader import Places, Way, delete_foreign_tables, recover
from gateway.policy.model import Plan
from tests.kernel.city import (
    APPROVAL,
    ATTEMPT_SECONDS,
    FORBIDDEN,
    HTTPS,
    OFFICE,
    POSTGRES,
    City,
    is_answered,
    is_cut,
)
from tests.kernel.policies import (
    BOTH,
    HTTPS_ONLY,
    HTTPS_ONLY_RENAMED,
    WITH_PING,
    candidate,
    load_into,
    unproven,
)

pytestmark = pytest.mark.kernel

#: What is forbidden ends within a second of the command; a busy machine takes longer.
LONGEST_SECONDS = 5

#: From the policy with both services to the one with https alone, each way.
WAYS_TO_HTTPS = [
    pytest.param(HTTPS_ONLY, Way.DELTA, id="by a delta"),
    pytest.param(HTTPS_ONLY_RENAMED, Way.SWAP, id="by a swap"),
]


def codes(refused: Refused) -> set[str]:
    """Give the codes of a refusal."""
    return {found.code for found in refused.problems}


def add_table(name: bytes) -> None:
    """Add a table by netlink, which asks nothing of its name."""
    body = struct.pack("BBH", socket.AF_INET, 0, 0)
    padded = name + b"\0" * (4 - len(name) % 4)
    attribute = struct.pack("HH", 4 + len(name) + 1, 1) + padded
    steps = [
        (0x10, b"\0\0" + struct.pack(">H", 10)),
        (10 << 8, body + attribute),
        (0x11, b"\0\0" + struct.pack(">H", 10)),
    ]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as link:
        link.send(
            b"".join(
                struct.pack("IHHII", 16 + len(content), kind, 0x405 if kind == 10 << 8 else 1, n, 0)
                + content
                for n, (kind, content) in enumerate(steps)
            )
        )
        assert struct.unpack_from("i", link.recv(4096), 16) == (0,)


def switch_on() -> None:
    """Make a host forward, as somebody might whom nobody asked."""
    forwarding.switch(on=True)


class Recorder:
    """Keeps the steps of a load, and does something at one of them."""

    def __init__(self, at: Step | None = None, then: Callable[[], object] = lambda: None) -> None:
        """Say what to do at which step."""
        self.steps: list[Step] = []
        self.at, self.then = at, then

    def step(self, step: Step, detail: str) -> None:
        """Keep a step."""
        del detail
        self.steps.append(step)
        if step is self.at:
            self.then()


# --- before any policy --------------------------------------------------------------------


def test_without_a_policy_nothing_is_forwarded(small_network: City, places: Places) -> None:
    """A host that starts refuses everything and does not forward."""
    small_network.gateway.run(switch_on)

    recovered = small_network.gateway.run(lambda: recover(places=places))

    assert (recovered.in_force, recovered.forwarding) == (None, False)
    small_network.flood(0.2)
    assert not small_network.received


def test_without_a_policy_the_table_alone_refuses(small_network: City, places: Places) -> None:
    """Nothing passes even where somebody makes the host forward, and it is counted why."""
    small_network.gateway.run(lambda: recover(places=places))
    small_network.gateway.run(switch_on)

    sent = small_network.flood(0.2)

    assert sent > 100
    assert not small_network.received
    assert small_network.refuses(HTTPS, 4)
    assert small_network.refuses(HTTPS, 6)
    counter = small_network.gateway.command(
        "nft", "list", "counter", "inet", "loushan", "refused_no_policy"
    )
    assert "packets 0 " not in counter


def test_nothing_is_forwarded_before_the_proof(small_network: City, places: Places) -> None:
    """Forwarding is switched on last."""
    seen: list[bool] = []

    load_into(
        small_network.gateway,
        candidate(BOTH, 1),
        places,
        prove=lambda: seen.append(forwarding.is_on()),
    )

    assert seen == [False]
    assert small_network.gateway.run(forwarding.is_on)


# --- the ways into force ------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 6])
def test_the_first_policy_comes_into_force(
    small_network: City, places: Places, version: int
) -> None:
    """What a conduit carries passes, what none carries does not, and the host names its policy."""
    what = candidate(BOTH, 1)

    loaded = load_into(small_network.gateway, what, places)

    assert loaded.way is Way.FIRST
    assert small_network.gateway.run(in_force) == InForce(
        "zunyi", 1, what.ruleset.digest[:16], Generation.A
    )
    assert small_network.passes(HTTPS, version)
    assert small_network.refuses(FORBIDDEN, version)


@pytest.mark.parametrize(("plan", "way"), WAYS_TO_HTTPS)
def test_the_next_policy_takes_over(
    small_network: City, places: Places, plan: Plan, way: Way
) -> None:
    """A small change is a delta, another a swap; either changes just what it says."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)

    loaded = load_into(small_network.gateway, candidate(plan, 2), places)

    assert loaded.way is way
    assert loaded.in_force.revision == 2
    assert not small_network.gateway.run(read_host).leftovers
    assert small_network.passes(HTTPS)
    assert small_network.refuses(POSTGRES)


def test_generations_alternate(small_network: City, places: Places) -> None:
    """There is always room for the next generation beside the one in force."""
    plans = [BOTH, WITH_PING, BOTH, WITH_PING]

    loaded = [
        load_into(small_network.gateway, candidate(plan, n), places)
        for n, plan in enumerate(plans, 1)
    ]

    assert [each.in_force.generation for each in loaded] == ["a", "b", "a", "b"]


def test_loading_the_same_again_changes_nothing(small_network: City, places: Places) -> None:
    """A reload of what is in force is an empty delta."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)

    loaded = load_into(small_network.gateway, candidate(BOTH, 1), places)

    assert (loaded.way, loaded.changed) == (Way.DELTA, 0)


@pytest.mark.parametrize("plan", [HTTPS_ONLY, WITH_PING], ids=["delta", "swap"])
def test_counters_go_on_counting(small_network: City, places: Places, plan: Plan) -> None:
    """An element that both policies have keeps what it counted."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    for _ in range(3):
        small_network.connect(HTTPS).close()

    loaded = load_into(small_network.gateway, candidate(plan, 2), places)

    name = f"{loaded.in_force.generation}_from_city.office_4"
    listing = small_network.gateway.command("nft", "list", "map", "inet", "loushan", name)
    assert "10.1.1.0/24 . tcp . 443 counter packets 3 bytes" in listing


# --- live sessions ------------------------------------------------------------------------


@pytest.mark.parametrize(("plan", "way"), WAYS_TO_HTTPS)
@pytest.mark.parametrize("version", [4, 6])
def test_a_session_no_longer_permitted_is_cut(
    small_network: City, places: Places, plan: Plan, way: Way, version: int
) -> None:
    """With the command, not another byte passes; other sessions go on."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    with (
        small_network.connect(POSTGRES, version) as revoked,
        small_network.connect(HTTPS, version) as kept,
    ):
        assert is_answered(revoked)
        assert is_answered(kept)

        started = time.monotonic()
        loaded = load_into(small_network.gateway, candidate(plan, 2), places)

        assert time.monotonic() - started < LONGEST_SECONDS
        assert (loaded.way, loaded.cut) == (way, 1)
        assert is_cut(revoked)
        assert is_answered(kept)


def test_the_cut_comes_before_the_proof(small_network: City, places: Places) -> None:
    """However long the proof takes, what is forbidden has ended."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    seen: list[bool] = []
    with small_network.connect(POSTGRES) as revoked:
        load_into(
            small_network.gateway,
            candidate(HTTPS_ONLY, 2),
            places,
            prove=lambda: seen.append(is_cut(revoked)),
        )

    assert seen == [True]


def test_a_connection_that_came_late_is_cut_too(small_network: City, places: Places) -> None:
    """A packet that the old rules had just let by enters its connection after the first cut."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)

    def enter() -> None:
        small_network.gateway.command(
            *("conntrack", "--create", "--proto", "udp", "--timeout", "60"),
            *("--src", OFFICE[4], "--dst", APPROVAL[4], "--sport", "5000", "--dport", "5000"),
        )

    loaded = load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places, prove=enter)

    assert loaded.cut == 1
    assert small_network.gateway.command("conntrack", "--dump") == ""


def test_a_session_older_than_the_first_policy_is_judged(
    small_network: City, places: Places
) -> None:
    """Who was connected before there was a firewall is not let by for that."""
    small_network.gateway.run(switch_on)
    # Without a table nothing would follow connections.
    small_network.gateway.command("nft", "add table inet operator")
    small_network.gateway.command(
        "nft", "add chain inet operator watch { type filter hook forward priority 10 ; }"
    )
    small_network.gateway.command("nft", "add rule inet operator watch ct state new counter")
    with small_network.connect(FORBIDDEN) as before:
        assert is_answered(before)

        load_into(small_network.gateway, candidate(BOTH, 1), places)

        assert is_cut(before)


def test_what_the_host_says_to_itself_is_left_alone(small_network: City, places: Places) -> None:
    """No policy judges what does not leave the host."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    small_network.gateway.command(
        "python3", "-c", "import socket as s; s.socket(2, 2).sendto(b'x', ('10.1.1.1', 9))"
    )

    loaded = load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places)

    assert loaded.cut == 0


# --- when it fails ------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [HTTPS_ONLY, WITH_PING], ids=["delta", "swap"])
def test_without_a_proof_the_old_policy_comes_back(
    small_network: City, places: Places, plan: Plan
) -> None:
    """The last good policy is in force again, whole, and the new one was never accepted."""
    before = load_into(small_network.gateway, candidate(BOTH, 1), places).in_force

    with pytest.raises(Refused) as refused:
        load_into(small_network.gateway, candidate(plan, 2), places, prove=unproven)

    assert codes(refused.value) == {"ZG502", "ZG512"}
    host = small_network.gateway.run(read_host)
    assert (host.in_force, host.leftovers) == (before, ())
    assert small_network.passes(POSTGRES)
    assert load_into(small_network.gateway, candidate(BOTH, 1), places).changed == 0


def test_without_a_proof_the_first_policy_leaves_nothing(
    small_network: City, places: Places
) -> None:
    """There was no policy, so there is none, and nothing is forwarded."""
    with pytest.raises(Refused) as refused:
        load_into(small_network.gateway, candidate(BOTH, 1), places, prove=unproven)

    assert codes(refused.value) == {"ZG502", "ZG515"}
    assert small_network.gateway.run(in_force) is None
    assert not small_network.gateway.run(forwarding.is_on)


def test_a_session_of_the_policy_taken_back_ends(small_network: City, places: Places) -> None:
    """What only the unproven policy let in does not stay after it."""
    load_into(small_network.gateway, candidate(HTTPS_ONLY, 1), places)
    opened = []

    def prove() -> None:
        opened.append(small_network.connect(POSTGRES))
        unproven()

    with small_network.connect(HTTPS) as kept:
        with pytest.raises(Refused):
            load_into(small_network.gateway, candidate(BOTH, 2), places, prove=prove)

        # A delta that was not proven is tried once more as a swap.
        assert len(opened) == 2
        for session in opened:
            with session as late:
                assert is_cut(late)
        assert is_answered(kept)


def test_a_ruleset_that_the_kernel_refuses_changes_nothing(
    small_network: City, places: Places
) -> None:
    """It is judged whole before anything of it is taken."""
    before = load_into(small_network.gateway, candidate(BOTH, 1), places).in_force
    good = candidate(HTTPS_ONLY, 2)
    broken = replace(
        good,
        ruleset=replace(good.ruleset, chains=(*good.ruleset.chains, Chain("x", ("acept",)))),
    )
    recorder = Recorder()

    with pytest.raises(Refused) as refused:
        load_into(small_network.gateway, broken, places, events=recorder)

    assert codes(refused.value) == {"ZG501", "ZG512"}
    assert "syntax error" in str(refused.value)
    assert recorder.steps == [Step.LOCKED, Step.REVERTED]
    assert small_network.gateway.run(in_force) == before
    assert small_network.passes(POSTGRES)


def test_what_the_kernel_would_not_take_is_not_tried(
    small_network: City, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel is asked before the commit, and what was staged goes when it says no."""
    before = load_into(small_network.gateway, candidate(BOTH, 1), places).in_force
    monkeypatch.setattr(nft, "check", lambda _: unproven())
    recorder = Recorder()

    with pytest.raises(Refused):
        load_into(small_network.gateway, candidate(WITH_PING, 2), places, events=recorder)

    assert recorder.steps == [Step.LOCKED, Step.STAGED, Step.REVERTED]
    host = small_network.gateway.run(read_host)
    assert (host.in_force, host.leftovers) == (before, ())


def test_one_loader_at_a_time(small_network: City, places: Places) -> None:
    """A second loader is refused while the first is at work."""
    refused: list[set[str]] = []

    def second() -> None:
        with pytest.raises(Refused) as found:
            recover(places=places)
        refused.append(codes(found.value))

    load_into(small_network.gateway, candidate(BOTH, 1), places, prove=second)

    assert refused == [{"ZG504"}]


# --- no way back --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "revision", "code"),
    [
        pytest.param(BOTH, 2, "ZG505", id="an older revision"),
        pytest.param(BOTH, 3, "ZG506", id="the same revision with other content"),
    ],
)
@pytest.mark.parametrize("forgetful", [False, True], ids=["record", "kernel alone"])
def test_an_older_policy_is_refused(  # noqa: PLR0913 - a table of examples
    small_network: City, places: Places, plan: Plan, revision: int, code: str, *, forgetful: bool
) -> None:
    """Neither with the record of what was accepted, nor where that was deleted."""
    load_into(small_network.gateway, candidate(HTTPS_ONLY, 3), places)
    if forgetful:
        (places.state / "accepted.json").unlink()

    with pytest.raises(Refused) as refused:
        load_into(small_network.gateway, candidate(plan, revision), places)

    assert codes(refused.value) == {code}
    assert small_network.refuses(POSTGRES)


def test_the_record_outlives_the_kernel(small_network: City, places: Places) -> None:
    """After a restart the kernel knows nothing, and an old policy is still refused."""
    load_into(small_network.gateway, candidate(HTTPS_ONLY, 3), places)
    small_network.gateway.command("nft", "delete table inet loushan")

    with pytest.raises(Refused) as refused:
        load_into(small_network.gateway, candidate(BOTH, 2), places)

    assert codes(refused.value) == {"ZG505"}


# --- other hands --------------------------------------------------------------------------

TAMPERINGS = {
    "an accept before everything": "insert rule inet loushan forward accept",
    "a chain turned to accept": (
        "add chain inet loushan forward { policy accept ; }; "
        "flush chain inet loushan refuse_no_conduit"
    ),
    "a chain of its own": (
        "add chain inet loushan open { type filter hook forward priority -5 ; policy accept ; }; "
        "add chain inet loushan more; add rule inet loushan more accept; "
        "insert rule inet loushan forward jump more"
    ),
    "an element": (
        "add element inet loushan a_from_city.office_4 "
        "{ 10.1.1.0/24 . tcp . 8443 : goto a_exit_approval }"
    ),
    "an element that accepts instead": (
        "add element inet loushan a_from_city.office_4 { 10.1.1.0/24 . tcp . 8000-9000 : accept }"
    ),
    "a rule in a chain of the policy": "insert rule inet loushan a_from_city.office accept",
    "a chain hidden in the policy": (
        "add chain inet loushan more; add rule inet loushan more accept; "
        "insert rule inet loushan a_from_city.office jump more"
    ),
    "a sleeping table": "add table inet loushan { flags dormant ; }",
    "hooks that disagree": (
        "flush chain inet loushan forward; add rule inet loushan forward goto a_from_city.office"
    ),
    "a stamp of another policy": (
        "flush chain inet loushan output; add rule inet loushan output goto a_output "
        'comment "zunyi revision 1 sha256 0123456789abcdef"'
    ),
    "a table without hooks": "delete table inet loushan; add table inet loushan; "
    "add chain inet loushan forward",
}


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS)
def test_loading_again_puts_right_what_others_changed(
    small_network: City, places: Places, tampering: str
) -> None:
    """The cure for a host that drifted is the policy itself, once more."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    small_network.gateway.command("nft", tampering)

    load_into(small_network.gateway, candidate(BOTH, 1), places)

    assert small_network.passes(HTTPS)
    assert small_network.refuses(FORBIDDEN)
    host = small_network.gateway.run(read_host)
    assert "open" not in host.outline.chains
    assert "more" not in host.outline.chains


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param(TAMPERINGS["hooks that disagree"], id="no stamp at one hook"),
        pytest.param(TAMPERINGS["a stamp of another policy"], id="two stamps"),
        pytest.param(TAMPERINGS["a sleeping table"], id="nothing is judged"),
    ],
)
def test_hooks_that_disagree_are_an_error(
    small_network: City, places: Places, tampering: str
) -> None:
    """Nobody is told of a policy in force where nobody can know."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    small_network.gateway.command("nft", tampering)

    with pytest.raises(Refused) as refused:
        small_network.gateway.run(in_force)

    assert codes(refused.value) == {"ZG503"}


def test_recovery_refuses_everything_where_hooks_disagree(
    small_network: City, places: Places
) -> None:
    """Not understood is not passed."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    small_network.gateway.command("nft", TAMPERINGS["hooks that disagree"])

    recovered = small_network.gateway.run(lambda: recover(places=places))

    assert recovered.in_force is None
    assert small_network.refuses(HTTPS)


def test_other_tables_are_not_touched(small_network: City, places: Places) -> None:
    """Neither the operator's, nor one of our name in another family."""
    for text in (
        "add table inet operator",
        "add chain inet operator mine",
        "add rule inet operator mine tcp dport 22 accept",
        "add table ip asleep { flags dormant ; }",
        "add table ip loushan",
        "add chain ip loushan forward",
    ):
        small_network.gateway.command("nft", text)
    before = [
        small_network.gateway.command("nft", "--handle", "list", "table", *table)
        for table in (("inet", "operator"), ("ip", "loushan"))
    ]

    for revision, plan in enumerate((BOTH, HTTPS_ONLY, WITH_PING), 1):
        load_into(small_network.gateway, candidate(plan, revision), places)

    after = [
        small_network.gateway.command("nft", "--handle", "list", "table", *table)
        for table in (("inet", "operator"), ("ip", "loushan"))
    ]
    assert after == before
    host = small_network.gateway.run(read_host)
    names = [str(table) for table in host.foreign_tables]
    assert names == ["inet operator", "ip asleep", "ip loushan"]


#: What the kernel takes for a table's name, and no reader of text.
STRANGE_NAMES = [
    pytest.param(b"x\xff\xfe", id="no UTF-8"),
    pytest.param(b"x\x1b[2J", id="for a terminal"),
    pytest.param(
        b"x {\n}\ntable inet loushan {\n\tchain forward {\n\t}\n}\n#", id="as text of ours"
    ),
    pytest.param(b"loushan {\n}\ntable ip x", id="begins as ours does"),
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_a_name_that_nobody_can_write_hides_nothing(
    small_network: City, places: Places, name: bytes
) -> None:
    """It is found, a policy is loaded beside it, and it is deleted."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    small_network.gateway.run(lambda: add_table(name))

    host = small_network.gateway.run(read_host)
    load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places)
    deleted = small_network.gateway.run(lambda: delete_foreign_tables(Silence()))

    assert [table.plain for table in host.foreign_tables] == [False]
    assert str(host.foreign_tables[0]).isprintable()
    assert host.in_force is not None
    assert deleted == host.foreign_tables
    assert small_network.gateway.run(read_host).foreign_tables == ()
    assert small_network.passes(HTTPS)


def test_an_element_that_is_no_text_is_mended(small_network: City, places: Places) -> None:
    """Of an interface's name that is not UTF-8 nft writes no JSON: all is built anew."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    before = small_network.gateway.run(in_force)
    assert before is not None
    strange = f"inet loushan {before.generation}_strange"
    small_network.gateway.command("nft", f"add map {strange} {{ type ifname : verdict ; }}")
    small_network.gateway.command("nft", f'add element {strange} {{ "x\udcff" : drop }}')

    load_into(small_network.gateway, candidate(BOTH, 1), places)

    host = small_network.gateway.run(read_host)
    assert host.in_force is not None
    assert host.in_force.generation is before.generation.other
    assert not any(name.endswith("_strange") for name in host.outline.maps)
    assert small_network.passes(HTTPS)


def test_a_check_changes_nothing(small_network: City) -> None:
    """The kernel judges, and takes nothing."""
    text = candidate(BOTH, 1).ruleset.text

    small_network.gateway.run(lambda: nft.check(text))

    assert small_network.gateway.command("nft", "list", "ruleset") == ""


def test_an_older_library_checks_by_the_command(
    small_network: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the library cannot judge without taking, nft itself is asked."""
    monkeypatch.setattr(nft, "_context", object)

    small_network.gateway.run(lambda: nft.check("add table inet x"))

    with pytest.raises(Refused):
        small_network.gateway.run(lambda: nft.check("add tabel inet x"))
    assert small_network.gateway.command("nft", "list", "ruleset") == ""


def test_a_host_without_the_library_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is an error with a code, and nothing was done."""
    monkeypatch.setattr(nft, "DEBIAN_MODULE", tmp_path / "nftables.py")
    nft._module.cache_clear()  # noqa: SLF001 - the library is looked for once

    with pytest.raises(Refused) as refused:
        nft.run("add table inet x")

    assert codes(refused.value) == {"ZG502"}


# --- under load ---------------------------------------------------------------------------


def test_updates_under_load_lose_nothing_and_leak_nothing(
    small_network: City, places: Places
) -> None:
    """Ten updates, deltas and swaps: every permitted attempt succeeds, no forbidden one does."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    done = threading.Event()
    attempts: list[bool] = []

    def attempt() -> None:
        while not done.is_set():
            try:
                small_network.connect(HTTPS, seconds=ATTEMPT_SECONDS).close()
                attempts.append(True)
            except OSError:
                attempts.append(False)

    def flood() -> None:
        while not done.is_set():
            small_network.flood(0.1)

    workers = [threading.Thread(target=work) for work in (attempt, flood)]
    for worker in workers:
        worker.start()
    try:
        ways = [
            load_into(small_network.gateway, candidate(plan, revision), places).way
            for revision, plan in enumerate([HTTPS_ONLY, BOTH, WITH_PING, BOTH, WITH_PING] * 2, 2)
        ]
    finally:
        done.set()
        for worker in workers:
            worker.join()

    assert {*ways} == {Way.DELTA, Way.SWAP}
    assert len(attempts) > 50
    assert all(attempts)
    assert not small_network.received
