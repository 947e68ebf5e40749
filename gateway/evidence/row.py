"""What a row of evidence is: a control, the clauses it serves, what is asked, and a judge.

A judge reads the answers and gives the part that shows the control, word for
word.  Where it does not find that, it raises `NotShown`: an empty answer, one
that was cut and one that cannot be read never show anything.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.evidence.hosts_asked import Answer, AskedHost, Command


class Words(NamedTuple):
    """The same in English and in Chinese."""

    en: str
    zh: str


class NotShown(Exception):  # noqa: N818 - the word of the table
    """The answers do not show the control; says why."""

    def __init__(self, why: Words) -> None:
        """Take the reason in both languages."""
        super().__init__(why.en)
        self.why = why


class StandsBy(Exception):  # noqa: N818 - what it does, not what went wrong
    """Of a pair, this host waits for the other one; the control is to be seen there."""


#: Reads the answers, in the order in which they were asked for.
Judge = Callable[[AskedHost, Sequence[Answer]], str]

#: Gives what a host is asked.
Ask = Callable[[AskedHost], tuple[Command, ...]]

#: Says why a row does not apply to a host; None where it does.
Applies = Callable[[AskedHost], Words | None]


def always(*commands: Command) -> Ask:
    """Ask every host the same."""
    return lambda _host: commands


def everywhere(_host: AskedHost) -> Words | None:
    """Apply to every host."""
    return None


def on_gateways(host: AskedHost) -> Words | None:
    """Apply to gateways."""
    return None if host.is_gateway else Words("this host is no gateway", "本机不是网关")


def where_gates_are(host: AskedHost) -> Words | None:
    """Apply to gateways that judge requests."""
    if host.gates:
        return None
    return Words("no request is judged at this host", "本机不判定请求")


def where_links_are(host: AskedHost) -> Words | None:
    """Apply to gateways with links."""
    return None if host.has_links else Words("this host has no link", "本机无链路")


def in_a_pair(host: AskedHost) -> Words | None:
    """Apply to gateways of a pair."""
    return None if host.is_pair else Words("the plan has one gateway here", "规划中此处为单机")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `clauses` are of GB/T 22239-2019, and the first is where it is printed.

    `statuses` are those with which a command may end.  `setting` is the name by
    which a signed waiver leaves it out.  `kernel` judges what only a kernel of
    the host's own can show; in a container of the lab it is not tried.
    """

    name: str
    clauses: tuple[str, ...]
    control: Words
    ask: Ask
    judge: Judge
    applies: Applies = everywhere
    statuses: tuple[int, ...] = (0,)
    setting: str = ""
    kernel: Judge | None = None


# --- what judges are made of --------------------------------------------------------------------


def lines_of(text: str) -> list[str]:
    """Give the lines in which something stands."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def says(pattern: str, en: str, zh: str) -> Judge:
    """Judge that a pattern is found in the first answer; give the line with it."""

    def judge(_host: AskedHost, answers: Sequence[Answer]) -> str:
        return found(pattern, answers[0].said, en, zh)

    return judge


def found(pattern: str, text: str, en: str, zh: str) -> str:
    """Give what a pattern finds, or say that it is not there.

    Raises:
        NotShown: it is not.
    """
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise NotShown(Words(en, zh))
    return match[0].strip()


def all_lines(text: str, wanted: Iterable[str]) -> str:
    """Give lines that must all be there.

    Raises:
        NotShown: names the first that is missing.
    """
    there = set(lines_of(text))
    listed = list(wanted)
    for line in listed:
        if line not in there:
            raise NotShown(Words(f"`{line}` is not said", f"未见“{line}”"))
    return "\n".join(listed)


def settings_of(text: str, separator: str = " ") -> Mapping[str, str]:
    """Read lines of a name and a value; of one that stands twice, the last counts."""
    pairs = (line.partition(separator) for line in lines_of(text))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def valued(settings: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Give settings that must be as wanted.

    Raises:
        NotShown: names the first that is not.
    """
    for name, value in wanted.items():
        given = settings.get(name)
        if given != value:
            raise NotShown(
                Words(
                    f"`{name}` is `{given or 'not set'}`, not `{value}`",
                    f"`{name}` 为 `{given or '未设置'}`,应为 `{value}`",
                )
            )
    return "\n".join(f"{name} {value}" for name, value in wanted.items())


def at_most(settings: Mapping[str, str], name: str, most: int) -> str:
    """Give a number that must be from 1 to `most`.

    Raises:
        NotShown: it is not, or is no number.
    """
    given = settings.get(name, "")
    if not re.fullmatch("[0-9]{1,9}", given) or not 1 <= int(given) <= most:
        raise NotShown(
            Words(
                f"`{name}` is `{given or 'not set'}`, not 1 to {most}",
                f"`{name}` 为 `{given or '未设置'}`,应在 1 至 {most} 之间",
            )
        )
    return f"{name} {given}"


def at_least(settings: Mapping[str, str], name: str, least: int) -> str:
    """Give a number that must be `least` or more.

    Raises:
        NotShown: it is not, or is no number.
    """
    given = settings.get(name, "")
    if not re.fullmatch("[0-9]{1,9}", given) or int(given) < least:
        raise NotShown(
            Words(
                f"`{name}` is `{given or 'not set'}`, not {least} or more",
                f"`{name}` 为 `{given or '未设置'}`,应不小于 {least}",
            )
        )
    return f"{name} {given}"


def read_json(answer: Answer) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Read an answer that is JSON.

    Raises:
        NotShown: it is none.
    """
    try:
        return json.loads(answer.said)
    except ValueError as fault:
        raise NotShown(Words("the answer cannot be read", "回答无法识读")) from fault
