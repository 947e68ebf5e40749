"""An entry of a document as text: how one is written, put into a list, and taken out again.

Comments, order and layout of all the rest stay to the letter.  It knows text
and lines; whether the entry makes sense is for those who read the document.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gateway.errors import Refused, Where, problem

_PLAIN = re.compile(r"[^\W\d_][\w()()-]*")
#: What some reader of YAML takes for a truth or for nothing.
_NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

#: A line and its end, as YAML counts lines.
_LINE = re.compile("([^\n\r\x85\u2028\u2029]*)(\r\n|[\n\r\x85\u2028\u2029]|$)")
_DASH = re.compile(" *- +")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Span:
    """The lines of one entry, both included, and how it is laid out."""

    first: int
    last: int
    dash: str
    flow: bool


def entry_lines(fields: Mapping[str, str], dash: str, *, flow: bool) -> list[str]:
    """Write an entry behind its dash: in braces on one line, or one field a line."""
    pairs = [f"{name}: {scalar(name, value)}" for name, value in fields.items()]
    if flow:
        return [f"{dash}{{{', '.join(pairs)}}}"]
    return [f"{dash if index == 0 else ' ' * len(dash)}{pair}" for index, pair in enumerate(pairs)]


def scalar(name: str, value: str) -> str:
    """Write text so that YAML reads the same text: quoted wherever that may be in doubt."""
    plain = name == "ipv4" or (_PLAIN.fullmatch(value) and value not in _NOT_TEXT)
    return value if plain else json.dumps(value, ensure_ascii=False)


def spans(text: str, kind: str, where: Where) -> list[Span]:
    """Give the lines of each entry in the list of a document that was read and checked.

    Raises:
        Refused: the list is not laid out as one entry after the other, each on its own lines.
    """
    root: Any = yaml.compose(text, Loader=_LOADER)
    found: list[Any] = next((v for k, v in root.value if k.value == kind), root).value
    lines = _lines(text)
    result = []
    for node in found:
        first, last = node.start_mark.line, _last_line(node)
        dash = lines[first][0][: node.start_mark.column]
        if last is None or not first or not _DASH.fullmatch(dash):
            raise Refused(problem("ZG145", where))
        result.append(Span(first, last, dash, flow=bool(node.flow_style)))
    return result


def with_entry(text: str, fields: Mapping[str, str], after: Span, like: Span) -> str:
    """Put a new entry behind one that stands there, laid out as another is."""
    lines = _lines(text)
    end = lines[after.first - 1][1]
    place = _end_of(lines, after.last)
    added = "".join(end + line for line in entry_lines(fields, like.dash, flow=like.flow))
    return text[:place] + added + text[place:]


def without_entry(text: str, span: Span) -> str:
    """Take an entry out with its lines; what `with_entry` put in, it takes out to the byte."""
    lines = _lines(text)
    return text[: _end_of(lines, span.first - 1)] + text[_end_of(lines, span.last) :]


def _last_line(node: Any) -> int | None:  # noqa: ANN401 - PyYAML's nodes are untyped
    """Give the line on which a node ends; a block's own mark lies behind its comments."""
    if isinstance(node, yaml.ScalarNode):
        return None if node.style in {"|", ">"} else int(node.end_mark.line)
    if node.flow_style:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _lines(text: str) -> Sequence[tuple[str, str]]:
    """Give every line and its end; both together are the text."""
    return [(found[1], found[2]) for found in _LINE.finditer(text)]


def _end_of(lines: Sequence[tuple[str, str]], index: int) -> int:
    """Give the place in the text where a line ends, before its line break."""
    before = sum(len(line) + len(end) for line, end in lines[:index])
    return before + len(lines[index][0])
