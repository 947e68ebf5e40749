"""The playbooks over a city that stands: dry, for one county, with a broken host."""

import pytest

from tests.lab.recap import recap
from tests.lab.town import Town

pytestmark = pytest.mark.lab

GATEWAY, BELOW = "suiyang-gw", ("suiyang-housing-gw", "yangchuan-gw")


def test_check_says_what_it_would_do_and_does_nothing(town: Town) -> None:
    """Somebody has edited a file of ours: `--check --diff` shows it, and only a run mends it."""
    file = "/etc/sysctl.d/60-loushan.conf"
    town.must(GATEWAY, "sh", "-c", f"echo '# by hand' >> {file}")
    edited = town.must(GATEWAY, "cat", file)

    checked = town.playbook("provision", "--check", "--diff", "--limit", GATEWAY)
    after_check = town.must(GATEWAY, "cat", file)
    run = town.playbook("provision", "--limit", GATEWAY)

    assert "-# by hand" in checked.stdout
    assert recap(checked.stdout, "changed")[GATEWAY] > 0
    assert after_check == edited
    assert run.returncode == 0
    assert "# by hand" not in town.must(GATEWAY, "cat", file)


def test_a_county_can_be_provisioned_alone(town: Town) -> None:
    """`--limit suiyang` is the county's gateway and those below it."""
    done = town.playbook("provision", "--limit", "suiyang", "--check")

    assert set(recap(done.stdout, "ok")) == {GATEWAY, *BELOW}


def test_one_failing_host_stops_the_play_before_the_next(town: Town) -> None:
    """The first to go is broken: nobody else is touched."""
    hosts = ("yangchuan-gw", "suiyang-gw")
    town.must("yangchuan-gw", "mv", "/usr/bin/dpkg-query", "/usr/bin/dpkg-query.away")
    town.must("yangchuan-gw", "mv", "/var/lib/dpkg/status", "/var/lib/dpkg/status.away")
    try:
        done = town.playbook("provision", "--limit", ",".join(hosts))
    finally:
        town.must("yangchuan-gw", "mv", "/usr/bin/dpkg-query.away", "/usr/bin/dpkg-query")
        town.must("yangchuan-gw", "mv", "/var/lib/dpkg/status.away", "/var/lib/dpkg/status")

    assert done.returncode != 0
    assert recap(done.stdout, "failed")["yangchuan-gw"] == 1
    assert "suiyang-gw" not in recap(done.stdout, "changed")
