"""Rows about who administers: three duties (三员), and nobody who has them all."""

import re
from collections.abc import Mapping, Sequence

from gateway.evidence.hosts_asked import Answer, AskedHost, Command
from gateway.evidence.row import Judge, NotShown, Row, Words, lines_of, on_gateways

#: The groups that give a duty more than its list of commands does.
_GROUPS: Mapping[str, frozenset[str]] = {
    "system": frozenset(),
    "security": frozenset({"loushan"}),
    "audit": frozenset({"adm", "systemd-journal"}),
}

#: What one duty alone may do, as sudo says it.
_MARKS = {
    "system": "/usr/bin/systemctl reboot",
    "security": "sudoedit /etc/loushan/trust/crl.pem",
    "audit": "/usr/sbin/loushan log verify",
}

_TITLES = {
    "system": Words("system administrators", "系统管理员"),
    "security": Words("security administrators", "安全管理员"),
    "audit": Words("audit administrators", "审计管理员"),
}


def _ask(duty: str) -> "Asked":
    return Asked(duty)


class Asked:
    """Asks what those may do who have a duty; where nobody has it, who is in its groups."""

    def __init__(self, duty: str) -> None:
        """Take the duty."""
        self.duty = duty

    def __call__(self, host: AskedHost) -> tuple[Command, ...]:
        """Give two questions for each person."""
        names = [each.name for each in host.operators if each.duty == self.duty]
        asked: list[Command] = []
        for name in names:
            asked += [("sudo", "-l", "-U", name), ("id", "-nG", name)]
        return tuple(asked) or (("getent", "group", "loushan", "adm"),)


def _does_one_duty(duty: str) -> Judge:
    """Judge that each who has a duty may do its work and none of another's."""

    def judge(host: AskedHost, answers: Sequence[Answer]) -> str:
        names = [each.name for each in host.operators if each.duty == duty]
        if not names:
            title = _TITLES[duty]
            raise NotShown(Words(f"the inventory names no {title.en}", f"清单中没有{title.zh}"))
        shown = []
        for name, may, groups in zip(names, answers[::2], answers[1::2], strict=True):
            commands = commands_of(may.said)
            has = set(groups.said.split())
            if _MARKS[duty] not in commands or not _GROUPS[duty] <= has:
                raise NotShown(Words(f"`{name}` may not do the work", f"“{name}”无相应权限"))
            others = [mark for other, mark in _MARKS.items() if other != duty and mark in commands]
            others += [each for each in commands if each == "ALL" or each.endswith("*")]
            more = has - {name} - _GROUPS[duty]
            if others or more:
                listed = ", ".join([*others, *sorted(more)])
                raise NotShown(Words(f"`{name}` may do more: {listed}", f"“{name}”越权:{listed}"))
            shown.append(f"{name}: {len(commands)} commands; {groups.said.strip()}")
        return "\n".join(shown)

    return judge


def commands_of(said: str) -> list[str]:
    """Give the commands that sudo lists.

    Raises:
        NotShown: it lists none.
    """
    listed = said.partition(" may run the following commands")[2]
    commands = re.findall(r"^\s+\([^)]*\) (?:NOPASSWD: )?(.+)$", listed, re.MULTILINE)
    if not commands:
        raise NotShown(Words("sudo lists nothing", "sudo 未列出任何命令"))
    return [each.strip() for line in commands for each in line.split(", ")]


def _ask_everybody(_host: AskedHost) -> tuple[Command, ...]:
    return (("sh", "-c", "cat /etc/sudoers /etc/sudoers.d/* | grep -v '^ *#\\|^ *$'"),)


def _nobody_may_do_all(host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge sudo's own files: `ALL` is for root, and for who makes hosts and asks now."""
    lines = lines_of(answers[0].said)
    whole = [
        line.split()[0]
        for line in lines
        if re.search(r"=\s*(\([^)]*\))?\s*(NOPASSWD:\s*)?ALL$", line)
    ]
    if "root" not in whole:
        raise NotShown(Words("the answer cannot be read", "回答无法识读"))
    # The group sudo is Debian's own, and nobody may be in it.
    mighty = sorted(set(whole) - {"root", "%sudo", host.asker})
    if mighty:
        listed = ", ".join(mighty)
        raise NotShown(Words(f"everything is allowed to {listed}", f"拥有全部权限:{listed}"))
    return ", ".join(whole)


def _duty(duty: str, clauses: tuple[str, ...], control: Words) -> Row:
    return Row(f"duty_{duty}", clauses, control, _ask(duty), _does_one_duty(duty), on_gateways)


ROWS = (
    Row(
        "nobody_all",
        ("8.1.4.2 d)",),
        Words("nobody has every right", "无人拥有全部权限"),
        _ask_everybody,
        _nobody_may_do_all,
    ),
    _duty(
        "system",
        ("8.1.5.1 a)", "8.1.5.1 b)"),
        Words(
            "system administrators keep hosts running, by a list of commands, and nothing else",
            "系统管理员仅可按命令清单维持系统运行",
        ),
    ),
    _duty(
        "audit",
        ("8.1.5.2 a)", "8.1.5.2 b)"),
        Words("audit administrators read records, and alter none", "审计管理员仅可查阅审计记录"),
    ),
    _duty(
        "security",
        ("8.1.5.3 a)", "8.1.5.3 b)"),
        Words(
            "security administrators handle trust and policy, and nothing else",
            "安全管理员仅可处理信任与策略",
        ),
    ),
)
