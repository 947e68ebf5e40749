"""The inventory is worked out from the plan, and refuses what does not fit it."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleParserError

from gateway.policy.names import gateway_host, site_group
from gateway.policy.plan import read_plan
from gateway.policy.wiring import wirings
from playbooks.plugins.logs import senders
from playbooks.plugins.zone_hosts import Way
from tests.repo.tree import ROOT


def inventory(place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask Ansible what it makes of an inventory."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOUSHAN_", "ANSIBLE_"))}
    return subprocess.run(
        [str(Path(sys.executable).parent / "ansible-inventory"), "-i", str(place), "--list"],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def listed(place: Path, **environment: str) -> dict[str, Any]:
    """Give what Ansible makes of an inventory that is in order."""
    done = inventory(place, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def plain(value: object) -> str:
    """Give a text that Ansible marks as not to be rendered."""
    return str(value["__ansible_unsafe"] if isinstance(value, Mapping) else value)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Give a folder with an inventory of the lab's plan, without a lab."""
    text = f"plugin: plan\nplan: {ROOT}/policy/lab\nconnection: ssh\n"
    (tmp_path / "plan.yml").write_text(text)
    return tmp_path


def test_every_gateway_of_the_city_is_a_host() -> None:
    """All 326, each reached at its own address of the plan; a pair's beside the one they share."""
    plan = read_plan(ROOT / "policy" / "zunyi")

    found = listed(ROOT / "inventory" / "zunyi")

    hosts = found["_meta"]["hostvars"]
    own_addresses = {name: w.addresses[0] for name, w in wirings(plan).items() if w.addresses}
    assert len(hosts) == sum(plan.sites[site].gateways for site in plan.gateways) == 326
    for variables in hosts.values():
        site = plain(variables["loushan_site"])
        number = variables["loushan_pair"].get("number", 0)
        assert plain(variables["ansible_host"]) == str(own_addresses[site] + number)


def test_a_pair_are_two_hosts_that_differ_in_what_is_their_own(own: Path) -> None:
    """The addresses of whoever is active are the same to both, and neither's own."""
    hosts = listed(own)["_meta"]["hostvars"]
    first, second = (hosts[name] for name in ("city-gw", "city-gw-2"))

    pairs = [each["loushan_pair"] for each in (first, second)]
    assert [pair["number"] for pair in pairs] == [1, 2]
    assert pairs[0]["shared"] == pairs[1]["shared"]
    shared = {plain(each["address"]).partition("/")[0] for each in pairs[0]["shared"]}
    assert {"fe80::1", "10.1.255.1", "fd72:6a5e:1:ff::1"} <= shared
    own_ones = [
        {plain(a).partition("/")[0] for a in e["loushan_addresses"]} for e in (first, second)
    ]
    assert not own_ones[0] & own_ones[1]
    assert not shared & (own_ones[0] | own_ones[1])
    assert first["loushan_routes"] == second["loushan_routes"]
    assert hosts["tax-gw"]["loushan_pair"] == {}


def test_a_county_is_a_group_with_all_below_it(own: Path) -> None:
    """`--limit huichuan` means the county's gateway and its departments'."""
    found = listed(own)

    assert found["huichuan"]["hosts"] == ["huichuan-gw", "huichuan-tax-gw"]
    assert found["kind_county"]["hosts"] == ["huichuan-gw", "suiyang-gw"]


def test_a_hub_comes_before_those_below_it(own: Path) -> None:
    """Policies go in the reverse order, from the far end inwards."""
    hosts = listed(own)["gateways"]["hosts"]

    plan = read_plan(ROOT / "policy" / "lab")
    for site in plan.sites.values():
        if site.managed and site.hub:
            assert hosts.index(f"{site.hub}-gw") < hosts.index(f"{site.name}-gw")


def test_a_host_is_called_so_that_a_system_takes_it() -> None:
    """A site may have an underscore in its name, or a Chinese one; a host may not."""
    names = [gateway_host(site) for site in ("new_town", "huichuan-tax", "娄山关")]

    assert names[:2] == ["new-town-gw", "huichuan-tax-gw"]
    assert all(re.fullmatch(r"[a-z0-9-]{1,63}", name) for name in names)


def test_a_gateway_says_how_it_is_to_whom_the_plan_lets_come(own: Path) -> None:
    """By the name of the monitoring zone's host; where no conduit leads, to nobody."""
    nobody = listed(own)["_meta"]["hostvars"]["tax-gw"]
    with (own / "plan.yml").open("a") as opened:
        opened.write("monitoring: city.monitoring\n")
    hosts = listed(own)["_meta"]["hostvars"]

    assert plain(nobody["loushan_monitoring"]) == ""
    assert plain(hosts.pop("city.monitoring")["loushan_zone"]) == "city.monitoring"
    told = {name: plain(each["loushan_monitoring"]) for name, each in hosts.items()}
    watched = "monitoring-city.svc.lab.internal"
    assert (told["tax-gw"], told["city-gw-2"], told["portal-gw"]) == (watched, watched, "")
    hubs = {name: plain(each["loushan_hub"]) for name, each in hosts.items()}
    assert (hubs["city-gw"], hubs["tax-gw"], hubs["yangchuan-gw"]) == ("", "city", "suiyang")


def test_a_monitoring_zone_that_is_not_in_the_plan_is_refused(own: Path) -> None:
    """Before any host is spoken to."""
    with (own / "plan.yml").open("a") as opened:
        opened.write("monitoring: city.monitring\n")

    assert "no zone `city.monitring`" in inventory(own).stderr


def test_a_journal_goes_where_the_plan_lets_it_and_is_known_by_its_hosts_name(own: Path) -> None:
    """The log host is told of each sender of the whole plan, and of nobody else."""
    with_applications(own)
    with (own / "plan.yml").open("a") as opened:
        opened.write("logs: city.monitoring\ntime: city.monitoring\n")

    found = listed(own)

    hosts = found["_meta"]["hostvars"]
    assert found["logs"]["hosts"] == found["time"]["hosts"] == ["city.monitoring"]
    told = {name: plain(each["loushan_logs"]) for name, each in hosts.items()}
    server = "monitoring-city-logs.svc.lab.internal"
    sending = {name for name, there in told.items() if there == f"{server}:6514"}
    assert {name for name, there in told.items() if not there} == {"portal-gw", "city.monitoring"}
    named = [(plain(e["address"]), plain(e["name"])) for e in hosts["tax-gw"]["loushan_names"]]
    for address in ("10.1.3.1", "fd72:6a5e:1:3::1"):
        assert (address, server) in named
        assert (address, "monitoring-city-time.svc.lab.internal") in named
    senders = hosts["city.monitoring"]["loushan_senders"]
    assert {plain(each["host"]) for each in senders} == sending
    certificates = {plain(each["host"]): plain(each["certificate"]) for each in senders}
    assert certificates["city.applications"] == "applications-city-logs"
    assert certificates["city-gw-2"] == plain(hosts["city-gw-2"]["loushan_logs_sender"])
    assert len({plain(each["address"]) for each in senders}) == len(senders)


def test_the_whole_citys_hosts_are_told_apart_on_the_log_host() -> None:
    """All that send; the addresses that stand for them are no two hosts'."""
    names = [gateway_host(site) for site in read_plan(ROOT / "policy" / "zunyi").gateways]

    found = senders(dict.fromkeys(names, Way("logs:6514")))

    assert len(found) == len(names)
    assert all(each["address"].startswith("127.") for each in found)
    assert not any(each["address"].startswith("127.0.") for each in found)


def test_two_hosts_that_cannot_be_told_apart_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than have one journal for both."""
    monkeypatch.setattr("playbooks.plugins.logs.sender_address", lambda _host: "127.1.0.0")

    with pytest.raises(AnsibleParserError, match="a-gw and b-gw cannot be told apart"):
        senders(dict.fromkeys(("a-gw", "b-gw"), Way("logs:6514")))


@pytest.mark.parametrize("key", ["logs", "time"])
@pytest.mark.parametrize("zone", ["city.monitring", "city.gateway"])
def test_a_service_stands_in_a_zone_of_the_plan_and_on_no_gateway(
    own: Path, key: str, zone: str
) -> None:
    """Before any host is spoken to."""
    with (own / "plan.yml").open("a") as opened:
        opened.write(f"{key}: {zone}\n")

    assert f"{key}: the plan has no zone `{zone}`" in inventory(own).stderr


def test_nobody_sends_or_asks_for_the_time_where_no_zone_is_named(own: Path) -> None:
    """The groups are there and empty."""
    found = listed(own)

    told = found["_meta"]["hostvars"]["tax-gw"]
    assert (plain(told["loushan_logs"]), plain(told["loushan_time"])) == ("", "")
    assert {"logs", "time"} <= set(found["all"]["children"])


def test_a_gateway_of_others_is_no_host(own: Path) -> None:
    """The province runs its own."""
    assert "province-gw" not in listed(own)["_meta"]["hostvars"]


def test_a_machine_that_is_brought_up_is_reached_elsewhere(own: Path) -> None:
    """machines.yml says what the plan does not know."""
    mac = "52:54:00:12:34:56"
    (own / "machines.yml").write_text(
        f'huichuan-gw:\n  reach: 192.0.2.10\n  ports: {{l-city: "{mac}"}}\n'
    )

    variables = listed(own)["_meta"]["hostvars"]["huichuan-gw"]

    ports = {plain(i["name"]): plain(i["mac"]) for i in variables["loushan_interfaces"]}
    assert plain(variables["ansible_host"]) == "192.0.2.10"
    assert ports["l-city"] == mac
    assert ports["office"] == ""


def test_a_host_is_known_by_its_name_and_its_authority_wherever_it_is_reached(own: Path) -> None:
    """As ssh itself reads the options; a percent sign and a blank in a folder's name too."""
    folder = own / "authorities 100%"
    (own / "machines.yml").write_text("huichuan-gw:\n  reach: 192.0.2.10\n")

    variables = listed(own, LOUSHAN_AUTHORITY=str(folder))["_meta"]["hostvars"]["huichuan-gw"]

    words = shlex.split(plain(variables["ansible_ssh_common_args"]))
    asked = ["ssh", "-G", *words, plain(variables["ansible_host"])]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    (known,) = re.findall("^userknownhostsfile (.*)$", said, re.MULTILINE)
    assert "hostkeyalias huichuan-gw" in said.splitlines()
    assert known.endswith(f"/.ssh/known_hosts {folder}/ssh-host/known_hosts")


def test_who_names_no_authority_goes_by_what_was_recorded(own: Path) -> None:
    """Nothing is said to ssh."""
    variables = listed(own)["_meta"]["hostvars"]["huichuan-gw"]

    assert "ansible_ssh_common_args" not in variables


@pytest.mark.parametrize("machines", ["", "# tax-gw: {reach: 192.0.2.10}\n", "{}\n"])
def test_when_all_machines_are_up_nothing_need_be_said(own: Path, machines: str) -> None:
    """What is taken out by hand may leave an empty file."""
    (own / "machines.yml").write_text(machines)

    assert plain(listed(own)["_meta"]["hostvars"]["tax-gw"]["ansible_host"]) == "10.11.255.1"


@pytest.mark.parametrize(
    ("machines", "said"),
    [
        pytest.param("suzhou-gw: {}\n", "suzhou-gw", id="a host that the plan does not know"),
        pytest.param(
            'tax-gw: {ports: {north: "52:54:00:12:34:56"}}\n', "north", id="a port it does not have"
        ),
        pytest.param("tax-gw: {ports: {city: [any]}}\n", "MAC", id="a list for a MAC address"),
        pytest.param("tax-gw: {ports: {city: any}}\n", "MAC", id="no MAC address"),
        pytest.param("tax-gw: {address: 10.1.1.1}\n", "reach", id="an address once more"),
        pytest.param("- tax-gw\n", "one entry for each host", id="another form"),
        pytest.param("tax-gw: {ports: [city]}\n", "`ports` has", id="ports of another form"),
        pytest.param("tax-gw: {reach: [10.9.0.1]}\n", "is no address", id="an address in a list"),
        pytest.param("tax-gw: {reach: -oProxyCommand=id}\n", "is no address", id="an option"),
        pytest.param("tax-gw: {reach: }\n", "is no address", id="an address left out"),
        pytest.param("tax-gw: {}\ntax-gw: {}\n", "ZG015", id="a host twice"),
        pytest.param(
            "tax-gw: {reach: 192.0.2.10}\nhall-gw: {reach: 192.0.2.10}\n",
            "192.0.2.10 is for tax-gw already",
            id="one machine for two hosts",
        ),
        pytest.param(
            "tax-gw: {reach: 10.21.255.1}\n", "is for hall-gw already", id="another gateway's own"
        ),
        pytest.param(
            "city-gw-2: {reach: 10.1.255.1}\n",
            "is for whoever is active of city already",
            id="the address that a pair share",
        ),
        pytest.param(
            'tax-gw: {ports: {city: "52:54:00:12:34:56", office: "52:54:00:12:34:56"}}\n',
            "52:54:00:12:34:56 is for tax-gw already",
            id="one port for two interfaces",
        ),
    ],
)
def test_what_does_not_fit_the_plan_is_refused(own: Path, machines: str, said: str) -> None:
    """No part of such an inventory is used."""
    (own / "machines.yml").write_text(machines)

    done = inventory(own)

    assert done.returncode != 0
    assert said in done.stderr


def test_a_plan_that_is_wrong_is_refused_in_its_own_words(own: Path, tmp_path: Path) -> None:
    """The environment names another plan, and that one is not there."""
    done = inventory(own, LOUSHAN_PLAN=str(tmp_path / "none"))

    assert done.returncode != 0
    assert "ZG001" in done.stderr


def test_a_gateway_with_links_knows_where_it_renews(own: Path) -> None:
    """By the server's name, and its port in the plan; who has no links has nothing to renew."""
    with (own / "plan.yml").open("a") as file:
        file.write("enrolment: 10.1.4.1\n")

    hosts = listed(own)["_meta"]["hostvars"]

    renews = hosts["tax-gw"]["loushan_enrolment"]
    assert plain(renews["server"]) == "est.svc.lab.internal:9443"
    assert {k: plain(v) for k, v in renews["names"].items()} == {"10.1.4.1": "est.svc.lab.internal"}
    assert not plain(hosts["portal-gw"]["loushan_enrolment"]["server"])


def test_nobody_renews_where_no_server_is_named(own: Path) -> None:
    """Nothing is made up."""
    hosts = listed(own)["_meta"]["hostvars"]

    assert not any(plain(host["loushan_enrolment"]["server"]) for host in hosts.values())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("here", "no address", id="no address"),
        pytest.param("10.1.0.1", "no conduit leads", id="where nobody may go"),
        pytest.param("192.0.2.1", "no conduit leads", id="outside the plan"),
    ],
)
def test_a_server_that_cannot_be_reached_by_the_plan_is_refused(
    own: Path, address: str, said: str
) -> None:
    """Before a gateway is told of it."""
    with (own / "plan.yml").open("a") as file:
        file.write(f"enrolment: {address}\n")

    assert said in inventory(own).stderr


# --- applications ---------------------------------------------------------------------------------

BOTH = (
    "applications:\n"
    "  approval: {zone: city.applications, service: approval}\n"
    "  supervision: {zone: city.applications, service: supervision}\n"
)


def with_applications(own: Path, text: str = BOTH) -> None:
    """Have an inventory name applications."""
    with (own / "plan.yml").open("a") as file:
        file.write(text)


def test_an_upgrade_comes_to_the_farthest_site_first(own: Path) -> None:
    """Its gateway is the last of the inventory, and it has no other below it."""
    found = listed(own)

    (canary,) = found["canary"]["hosts"]
    assert canary == "yangchuan-gw"
    assert canary in found["kind_township"]["hosts"]


def test_two_applications_of_a_zone_have_one_host_that_is_no_gateway(own: Path) -> None:
    """It is called as the zone, and reached at its first address."""
    with_applications(own)

    found = listed(own)

    groups = {
        name for name, group in found.items() if "city.applications" in group.get("hosts", ())
    }
    host = found["_meta"]["hostvars"]["city.applications"]
    assert groups == {"applications", "approval", "supervision"}
    assert plain(host["ansible_host"]) == "10.1.5.1"
    said = {name: (plain(a["host"]), a["port"]) for name, a in host["loushan_applications"].items()}
    name = "applications-city.svc.lab.internal"
    assert said == {"approval": (name, 8443), "supervision": (name, 8444)}


def test_an_application_is_told_of_both_gateways_of_its_site_and_of_no_other(own: Path) -> None:
    """By what they are known, and from where they come; what they say, they say under one name."""
    with_applications(own)

    hosts = listed(own)["_meta"]["hostvars"]

    told = hosts["city.applications"]["loushan_before"]
    own_ones = [
        plain(each).partition("/")[0]
        for gateway in ("city-gw", "city-gw-2")
        for each in hosts[gateway]["loushan_addresses"]
    ]
    assert plain(told["issuer"]) == "city-gw.gw.lab.internal"
    assert [plain(name) for name in told["hosts"]] == ["city-gw", "city-gw-2"]
    assert [plain(name) for name in told["clients"]] == [
        "city-gw.svc.lab.internal",
        "city-gw-2.svc.lab.internal",
    ]
    shared = ["10.1.255.1", "fd72:6a5e:1:ff::1"]
    assert [plain(address) for address in told["addresses"]] == [*shared, *own_ones]


def test_where_no_application_is_named_there_is_no_host_of_one(own: Path) -> None:
    """The group is there and empty: the playbook does nothing, and says no word of warning."""
    found = listed(own)

    assert not found.get("applications", {}).get("hosts")
    assert "applications" in found["all"]["children"]
    assert "city.applications" not in found["_meta"]["hostvars"]


def test_a_site_that_is_called_as_their_group_is_not_in_it() -> None:
    """Its gateway would be made an application's host."""
    assert site_group("applications") == "site_applications"
    assert site_group("tax") == "tax"


def test_an_applications_host_is_brought_up_elsewhere(own: Path) -> None:
    """As a gateway is; it has one port, so none is to be told apart."""
    with_applications(own)
    (own / "machines.yml").write_text("city.applications: {reach: 192.0.2.30}\n")

    assert (
        plain(listed(own)["_meta"]["hostvars"]["city.applications"]["ansible_host"]) == "192.0.2.30"
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param("a: {zone: city.nowhere, service: approval}", "no resource", id="no zone"),
        pytest.param("a: {zone: city.applications, service: ssh}", "no resource", id="no resource"),
        pytest.param(
            "a: {zone: province.exchange, service: exchange}", "no resource", id="others'"
        ),
        pytest.param("a: {zone: city.applications}", "nothing else", id="no service"),
        pytest.param("a: city.applications", "nothing else", id="a word"),
        pytest.param(
            "a: {zone: city.applications, service: approval, port: 1}", "nothing else", id="a port"
        ),
        pytest.param("tax: {zone: city.applications, service: approval}", "group", id="a site"),
        pytest.param("all: {zone: city.applications, service: approval}", "group", id="everybody"),
        pytest.param("A-b: {zone: city.applications, service: approval}", "group", id="no name"),
        pytest.param(
            "{a: {zone: city.applications, service: approval},"
            " b: {zone: city.applications, service: approval}}",
            "is for a already",
            id="two at one gate",
        ),
    ],
)
def test_an_application_that_the_plan_does_not_have_is_refused(
    own: Path, entry: str, said: str
) -> None:
    """Before any host is touched."""
    with_applications(own, f"applications:\n  {entry}\n")

    done = inventory(own)

    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize(
    ("machines", "said"),
    [
        pytest.param(
            "city.applications: {reach: 10.11.255.1}\n", "is for tax-gw already", id="a gateway's"
        ),
        pytest.param(
            "tax-gw: {reach: 10.1.5.1}\n", "is for city.applications already", id="its own"
        ),
        pytest.param(
            'city.applications: {ports: {host: "52:54:00:12:34:56"}}\n', "no `ports`", id="a port"
        ),
    ],
)
def test_a_machine_is_a_gateway_or_an_applications_host(
    own: Path, machines: str, said: str
) -> None:
    """What was made of it first would be overwritten."""
    with_applications(own)
    (own / "machines.yml").write_text(machines)

    assert said in inventory(own).stderr


# --- who watches it all ---------------------------------------------------------------------------

WATCHED = "monitoring: city.monitoring\nwatchdog: city.operations\nenrolment: 10.1.4.1\n"


def watching(own: Path, text: str = WATCHED) -> dict[str, Any]:
    """Have an inventory name the monitoring host, and give its hosts."""
    with (own / "plan.yml").open("a") as file:
        file.write(text)
    hosts: dict[str, Any] = listed(own)["_meta"]["hostvars"]
    return hosts


def targets(hosts: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Give whom the monitoring host asks, by what Prometheus calls it."""
    return {
        plain(each["instance"]): {k: plain(v) for k, v in each.items() if k != "addresses"}
        for each in hosts["city.monitoring"]["loushan_targets"]
    }


def test_the_monitoring_host_asks_every_gateway_to_which_a_conduit_leads(own: Path) -> None:
    """Both of a pair; but neither the portal's nor one of others."""
    hosts = watching(own)

    asked = targets(hosts)

    gateways = {name for name in hosts if "." not in name}
    assert asked.keys() == gateways - {"portal-gw"}
    assert "province-gw" not in asked
    for name, target in asked.items():
        assert target["name"] == f"{name}-metrics.svc.lab.internal"


def test_each_is_asked_at_its_own_addresses(own: Path) -> None:
    """Of a pair, not at those of whoever is active."""
    hosts = watching(own)

    for each in hosts["city.monitoring"]["loushan_targets"]:
        own_ones = hosts[plain(each["instance"])]["loushan_addresses"]
        said = [plain(address).partition("/")[0] for address in own_ones]
        assert [plain(address) for address in each["addresses"]] == said


@pytest.mark.parametrize(
    ("gateway", "branch", "pair"),
    [
        pytest.param("city-gw-2", "", "yes", id="the city's own"),
        pytest.param("suiyang-gw", "suiyang", "", id="a county's"),
        pytest.param("yangchuan-gw", "suiyang", "", id="a township's hangs on its county"),
    ],
)
def test_a_target_has_the_labels_that_rules_go_by(
    own: Path, gateway: str, branch: str, pair: str
) -> None:
    """So that a cut line is one alert."""
    target = targets(watching(own))[gateway]

    assert (target["branch"], target["pair"]) == (branch, pair)


def test_it_is_told_where_lists_are_and_who_misses_it(own: Path) -> None:
    """And who misses it, whom."""
    hosts = watching(own)

    host, other = hosts["city.monitoring"], hosts["city.operations"]
    assert plain(host["loushan_lists"]["server"]) == "est.svc.lab.internal:9443"
    assert plain(host["loushan_watchdog"]["name"]) == "operations-city.svc.lab.internal"
    assert host["loushan_watchdog"]["port"] == 9444
    assert plain(other["loushan_monitoring"]) == "monitoring-city.svc.lab.internal"


def test_without_an_enrolment_server_it_fetches_nothing(own: Path) -> None:
    """And without a watchdog nobody is told that it lives."""
    host = watching(own, "monitoring: city.monitoring\n")["city.monitoring"]

    assert plain(host["loushan_lists"]["server"]) == ""
    assert host["loushan_watchdog"] == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "monitoring: city.monitoring\nwatchdog: city.monitoring\n", "itself", id="the same host"
        ),
        pytest.param(
            "monitoring: city.monitoring\nwatchdog: tax.office\n",
            "no conduit leads",
            id="no conduit",
        ),
        pytest.param("monitoring: city.gateway\n", "no zone `city.gateway`", id="a gateway's zone"),
    ],
)
def test_who_cannot_watch_is_refused(own: Path, text: str, said: str) -> None:
    """Before any host is touched."""
    with (own / "plan.yml").open("a") as file:
        file.write(text)

    assert said in inventory(own).stderr


def test_where_nobody_watches_there_is_no_such_host(own: Path) -> None:
    """The groups are there and empty: the playbook does nothing, and warns of nothing."""
    found = listed(own)

    assert {"monitoring", "watchdog"} <= set(found["all"]["children"])
    assert "city.monitoring" not in found["_meta"]["hostvars"]
