"""Rows about a host itself: who comes in, what runs, what is unaltered, what is told to others."""

import re
from collections.abc import Sequence

from gateway.evidence.hosts_asked import LOGS, MONITORING, TIME, Answer, AskedHost
from gateway.evidence.row import (
    NotShown,
    Row,
    Words,
    all_lines,
    always,
    at_most,
    found,
    lines_of,
    read_json,
    settings_of,
    valued,
)

#: Nobody may offer to the services of ours more than this, by systemd's own measure of 0 to 10.
MOST_EXPOSED = 3.0

#: AIDE compares each night; two nights may be missed.
MOST_UNCOMPARED_SECONDS = 3 * 86_400

#: The log host had everything so long ago, at the most.
MOST_BEHIND_SECONDS = 600

#: What would be lost with a host is kept each week; a day may be missed.
MOST_UNKEPT_SECONDS = 8 * 86_400

#: Services that must be walled in, by what they are called.
_WALLED = re.compile(
    r"(loushan-[a-z0-9-]+|strongswan|keepalived|ulogd2|chrony|postgresql@[0-9a-z-]+)\.service"
)

_NO_SHELLS = ("/nologin", "/false", "/sync")

_FIRST_PERSON = 1000


def _needs_certificates(_host: AskedHost, answers: Sequence[Answer]) -> str:
    said = settings_of(answers[0].said)
    shown = valued(
        said,
        {
            "permitrootlogin": "no",
            "pubkeyauthentication": "yes",
            "passwordauthentication": "no",
            "kbdinteractiveauthentication": "no",
            "permitemptypasswords": "no",
            "hostbasedauthentication": "no",
        },
    )
    for name in ("trustedusercakeys", "authorizedprincipalsfile", "revokedkeys"):
        if not said.get(name, "").startswith("/"):
            raise NotShown(Words(f"`{name}` names no file", f"`{name}` 未指定文件"))
        shown += f"\n{name} {said[name]}"
    return shown


def _ends_sessions(_host: AskedHost, answers: Sequence[Answer]) -> str:
    said = settings_of(answers[0].said)
    wanted = {
        "maxauthtries": 3,
        "logingracetime": 60,
        "clientaliveinterval": 300,
        "clientalivecountmax": 3,
    }
    return "\n".join(at_most(said, name, most) for name, most in wanted.items())


def _has_no_stranger(host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that whoever has a shell is root or an operator, and that nobody has no password."""
    people = {operator.name for operator in host.operators}
    states = dict(line.split()[:2] for line in lines_of(answers[1].said))
    shells = []
    for line in lines_of(answers[0].said):
        name, _, number, _, _, _, shell = line.split(":")
        if (number == "0") != (name == "root"):
            raise NotShown(
                Words(f"`{name}` has the number {number}", f"账户“{name}”编号为 {number}")
            )
        if shell.endswith(_NO_SHELLS):
            continue
        # A service whose account is locked logs in nowhere, whatever its shell.
        is_service = 0 < int(number) < _FIRST_PERSON and states.get(name) == "L"
        if not is_service and name not in people | {"root"}:
            raise NotShown(Words(f"nobody knows `{name}`", f"账户“{name}”不在清单中"))
        shells.append(f"{name} ({states.get(name)})")
    if "root" not in states or not shells:
        raise NotShown(Words("the answer cannot be read", "回答无法识读"))
    empty = [name for name, state in states.items() if state not in {"L", "P"}]
    if empty:
        listed = ", ".join(empty)
        raise NotShown(Words(f"without a password: {listed}", f"无口令:{listed}"))
    return ", ".join(shells)


def _is_walled_in(host: AskedHost, answers: Sequence[Answer]) -> str:
    shown = []
    running = {line.split()[0] for line in lines_of(answers[1].said)}
    for line in lines_of(answers[0].said):
        unit, exposure = (*line.split(), "", "")[:2]
        if unit not in running or not _WALLED.fullmatch(unit):
            continue
        if not re.fullmatch(r"[0-9]{1,2}\.[0-9]", exposure) or float(exposure) > MOST_EXPOSED:
            raise NotShown(
                Words(
                    f"{unit}: {exposure}, more than {MOST_EXPOSED}",
                    f"{unit}:{exposure},高于 {MOST_EXPOSED}",
                )
            )
        shown.append(f"{unit} {exposure}")
    if host.is_gateway and not any(each.startswith("loushan-agent.") for each in shown):
        raise NotShown(Words("loushan-agent does not run", "loushan-agent 未运行"))
    if not shown:
        raise NotShown(Words("none of our services runs", "无相关服务运行"))
    return "\n".join(shown)


def _is_as_packaged(_host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge what differs from the packages: settings below /etc may, and nothing else."""
    *differing, last = lines_of(answers[0].said) or [""]
    end = re.fullmatch(r"([0-9]+) packages looked at", last)
    if end is None or int(end[1]) < 1:
        raise NotShown(Words("the answer cannot be read", "回答无法识读"))
    altered = [line.split()[-1] for line in differing if not re.match(r"\S+ +c /etc/", line)]
    if altered:
        listed = ", ".join(altered[:3])
        raise NotShown(Words(f"altered: {listed}", f"已被改动:{listed}"))
    return last


def _keeps_time(_host: AskedHost, answers: Sequence[Answer]) -> str:
    source = found(r"^[\^#]\*.*$", answers[0].said, "no server is followed", "未与时间服务器同步")
    leap = found(r"^Leap status\s*: Normal$", answers[1].said, "not synchronised", "未同步")
    return f"{source}\n{leap}"


def _trusts_its_time(_host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that each server is authenticated: by NTS, or by a key."""
    rows = [line.split() for line in lines_of(answers[0].said)]
    servers = [row for row in rows if len(row) > 3 and row[2].isdigit()]  # noqa: PLR2004 - columns
    plain = [row[0] for row in servers if row[1] not in {"NTS", "SK"} or row[2] == "0"]
    if plain or not servers:
        listed = ", ".join(plain) or "-"
        raise NotShown(Words(f"not authenticated: {listed}", f"未认证:{listed}"))
    return "\n".join(f"{row[0]} {row[1]}" for row in servers)


def _is_watched(_host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that AIDE compares each night, and that the last time nothing differed.

    The digest shows that it was this database with which it was compared.
    """
    timer = all_lines(answers[0].said, ("ActiveState=active", "UnitFileState=enabled"))
    told, now, database = read_json(answers[1]), answers[2].said.split()[0], answers[3].said
    age = int(now) - int(told["checked"])
    if not 0 <= age <= MOST_UNCOMPARED_SECONDS:
        raise NotShown(Words(f"compared {age} s ago", f"上次比对在 {age} 秒前"))
    if told["changed"] != 0:
        count = told["changed"]
        raise NotShown(Words(f"{count} files differ", f"{count} 个文件有变化"))
    if not told["database"] or database.split()[0] != told["database"]:
        raise NotShown(Words("compared with another database", "基准库已被更换"))
    return f"{timer}\nchanged 0, {age} s ago, database sha256 {told['database']}"


def _is_kept(_host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that what would be lost with it was kept elsewhere a week ago at the most."""
    told, now = read_json(answers[0]), answers[1].said.split()[0]
    age = int(now) - int(told["kept"])
    if not 0 <= age <= MOST_UNKEPT_SECONDS or not told["sha256"]:
        raise NotShown(Words(f"kept {age} s ago", f"上次备份在 {age} 秒前"))
    return f"kept {age} s ago, archive sha256 {told['sha256']}"


def _where_history_is(host: AskedHost) -> Words | None:
    if host.is_gateway or host.groups & {LOGS, MONITORING}:
        return None
    return Words("this host has no history that is kept", "本机无须由本产品备份")


def _forwards_its_journal(_host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that it is sent now, with a certificate, and that all of it arrived minutes ago."""
    found(r"^SubState=running$", answers[0].said, "it does not run", "未运行")
    address = found(
        r"--url=https://\S+", answers[0].said, "not to a log host by TLS", "未经 TLS 送日志主机"
    )
    for name in ("key", "cert", "trust"):
        found(rf"--{name}=/\S+", answers[0].said, f"without `--{name}`", f"缺少 `--{name}`")
    now, arrived, *_ = answers[1].said.split()
    if not 0 <= int(now) - int(arrived) <= MOST_BEHIND_SECONDS:
        raise NotShown(Words("the log host does not have it yet", "日志主机尚未收到"))
    return f"{address}; {int(now) - int(arrived)} s"


def _unless_it_tells_the_time(host: AskedHost) -> Words | None:
    if TIME not in host.groups:
        return None
    return Words("this host is the city's time server", "本机即市级时间服务器")


def _unless_it_keeps_the_logs(host: AskedHost) -> Words | None:
    return Words("this host is the log host", "本机即日志主机") if LOGS in host.groups else None


_ASK_VERIFIED = (
    "sh",
    "-c",
    'dpkg --verify && echo "$(dpkg-query --show | wc -l) packages looked at"',
)

ROWS = (
    Row(
        "ssh_certificates",
        ("8.1.4.1 a)", "8.1.4.1 c)", "8.1.4.2 b)"),
        Words(
            "who comes by ssh has a certificate of their own; no password, no root",
            "远程管理凭个人证书登录,禁止口令与 root",
        ),
        always(("sshd", "-T")),
        _needs_certificates,
    ),
    Row(
        "ssh_sessions",
        ("8.1.4.1 b)",),
        Words("attempts are few, and a line that is dead ends", "限制尝试次数,失效连接自动断开"),
        always(("sshd", "-T")),
        _ends_sessions,
    ),
    Row(
        "accounts",
        ("8.1.4.2 c)", "8.1.4.2 a)", "8.1.4.2 b)", "8.1.4.1 a)"),
        Words("each account that can log in is somebody's", "可登录账户均有归属,无多余账户"),
        always(("getent", "passwd"), ("passwd", "--status", "--all")),
        _has_no_stranger,
    ),
    Row(
        "walled_in",
        ("8.1.4.5", "8.1.4.2 d)"),
        Words(
            "a service that is taken over can do little: systemd's measure is at most 3.0",
            "服务沙箱化:systemd 暴露评分不高于 3.0",
        ),
        always(
            ("systemd-analyze", "security", "--no-pager"),
            ("systemctl", "list-units", "--type=service", "--state=running", "--plain"),
        ),
        _is_walled_in,
    ),
    Row(
        "as_packaged",
        ("8.1.4.6", "8.1.2.3", "8.1.3.6", "8.1.4.5", "8.1.4.7 b)"),
        Words(
            "each file of each package is as it was packaged, but for settings",
            "软件包文件与发布时一致(配置除外)",
        ),
        always(_ASK_VERIFIED),
        _is_as_packaged,
    ),
    Row(
        "integrity_watched",
        ("8.1.4.6", "8.1.4.7 b)", "8.1.4.4 f)"),
        Words("files that change are found, by AIDE", "AIDE 定期检查文件完整性"),
        always(
            ("systemctl", "show", "--property=ActiveState,UnitFileState", "loushan-files.timer"),
            ("cat", "/var/lib/loushan-files/status.json"),
            ("date", "+%s"),
            ("sha256sum", "/var/lib/loushan-files/aide.db"),
        ),
        _is_watched,
    ),
    Row(
        "time_kept",
        ("8.1.4.3 b)", "8.1.3.5 b)"),
        Words("the clock follows the city's server", "时钟与市级时间服务器同步"),
        always(("chronyc", "-n", "sources"), ("chronyc", "tracking")),
        _keeps_time,
    ),
    Row(
        "time_authenticated",
        ("8.1.4.3 b)", "8.1.3.5 b)"),
        Words("who tells the time is authenticated", "时间来源经认证"),
        always(("chronyc", "-n", "authdata")),
        _trusts_its_time,
        _unless_it_tells_the_time,
    ),
    Row(
        "journal_forwarded",
        ("8.1.5.4 d)", "8.1.3.5 c)", "8.1.4.3 c)"),
        Words("the journal goes to the log host, by mutual TLS", "日志经双向 TLS 送日志主机"),
        always(
            ("systemctl", "show", "--property=SubState,ExecStart", "loushan-forward.service"),
            ("sh", "-c", "date +%s; stat --format=%Y /var/lib/loushan-forward/state"),
        ),
        _forwards_its_journal,
        _unless_it_keeps_the_logs,
    ),
    Row(
        "history_kept",
        ("8.1.4.9 a)", "8.1.3.5 c)", "8.1.4.3 c)"),
        Words("what would be lost with the host was kept elsewhere", "主机的历史记录已定期备份"),
        always(("cat", "/var/lib/loushan-history/kept.json"), ("date", "+%s")),
        _is_kept,
        _where_history_is,
    ),
)
