"""Logs of a gateway from before it was installed anew: closed, each under the key that it had.

They lie beside the host's own log (`playbooks/restore.yml`).  Nobody can write
on in one, for its key went with the disk.
"""

from pathlib import Path

from gateway.errors import Problem, Refused
from gateway.observe.find import Found, Wanted, find_decision

FOLDER = "earlier"


def earlier(log: Path) -> list[Path]:
    """Give the earlier logs beside a log, the newest first."""
    return sorted((each for each in (log.parent / FOLDER).glob("*") if each.is_dir()), reverse=True)


def find_anywhere(log: Path, wanted: Wanted, text: str) -> Found:
    """Give the decision from the log, or else from an earlier one.

    Raises:
        Refused: it is in none; why it is not in the first.
    """
    problems: tuple[Problem, ...] = ()
    for folder in (log, *earlier(log)):
        try:
            return find_decision(folder, wanted, text)
        except Refused as refused:
            problems = problems or refused.problems
    raise Refused(*problems)
