"""The role `monitoring_page` refuses a page that somebody would see who may not."""

import json
from pathlib import Path
from typing import Any

import pytest

from playbooks.plugins.lookup.city_sites import LookupModule
from tests.repo.tree import ROOT
from tests.unit.test_playbooks import ansible

CENTRE = {"name": "centre", "shows": "city", "address": "127.0.0.1", "port": 8470}


def played(folder: Path, views: list[dict[str, Any]]) -> str:
    """Check the role over this machine; give what Ansible says."""
    playbook = folder / "page.yml"
    role = {"role": "monitoring_page", "monitoring_page_views": views}
    given = {"loushan_plan": "policy/lab", "loushan_authority": str(folder / "none")}
    play = {"hosts": "localhost", "gather_facts": False, "vars": given, "roles": [role]}
    playbook.write_text(json.dumps([play]), "utf-8")
    words = ("-i", "inventory/zunyi", "--check", "-c", "local")
    done = ansible("ansible-playbook", *words, str(playbook))
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "view",
    [
        pytest.param({"address": "10.1.3.1"}, id="on the network, for everybody"),
        pytest.param({"readers": ["wall.svc.lab.internal"]}, id="readers, and nobody certifies"),
        pytest.param({"shows": "all"}, id="another picture"),
    ],
)
def test_a_page_for_anybody_is_refused(tmp_path: Path, view: dict[str, Any]) -> None:
    """Before anything is looked at or changed on the host."""
    said = played(tmp_path, [{**CENTRE, **view}])

    assert "failed=1" in said
    assert "what is installed" not in said


def test_a_page_for_who_sits_at_the_host_is_not_refused(tmp_path: Path) -> None:
    """The host is looked at next, whatever system it is."""
    assert "Preflight, what is installed" in played(tmp_path, [CENTRE])


def test_of_the_plan_the_host_is_given_its_sites() -> None:
    """And no address of it."""
    (text,) = LookupModule().run([str(ROOT / "policy" / "lab")])

    assert json.loads(text)["sites"][0]["name"] == "city"
    assert "10.1." not in text
