"""A township more in the running city, and away again."""

import shutil
from pathlib import Path

import pytest

from tests.lab.town import Done, Town, until

pytestmark = pytest.mark.lab


def reaches(town: Town, host: str, there: str) -> Done:
    """Ask for a connection to the approval's port; one that is refused by the host has arrived."""
    return town.run(host, "nc", "-z", "-v", "-w", "2", there, "443")


def asked(town: Town, gateway: str) -> str:
    """Give what Prometheus says of whether a gateway answers it; nothing where it is not asked."""
    query = f'up{{job="loushan",instance="{gateway}"}}'
    words = ("promtool", "query", "instant", "http://127.0.0.1:9090", query)
    return town.must("city.monitoring", *words).strip()


def test_a_township_comes_and_goes(town: Town, tmp_path: Path) -> None:
    """One command, two signatures and one playbook run; the same way back."""
    plan = tmp_path / "city"
    shutil.copytree(town.places.plan, plan, ignore=shutil.ignore_patterns("release"))
    words = ("--kind", "township", "--hub", "suiyang", "--title", "深溪镇", "--write")
    added = town.loushan("site", "add", str(plan), "shenxi", *words)
    followed = town.loushan("lab", "follow", str(plan))
    enforced = town.playbook("site")
    county, city = (str(town.address(h, 4)) for h in ("suiyang.business", "city.business"))
    proven = until(lambda: town.is_proven("shenxi-gw"))
    # Its link comes about after that.
    arrives = until(lambda: "Connection refused" in reaches(town, "shenxi.office", county).stderr)
    past_county = reaches(town, "shenxi.office", city)
    watched = until(lambda: "=> 1 " in asked(town, "shenxi-gw"))

    removed = town.loushan("site", "remove", str(plan), "shenxi", "--write")
    left = town.loushan("lab", "follow", str(plan))
    without = town.playbook("site")

    for done in (added, followed, enforced, removed, left, without):
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert proven
    assert arrives, "and nobody serves there"
    assert "timed out" in past_county.stderr
    assert watched, "without an edit"
    assert until(lambda: asked(town, "shenxi-gw") == ""), "and nobody is missed who has gone"
    assert "shenxi" not in " ".join(host.name for host in town.hosts)
    assert until(lambda: all(town.is_proven(gateway) for gateway in town.gateways))
