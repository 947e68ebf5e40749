"""Playbooks and roles keep the strictest rules, and refuse what must not be done by mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.compile.scaffold import HOOKS
from playbooks.plugins.lookup.scaffold import LookupModule
from tests.repo.tree import ROOT

PLAYBOOKS = sorted(file.stem for file in (ROOT / "playbooks").glob("*.yml"))
ROLES = sorted(folder.name for folder in (ROOT / "roles").iterdir() if folder.is_dir())


def ansible(tool: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's commands as a user would, from the root of the tree."""
    programs = Path(sys.executable).parent
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOUSHAN_", "ANSIBLE_"))}
    path = f"{programs}{os.pathsep}{kept.get('PATH', '')}"
    return subprocess.run(
        [str(programs / tool), *words],
        cwd=ROOT,
        env={**kept, "PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_linter_finds_nothing() -> None:
    """Its strictest profile, nothing skipped, nothing fetched."""
    done = ansible("ansible-lint", "--offline", "--strict", "--profile", "production")

    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_one_verb_for_each_need() -> None:
    """`site` is those that bring a city up, in order."""
    site = yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text("utf-8"))

    order = [play["ansible.builtin.import_playbook"] for play in site]
    assert order == [
        "provision.yml",
        "enforce.yml",
        "hosts.yml",
        "logs.yml",
        "time.yml",
        "applications.yml",
        "monitoring.yml",
        "files.yml",
        "verify.yml",
    ]
    assert {"decommission", "rollback"} <= set(PLAYBOOKS)


@pytest.mark.parametrize(
    "playbook", ["offer", "provision", "enforce", "applications", "monitoring", "decommission"]
)
def test_one_failing_host_stops_the_play(playbook: str) -> None:
    """Whatever changes hosts goes on to no other once one has failed."""
    plays = yaml.safe_load((ROOT / "playbooks" / f"{playbook}.yml").read_text("utf-8"))

    assert all(play["any_errors_fatal"] is True for play in plays)


@pytest.mark.parametrize("playbook", ["provision", "enforce"])
def test_one_gateway_goes_first_and_alone(playbook: str) -> None:
    """It is the last of the inventory: the farthest from everybody."""
    (play,) = yaml.safe_load((ROOT / "playbooks" / f"{playbook}.yml").read_text("utf-8"))

    assert play["order"] == "reverse_inventory"
    # Another play may have them come in other steps, as an upgrade does.
    assert play["serial"] in ([1, "100%"], "{{ provision_serial | default([1, '100%']) }}")


def test_an_upgrade_comes_to_the_canary_first_and_never_to_all_at_once() -> None:
    """Each is watched; who is not named as the canary is not forgotten."""
    canary, others = yaml.safe_load((ROOT / "playbooks" / "upgrade.yml").read_text("utf-8"))

    assert canary["vars"]["provision_serial"] == [1]
    assert others["vars"]["provision_serial"] == [1, "25%"]
    assert others["vars"]["provision_hosts"] == f"gateways:!{canary['vars']['provision_hosts']}"
    for play in (canary, others):
        assert play["ansible.builtin.import_playbook"] == "provision.yml"
        assert play["vars"]["provision_upgrades"] is True


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--limit", "tax-gw"), id="without a word of confirmation"),
        pytest.param(("--limit", "tax-gw", "-e", "decommission_confirm=hall-gw"), id="of another"),
        pytest.param(
            ("--limit", "tax-gw,hall-gw", "-e", "decommission_confirm=tax-gw"), id="of two at once"
        ),
    ],
)
def test_no_gateway_is_taken_out_of_service_by_mistake(tmp_path: Path, words: list[str]) -> None:
    """It must be named twice, alone; no host is even spoken to."""
    (tmp_path / "plan.yml").write_text(f"plugin: plan\nplan: {ROOT}/policy/lab\n")

    done = ansible("ansible-playbook", "playbooks/decommission.yml", "-i", str(tmp_path), *words)

    assert done.returncode != 0
    assert "nothing was done" in done.stdout + done.stderr
    assert "unreachable=1" not in done.stdout


def operators(*names: str) -> dict[str, Any]:
    """Give operators who are called so."""
    entry = {"duty": "build", "keys": ["ssh-ed25519 AAAA"]}
    return {"base_operators": [{"name": name, **entry} for name in names]}


def sender(**changes: str) -> dict[str, Any]:
    """Give a log host that one host sends to."""
    one = {"host": "tax-gw", "certificate": "tax-gw-logs", "address": "127.1.2.3", **changes}
    return {"log_host_name": "logs", "log_host_senders": [one]}


@pytest.mark.parametrize(
    ("role", "given"),
    [
        pytest.param("base", operators("../../x"), id="a way out of the folder of keys"),
        pytest.param("base", operators("a b"), id="a name of two words"),
        pytest.param("base", operators("li\nu root"), id="a name of two lines"),
        pytest.param("base", operators("li", "root"), id="root"),
        pytest.param("base", operators("li", "li"), id="two duties of one account"),
        pytest.param("base", {"base_operators": []}, id="nobody"),
        pytest.param("base", {**operators("li"), "base_hostname": "a b"}, id="no name of a host"),
        pytest.param("base", {**operators("li"), "base_journal_size": "a lot"}, id="no size"),
        pytest.param("base", {**operators("li"), "base_authority": ""}, id="nobody who certifies"),
        pytest.param("hardening", {"hardening_waivers": {"tmp": "x"}}, id="no such setting"),
        pytest.param("hardening", {"hardening_waivers": {"audit": "2027-01-01"}}, id="unsigned"),
        pytest.param(
            "hardening", {"loushan_waivers": {"audit": "2027-01-01"}}, id="by the other name"
        ),
        pytest.param("hardening", {"hardening_journal_days": 100}, id="a journal of three months"),
        pytest.param("hardening", {"hardening_mirror": "http://a/debian"}, id="half a mirror"),
        pytest.param("hardening", {"hardening_mirror": "a b"}, id="no mirror's address"),
        pytest.param("package_source", {"package_source_bundle": "/nonexistent"}, id="no bundle"),
        pytest.param("log_forward", {"log_forward_server": "a b:1"}, id="no log host's name"),
        pytest.param("log_forward", {"log_forward_name": "a/b"}, id="no sender's name"),
        pytest.param("clock", {"clock_server": ""}, id="nobody's time"),
        pytest.param("clock", {"clock_server": "a.b\nallow"}, id="more than a time server"),
        pytest.param("log_host", {**sender(), "log_host_days": 100}, id="journals of three months"),
        pytest.param("log_host", sender(host="a b"), id="a sender of two words"),
        pytest.param("log_host", sender(address="10.0.0.1"), id="a sender from elsewhere"),
        pytest.param("gateway_agent", {"gateway_agent_prove_every_seconds": 0}, id="proven never"),
        pytest.param("gateway_agent", {"gateway_agent_confirm_within_seconds": -5}, id="no time"),
    ],
)
def test_what_would_break_a_gateway_is_refused_before_it_is_spoken_to(
    tmp_path: Path, role: str, given: dict[str, Any]
) -> None:
    """A type is not enough."""
    text = f"plugin: plan\nplan: {ROOT}/policy/lab\ntrust: .\nauthority: .\n"
    (tmp_path / "plan.yml").write_text(text)
    play = [{"hosts": "tax-gw", "gather_facts": False, "roles": [role]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    words = ["-i", str(tmp_path / "plan.yml"), "-e", json.dumps(given), "-e", "ansible_host=::"]

    done = ansible("ansible-playbook", str(tmp_path / "play.yml"), *words)

    assert "failed=1" in done.stdout, done.stdout + done.stderr
    assert "unreachable=0" in done.stdout
    assert "Preflight" in done.stdout


def test_what_a_gateway_refuses_before_a_policy_is_recorded_too() -> None:
    """It gets the ruleset that `loushan compile --scaffold` says, in which each hook says why."""
    [shipped] = LookupModule().run([])
    command = [sys.executable, "-I", "-m", "gateway.cli", "compile", "--scaffold"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert shipped == said
    for hook in HOOKS:
        assert f"add rule inet loushan {hook} goto refuse_no_policy\n" in shipped


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_type_for_each_of_its_options(role: str) -> None:
    """And what it does by default is what it says."""
    folder = ROOT / "roles" / role
    defaults = yaml.safe_load((folder / "defaults" / "main.yml").read_text("utf-8"))
    specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text("utf-8"))

    options = specs["argument_specs"]["main"]["options"]
    assert sorted(options) == sorted(defaults)
    for name, option in options.items():
        assert option["type"]
        if "default" in option:
            assert option["default"] == defaults[name]
