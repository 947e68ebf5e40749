"""Levels of secrecy and security labels as values, and their text.

Source of the levels and of the marking's form: 保密法 (2024) articles 14 and
19 to 22.  A label is a level with categories; one label dominates another
when its level is at least as high and its categories include the other's.
"""

import re
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """A level of secrecy (密级), lowest first."""

    公开 = 0
    内部 = 1
    秘密 = 2
    机密 = 3
    绝密 = 4


#: The highest level of a network that is not accredited for state secrets.
HIGHEST_UNACCREDITED = Level.内部

#: The longest term of each level in years: 保密法 (2024) article 20.
LONGEST_TERM_YEARS = {Level.秘密: 10, Level.机密: 20, Level.绝密: 30}

_MARKING = re.compile(r"(?P<level>秘密|机密|绝密)★(?P<years>[1-9][0-9]?)年")


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """A security label (安全标记): a level and a set of categories."""

    level: Level
    categories: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Give the label as it is written in a plan, categories in order."""
        return " ".join([self.level.name, *sorted(self.categories)])


def parse_label(text: str) -> Label:
    """Read a label as a plan writes it: `内部`, or `内部 个人信息 税务`.

    Raises:
        ValueError: the first word is not a level, or a category is repeated.
    """
    level, *categories = text.split()
    if level not in Level.__members__:
        message = f"not a level: {level}"
        raise ValueError(message)
    if len(set(categories)) != len(categories):
        message = f"a category is repeated: {text}"
        raise ValueError(message)
    return Label(Level[level], frozenset(categories))


def dominates(label: Label, other: Label) -> bool:
    """Tell whether the label is at least as high and covers every category."""
    return label.level >= other.level and label.categories >= other.categories


@dataclass(frozen=True, slots=True)
class Marking:
    """The mark on a document (密级标志), such as 样例 机密★10年; the term in years."""

    level: Level
    term_years: int

    def __str__(self) -> str:
        """Give the mark as it stands on a document."""
        return f"{self.level.name}★{self.term_years}年"


def parse_marking(text: str) -> Marking:
    """Read a mark of the exact official form.

    Disguised marks are the guard's business, not this function's.

    Raises:
        ValueError: the text is not such a mark, or its term is longer than
            保密法 (2024) article 20 allows.
    """
    match = _MARKING.fullmatch(text)
    if match is None:
        message = f"not a marking: {text}"
        raise ValueError(message)
    level, years = Level[match["level"]], int(match["years"])
    if years > LONGEST_TERM_YEARS[level]:
        message = f"{level.name} lasts at most {LONGEST_TERM_YEARS[level]} years: {text}"
        raise ValueError(message)
    return Marking(level, years)
