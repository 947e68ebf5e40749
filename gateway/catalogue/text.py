"""The form of one entry of the error catalogue."""

from typing import NamedTuple


class Text(NamedTuple):
    """What is wrong and what to do, in both languages; `{name}` is filled in."""

    en: str
    en_help: str
    zh: str
    zh_help: str
