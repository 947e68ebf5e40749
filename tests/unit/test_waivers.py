"""What hardens a host is left out where a signed, dated waiver says so, and nowhere else."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from gateway.policy.difference import difference
from gateway.policy.host_settings import HOST_SETTINGS, HostKind, waived_at
from lab.hosts.signing import sign_plan
from tests.plans import LAB, ROOT, TODAY, built, codes, lab_documents
from tests.unit.test_inventory_plan import inventory, listed

PILOT = "setting: tmp_mounts, at: {site: tax}"


def waiving(what: str, until: str = "2027-03-31") -> dict[str, str]:
    """Give the lab's documents with one waiver more."""
    entry = f'  - {{name: w, {what}, reason: 临时, until: "{until}"}}\n'
    return {**lab_documents(), "waivers.yml": f"document: waivers\nwaivers:\n{entry}"}


@pytest.mark.parametrize(
    ("at", "sites"),
    [
        pytest.param("{site: tax}", {"tax"}, id="one site"),
        pytest.param("{kind: county}", {"huichuan", "suiyang"}, id="every one of a kind"),
        pytest.param("{site: [tax, suiyang], kind: county}", {"suiyang"}, id="both must fit"),
    ],
)
def test_a_setting_is_waived_at_the_sites_that_are_named(at: str, sites: set[str]) -> None:
    """And at no other one; on the last day still, and not on the next."""
    documents = waiving(f"setting: core_dumps, at: {at}", str(TODAY))
    plan = built(documents)

    assert codes(documents) == set()
    waived = {s for s in plan.sites if waived_at(plan, s, HostKind.GATEWAYS, TODAY)}
    assert waived == sites
    assert not any(waived_at(plan, s, HostKind.GATEWAYS, date(2026, 11, 24)) for s in plan.sites)


def test_a_waiver_may_be_for_some_of_the_hosts() -> None:
    """What an application needs does not weaken the gateway before it."""
    plan = built(waiving("setting: tmp_mounts, at: {site: city}, hosts: applications"))

    assert waived_at(plan, "city", HostKind.APPLICATIONS, TODAY) == {"tmp_mounts": "2027-03-31"}
    assert waived_at(plan, "city", HostKind.GATEWAYS, TODAY) == {}


@pytest.mark.parametrize(
    ("what", "until", "expected"),
    [
        pytest.param(PILOT, "2026-11-22", "ZG241", id="ended"),
        pytest.param(PILOT, "2027-11-25", "ZG239", id="too long"),
        pytest.param("check: ZG205, of: a", "2027-11-25", "ZG239", id="a check's, too long"),
        pytest.param("setting: tmp_mount, at: {site: tax}", "", "ZG157", id="unknown setting"),
        pytest.param("setting: tmp_mounts, at: {site: taxx}", "", "ZG103", id="unknown site"),
        pytest.param("setting: tmp_mounts, at: {kind: count}", "", "ZG104", id="unknown kind"),
        pytest.param("setting: umask, at: {site: tax, kind: county}", "", "ZG158", id="no site"),
        pytest.param("setting: umask, at: {}", "", "ZG026", id="nowhere"),
        pytest.param("setting: umask", "", "ZG021", id="without a place"),
        pytest.param("check: ZG205", "", "ZG021", id="a check of nothing"),
        pytest.param(f"{PILOT}, check: ZG205, of: a", "", "ZG156", id="both"),
        pytest.param("check: ZG205, of: a, hosts: gateways", "", "ZG156", id="a check at hosts"),
        pytest.param(f"{PILOT}, hosts: printers", "", "ZG024", id="unknown hosts"),
        pytest.param("setting: umask, at: {site: province}", "", "ZG240", id="theirs"),
        pytest.param(PILOT, "2027-02-30", "ZG125", id="no day"),
    ],
)
def test_a_waiver_that_is_not_clear_or_not_in_order_is_refused(
    what: str, until: str, expected: str
) -> None:
    """So none is left lying about, and none says more than it seems to."""
    assert expected in codes(waiving(what, until or "2027-03-31"))


def test_the_longest_waiver_is_taken() -> None:
    """One more day is refused, above."""
    assert codes(waiving(PILOT, "2027-11-24")) == set()


@pytest.mark.parametrize("first", [True, False], ids=["a first plan", "a later one"])
def test_the_reviewer_reads_what_is_waived_where_and_until_when(*, first: bool) -> None:
    """In both languages, and with the reason."""
    before = None if first else built(lab_documents())

    (line,) = difference(before, built(waiving(PILOT))).settings_new

    assert line == (
        "豁免 waiver: 主机设置“公共目录禁止执行” setting tmp_mounts"
        " (nothing is run from shared folders), 站点 at 市税务局 (10.11.0.0/24 10.11.1.0/24"
        " 10.11.255.0/24 fd72:6a5e:11::/64 fd72:6a5e:11:1::/64 fd72:6a5e:11:ff::/64),"
        " 网关 gateways, 应用主机 applications' hosts, 监控主机 monitoring hosts,"
        " 至 until 2027-03-31: 临时"
    )


def test_a_waiver_that_lasts_longer_is_a_change() -> None:
    """Nobody moves its end in silence."""
    found = difference(built(waiving(PILOT)), built(waiving(PILOT, "2027-04-30")))

    assert "2027-04-30" in found.settings_new[0]
    assert "2027-03-31" in found.settings_gone[0]


def test_every_setting_is_said_in_both_languages() -> None:
    """A reviewer of either reads it."""
    for zh, en in HOST_SETTINGS.values():
        assert zh.strip()
        assert not zh.isascii()
        assert en.strip()
        assert en.isascii()


def test_what_may_be_waived_is_what_the_role_sets() -> None:
    """By the same names, each once; and each with the clauses that it serves, if there are any."""
    text = (ROOT / "roles/hardening/vars/main.yml").read_text("utf-8")
    settings = yaml.safe_load(text)["hardening_settings"]

    assert sorted(setting["name"] for setting in settings) == sorted(HOST_SETTINGS)
    clauses = [clause for setting in settings for clause in setting["clauses"]]
    assert clauses
    assert all(re.fullmatch(r"8\.1(\.[0-9]+){2} [a-z]\)", clause) for clause in clauses)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the lab's plan and a waiver, signed, and an inventory of it."""
    folder = tmp_path_factory.mktemp("waived")
    source = folder / "source"
    shutil.copytree(LAB, source, ignore=shutil.ignore_patterns("release"))
    until = date.fromordinal(date.today().toordinal() + 30)  # noqa: DTZ011 - as the signers' day
    (source / "waivers.yml").write_text(waiving(PILOT, str(until))["waivers.yml"], "utf-8")
    sign_plan(source, folder / "plan", folder / "signers")
    text = "plugin: plan\nplan: ../plan\nconnection: ssh\ntrust: ../signers\n"
    (folder / "inventory").mkdir()
    (folder / "inventory/plan.yml").write_text(text, "utf-8")
    return folder / "inventory"


def test_the_inventory_hands_a_host_its_waivers(signed: Path) -> None:
    """Those that were signed and hold today, and to that host alone."""
    hosts = listed(signed)["_meta"]["hostvars"]

    waived = {name: list(v["loushan_waivers"]) for name, v in hosts.items()}
    assert waived.pop("tax-gw") == ["tmp_mounts"]
    assert not any(waived.values())


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        pytest.param("core_dumps", "ZG311", id="altered after it was signed"),
        pytest.param("", "ZG301", id="never signed"),
    ],
)
def test_a_waiver_that_nobody_signed_is_refused(
    signed: Path, tmp_path: Path, spoil: str, expected: str
) -> None:
    """The file alone is not enough: two people have read what is left out."""
    plan = tmp_path / "plan"
    shutil.copytree(signed.parent / "plan", plan)
    if spoil:
        file = plan / "waivers.yml"
        file.write_text(file.read_text("utf-8").replace("tmp_mounts", spoil), "utf-8")
    else:
        shutil.rmtree(plan / "release")

    done = inventory(signed, LOUSHAN_PLAN=str(plan))

    assert expected in done.stderr


def test_a_waiver_counts_only_where_the_signers_are_known(signed: Path, tmp_path: Path) -> None:
    """Whose signature would it be?"""
    (tmp_path / "plan.yml").write_text(
        f"plugin: plan\nplan: {signed.parent}/plan\nconnection: ssh\n"
    )

    assert "where they are signed" in inventory(tmp_path).stderr
