"""Judges each row by what the hosts answered; nothing here asks a host."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from gateway.evidence.hosts_asked import Answer, AskedHost, Command, shown
from gateway.evidence.row import NotShown, Row, StandsBy, Words

_NOTHING = Words("", "")

#: There is no such program.
_NO_PROGRAM = 127

#: What an answer has where it was no text.
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Outcome(StrEnum):
    """What a row says of one host."""

    PASS = "pass"  # noqa: S105 - what a row says, and no password
    FAIL = "fail"
    WAIVED = "waived"
    NOT_TRIED = "not_tried"
    NOT_APPLICABLE = "not_applicable"


OUTCOMES: Mapping[Outcome, Words] = {
    Outcome.PASS: Words("pass", "符合"),
    Outcome.FAIL: Words("FAIL", "不符合"),
    Outcome.WAIVED: Words("waived", "豁免"),
    Outcome.NOT_TRIED: Words("not tried", "未测"),
    Outcome.NOT_APPLICABLE: Words("not applicable", "不适用"),
}


@dataclass(frozen=True, slots=True)
class SignedWaiver:
    """Who left out a setting, why and until when, as the signed plan says."""

    setting: str
    reason: str
    until: date
    signers: tuple[str, ...]


#: By the setting, the site and the kind of host.
Waivers = Mapping[tuple[str, str, str], SignedWaiver]


@dataclass(frozen=True, slots=True)
class Judged:
    """One row for one host: the outcome, its reason, and what it rests upon.

    `rests` is the part of the answers that shows the control, word for word.
    """

    row: Row
    host: AskedHost
    outcome: Outcome
    why: Words = _NOTHING
    rests: str = ""
    answers: tuple[Answer, ...] = ()
    commands: tuple[Command, ...] = ()

    @property
    def at(self) -> str:
        """When the host answered last, by its own clock, in UTC; empty where it did not."""
        return max((answer.at for answer in self.answers), default="")

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine; the raw answers stand with the host."""
        return {
            "row": self.row.name,
            "clauses": list(self.row.clauses),
            "control": self.row.control._asdict(),
            "host": self.host.name,
            "outcome": str(self.outcome),
            "why": self.why._asdict(),
            "rests_upon": self.rests,
            "commands": [shown(command) for command in self.commands],
            "at": self.at,
        }


def judge_all(
    rows: Iterable[Row], hosts: Sequence[AskedHost], waivers: Waivers
) -> Iterator[Judged]:
    """Judge every row for every host; `waivers` are those of the signed plan."""
    for row in rows:
        yield from _of_pairs([judge(row, host, waivers) for host in hosts])


def _of_pairs(judged: Sequence[Judged]) -> Iterator[Judged]:
    """Fail a row where each of a pair stands by for the other, or the other was not asked."""
    seen = {each.host.site for each in judged if each.outcome is Outcome.PASS}
    for each in judged:
        if each.why is _STANDS_BY and each.host.site not in seen:
            yield replace(each, outcome=Outcome.FAIL, why=_NOBODY_ACTIVE)
        else:
            yield each


def judge(row: Row, host: AskedHost, waivers: Waivers) -> Judged:
    """Judge one row for one host."""
    reason = row.applies(host)
    if reason is not None:
        return Judged(row, host, Outcome.NOT_APPLICABLE, reason)
    commands = row.ask(host)
    answers = tuple(host.answers[c] for c in commands if c in host.answers)
    blank = Judged(row, host, Outcome.FAIL, _NOTHING, "", answers, commands)
    if host.trouble:
        trouble = Words(f"not reached: {host.trouble}", f"无法连接:{host.trouble}")
        return replace(blank, why=trouble)
    if row.setting and row.setting in host.waived:
        why = _waived(host.waived[row.setting], waivers.get((row.setting, host.site, host.kind)))
        return replace(blank, outcome=Outcome.WAIVED, why=why)
    return _weighed(blank)


def _weighed(blank: Judged) -> Judged:
    """Judge the answers; what only a kernel of its own can say is asked of one alone."""
    row, host = blank.row, blank.host
    here = host.own_kernel or row.kernel is None
    try:
        for command in blank.commands if here else _asked_here(blank.commands):
            _refuse_no_answer(row, host.answers.get(command), command)
        rests = row.judge(host, blank.answers)
        if row.kernel is not None and host.own_kernel:
            rests = f"{rests}\n{row.kernel(host, blank.answers)}"
    except NotShown as missing:
        return replace(blank, why=missing.why)
    except StandsBy:
        return replace(blank, outcome=Outcome.NOT_APPLICABLE, why=_STANDS_BY)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return replace(blank, why=Words("the answer cannot be read", "回答无法识读"))
    if here:
        return replace(blank, outcome=Outcome.PASS, rests=rests)
    return replace(blank, outcome=Outcome.NOT_TRIED, why=_NO_KERNEL, rests=rests)


_STANDS_BY = Words("stands by: the other of the pair has the links", "备用:链路由双机中另一台承载")
_NOBODY_ACTIVE = Words(
    "stands by, and the other of the pair shows none", "处于备用,而双机中另一台未见链路"
)

_NO_KERNEL = Words(
    "a container has the machine's kernel: what it would set at boot was judged, not the kernel",
    "容器使用宿主内核:仅判定启动时的设置,未判定内核本身",
)


def _asked_here(commands: Sequence[Command]) -> tuple[Command, ...]:
    """Leave out what a container's kernel would have to answer."""
    return tuple(c for c in commands if c[0] != "auditctl" and not _is_of_the_kernel(c))


def _is_of_the_kernel(command: Command) -> bool:
    return command[0] == "sysctl" and not any(w.startswith("net.ipv4.") for w in command[1:])


def _refuse_no_answer(row: Row, answer: Answer | None, command: Command) -> None:
    """Refuse to judge what was not answered whole.

    Raises:
        NotShown: it was not.
    """
    name = shown(command)[:60]
    if answer is None:
        raise NotShown(Words(f"no answer to `{name}`", f"未回答“{name}”"))
    if answer.status is None:
        raise NotShown(Words(f"`{name}` did not end in time", f"“{name}”超时"))
    if answer.status == _NO_PROGRAM:
        raise NotShown(Words(f"not in place: no `{command[0]}`", f"未部署:没有 `{command[0]}`"))
    if answer.status not in row.statuses:
        why = (answer.complained.strip() or answer.said.strip())[:160]
        raise NotShown(Words(f"`{command[0]}` failed: {why}", f"“{command[0]}”失败:{why}"))
    if not answer.said.strip():
        why = answer.complained.strip()[:160] or "-"
        raise NotShown(Words(f"`{command[0]}` said nothing: {why}", f"“{command[0]}”无输出:{why}"))
    if answer.cut or _UNREADABLE in answer.said:
        raise NotShown(Words("the answer is cut or is no text", "回答不完整或不是文本"))


def _waived(until: str, known: SignedWaiver | None) -> Words:
    """Say until when, why, and who signed it."""
    if known is None:
        return Words(f"waived until {until}", f"豁免至 {until}")
    by = ", ".join(known.signers)
    return Words(
        f"waived until {until} by {by}: {known.reason}",
        f"豁免至 {until},签署人 {by}:{known.reason}",
    )
