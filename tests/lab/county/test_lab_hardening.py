"""A hardened host shows each setting when it is asked or tried, and three duties do not cross.

What a waiver names is gone from the host, and nothing else: so each setting is seen both ways.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.evidence.hosts_asked import AskedHost
from gateway.evidence.hosts_asked import Operator as NamedOperator
from gateway.evidence.judge import Outcome, judge
from gateway.policy.host_settings import HOST_SETTINGS
from tests.lab.desk import Operator
from tests.lab.evidence import ROW, Asked, asked
from tests.lab.forged_ssh import certificate, thief
from tests.lab.releases import sign_next
from tests.lab.town import Done, Town, until

pytestmark = pytest.mark.lab

GATEWAY, SITE = "suiyang-gw", "suiyang"

#: A host that is no gateway: it has operators and duties too, and no policy to have to do with.
APPLICATIONS = "city.applications"

#: An account with a password, as at the console alone.
SOMEBODY = "somebody"
PASSWORD = "Nine-Cranes-Over-Loushan-7"  # noqa: S105 - of an account that lives for a test

#: The mirror that a variable names; nobody has to be there for a host to know no other.
MIRROR = "file:/srv/mirror"
SOURCES = "/etc/apt/sources.list"
ORIGINS = "Unattended-Upgrade::Origins-Pattern"

Shown = Callable[[Town], bool]


def said(town: Town, *command: str) -> str:
    """Give what the gateway says to root, whether it likes the question or not."""
    done = town.run(GATEWAY, *command)
    return done.stdout + done.stderr


def shell(town: Town, script: str, *words: str) -> Done:
    """Run a script at the gateway's console."""
    return town.run(GATEWAY, "bash", "-c", script, "bash", *words)


# --- each setting, asked of the running host ------------------------------------------------------


def leaves_no_dump(town: Town) -> bool:
    """A login may not dump, and nor may a service."""
    login = said(town, "su", "-", SOMEBODY, "-c", "ulimit -Hc")
    services = said(town, "systemctl", "show", "--property=DefaultLimitCORE", "--value")
    return (login, services) == ("0\n", "0\n")


def refuses_modules(*names: str) -> Shown:
    """What is asked to load these does nothing instead."""

    def shown(town: Town) -> bool:
        known = said(town, "modprobe", "--showconfig").splitlines()
        return all(f"install {name} /bin/false" in known for name in names)

    return shown


def runs_nothing_from_shared_folders(town: Town) -> bool:
    """A program that anybody may lay there is laid there, and tried."""
    script = (
        "for folder in /tmp /var/tmp /dev/shm; do printf '#!/bin/sh\\n' >$folder/program;"
        " chmod 755 $folder/program; $folder/program; printf '%s ' $?; rm $folder/program; done"
    )
    return shell(town, script).stdout == "126 126 126 "


def locks_who_guesses(town: Town) -> bool:
    """After five wrong passwords the right one does not help."""
    become = ("runuser", "-u", "nobody", "--", "su", SOMEBODY, "-c", "true")
    town.must(GATEWAY, "sh", "-c", "faillock --reset; :")
    assert town.run(GATEWAY, *become, text=f"{PASSWORD}\n").returncode == 0
    guess = f"for n in 1 2 3 4 5 6; do echo wrong | runuser -u nobody -- su {SOMEBODY} & done; wait"
    shell(town, guess)
    return town.run(GATEWAY, *become, text=f"{PASSWORD}\n").returncode != 0


def wants_good_passwords(town: Town) -> bool:
    """Root may give nobody a weak one; a good one is taken."""
    weak = ["loushan1", "aaaaaaaaaaaaaaaa", f"{SOMEBODY}-2026"]
    results = [
        town.run(GATEWAY, "chpasswd", text=f"{SOMEBODY}:{password}\n").returncode
        for password in (*weak, PASSWORD)
    ]
    return all(results[:-1]) and not results[-1]


def ends_passwords(town: Town) -> bool:
    """Of an account that is made now."""
    town.must(GATEWAY, "useradd", "newcomer")
    aged = said(town, "chage", "--list", "newcomer")
    town.must(GATEWAY, "userdel", "newcomer")
    return any(line.split(":") == ["Maximum number of days between password change\t\t", " 90"]
               for line in aged.splitlines())  # fmt: skip


def keeps_new_files_from_others(town: Town) -> bool:
    """As the login has it; the account's own group is its own."""
    return said(town, "su", "-", SOMEBODY, "-c", "umask").strip().endswith("7")


def writes_down_what_is_done_as_root(town: Town) -> bool:
    """With the command and who gave it, where who audits may read it."""
    word = f"mark-{os.urandom(4).hex()}"
    town.must(GATEWAY, "sudo", "-n", "true", word)
    return word in said(town, "cat", "/var/log/sudo.log")


def has_at_boot(*settings: str) -> Shown:
    """The kernel is the machine's: only what the next boot would set can be asked."""

    def shown(town: Town) -> bool:
        lines = said(town, "systemd-analyze", "cat-config", "sysctl.d").splitlines()
        return all(setting in lines for setting in settings)

    return shown


def defends_its_network_stack(town: Town) -> bool:
    """It was set wrong before the playbook ran."""
    names = ("tcp_rfc1337", "icmp_echo_ignore_broadcasts", "tcp_syncookies")
    values = [said(town, "sysctl", "-n", f"net.ipv4.{name}").strip() for name in names]
    return values == ["1", "1", "1"]


def would_audit(town: Town) -> bool:
    """Enabled; that a container has no audit of the kernel is systemd's own word."""
    enabled = [
        said(town, "systemctl", "is-enabled", unit) == "enabled\n"
        for unit in ("auditd.service", "audit-rules.service")
    ]
    rules = said(town, "sh", "-c", "cat /etc/audit/rules.d/*.rules")
    return all(enabled) and "-w /etc/loushan -p wa -k trust" in rules


def keeps_its_journal(town: Town) -> bool:
    """As the journal itself says, when it starts, how much it may hold."""
    told = said(
        town, "journalctl", "--output=cat", "--no-pager", "SYSLOG_IDENTIFIER=systemd-journald"
    )
    sizes = [line for line in told.splitlines() if line.startswith("System Journal")]
    return "max 2G" in sizes[-1]


def fetches_no_updates_from_elsewhere(town: Town) -> bool:
    """Where no mirror is named; the package alone would fetch every day."""
    return 'Unattended-Upgrade "0"' in said(town, "apt-config", "dump", "APT::Periodic")


def ends_idle_shells(town: Town) -> bool:
    """And nobody gives themself more time."""
    limit = shell(town, "bash -lc 'echo $TMOUT'").stdout.strip()
    return limit == "900" and "readonly" in shell(town, "bash -lc 'TMOUT=0'").stderr


def warns_before_a_login(town: Town) -> bool:
    """Whoever comes by ssh, before they have said anything."""
    return "No state secrets" in knocking(town)


def refuses_old_algorithms(town: Town) -> bool:
    """Each offered alone; what is left is agreed on."""
    old = ("Ciphers=aes256-ctr", "MACs=hmac-sha1,umac-64@openssh.com",
           "KexAlgorithms=ecdh-sha2-nistp256", "HostKeyAlgorithms=ecdsa-sha2-nistp256")  # fmt: skip
    # A cipher that needs no MAC would hide which one is offered.
    offers = [old[0], f"{old[1]} -o Ciphers=aes256-ctr", *old[2:]]
    refused = ["no matching" in knocking(town, *offer.split()) for offer in offers]
    return all(refused) and "no matching" not in knocking(town)


def knocking(town: Town, *options: str) -> str:
    """Give what ssh says that comes without a key, from the host to itself."""
    quiet = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no")
    asked = ("-o", "UserKnownHostsFile=/dev/null", "-o", "PreferredAuthentications=none")
    offered = [word for option in options if option != "-o" for word in ("-o", option)]
    heard: list[str] = []

    def is_heard() -> bool:
        # Who knocks often is not answered for a while; and who is begun again does not answer yet.
        town.must(GATEWAY, "systemctl", "reload", "ssh.service")
        done = town.run(GATEWAY, "ssh", *quiet, *asked, *offered, "nobody@127.0.0.1", "true")
        heard[:] = [done.stderr]
        return "no matching" in done.stderr or "Permission denied" in done.stderr

    until(is_heard)
    return heard[0]


def starts_no_needless_unit(town: Town) -> bool:
    """Also by hand."""
    units = ("debug-shell.service", "ctrl-alt-del.target", "unattended-upgrades.service")
    return all("masked" in said(town, "systemctl", "is-enabled", unit) for unit in units)


def has_no_needless_package(town: Town) -> bool:
    """One was installed before the playbook ran."""
    return town.run(GATEWAY, "dpkg-query", "--show", "telnet").returncode != 0


CONTROLS: dict[str, Shown] = {
    "audit": would_audit,
    "banner": warns_before_a_login,
    "core_dumps": leaves_no_dump,
    "file_links": has_at_boot("fs/protected_symlinks = 1", "fs/protected_regular = 2"),
    "idle_console": ends_idle_shells,
    "journal_kept": keeps_its_journal,
    "kernel_reach": has_at_boot("kernel/dmesg_restrict = 1", "kernel/yama/ptrace_scope = 2"),
    "lockout": locks_who_guesses,
    "network_stack": defends_its_network_stack,
    "packages_absent": has_no_needless_package,
    "password_age": ends_passwords,
    "passwords": wants_good_passwords,
    "rare_file_systems": refuses_modules("cramfs", "hfsplus", "udf"),
    "rare_protocols": refuses_modules("dccp", "sctp", "tipc"),
    "ssh_algorithms": refuses_old_algorithms,
    "sudo_sessions": writes_down_what_is_done_as_root,
    "tmp_mounts": runs_nothing_from_shared_folders,
    "umask": keeps_new_files_from_others,
    "units_masked": starts_no_needless_unit,
    "updates": fetches_no_updates_from_elsewhere,
    "usb_storage": refuses_modules("usb_storage", "uas"),
}

_EACH = sorted(CONTROLS)
HALVES = {"one half waived": frozenset(_EACH[::2]), "the other half": frozenset(_EACH[1::2])}


def test_no_setting_is_left_untried() -> None:
    """A new one comes with a question to the running host."""
    assert CONTROLS.keys() == HOST_SETTINGS.keys()


@dataclass(frozen=True, slots=True)
class Waived:
    """The city, after a playbook that was given a plan with waivers, and what it said."""

    town: Town
    names: frozenset[str]
    told: str
    plan: Path


@pytest.fixture(scope="module", params=list(HALVES))
def waived(
    request: pytest.FixtureRequest, town: Town, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Waived]:
    """Have the Bureau waive half of the settings here, and provision the gateway."""
    names = HALVES[request.param]
    folder = tmp_path_factory.mktemp("waived")
    plan = sign_next(town, folder, lambda there: write_waivers(there, names), keep=False)
    shell(town, f"id {SOMEBODY} || useradd --create-home --shell /bin/bash {SOMEBODY}")
    town.must(GATEWAY, "chpasswd", text=f"{SOMEBODY}:{PASSWORD}\n")
    spoil(town)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOUSHAN_PLAN", str(plan))
        done = town.playbook("provision", "--limit", GATEWAY)
    assert done.returncode == 0, done.stdout[-3000:]
    yield Waived(town, names, done.stdout, plan)
    shell(town, f"faillock --reset; userdel --remove {SOMEBODY}; dpkg --purge telnet")


def write_waivers(plan: Path, names: frozenset[str]) -> None:
    """Write a waiver of each into a plan, for the gateway alone and a month."""
    until_day = (datetime.now(UTC) + timedelta(days=30)).date()
    entries = [
        f"  - {{name: no_{name}, setting: {name}, at: {{site: {SITE}}}, hosts: gateways,"
        f' reason: 试验, until: "{until_day}"}}\n'
        for name in sorted(names)
    ]
    (plan / "waivers.yml").write_text(f"document: waivers\nwaivers:\n{''.join(entries)}", "utf-8")


def spoil(town: Town) -> None:
    """Set wrong what a run puts right by itself."""
    control = (
        "Package: telnet\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: x\\n"
    )
    script = (
        "sysctl -qw net.ipv4.tcp_rfc1337=0; mkdir -p /root/telnet/DEBIAN;"
        f" printf '{control}' >/root/telnet/DEBIAN/control;"
        " dpkg-deb --build /root/telnet /root/telnet.deb && dpkg --install /root/telnet.deb"
    )
    assert shell(town, script).returncode == 0


@pytest.mark.parametrize("setting", _EACH)
def test_a_host_has_each_setting_but_those_that_are_waived(waived: Waived, setting: str) -> None:
    """By one run each is there, and by the other one it is not."""
    assert CONTROLS[setting](waived.town) is (setting not in waived.names)


def test_what_is_waived_is_said_and_written_down(waived: Waived) -> None:
    """To who runs the playbook, and on the host for who asks later."""
    written = json.loads(waived.town.must(GATEWAY, "cat", "/etc/loushan/hardening.json"))

    assert set(written["waived"]) == waived.names
    assert set(written["set"]) == set(CONTROLS) - waived.names
    told = " ".join(waived.told.split())
    assert {name for name in CONTROLS if f"is without {name} until" in told} == waived.names


#: Tried with a mirror, below; and role `base` keeps a gateway's journal as long by itself.
ELSEWHERE = {"journal_kept", "updates"}


@pytest.fixture(scope="module")
def evidence(waived: Waived) -> AskedHost:
    """Have the gateway asked by the playbook of evidence, under the plan with those waivers."""
    # An account that was made while that was waived keeps its password as long as before.
    waived.town.must(GATEWAY, "chage", "--maxdays", "90", SOMEBODY)
    return asked(waived.town, GATEWAY, waived.plan).hosts[GATEWAY]


@pytest.mark.parametrize("setting", sorted(CONTROLS.keys() - ELSEWHERE))
def test_evidence_shows_each_setting_that_is_there_and_fails_without_it(
    waived: Waived, evidence: AskedHost, setting: str
) -> None:
    """What is not there fails; that a waiver was signed for it is said, and is no pass."""
    unsigned = judge(ROW[setting], replace(evidence, waived={}), {}).outcome
    signed = judge(ROW[setting], evidence, {}).outcome

    if setting in waived.names:
        assert (unsigned, signed) == (Outcome.FAIL, Outcome.WAIVED)
    else:
        shown = Outcome.NOT_TRIED if ROW[setting].kernel else Outcome.PASS
        assert (unsigned, signed) == (shown, shown)


# --- duties ---------------------------------------------------------------------------------------

DUTIES = ("system", "security", "audit")


@dataclass(frozen=True, slots=True)
class Staff:
    """One administrator for each duty, each with an account of their own."""

    town: Town
    by_duty: dict[str, Operator]
    host: str = GATEWAY

    def does(self, duty: str, command: str) -> Done:
        """Have one of them give a command on their host, by ssh."""
        return self.by_duty[duty].ssh(command, account=account_of(duty))


def account_of(duty: str) -> str:
    """Give the account that has a duty."""
    return f"{duty}admin"


def entries(**duties: str) -> str:
    """Give what the inventory says of the administrators, with some other duties."""
    listed = [{"name": account_of(duty), "duty": duties.get(duty, duty)} for duty in DUTIES]
    return json.dumps(
        {
            "base_operators": listed,
            "hardening_mirror": MIRROR,
            "hardening_security_mirror": f"{MIRROR}-security",
        }
    )


@pytest.fixture(scope="module")
def staff(town: Town) -> Iterator[Staff]:
    """Certify three people, each for a duty, and name a mirror by the way."""
    sources = town.must(GATEWAY, "cat", SOURCES)
    people = {
        duty: Operator(town, GATEWAY, f"{duty}-person", account_of(duty), duty) for duty in DUTIES
    }
    done = town.playbook("provision", "--limit", GATEWAY, "--extra-vars", entries())
    assert done.returncode == 0, done.stdout[-3000:]
    yield Staff(town, people)
    shell(town, "rm -f /etc/apt/sources.list.d/loushan.sources")
    town.must(GATEWAY, "sh", "-c", f"cat >{SOURCES}", text=sources)
    done = town.playbook("provision", "--limit", GATEWAY)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module")
def clerks(town: Town) -> Staff:
    """Certify three people more, who have the duties on a host of applications."""
    people = {
        duty: Operator(town, APPLICATIONS, f"{duty}-clerk", account_of(duty), duty)
        for duty in DUTIES
    }
    listed = [{"name": account_of(duty), "duty": duty} for duty in DUTIES]
    told = ("--limit", APPLICATIONS, "--extra-vars", json.dumps({"base_operators": listed}))
    done = town.playbook("hosts", *told)
    assert done.returncode == 0, done.stdout[-3000:]
    for each in people.values():
        each.learn()
    return Staff(town, people, APPLICATIONS)


def test_updates_come_from_the_mirror_that_is_named_and_from_nothing_else(staff: Staff) -> None:
    """Every index that apt would fetch is of that mirror; of Debian's, the security updates."""
    told = staff.town.must(GATEWAY, "apt-get", "--print-uris", "update")
    indexes = re.findall(r"^'(\S+)'", told, re.MULTILINE)
    known = said(staff.town, "apt-config", "dump", ORIGINS)

    assert indexes
    assert [index for index in indexes if not index.startswith(MIRROR)] == []
    origins = [line for line in known.splitlines() if line.startswith(f"{ORIGINS}::")]
    assert len(origins) == 1
    assert "codename=${distro_codename}-security,label=Debian-Security" in origins[0]
    assert said(staff.town, "systemctl", "is-enabled", "apt-daily-upgrade.timer") == "enabled\n"


#: What is taken away from the running host, and put back; by the row of evidence that it is for.
TAKEN = {
    "duty_system": ("usermod -aG adm systemadmin", "gpasswd --delete systemadmin adm"),
    "duty_security": (
        "gpasswd --delete securityadmin loushan",
        "usermod -aG loushan securityadmin",
    ),
    "duty_audit": (
        "echo 'auditadmin ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/99-a",
        "rm /etc/sudoers.d/99-a",
    ),
    "updates": (
        "echo 'APT::Periodic::Unattended-Upgrade \"0\";' >/etc/apt/apt.conf.d/99-a",
        "rm /etc/apt/apt.conf.d/99-a",
    ),
}


@pytest.mark.parametrize("row", sorted(TAKEN))
def test_evidence_shows_duties_and_updates_and_fails_without(staff: Staff, row: str) -> None:
    """Before, while something is taken away, and when it is back."""
    people = tuple(NamedOperator(account_of(duty), duty) for duty in DUTIES)
    host = AskedHost(
        GATEWAY, operators=people, mirrors=(MIRROR, f"{MIRROR}-security"), own_kernel=False
    )
    evidence = Asked(staff.town, {GATEWAY: host})
    take, put_back = TAKEN[row]

    before = evidence.judged(GATEWAY, row)
    try:
        staff.town.must(GATEWAY, "sh", "-c", take)
        without = evidence.judged(GATEWAY, row)
    finally:
        staff.town.must(GATEWAY, "sh", "-c", put_back)

    assert before.outcome is Outcome.PASS, before.why.en
    assert without.outcome is Outcome.FAIL
    assert evidence.judged(GATEWAY, row).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("duty", "command"),
    [
        pytest.param("system", "sudo -n networkctl reload", id="system: the network"),
        pytest.param(
            "system", "sudo -n systemctl restart loushan-renewal.service", id="system: a service"
        ),
        pytest.param("security", "sudo -n loushan link refresh", id="security: revocations"),
        pytest.param(
            "security",
            "SUDO_EDITOR=true sudo -n sudoedit /etc/loushan/trust/crl.pem",
            id="security: trust",
        ),
        pytest.param("security", "loushan agent prove; test $? != 2", id="security: the policy"),
        pytest.param("audit", "journalctl -qn1 -u ssh.service | grep .", id="audit: the journal"),
        pytest.param("audit", "grep -q COMMAND /var/log/sudo.log", id="audit: what root did"),
        pytest.param("audit", "sudo -n faillock", id="audit: failed logins"),
    ],
)
def test_each_duty_does_its_own_work(staff: Staff, duty: str, command: str) -> None:
    """The other side of every refusal below."""
    done = staff.does(duty, command)

    assert done.returncode == 0, done.stderr


#: What each duty tries of the others' work; sudo and the kernel say no.
CROSSINGS = {
    "system": {
        "to give a policy": "loushan agent prove",
        "to trust other signers": "sudo -n cp /etc/hosts /etc/loushan/trust/authority.pem",
        "to edit whom we trust": "SUDO_EDITOR=true sudo -n sudoedit /etc/loushan/trust/crl.pem",
        "to undo a revocation": "sudo -n loushan link refresh",
        "to read the journal": "journalctl -qn1 -u ssh.service | grep .",
        "to stop the journal": "sudo -n systemctl stop systemd-journald.service",
        "to take records away": "sudo -n rm /var/log/sudo.log",
        "to end the agent": "sudo -n systemctl stop loushan-agent.service",
        "to restart and more": "sudo -n systemctl restart ssh.service auditd.service",
        "to be root": "sudo -n sh -c id",
    },
    "security": {
        "to boot the host": "sudo -n systemctl reboot",
        "to restart the network": "sudo -n systemctl restart systemd-networkd.service",
        "to install": "sudo -n apt-get update",
        "to edit what is no trust": "SUDO_EDITOR=true sudo -n sudoedit /etc/sudoers",
        "to read the journal": "journalctl -qn1 -u ssh.service | grep .",
        "to read what root did": "cat /var/log/sudo.log",
        "to be root": "sudo -n sh -c id",
    },
    "audit": {
        "to give a policy": "loushan agent prove",
        "to roll a policy back": "loushan agent rollback",
        "to trust other signers": "SUDO_EDITOR=true sudo -n sudoedit /etc/loushan/trust/crl.pem",
        "to restart the network": "sudo -n networkctl reload",
        "to alter what root did": "echo nothing >>/var/log/sudo.log",
        "to forgive failed logins": "sudo -n faillock --reset",
        "to empty the audit's rules": "sudo -n auditctl -D",
        "to read another log as root": "sudo -n loushan decision 1 --log /root",
        "to alter the journal": "find /var/log/journal -name '*.journal' -writable | grep .",
        "to be root": "sudo -n sh -c id",
    },
}


@pytest.mark.parametrize(
    ("duty", "command"),
    [
        pytest.param(duty, command, id=f"{duty} tries {what}")
        for duty, tries in CROSSINGS.items()
        for what, command in tries.items()
    ],
)
def test_no_duty_does_the_work_of_another(staff: Staff, duty: str, command: str) -> None:
    """Each attempt is made on the running host, by ssh, as who has the duty."""
    assert staff.does(duty, "true").returncode == 0

    assert staff.does(duty, command).returncode != 0


@pytest.mark.parametrize(
    ("duty", "command"),
    [
        pytest.param("system", "sudo -n systemctl restart chrony.service", id="system: the time"),
        pytest.param(
            "system",
            "sudo -n systemctl restart loushan-approval.service",
            id="system: the application",
        ),
        pytest.param(
            "security",
            "SUDO_EDITOR=true sudo -n sudoedit /etc/ssh/authority/revoked_keys",
            id="security: revocations",
        ),
        pytest.param("audit", "journalctl -qn1 -u ssh.service | grep .", id="audit: the journal"),
        pytest.param("audit", "sudo -n faillock", id="audit: failed logins"),
    ],
)
def test_each_duty_does_its_own_work_where_applications_are(
    clerks: Staff, duty: str, command: str
) -> None:
    """By ssh through the city's network, as the policy lets operations come."""
    done = clerks.does(duty, command)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("duty", "command"),
    [
        pytest.param(duty, command, id=f"{duty} tries {what}")
        for duty, tries in {
            "system": {
                "to read the journal": "journalctl -qn1 -u ssh.service | grep .",
                "to take records away": "sudo -n rm /var/log/sudo.log",
                "to read what people file": "sudo -n -u postgres psql -c 'select 1'",
                "to let a revoked key in": (
                    "SUDO_EDITOR=true sudo -n sudoedit /etc/ssh/authority/revoked_keys"
                ),
                "to stop the journal's way out": "sudo -n systemctl stop loushan-forward.service",
                "to be root": "sudo -n sh -c id",
            },
            "security": {
                "to boot the host": "sudo -n systemctl reboot",
                "to read the journal": "journalctl -qn1 -u ssh.service | grep .",
                "to be root": "sudo -n sh -c id",
            },
            "audit": {
                "to restart the application": (
                    "sudo -n systemctl restart loushan-approval.service"
                ),
                "to alter what root did": "echo nothing >>/var/log/sudo.log",
                "to accept what was changed": "sudo -n loushan-files accept",
                "to be root": "sudo -n sh -c id",
            },
        }.items()
        for what, command in tries.items()
    ],
)
def test_no_duty_does_the_work_of_another_where_applications_are(
    clerks: Staff, duty: str, command: str
) -> None:
    """Each attempt is made on the running host, by ssh, as who has the duty."""
    assert clerks.does(duty, "true").returncode == 0

    assert clerks.does(duty, command).returncode != 0


def test_a_host_of_applications_lets_nobody_in_without_a_certificate(clerks: Staff) -> None:
    """The key alone is not enough, and no old algorithm is left; its own certificate is shown."""
    person, town = clerks.by_duty["system"], clerks.town
    try:
        person.show("")
        done = person.ssh("true", account=account_of("system"))
    finally:
        person.show(person.certificate)
    told = town.must(APPLICATIONS, "sshd", "-T").splitlines()

    assert "Permission denied (publickey)" in done.stderr
    assert "passwordauthentication no" in told
    assert "permitrootlogin no" in told
    assert "macs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com" in told


def test_the_audit_reads_the_journal_and_takes_nothing_away(staff: Staff) -> None:
    """Vacuuming is a way to delete it; for who may only read there is nothing to delete."""
    town = staff.town
    town.must(GATEWAY, "journalctl", "--rotate")
    count = "find /var/log/journal -name '*.journal' | wc -l"
    before = town.must(GATEWAY, "sh", "-c", count)

    staff.does("audit", "journalctl --vacuum-files=1")

    assert town.must(GATEWAY, "sh", "-c", count) == before


@pytest.mark.parametrize("duty", DUTIES)
def test_sudo_lists_no_word_that_is_everything(staff: Staff, duty: str) -> None:
    """As sudo itself says what somebody may do."""
    told = staff.town.must(GATEWAY, "sudo", "-l", "-U", account_of(duty))

    may = [line.strip() for line in told.partition("may run")[2].splitlines()[1:] if line.strip()]
    assert may
    assert all(line.startswith("(root) NOPASSWD: ") for line in may)
    assert not any(line.endswith((" ALL", "*")) for line in may)


@pytest.mark.parametrize(
    ("duty", "principal", "account"),
    [
        pytest.param("audit", "audit:auditadmin", "systemadmin", id="into another's account"),
        pytest.param("audit", "system:auditadmin", "auditadmin", id="with another duty"),
        pytest.param("system", "build:systemadmin", "systemadmin", id="as who makes the host"),
        pytest.param("system", "systemadmin", "systemadmin", id="without a duty"),
    ],
)
def test_a_certificate_lets_somebody_in_with_the_duty_that_the_inventory_gives(
    staff: Staff, duty: str, principal: str, account: str
) -> None:
    """Though the authority's own hand has signed it."""
    person, town = staff.by_duty[duty], staff.town
    issuer = thief(town.places.authorities, "ssh-user")
    town.must(GATEWAY, "systemctl", "reload", "ssh.service")
    try:
        person.show(certificate(issuer, person.key, f"{duty}:{account_of(duty)}"))
        assert until(lambda: person.ssh("true", account=account_of(duty)).returncode == 0, 10)
        person.show(certificate(issuer, person.key, principal))
        done = person.ssh("true", account=account)
    finally:
        person.show(person.certificate)
        town.must(GATEWAY, "systemctl", "reload", "ssh.service")

    assert "Permission denied (publickey)" in done.stderr


def test_the_authority_certifies_nobody_for_two_duties(staff: Staff, tmp_path: Path) -> None:
    """Who administers the system is not certified for its audit."""
    key = tmp_path / "key.pub"
    key.write_text(staff.by_duty["system"].key)
    folder = str(staff.town.places.authorities)
    words = ("--profile", "ssh-user", "--name", "system-person", "--public-key", str(key))

    done = staff.town.loushan("pki", "issue", folder, *words, "--principal", "audit:auditadmin")

    assert done.returncode != 0
    assert "ZP062" in done.stderr


def test_who_changes_duty_keeps_nothing_of_the_former_one(staff: Staff) -> None:
    """The last test here: who had to do with the policy reads records now."""
    town = staff.town
    before = town.must(GATEWAY, "id", "-nG", account_of("security")).split()
    changed = entries(security="audit")

    done = town.playbook("provision", "--limit", GATEWAY, "--extra-vars", changed)

    after = town.must(GATEWAY, "id", "-nG", account_of("security")).split()
    told = town.must(GATEWAY, "sudo", "-l", "-U", account_of("security"))
    assert done.returncode == 0, done.stdout[-3000:]
    assert "loushan" in before
    assert set(after) == {account_of("security"), "adm", "systemd-journal"}
    assert "link refresh" not in told
    assert staff.does("security", "true").returncode != 0, "whose certificate is of that duty"
