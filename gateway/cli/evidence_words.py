"""How evidence is written, on a terminal and on paper: shortened, harmless, in local time."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime

from gateway.evidence.judge import Outcome

OUTCOME_STYLES: Mapping[Outcome, str] = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.WAIVED: "yellow",
    Outcome.NOT_TRIED: "yellow",
    Outcome.NOT_APPLICABLE: "dim",
}


def printable(text: str) -> str:
    """Show what a terminal or a page would obey as what it is: a host may be somebody else's."""
    return "".join(c if c == "\n" or not _is_hidden(c) else ascii(c)[1:-1] for c in text)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character)[0] == "C"


def brief(text: str, most: int) -> str:
    """Give one line of at most so many characters."""
    line = " · ".join(part.strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def local_time(moment: str, *, short: bool = False) -> str:
    """Give a moment in the reader's zone; what is no moment is given as it is."""
    try:
        read = datetime.fromisoformat(moment).astimezone()
    except ValueError:
        return printable(moment)
    return read.strftime("%H:%M:%S") if short else read.isoformat(" ", "seconds")
