"""A gateway that is taken out of service keeps nothing of ours that could begin again."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repo import tree

_SUFFIXES = (".path", ".service", ".socket", ".timer")


def _roles() -> list[Path]:
    """Give the folders of what a gateway is made of; a host stays as hard as it was made."""
    (play,) = yaml.safe_load((tree.ROOT / "playbooks/provision.yml").read_text("utf-8"))
    names = [each["role"] for each in play["roles"] if each["role"] != "hardening"]
    return [tree.ROOT / "roles" / name for name in names]


FILES = {
    file.name.removesuffix(".j2"): file
    for role in _roles()
    for folder in ("files", "templates")
    for file in sorted((role / folder).glob("loushan-*"))
    if file.name.removesuffix(".j2").endswith(_SUFFIXES)
}
UNITS = sorted(FILES)

#: It has refused everything since the boot, and goes on until the host is installed anew.
GOES_ON = "loushan-closed.service"


def said(kind: str) -> list[Any]:
    """Give what the playbook says of units, or of what is to be absent."""
    (play,) = yaml.safe_load((tree.ROOT / "playbooks/decommission.yml").read_text("utf-8"))
    tasks = (task.get("host_state", {}) for task in play["tasks"])
    return [each for task in tasks for each in task.get(kind, [])]


def begins_by_itself(unit: str) -> bool:
    """Tell whether a boot begins it."""
    return "[Install]" in FILES[unit].read_text("utf-8")


def test_there_are_units() -> None:
    """Else nothing is asked below."""
    some = {"loushan-agent.service", "loushan-proxy.service", "loushan-forward.service"}
    assert some <= {*UNITS}


@pytest.mark.parametrize("unit", UNITS)
def test_each_unit_is_wiped(unit: str) -> None:
    """Where a role has put it."""
    assert str(Path("/usr/lib/systemd/system") / unit) in said("absent")


@pytest.mark.parametrize("unit", [each for each in UNITS if begins_by_itself(each)])
def test_what_begins_by_itself_is_stopped_for_good(unit: str) -> None:
    """Before its file is gone; systemd would not know it afterwards."""
    found = {each["name"]: each for each in said("units")}

    assert found[unit].get("enabled") is False
    assert found[unit].get("state") == "stopped" or unit == GOES_ON
