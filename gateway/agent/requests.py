"""What may be asked of the loader and of the agent: one JSON line, then the files it names.

Everything is bounded before it is read.  The answer is JSON lines too: steps,
then a result or what was refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from gateway.agent.probation import CONFIRM, LONGEST_SECONDS, PROVE, ROLLBACK, Word
from gateway.errors import NOWHERE, Problem, Refused, Where, problem

#: A line names at most 2 002 files.
LONGEST_LINE_BYTES = 1024 * 1024
LARGEST_DELIVERY_BYTES = 24 * 1024 * 1024
MOST_FILES = 2_002

#: What an answer tells of problems: each has words that somebody else wrote, and there may be
#: as many as somebody likes.  With a longer line the answer, and with it the drift, would be lost.
MOST_TOLD_BYTES = 256 * 1024
LONGEST_WORD = 2_000

#: Who looks at the gates may ask nothing: a change of this file's time has the agent prove.
GATES_CHANGED_FILE = Path("/run/loushan-watch/changed")


class Ask(StrEnum):
    """A request."""

    LOAD = "load"
    CHECK = "check"
    PROVE = "prove"
    RESTORE = "restore"
    REPAIR = "repair"
    CLOSE = "close"
    CONFIRM = CONFIRM
    ROLLBACK = ROLLBACK


#: What the loader does; the others are words to a policy on probation.
OF_THE_LOADER = frozenset({Ask.LOAD, Ask.CHECK, Ask.PROVE, Ask.RESTORE, Ask.REPAIR, Ask.CLOSE})
OF_THE_AGENT = frozenset({Ask.LOAD, Ask.CHECK, Ask.PROVE, Ask.CONFIRM, Ask.ROLLBACK})


@dataclass(frozen=True, slots=True)
class Request:
    """A request's line; `files` are names and sizes, `confirm_within` None where not said."""

    ask: Ask
    files: tuple[tuple[str, int], ...] = ()
    confirm_within: int | None = None
    revision: int = 0

    @property
    def size(self) -> int:
        """How many bytes follow the line."""
        return sum(size for _, size in self.files)

    def line(self) -> bytes:
        """Give the line."""
        body: dict[str, object] = {"request": self.ask.value, "revision": self.revision}
        if self.files:
            body["files"] = [list(file) for file in self.files]
        if self.confirm_within is not None:
            body["confirm_within"] = self.confirm_within
        return json_line(body)


def parse_request(line: bytes) -> Request:
    """Read a request's line.

    Raises:
        Refused: ZG806, it is not one, or asks for too much.
    """
    try:
        body = _fields(json.loads(line))
        request = Request(
            Ask(body["request"]),
            _files(body.get("files", [])),
            _confirm_within(body.get("confirm_within")),
            _number(body.get("revision", 0), 10**9),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Refused(problem("ZG806", error=f"{type(fault).__name__}: {fault}")) from fault
    if request.size > LARGEST_DELIVERY_BYTES:
        raise Refused(problem("ZG806", error=f"> {LARGEST_DELIVERY_BYTES}"))
    if bool(request.files) is not (request.ask in (Ask.LOAD, Ask.CHECK)):
        raise Refused(problem("ZG806", error="files"))
    return request


_FIELDS = {"request", "files", "confirm_within", "revision"}


def _fields(body: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON can hold
    if not isinstance(body, dict) or body.keys() - _FIELDS:
        raise ValueError(sorted(body))
    return body


def files_of(request: Request, content: bytes) -> dict[str, bytes]:
    """Cut the bytes that followed a line into its files."""
    found: dict[str, bytes] = {}
    place = 0
    for name, size in request.files:
        found[name] = content[place : place + size]
        place += size
    return found


def parse_word(line: bytes) -> Word:
    """Read what is said to a policy on probation; anything else is no word.

    Raises:
        Refused: ZG806, it is none.
    """
    request = parse_request(line)
    if request.ask.value not in (CONFIRM, ROLLBACK, PROVE):
        raise Refused(problem("ZG806", error=request.ask.value))
    return Word(request.ask.value, request.revision)


def json_line(body: Mapping[str, object]) -> bytes:
    """Give a value as one line; what is no text, as from the name of a file, stays escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace") + b"\n"


def problems_json(problems: tuple[Problem, ...]) -> list[dict[str, object]]:
    """Give problems so that `problems_from` gives them again: the first, and as many as fit."""
    told: list[dict[str, object]] = []
    room = MOST_TOLD_BYTES
    for each in problems:
        body = _shortened(each).as_json()
        room -= len(json_line(body))
        if told and room < 0:
            break
        told.append(body)
    return told


def problems_from(bodies: Any) -> tuple[Problem, ...]:  # noqa: ANN401 - whatever JSON can hold
    """Give the problems that were sent, to be said in the reader's words."""
    return tuple(_problem(body) for body in bodies)


def _shortened(told: Problem) -> Problem:
    where = replace(told.where, file=_short(told.where.file))
    return replace(told, where=where, params=tuple((k, _short(v)) for k, v in told.params))


def _short(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}…"


def _problem(body: Mapping[str, Any]) -> Problem:
    where = Where(str(body["file"]), int(body["line"])) if body["file"] else NOWHERE
    return problem(str(body["code"]), where, **body["params"])


def _files(given: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(given, list) or len(given) > MOST_FILES:
        message = "files"
        raise ValueError(message)
    files = tuple((_text(name), _number(size, LARGEST_DELIVERY_BYTES)) for name, size in given)
    if len(dict(files)) != len(files):
        message = "files"
        raise ValueError(message)
    return files


def _confirm_within(given: object) -> int | None:
    return None if given is None else _number(given, LONGEST_SECONDS)


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(given)
    given.encode()  # half a character pair is JSON and no text
    return given


def _number(given: object, limit: int) -> int:
    if type(given) is not int or not 0 <= given <= limit:
        raise ValueError(given)
    return given
