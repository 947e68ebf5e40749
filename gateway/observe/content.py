"""What a line of the proxy says: a decision, who was refused before one, or what is kept as it is.

It knows no file and remembers nothing: the same bytes always give the same.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

from gateway.observe import unasked
from gateway.policy.reasons import Verdict
from gateway.policy.request_reasons import RequestReason


class Kind(StrEnum):
    """What a record is about."""

    DECISION = "decision"
    REPEATED = "repeated"  # a decision with a number that was there before
    UNASKED = "unasked"  # somebody who was refused before there was a request
    UNREADABLE = "unreadable"  # a line that is none of these
    GAP = "gap"  # numbers whose decisions never came
    SOURCE = "source"  # from here on lines are read from another file, or from its beginning


#: The kinds that a line of the proxy becomes.
OF_LINES = frozenset({Kind.DECISION, Kind.REPEATED, Kind.UNASKED, Kind.UNREADABLE})


class Unreadable(StrEnum):
    """Why a line is no decision."""

    NOT_JSON = "not_json"
    WRONG_FORM = "wrong_form"
    UNKNOWN_REASON = "unknown_reason"
    TOO_LONG = "too_long"
    NO_END = "no_end"


#: Longer lines are kept in pieces; the proxy's own bound for a line is no higher.
LONGEST_LINE_BYTES = 64 * 1024

#: How much of a line that is no decision is kept; its digest and length stand for the rest.
_KEPT_CHARACTERS = 4096

#: What a decision line says: in text, empty where it is not known, and in numbers.
TEXTS = frozenset(
    {
        *("id", "gate", "source", "zone"),
        *("authority", "name", "number", "serial", "subject"),
        *("method", "path", "resource", "grant", "verdict", "reason"),
    }
)
NUMBERS = frozenset({"at", "revision", "status"})
_FIELDS, _UNASKED_FIELDS = TEXTS | NUMBERS, unasked.TEXTS | unasked.NUMBERS

#: Nobody counts further, and every reader of JSON can hold it.
LARGEST = 2**53 - 1

_ID = re.compile(r"(.+)\.([1-9][0-9]{0,15})\.([1-9][0-9]{0,15})", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Content:
    """What a record is to say, and which bytes of the raw file it came from."""

    kind: Kind
    body: Mapping[str, Any]
    raw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class DecisionId:
    """Names one decision: the gateway, the start of its proxy's process, and a count from 1."""

    node: str
    start: int
    counter: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read an id as the proxy writes it.

        Raises:
            ValueError: it is none.
        """
        found = _ID.fullmatch(text)
        if found is None:
            raise ValueError(text)
        node, start, counter = found.groups()
        return cls(node, int(start), int(counter))

    @property
    def process(self) -> str:
        """Name the process that counted."""
        return f"{self.node}.{self.start}"


def content_of(line: bytes, raw: tuple[int, int]) -> Content:
    """Judge a line, without its end."""
    try:
        data, text = _parsed(line)
    except (ValueError, RecursionError):
        return unreadable(line, raw, Unreadable.NOT_JSON)
    kept = {"line": text} if text else {}
    if isinstance(data, dict) and _is_unasked(data):
        told = {"verdict": Verdict.DROP, "reason": unasked.reason_of(data)}
        body = {**data, **told, "sha256": sha256(line).hexdigest()}
        return Content(Kind.UNASKED, {**body, **kept}, raw)
    wrong = _wrong_with(data)
    if wrong is not None or not isinstance(data, dict):
        return unreadable(line, raw, wrong or Unreadable.WRONG_FORM)
    return Content(Kind.DECISION, {**data, **kept}, raw)


def unreadable(line: bytes, raw: tuple[int, int], why: Unreadable) -> Content:
    """Keep a line that is no decision."""
    text = line.decode("utf-8", "backslashreplace")[:_KEPT_CHARACTERS]
    body = {"why": why, "text": text, "bytes": len(line), "sha256": sha256(line).hexdigest()}
    return Content(Kind.UNREADABLE, body, raw)


def _parsed(line: bytes) -> tuple[object, str]:
    """Read JSON; where a client sent bytes that are no text, also give the line as it was.

    A refused path may hold any byte.  Whoever sent it must not thereby keep
    its decision from being one.
    """
    try:
        text, kept = line.decode("utf-8"), ""
    except UnicodeDecodeError:
        text = line.decode("utf-8", "replace")
        kept = line.decode("utf-8", "backslashreplace")
    return _DECODER.decode(text), kept


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        message = "a key twice"
        raise ValueError(message)
    return data


_DECODER = json.JSONDecoder(object_pairs_hook=_without_doubles)


def _wrong_with(data: object) -> Unreadable | None:
    if not isinstance(data, dict) or not _is_formed(data):
        return Unreadable.WRONG_FORM
    if data["reason"] not in _REASONS:
        return Unreadable.UNKNOWN_REASON
    accepted = data["verdict"] == Verdict.ACCEPT
    return None if accepted is (data["reason"] == RequestReason.GRANT) else Unreadable.WRONG_FORM


def _is_unasked(data: Mapping[str, Any]) -> bool:
    """Tell whether these are the fields that stand for who did not get as far as a request."""
    return (
        data.keys() == _UNASKED_FIELDS
        and _are_texts(data, unasked.TEXTS)
        and all(_is_number(data[name]) and data[name] != "" for name in unasked.NUMBERS)
    )


def _is_formed(data: Mapping[str, Any]) -> bool:
    """Tell whether these are the fields of a decision, each of its kind."""
    if data.keys() != _FIELDS or not _are_texts(data, TEXTS):
        return False
    if not all(_is_number(data[name]) for name in NUMBERS) or data["at"] == "":
        return False
    try:
        DecisionId.read(data["id"])
    except ValueError:
        return False
    return data["verdict"] in _VERDICTS


def _are_texts(data: Mapping[str, Any], names: Iterable[str]) -> bool:
    return set(map(type, map(data.__getitem__, names))) == {str}


def _is_number(value: object) -> bool:
    """Tell whether it is whole, or unknown; a status of -1 is an answer that was never begun."""
    return value == "" or (type(value) is int and -1 <= value <= LARGEST)


_REASONS = frozenset(RequestReason)
_VERDICTS = frozenset(Verdict)
