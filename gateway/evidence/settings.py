"""Rows about the settings of role `hardening`, one for each; a waiver names them by the same names.

Clauses and what is wanted are those of `roles/hardening/vars`; a test holds
both together.
"""

import re
from collections.abc import Mapping, Sequence

from gateway.evidence.hosts_asked import Answer, AskedHost
from gateway.evidence.row import (
    Judge,
    NotShown,
    Row,
    Words,
    all_lines,
    always,
    at_least,
    at_most,
    found,
    lines_of,
    settings_of,
    valued,
)
from gateway.policy.host_settings import HOST_SETTINGS

#: Modules that cannot be loaded, by the setting's name.
MODULES: Mapping[str, tuple[str, ...]] = {
    "usb_storage": (
        "usb_storage", "uas", "firewire_core", "firewire_ohci", "firewire_sbp2", "thunderbolt",
    ),
    "rare_file_systems": ("cramfs", "freevxfs", "hfs", "hfsplus", "jffs2", "udf"),
    "rare_protocols": (
        "atm", "ax25", "can", "dccp", "n_hdlc", "netrom", "p8022", "rds", "rose", "sctp", "tipc",
        "x25",
    ),
}  # fmt: skip

#: What the kernel is told, by the setting's name; names as `sysctl` says them.
KERNEL: Mapping[str, Mapping[str, str]] = {
    "core_dumps": {"fs.suid_dumpable": "0", "kernel.core_pattern": "|/bin/false"},
    "file_links": {
        "fs.protected_fifos": "2",
        "fs.protected_hardlinks": "1",
        "fs.protected_regular": "2",
        "fs.protected_symlinks": "1",
    },
    "kernel_reach": {
        "dev.tty.ldisc_autoload": "0",
        "kernel.dmesg_restrict": "1",
        "kernel.kptr_restrict": "2",
        "kernel.perf_event_paranoid": "3",
        "kernel.randomize_va_space": "2",
        "kernel.sysrq": "0",
        "kernel.unprivileged_bpf_disabled": "1",
        "kernel.yama.ptrace_scope": "2",
    },
    "network_stack": {"net.core.bpf_jit_harden": "2"},
}
NETWORK: Mapping[str, str] = {
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv4.icmp_ignore_bogus_error_responses": "1",
    "net.ipv4.tcp_rfc1337": "1",
    "net.ipv4.tcp_syncookies": "1",
}

UNWANTED_PACKAGES = (
    "avahi-daemon", "cups-daemon", "ftp", "inetutils-telnet", "inetutils-telnetd",
    "nfs-kernel-server", "nis", "rpcbind", "rsh-client", "rsh-redone-client", "rsync-daemon",
    "samba", "snmpd", "talk", "telnet", "telnetd", "tftp", "tftpd-hpa", "vsftpd", "xserver-common",
)  # fmt: skip
NEEDLESS_UNITS = (
    "ctrl-alt-del.target",
    "debug-shell.service",
    "systemd-pstore.service",
    "unattended-upgrades.service",
)

#: The modern algorithms of ssh, of which a host may have some or all.
SSH_ALGORITHMS: Mapping[str, frozenset[str]] = {
    "ciphers": frozenset(
        {"aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com"}
    ),
    "macs": frozenset({"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"}),
    "kexalgorithms": frozenset(
        {
            "mlkem768x25519-sha256",
            "sntrup761x25519-sha512",
            "sntrup761x25519-sha512@openssh.com",
            "curve25519-sha256",
            "curve25519-sha256@libssh.org",
        }
    ),
    "hostkeyalgorithms": frozenset({"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"}),
}

#: Half a year, as 网安法 article 21(3) wants it, in days.
KEPT_DAYS = 180

SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - they are what is asked about

#: What the kernel's audit must have been told, by the keys of its rules.
AUDIT_KEYS = ("identity", "duties", "ssh", "trust", "audit", "become", "root", "modules", "time")

_ASK_MODULES = ("sh", "-c", "modprobe --showconfig | grep '^install '")
_ASK_BOOT = ("sh", "-c", "systemd-analyze cat-config sysctl.d | grep '='")
_ASK_SHARED = (
    "sh",
    "-c",
    'for folder; do findmnt -rno TARGET,OPTIONS "$folder" | tail -n 1; done',
    "sh",
    *SHARED_FOLDERS,
)
_ASK_JOURNAL = ("sh", "-c", "systemd-analyze cat-config systemd/journald.conf | grep '^[A-Z]'")
_ASK_QUALITY = ("sh", "-c", "cat /etc/security/pwquality.conf /etc/security/pwquality.conf.d/*")
_ASK_SUDO = ("sudo", "-l", "-U", "root")


def _kernel_asked(setting: str) -> tuple[str, ...]:
    return ("sysctl", *KERNEL[setting])


def _would_set(setting: str, answer: Answer) -> str:
    """Judge what the next boot sets; the last line of a name counts."""
    said = {k.replace("/", "."): v for k, v in settings_of(answer.said, "=").items()}
    return valued(said, KERNEL[setting])


def _is_set(setting: str, place: int) -> Judge:
    """Judge what the kernel says now."""

    def judge(_host: AskedHost, answers: Sequence[Answer]) -> str:
        return valued(settings_of(answers[place].said, "="), KERNEL[setting])

    return judge


def _boots_with(setting: str) -> Judge:
    def judge(_host: AskedHost, answers: Sequence[Answer]) -> str:
        return _would_set(setting, answers[0])

    return judge


def _loads_none(setting: str) -> Judge:
    def judge(_host: AskedHost, answers: Sequence[Answer]) -> str:
        return all_lines(answers[0].said, [f"install {n} /bin/false" for n in MODULES[setting]])

    return judge


def _leaves_no_dump(host: AskedHost, answers: Sequence[Answer]) -> str:
    limits = [answers[1].said.strip(), answers[2].said.strip()]
    if limits != ["0", "0"]:
        raise NotShown(Words(f"a dump may be as large as {limits}", f"允许转储:{limits}"))
    _boots_with("core_dumps")(host, answers)
    return "DefaultLimitCORE=0; ulimit -Hc: 0"


def _runs_nothing(_host: AskedHost, answers: Sequence[Answer]) -> str:
    mounts = {line.split()[0]: line for line in lines_of(answers[0].said)}
    for folder in SHARED_FOLDERS:
        options = set(re.split("[ ,]", mounts.get(folder, "")))
        for option in ("nosuid", "nodev", "noexec"):
            if option not in options:
                raise NotShown(Words(f"{folder} is without {option}", f"{folder} 缺少 {option}"))
    return "\n".join(f"{folder} nosuid,nodev,noexec" for folder in SHARED_FOLDERS)


def _locks_out(_host: AskedHost, answers: Sequence[Answer]) -> str:
    pam, limits = answers
    counts = found(
        r"^auth\s+\[default=die\]\s+pam_faillock\.so authfail$",
        pam.said,
        "failed logins are not counted",
        "未统计登录失败次数",
    )
    refuses = found(
        r"^auth\s+requisite\s+pam_faillock\.so preauth$",
        pam.said,
        "who is locked is let in",
        "已锁定账户仍可登录",
    )
    said = settings_of(limits.said, "=")
    locked = at_least(said, "unlock_time", 600)
    return "\n".join([refuses, counts, at_most(said, "deny", 5), locked])


def _wants_good_passwords(_host: AskedHost, answers: Sequence[Answer]) -> str:
    pam = found(
        r"^password\s+requisite\s+pam_pwquality\.so.*$",
        answers[0].said,
        "no password is judged when it is set",
        "设置口令时未检查复杂度",
    )
    said = settings_of(answers[1].said, "=")
    if "enforce_for_root" not in lines_of(answers[1].said):
        raise NotShown(Words("root may give weak ones", "root 可设置弱口令"))
    return "\n".join([pam, at_least(said, "minlen", 12), at_least(said, "minclass", 3)])


def _ends_passwords(_host: AskedHost, answers: Sequence[Answer]) -> str:
    said = settings_of("\n".join(re.sub(r"\s+", " ", x) for x in lines_of(answers[0].said)))
    days = at_most(said, "pass_max_days", 90)
    for line in lines_of(answers[1].said):
        name, state, _, _, most, *_ = line.split()
        if state == "P" and not 1 <= int(most) <= 90:  # noqa: PLR2004 - as above, in days
            raise NotShown(
                Words(f"the password of `{name}` never ends", f"账户“{name}”的口令无期限")
            )
    return days


def _keeps_new_files(_host: AskedHost, answers: Sequence[Answer]) -> str:
    return found(r"\A0?0?[2367]7\s*\Z", answers[0].said, "others may read", "其他人可读")


def _records_root(_host: AskedHost, answers: Sequence[Answer]) -> str:
    told = " ".join(answers[0].said.split())
    for wanted in ("use_pty", "logfile=/var/log/sudo.log", "syslog=auth"):
        if wanted not in told:
            raise NotShown(Words(f"sudo does not say `{wanted}`", f"sudo 未启用“{wanted}”"))
    kept = found(
        r"^640 root adm$", answers[1].said, "others may read or alter it", "记录可被他人读写"
    )
    return f"use_pty, syslog=auth, logfile=/var/log/sudo.log ({kept})"


def _defends_its_stack(host: AskedHost, answers: Sequence[Answer]) -> str:
    shown = valued(settings_of(answers[1].said, "="), NETWORK)
    _boots_with("network_stack")(host, answers)
    return shown


def _would_audit(_host: AskedHost, answers: Sequence[Answer]) -> str:
    if lines_of(answers[0].said) != ["enabled", "enabled"]:
        raise NotShown(Words("it does not start with the host", "未随系统启动"))
    rules = answers[1].said
    for key in AUDIT_KEYS:
        if not re.search(rf"(?m)^-.*(-k {key}|-F key={key})$", rules):
            raise NotShown(Words(f"nothing is recorded as `{key}`", f"未记录“{key}”类事件"))
    return "enabled; " + ", ".join(AUDIT_KEYS)


def _audits(_host: AskedHost, answers: Sequence[Answer]) -> str:
    enabled = found(r"^enabled [12]$", answers[2].said, "the kernel's audit is off", "审计未启用")
    for key in AUDIT_KEYS:
        if not re.search(rf"(?m)^-.*(-k {key}|-F key={key})$", answers[3].said):
            raise NotShown(
                Words(f"the kernel records nothing as `{key}`", f"内核未记录“{key}”类事件")
            )
    return enabled


def _keeps_its_journal(_host: AskedHost, answers: Sequence[Answer]) -> str:
    said = settings_of(answers[0].said, "=")
    storage = valued(said, {"storage": "persistent"})
    days = found(
        r"\A[0-9]{1,5}(?=day\Z)", said.get("maxretentionsec", ""), "for no number of days", "无期限"
    )
    if int(days) < KEPT_DAYS:
        raise NotShown(Words(f"kept for {days} days, not {KEPT_DAYS}", f"仅留存 {days} 天"))
    on_disk = found(
        r"^File path: /var/log/journal/.*$", answers[1].said, "not on the disk", "未写入磁盘"
    )
    return f"{storage}; MaxRetentionSec={days}day; {on_disk}"


def _updates_itself(host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that security updates come by themselves, from the mirror and from nowhere else."""
    periodic, origins, indexes, timer = (answer.said for answer in answers)
    if not host.mirrors:
        raise NotShown(
            Words(
                "the inventory names no mirror: nothing is patched by itself",
                "清单未指定镜像:不会自动修补漏洞",
            )
        )
    shown = found(
        r'^APT::Periodic::Unattended-Upgrade "1";$', periodic, "nothing is installed", "未启用"
    )
    security = found(
        r'^Unattended-Upgrade::Origins-Pattern:: ".*-security,label=Debian-Security";$',
        origins,
        "security updates are not among them",
        "不含安全更新",
    )
    fetched = re.findall(r"^'(\S+)'", indexes, re.MULTILINE)
    elsewhere = [uri for uri in fetched if not uri.startswith(host.mirrors)]
    if elsewhere or not fetched:
        where = elsewhere[0] if elsewhere else "-"
        raise NotShown(Words(f"fetched from elsewhere: {where}", f"来源不是镜像:{where}"))
    found(r"\Aenabled\s*\Z", timer, "no timer starts it", "定时器未启用")
    return f"{shown}\n{security}"


def _ends_idle_shells(_host: AskedHost, answers: Sequence[Answer]) -> str:
    seconds = found(r'(?<=^declare -rx TMOUT=")[0-9]{1,5}(?="$)', answers[0].said, "none", "无")
    return at_most({"TMOUT": seconds}, "TMOUT", 900)


def _warns(_host: AskedHost, answers: Sequence[Answer]) -> str:
    where = valued(settings_of(answers[0].said), {"banner": "/etc/issue.net"})
    return f"{where}\n{answers[1].said.strip()}"


def _has_modern_algorithms(_host: AskedHost, answers: Sequence[Answer]) -> str:
    said = settings_of(answers[0].said)
    for name, known in SSH_ALGORITHMS.items():
        has = set(filter(None, said.get(name, "").split(",")))
        if not has or has - known:
            which = ", ".join(sorted(has - known)) or "-"
            raise NotShown(Words(f"`{name}`: {which}", f"`{name}`:{which}"))
    return "\n".join(f"{name} {said[name]}" for name in SSH_ALGORITHMS)


def _starts_no_needless_unit(_host: AskedHost, answers: Sequence[Answer]) -> str:
    states = lines_of(answers[0].said)
    if states != ["masked"] * len(NEEDLESS_UNITS):
        raise NotShown(
            Words(f"not all are masked: {', '.join(states)}", f"未全部屏蔽:{'、'.join(states)}")
        )
    return ", ".join(f"{unit} masked" for unit in NEEDLESS_UNITS)


def _has_no_needless_package(_host: AskedHost, answers: Sequence[Answer]) -> str:
    installed = {
        line.split()[0].partition(":")[0]
        for line in lines_of(answers[0].said)
        if line.endswith(" installed")
    }
    # What lists no dpkg is no list of what is installed.
    if "dpkg" not in installed:
        raise NotShown(Words("the answer cannot be read", "回答无法识读"))
    if unwanted := sorted(installed & set(UNWANTED_PACKAGES)):
        listed = ", ".join(unwanted)
        raise NotShown(Words(f"installed: {listed}", f"已安装:{listed}"))
    return f"{len(installed)} packages, none of {len(UNWANTED_PACKAGES)} that nobody needs"


def _setting(  # noqa: PLR0913 - a row has so many parts
    name: str,
    clauses: tuple[str, ...],
    asked: Sequence[tuple[str, ...]],
    judge: Judge,
    *,
    kernel: Judge | None = None,
    statuses: tuple[int, ...] = (0,),
) -> Row:
    zh, en = HOST_SETTINGS[name]
    control = Words(en, zh)
    return Row(
        name,
        clauses,
        control,
        always(*asked),
        judge,
        statuses=statuses,
        setting=name,
        kernel=kernel,
    )


_ASK_SSHD = ("sshd", "-T")

ROWS = (
    _setting(
        "passwords",
        ("8.1.4.1 a)",),
        [("cat", "/etc/pam.d/common-password"), _ASK_QUALITY],
        _wants_good_passwords,
    ),
    _setting(
        "password_age",
        ("8.1.4.1 a)",),
        [("grep", "^PASS_", "/etc/login.defs"), ("passwd", "--status", "--all")],
        _ends_passwords,
    ),
    _setting(
        "lockout",
        ("8.1.4.1 b)",),
        [("cat", "/etc/pam.d/common-auth"), ("cat", "/etc/security/faillock.conf")],
        _locks_out,
    ),
    _setting(
        "idle_console",
        ("8.1.4.1 b)",),
        [("bash", "-lc", "declare -p TMOUT")],
        _ends_idle_shells,
    ),
    _setting("ssh_algorithms", ("8.1.2.2 b)", "8.1.4.1 c)"), [_ASK_SSHD], _has_modern_algorithms),
    _setting(
        "umask", ("8.1.4.2 a)",), [("su", "--login", "root", "-c", "umask")], _keeps_new_files
    ),
    _setting("tmp_mounts", ("8.1.4.4 a)", "8.1.4.2 d)"), [_ASK_SHARED], _runs_nothing),
    _setting(
        "kernel_reach",
        ("8.1.4.2 d)", "8.1.4.4 b)"),
        [_ASK_BOOT, _kernel_asked("kernel_reach")],
        _boots_with("kernel_reach"),
        kernel=_is_set("kernel_reach", 1),
    ),
    _setting(
        "file_links",
        ("8.1.4.2 f)",),
        [_ASK_BOOT, _kernel_asked("file_links")],
        _boots_with("file_links"),
        kernel=_is_set("file_links", 1),
    ),
    _setting(
        "sudo_sessions",
        ("8.1.4.3 a)", "8.1.5.1 a)"),
        [_ASK_SUDO, ("stat", "-c", "%a %U %G", "/var/log/sudo.log")],
        _records_root,
    ),
    _setting(
        "audit",
        ("8.1.4.3 a)", "8.1.4.3 b)", "8.1.4.3 c)", "8.1.4.3 d)"),
        [
            ("systemctl", "is-enabled", "auditd.service", "audit-rules.service"),
            ("sh", "-c", "cat /etc/audit/rules.d/*.rules"),
            ("auditctl", "-s"),
            ("auditctl", "-l"),
        ],
        _would_audit,
        kernel=_audits,
    ),
    _setting(
        "journal_kept",
        ("8.1.4.3 c)", "8.1.5.4 d)"),
        [_ASK_JOURNAL, ("journalctl", "--header", "--quiet")],
        _keeps_its_journal,
    ),
    _setting(
        "packages_absent",
        ("8.1.4.4 a)",),
        [("dpkg-query", "--show", "--showformat", "${binary:Package} ${db:Status-Status}\\n")],
        _has_no_needless_package,
    ),
    _setting(
        "rare_file_systems",
        ("8.1.4.4 a)", "8.1.4.4 b)"),
        [_ASK_MODULES],
        _loads_none("rare_file_systems"),
    ),
    _setting(
        "rare_protocols",
        ("8.1.4.4 a)", "8.1.4.4 b)"),
        [_ASK_MODULES],
        _loads_none("rare_protocols"),
    ),
    _setting("usb_storage", ("8.1.4.4 b)",), [_ASK_MODULES], _loads_none("usb_storage")),
    _setting(
        "units_masked",
        ("8.1.4.4 b)",),
        [("systemctl", "is-enabled", *NEEDLESS_UNITS)],
        _starts_no_needless_unit,
        statuses=(0, 1, 4),
    ),
    _setting(
        "network_stack",
        ("8.1.3.3 a)",),
        [_ASK_BOOT, ("sysctl", *NETWORK), _kernel_asked("network_stack")],
        _defends_its_stack,
        kernel=_is_set("network_stack", 2),
    ),
    _setting(
        "updates",
        ("8.1.4.4 e)", "8.1.5.4 e)"),
        [
            ("apt-config", "dump", "APT::Periodic"),
            ("apt-config", "dump", "Unattended-Upgrade::Origins-Pattern"),
            ("apt-get", "--print-uris", "update"),
            ("systemctl", "is-enabled", "apt-daily-upgrade.timer"),
        ],
        _updates_itself,
        statuses=(0, 1),
    ),
    _setting(
        "core_dumps",
        ("8.1.4.10 b)",),
        [
            _ASK_BOOT,
            ("systemctl", "show", "--property=DefaultLimitCORE", "--value"),
            ("su", "--login", "root", "-c", "ulimit -Hc"),
            _kernel_asked("core_dumps"),
        ],
        _leaves_no_dump,
        kernel=_is_set("core_dumps", 3),
    ),
    _setting("banner", (), [_ASK_SSHD, ("cat", "/etc/issue.net")], _warns),
)
