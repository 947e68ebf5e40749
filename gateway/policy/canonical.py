"""One form for signed JSON: how it is written, and the only way it is read.

What can be written in two ways can be signed in one and read in the other.  So
a key may not stand twice, a number is whole, text is NFC without anything
invisible, a time is UTC in whole seconds, and bytes after the end are refused.
It knows nothing of what the JSON says.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from gateway.errors import Refused, Where, problem

#: Revisions and formats are counted by hand; nothing here needs more.
LARGEST_NUMBER = 999_999_999

_TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def canonical_bytes(data: object) -> bytes:
    """Give the bytes that are signed: keys sorted, no spaces, UTF-8."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def readable_bytes(data: object) -> bytes:
    """Give the same data as it is kept in a file: keys sorted, one thing a line."""
    return (json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def parse_json(content: bytes, where: Where) -> object:
    """Read JSON strictly.

    Raises:
        Refused: not UTF-8, not JSON, a key twice, a number with a point,
            text that is not NFC or hides something, or nested without end.
    """

    def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) != len(pairs):
            keys = [key for key, _ in pairs]
            double = next(key for key in keys if keys.count(key) > 1)
            raise Refused(problem("ZG303", where, key=ascii(double)))
        return data

    def refuse_number(found: str) -> NoReturn:
        raise Refused(problem("ZG302", where, error=f"{found[:20]} is not a whole number"))

    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=without_doubles,
            parse_float=refuse_number,
            parse_constant=refuse_number,
        )
    except (ValueError, RecursionError) as error:
        raise Refused(problem("ZG302", where, error=error)) from error


def is_plain(text: str) -> bool:
    """Tell whether the text is NFC and a reader sees all of it."""
    return text.isprintable() and unicodedata.is_normalized("NFC", text)


def time_text(moment: datetime) -> str:
    """Give a time as it is signed, such as 2026-11-23T09:00:00Z.

    Raises:
        ValueError: the time has no zone or is not a whole second; the caller's mistake.
    """
    if moment.tzinfo is None or moment.microsecond:
        raise ValueError(moment)
    return moment.astimezone(UTC).strftime(_TIME_FORM)


def fields(data: object, part: str, names: Collection[str], where: Where) -> Mapping[str, object]:
    """Give an object that has exactly these fields.

    Raises:
        Refused: it is no object, lacks a field or has one more.
    """
    if not isinstance(data, dict) or data.keys() != set(names):
        raise Refused(problem("ZG304", where, part=part, fields=", ".join(sorted(names))))
    return data


def text_field(data: Mapping[str, object], name: str, where: Where) -> str:
    """Give a field that is one line of plain text.

    Raises:
        Refused: it is not.
    """
    value = data[name]
    if not isinstance(value, str) or not value or not is_plain(value):
        raise Refused(problem("ZG305", where, field=name, wanted="plain text in NFC"))
    return value


def number_field(data: Mapping[str, object], name: str, where: Where) -> int:
    """Give a field that is a whole number from 1.

    Raises:
        Refused: it is not.
    """
    value = data[name]
    if type(value) is not int or not 1 <= value <= LARGEST_NUMBER:
        raise Refused(problem("ZG305", where, field=name, wanted=f"1 ... {LARGEST_NUMBER}"))
    return value


def time_field(data: Mapping[str, object], name: str, where: Where) -> datetime:
    """Give a field that is a time in UTC, in whole seconds.

    Raises:
        Refused: it is not.
    """
    value = data[name]
    wanted = problem("ZG305", where, field=name, wanted="2026-11-23T09:00:00Z")
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise Refused(wanted)
    try:
        return datetime.strptime(value, _TIME_FORM).replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(wanted) from error


def digest_field(data: Mapping[str, object], name: str, where: Where) -> str:
    """Give a field that is a SHA-256 in lower-case hex.

    Raises:
        Refused: it is not.
    """
    value = data[name]
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise Refused(problem("ZG305", where, field=name, wanted="SHA-256, 64 x 0-9a-f"))
    return value
