"""Every error, its place, its code and its exit status.

A problem says where, what, and what to do, in the reader's language.
Several problems travel in one exception, so that a reader sees all at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from gateway.catalogue import CATALOGUE


class Language(StrEnum):
    """The languages that people read the product in."""

    EN = "en"
    ZH = "zh"


class ExitStatus(IntEnum):
    """What the command line returns to the shell."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a document: the file as the user named it, and the line from 1."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        """Give `file:line`, or the file alone where no line is known."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong."""

    where: Where
    code: str
    params: tuple[tuple[str, str], ...] = field(default=())

    def text(self, language: Language) -> str:
        """Say what is wrong."""
        entry = CATALOGUE[self.code]
        return _filled(entry.zh if language is Language.ZH else entry.en, self.params)

    def advice(self, language: Language) -> str:
        """Say what to do; empty where the text says it already."""
        entry = CATALOGUE[self.code]
        return _filled(entry.zh_help if language is Language.ZH else entry.en_help, self.params)

    def render(self, language: Language) -> str:
        """Give the lines that a person reads in a terminal."""
        place = f"{self.where}: " if self.where.file else ""
        line = f"{place}{self.code} {self.text(language)}"
        advice = self.advice(language)
        mark = "办法" if language is Language.ZH else "help"
        return f"{line}\n  {mark}: {advice}" if advice else line

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine, in both languages."""
        return {
            "code": self.code,
            "file": self.where.file,
            "line": self.where.line,
            "params": dict(self.params),
            "en": self.text(Language.EN),
            "zh": self.text(Language.ZH),
        }


NOWHERE = Where("")


def problem(code: str, where: Where = NOWHERE, **params: object) -> Problem:
    """Make a problem from a code of the catalogue and what fills its text.

    Raises:
        KeyError: the catalogue has no such code.
    """
    if code not in CATALOGUE:
        raise KeyError(code)
    return Problem(where, code, tuple(sorted((k, str(v)) for k, v in params.items())))


class Refused(Exception):  # noqa: N818 - the word the users know
    """Something was refused; carries every problem found, in reading order."""

    def __init__(self, *problems: Problem) -> None:
        """Carry at least one problem."""
        super().__init__(*problems)
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))

    def __str__(self) -> str:
        """Give the problems in English, one after the other."""
        return "\n".join(p.render(Language.EN) for p in self.problems)


def refuse_any(problems: Iterable[Problem]) -> None:
    """Raise with all the problems, if there are any.

    Raises:
        Refused: at least one problem was given.
    """
    found = tuple(problems)
    if found:
        raise Refused(*found)


def _filled(template: str, params: tuple[tuple[str, str], ...]) -> str:
    return template.format_map(dict(params))
