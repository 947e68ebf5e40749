"""What must not change on a host is found and named where it does; otherwise nothing is said."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.town import Done, Town, until

pytestmark = pytest.mark.lab

GATEWAY, APPLICATIONS, LOG_HOST = "tax-gw", "city.applications", "city.monitoring"
PROGRAM, UNIT = "/usr/bin/yes", "loushan-files.service"


def files(town: Town, verb: str, host: str = GATEWAY) -> Done:
    """Have a host's files looked at."""
    return town.run(host, "loushan-files", verb)


@contextmanager
def spoiled(town: Town, script: str, undo: str) -> Iterator[None]:
    """Have something changed on the gateway for a while."""
    try:
        town.must(GATEWAY, "sh", "-ec", script)
        yield
    finally:
        town.must(GATEWAY, "sh", "-ec", undo)


#: A program as it was, beside its place, and back again.
_KEEP = f"cp -a {PROGRAM} /root/kept"
_BACK = f"cp -a /root/kept {PROGRAM}; rm /root/kept"


@pytest.mark.parametrize("host", [GATEWAY, "city-gw", APPLICATIONS, LOG_HOST])
def test_a_host_on_which_nothing_has_changed_is_quiet(town: Town, host: str) -> None:
    """Since it was noted; what renews and writes by itself is no change.

    What earlier tests have changed, as keys that were made anew, is noted first.
    """
    files(town, "accept", host)
    done = files(town, "check", host)

    assert (done.returncode, done.stdout) == (0, "checked: nothing has changed\n"), done


@pytest.mark.parametrize(
    ("named", "script", "undo"),
    [
        pytest.param(PROGRAM, f"{_KEEP}; echo >>{PROGRAM}", _BACK, id="a program of Debian's"),
        pytest.param(PROGRAM, f"{_KEEP}; chmod u+s {PROGRAM}", _BACK, id="the rights of one"),
        pytest.param(
            "/etc/systemd/system/more.service",
            "echo >/etc/systemd/system/more.service",
            "rm /etc/systemd/system/more.service",
            id="a unit more",
        ),
        pytest.param(
            "/etc/loushan/metrics.toml",
            "cp -a /etc/loushan/metrics.toml /root/kept; echo >>/etc/loushan/metrics.toml",
            "mv /root/kept /etc/loushan/metrics.toml",
            id="our settings",
        ),
        pytest.param(
            "/usr/sbin/loushan",
            "mv /usr/sbin/loushan /root/kept",
            "mv /root/kept /usr/sbin/loushan",
            id="a program of ours is gone",
        ),
    ],
)
def test_what_was_changed_is_found_and_named(
    town: Town, named: str, script: str, undo: str
) -> None:
    """It and nothing else; put back, it is no change."""
    with spoiled(town, script, undo):
        done = files(town, "check")

    assert done.returncode == 1
    found = [line for line in done.stdout.splitlines() if line.startswith("/")]
    assert found == [named]
    assert files(town, "check").returncode == 0


def changed(town: Town) -> float:
    """Give how many files differ by the gateway's metrics."""
    told = town.run(GATEWAY, "loushan", "metrics", "show", "loushan_files_changed").stdout
    return float(told.split()[-1])


def test_the_nightly_look_tells_the_metrics_and_the_log_host(town: Town) -> None:
    """By its unit, in its sandbox, with the database's digest; and takes it back afterwards."""
    cursor = town.cursor(GATEWAY)
    with spoiled(town, f"{_KEEP}; echo >>{PROGRAM}", _BACK):
        town.must(GATEWAY, "systemctl", "start", UNIT)
        is_told = until(lambda: changed(town) == 1)
    town.must(GATEWAY, "systemctl", "start", UNIT)
    said = town.must(GATEWAY, "journalctl", f"--after-cursor={cursor}", "-t", "loushan-files")

    assert is_told
    assert PROGRAM in said
    digest = town.must(GATEWAY, "sha256sum", "/var/lib/loushan-files/aide.db").split()[0]
    assert digest in said
    kept = ("loushan-logs", GATEWAY, "-t", "loushan-files", f"--grep={PROGRAM}.*{digest}")
    assert until(lambda: town.run(LOG_HOST, *kept).returncode == 0)
    assert until(lambda: changed(town) == 0)
    enabled = town.must(GATEWAY, "systemctl", "is-enabled", "loushan-files.timer")
    assert enabled == "enabled\n"


def test_what_apt_installs_is_accepted_and_what_had_changed_before_is_not(town: Town) -> None:
    """As apt itself calls it, before and after."""
    assert "loushan-files" in town.must(GATEWAY, "apt-config", "dump", "DPkg::Post-Invoke")
    with spoiled(town, f"{_KEEP}; echo >>{PROGRAM}", _BACK):
        files(town, "before-apt")
        town.must(GATEWAY, "sh", "-c", "echo >/usr/bin/installed")
        files(town, "after-apt")
        both = files(town, "check").stdout
    files(town, "before-apt")
    # What was installed before is still a change; so nothing is accepted.
    files(town, "after-apt")
    still = files(town, "check")
    town.must(GATEWAY, "rm", "/usr/bin/installed")
    files(town, "before-apt")
    town.must(GATEWAY, "sh", "-c", "echo >/usr/bin/installed")
    accepted = files(town, "after-apt")
    after = files(town, "check")
    town.must(GATEWAY, "rm", "/usr/bin/installed")
    files(town, "accept")

    assert PROGRAM in both
    assert "/usr/bin/installed" in both
    assert still.returncode == 1
    assert "/usr/bin/installed" in accepted.stdout
    assert after.returncode == 0
