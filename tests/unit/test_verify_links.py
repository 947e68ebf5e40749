"""What strongSwan holds is compared with the plan, each thing by itself; nothing is trusted."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Problem
from gateway.policy.lines import lines_of
from gateway.policy.model import Links, Plan
from gateway.verify import links
from gateway.verify.links import find_in_links, wanted_links
from gateway.vici import ViciRefused
from pki.state import State
from tests.authorities import make_state
from tests.cities import small_city
from tests.strongswan import Daemon, running

CITY, SITE = small_city(), "red"

#: As strongSwan writes what goes to and from `hill`, and everything.
HILL = ["10.4.0.0/24", "10.4.1.0/24", "fd00:4::/64", "fd00:4:1::/64"]
RED = ["10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24", *HILL[:2], "fd00:2::/64", "fd00:2:1::/64"]
RED += ["fd00:2:2::/64", *HILL[2:]]
EVERYTHING = ["0.0.0.0/0", "::/0"]

#: What the role has strongSwan load, as far as it matters here.
PLUGINS = ("random", "x509", "revocation", "constraints", "pem", "openssl", "vici")

_Said: TypeAlias = dict[str, Any]


def connection(neighbour: str) -> _Said:
    """Give what strongSwan lists of a good connection of `red`'s gateway."""
    line = next(line for line in lines_of(CITY, SITE) if line.neighbour == neighbour)
    child: _Said = {
        "mode": "TUNNEL",
        "rekey_time": "3600",
        "local-ts": RED if line.is_up else EVERYTHING,
        "remote-ts": EVERYTHING if line.is_up else HILL,
    }
    if line.is_up:
        child["close_action"] = "trap | start"
    return {
        "local_addrs": [str(line.own)],
        "remote_addrs": [str(line.far)],
        "version": "IKEv2",
        "local-1": {"id": "red-gw.gw.made.internal", "class": "public key"},
        "remote-1": {
            "id": f"{neighbour}-gw.gw.made.internal",
            "class": "public key",
            "revocation": "GOOD",
            "cacerts": ["C=CN, CN=links"],
        },
        "children": {neighbour: child},
    }


def association(neighbour: str) -> _Said:
    """Give what strongSwan lists of a good association."""
    asked = connection(neighbour)["children"][neighbour]
    return {
        "state": "ESTABLISHED",
        "local-id": "red-gw.gw.made.internal",
        "remote-id": f"{neighbour}-gw.gw.made.internal",
        "encr-alg": "AES_GCM_16",
        "encr-keysize": "256",
        "prf-alg": "PRF_HMAC_SHA2_384",
        "dh-group": "ECP_384",
        "child-sas": {
            f"{neighbour}-1": {
                "state": "INSTALLED",
                "mode": "TUNNEL",
                "protocol": "ESP",
                "encr-alg": "AES_GCM_16",
                "encr-keysize": "256",
                "local-ts": asked["local-ts"],
                "remote-ts": asked["remote-ts"],
            }
        },
    }


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon that holds what `red`'s gateway must hold, with all links up."""
    state = make_state(tmp_path / "pki")
    given = tmp_path / "given"
    given.mkdir()
    for name in ("root", "links"):
        pem = state.certificate(name).public_bytes(Encoding.PEM)
        (given / f"{name}.pem").write_bytes(pem)
    monkeypatch.setattr(links, "AUTHORITIES", given)
    with running(tmp_path / "vici") as daemon:
        daemon.told = {
            "list-conns": [{name: connection(name)} for name in ("city", "hill")],
            "list-sas": [{name: association(name)} for name in ("city", "hill")],
            "list-certs": [listed(state.certificate(name)) for name in ("root", "links")],
        }
        daemon.replies["stats"] = {"plugins": [*PLUGINS]}
        yield daemon


def listed(certificate: x509.Certificate) -> _Said:
    """Give what strongSwan lists of an authority."""
    return {"type": "X509", "flag": "CA", "data": certificate.public_bytes(Encoding.DER)}


def found(daemon: Daemon, plan: Plan = CITY) -> list[Problem]:
    """Look."""
    return find_in_links(plan, SITE, daemon.path)


def test_what_the_plan_asks_for_is_no_finding(daemon: Daemon) -> None:
    """With links up, and with none up: who is away is not a difference."""
    up = found(daemon)
    daemon.told["list-sas"] = []

    assert up == []
    assert found(daemon) == []


def test_a_program_that_has_one_interface_for_all_is_told_narrower_selectors() -> None:
    """So that no packet fits two of its links."""
    shared = replace(CITY, shares_link=True)
    wanted = {one.name: one for one in wanted_links(shared, SITE)}

    down, up = wanted["hill"], wanted["city"]
    for low, high in ((a, b) for version, a, b in down.remote if version == 4):
        assert not any(v == 4 and a <= high and low <= b for v, a, b in up.remote)


def test_a_link_that_is_not_set_up_is_found(daemon: Daemon) -> None:
    """Each by its name."""
    daemon.told["list-conns"] = []

    assert [(p.code, dict(p.params)["link"]) for p in found(daemon)] == [
        ("ZG650", "city"),
        ("ZG650", "hill"),
    ]


def test_a_link_that_nobody_signed_is_found(daemon: Daemon) -> None:
    """Also while nobody uses it, and once more while somebody does."""
    daemon.told["list-conns"].append({"stranger": connection("hill")})
    unused = {p.code for p in found(daemon)}
    daemon.told["list-sas"].append({"stranger": association("hill")})

    assert unused == {"ZG651"}
    assert {p.code for p in found(daemon)} == {"ZG651", "ZG652"}


_Change: TypeAlias = Callable[[_Said], object]


def inside(*path: str, value: object) -> _Change:
    """Put another value somewhere within."""

    def change(whole: _Said) -> None:
        *above, last = path
        for name in above:
            whole = whole[name]
        whole[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(inside("version", value="IKEv1/2"), id="an older protocol too"),
        pytest.param(inside("remote_addrs", value=["2001:db8::1"]), id="another end"),
        pytest.param(inside("remote_addrs", value=["%any"]), id="any end"),
        pytest.param(inside("local_addrs", value=[]), id="any own address"),
        pytest.param(inside("local-1", "id", value="x"), id="another name of its own"),
        pytest.param(inside("local-1", "class", value="pre-shared key"), id="a password"),
        pytest.param(inside("remote-1", "id", value="%any"), id="any name of the other's"),
        pytest.param(inside("remote-1", "class", value="pre-shared key"), id="its password"),
        pytest.param(inside("remote-1", "revocation", value="SKIPPED"), id="revoked ones too"),
        pytest.param(inside("remote-1", "cacerts", value=[]), id="of any authority"),
        pytest.param(inside("remote-1", "cacerts", value=["a", "b"]), id="of one more"),
        pytest.param(inside("remote-2", value={"class": "EAP"}), id="one more round"),
        pytest.param(inside("children", "hill", "mode", value="PASS"), id="in plain"),
        pytest.param(inside("children", "hill", "remote-ts", value=EVERYTHING), id="more in it"),
        pytest.param(inside("children", "hill", "remote-ts", value=HILL[:-1]), id="less in it"),
        pytest.param(inside("children", "hill", "local-ts", value=HILL), id="less for it"),
        pytest.param(inside("children", "hill", "remote-ts", value=["dynamic"]), id="its address"),
        pytest.param(inside("children", "hill", "local-ts", value=["::/0[tcp]"]), id="a protocol"),
        pytest.param(inside("children", "more", value={"mode": "TUNNEL"}), id="one child more"),
        pytest.param(inside("children", value={}), id="none"),
        pytest.param(inside("children", "hill", "close_action", value="start"), id="it begins"),
    ],
)
def test_a_link_that_is_not_as_it_was_signed_is_found(daemon: Daemon, change: _Change) -> None:
    """Whatever of it was changed, it is one finding that names the link."""
    changed = deepcopy(connection("hill"))
    change(changed)
    daemon.told["list-conns"] = [{"city": connection("city")}, {"hill": changed}]

    problems = found(daemon)

    assert {(p.code, dict(p.params)["link"]) for p in problems} == {("ZG653", "hill")}


_CHILD = ("child-sas", "hill-1")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(inside("remote-id", value="tax-gw.gw.made.internal"), id="with another"),
        pytest.param(inside("local-id", value="x"), id="as another"),
        pytest.param(inside("encr-alg", value="AES_CBC"), id="another cipher"),
        pytest.param(inside("encr-keysize", value="128"), id="half a key"),
        pytest.param(inside("prf-alg", value="PRF_HMAC_SHA1"), id="a weak hash"),
        pytest.param(inside("dh-group", value="MODP_1024"), id="a weak group"),
        pytest.param(inside(*_CHILD, "encr-alg", value="NULL"), id="nothing encrypted"),
        pytest.param(inside(*_CHILD, "encr-keysize", value="128"), id="half a key inside"),
        pytest.param(inside(*_CHILD, "protocol", value="AH"), id="signed only"),
        pytest.param(inside(*_CHILD, "mode", value="TRANSPORT"), id="the ends' own traffic"),
        pytest.param(inside(*_CHILD, "remote-ts", value=EVERYTHING), id="more than its site's"),
        pytest.param(inside(*_CHILD, "remote-ts", value=[]), id="that says not what"),
    ],
)
def test_an_association_with_less_or_with_more_is_found(daemon: Daemon, change: _Change) -> None:
    """What was agreed counts, not what should have been."""
    changed = deepcopy(association("hill"))
    change(changed)
    daemon.told["list-sas"] = [{"hill": changed}]

    assert {(p.code, dict(p.params)["link"]) for p in found(daemon)} == {("ZG653", "hill")}


def test_an_association_may_be_narrower(daemon: Daemon) -> None:
    """The other end may have asked for less."""
    narrowed = association("hill")
    narrowed["child-sas"]["hill-1"]["remote-ts"] = ["10.4.0.0..10.4.0.9"]
    daemon.told["list-sas"] = [{"hill": narrowed}]

    assert found(daemon) == []


def test_ml_kem_is_missed_where_the_plan_asks_for_it(daemon: Daemon) -> None:
    """And only there."""
    asked = replace(CITY, links=Links(post_quantum=True))
    without = found(daemon, asked)
    for name in ("city", "hill"):
        next(s for s in daemon.told["list-sas"] if name in s)[name]["ke1"] = "ML_KEM_768"

    assert {dict(p.params)["what"] for p in without} == {"ke1"}
    assert found(daemon, asked) == []


# --- authorities ----------------------------------------------------------------------------------


@pytest.fixture
def stranger(tmp_path: Path) -> _Said:
    """An authority that this gateway was not given, of the same name."""
    return listed(make_state(tmp_path / "other").certificate("links"))


def test_an_authority_that_was_loaded_is_found(daemon: Daemon, stranger: _Said) -> None:
    """It stays when what strangers have shown is forgotten."""
    daemon.told["list-certs"].append(stranger)

    assert [p.code for p in found(daemon)] == ["ZG654"]


@pytest.mark.parametrize("times", [1, 3])
def test_an_authority_that_a_stranger_showed_is_none(
    daemon: Daemon, stranger: _Said, times: int
) -> None:
    """Nobody on a line can have a gateway mend what is whole, and close; not by asking again."""
    own = daemon.told["list-certs"]
    shown = [stranger] * times

    def hears(command: str) -> None:
        if command == "list-certs":
            daemon.told["list-certs"] = [*own, *([shown.pop()] if shown else [])]

    daemon.heard = hears

    assert found(daemon) == []
    assert daemon.commands() == ["flush-certs"] * times


def test_an_authority_that_was_given_and_is_not_loaded_is_found(daemon: Daemon) -> None:
    """Without it nobody could come in."""
    daemon.told["list-certs"] = daemon.told["list-certs"][:1]

    assert [p.code for p in found(daemon)] == ["ZG655"]


def test_a_peers_own_certificate_is_no_authority(daemon: Daemon, stranger: _Said) -> None:
    """Known since it came in by it."""
    daemon.told["list-certs"].append({**stranger, "flag": "NONE"})

    assert found(daemon) == []


def test_a_daemon_that_cannot_be_asked_raises(tmp_path: Path) -> None:
    """Where nothing was seen, nothing is proven."""
    with pytest.raises(ViciRefused):
        find_in_links(CITY, SITE, tmp_path / "nobody")


# --- lists of revocations -------------------------------------------------------------------------


def lists(state: State) -> list[_Said]:
    """Give what strongSwan lists of the lists of both authorities."""
    found = (state.revocations(name) for name in ("root", "links"))
    return [{"type": "X509_CRL", "data": each.public_bytes(Encoding.DER)} for each in found]


def relaxed(daemon: Daemon) -> None:
    """Have strongSwan take who stands on no list that it can judge by."""
    for told in daemon.told["list-conns"]:
        for connection_ in told.values():
            connection_["remote-1"].pop("revocation", None)


@pytest.mark.parametrize(
    ("days", "grace", "may_relax"),
    [
        pytest.param(0, 48, False, id="fresh"),
        pytest.param(8, 48, True, id="a day after its end, in grace"),
        pytest.param(8, 0, False, id="a day after its end, without grace"),
        pytest.param(10, 48, False, id="after the grace"),
    ],
)
def test_what_is_not_strict_is_found_but_in_a_plans_grace(
    daemon: Daemon, tmp_path: Path, *, days: int, grace: int, may_relax: bool
) -> None:
    """And within it, what is strict is: a link that may stand would not be made."""
    state = make_state(tmp_path / "aged", datetime.now(UTC) - timedelta(days=days))
    daemon.told["list-certs"] += lists(state)
    plan = replace(CITY, links=Links(grace_hours=grace))

    strict = found(daemon, plan)
    relaxed(daemon)

    assert (strict == []) is not may_relax
    assert (found(daemon, plan) == []) is may_relax


@pytest.mark.parametrize(
    ("plugins", "missing"),
    [
        pytest.param([p for p in PLUGINS if p != "constraints"], ["constraints"], id="paths"),
        pytest.param([p for p in PLUGINS if p != "revocation"], ["revocation"], id="lists"),
        pytest.param(["openssl", *PLUGINS], ["constraints", "revocation", "x509"], id="too late"),
        pytest.param([], ["constraints", "revocation", "x509"], id="none"),
    ],
)
def test_a_strongswan_that_judges_certificates_by_less_is_found(
    daemon: Daemon, plugins: list[str], missing: list[str]
) -> None:
    """Links would be made with who must be refused."""
    daemon.replies["stats"] = {"plugins": plugins}

    problems = found(daemon)

    assert [p.code for p in problems] == ["ZG656"] * len(missing)
    assert [dict(p.params)["plugin"] for p in problems] == missing
