"""What a request may contain: exactly what is expected, as JSON or as a form, and nothing else."""

import unicodedata
from collections.abc import Mapping

from flask import Request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from applications.approval.cases import WITH_REASON, Filing, Step
from applications.web.answers import RequestRefused

_MOST = {"matter": 200, "applicant": 200, "content": 20_000, "note": 2000}
_KEPT = frozenset("\n\t")


def filing_in(request: Request) -> Filing:
    """Read what an applicant asks for.

    Raises:
        RequestRefused: something is missing, empty, too long, or too much.
    """
    fields = _fields(request, {"matter", "applicant", "content"})
    return Filing(*(_text(fields, name) for name in ("matter", "applicant", "content")))


def step_in(request: Request, possible: tuple[Step, ...]) -> tuple[Step, str]:
    """Read which step is asked for, and the note with it.

    Raises:
        RequestRefused: it is none of those that are possible, or lacks the reason it needs.
    """
    fields = _fields(request, {"step", "note"})
    asked = fields["step"]
    if asked not in possible:
        raise RequestRefused(400, "malformed")
    step = Step(asked)
    note = _text(fields, "note", empty=True)
    if step in WITH_REASON and not note:
        raise RequestRefused(400, "reason_missing")
    return step, note


def _fields(request: Request, names: set[str]) -> Mapping[str, str]:
    try:
        if request.mimetype == "application/json":
            found = request.get_json()
        elif request.mimetype == "application/x-www-form-urlencoded":
            found = {name: values[0] for name, values in request.form.lists() if len(values) == 1}
        else:
            raise UnsupportedMediaType
    except BadRequest as fault:
        raise RequestRefused(400, "malformed") from fault
    if not isinstance(found, dict) or not set(found) <= names or request.args:
        raise RequestRefused(400, "malformed")
    fields = {"note": "", **found} if "note" in names else found
    if set(fields) != names or not all(isinstance(value, str) for value in fields.values()):
        raise RequestRefused(400, "malformed")
    return fields


def _text(fields: Mapping[str, str], name: str, *, empty: bool = False) -> str:
    """Give a text as it is kept: composed, with plain line ends, nothing that cannot be seen."""
    text = unicodedata.normalize("NFC", fields[name]).replace("\r\n", "\n").strip()
    hidden = any(unicodedata.category(c).startswith("C") and c not in _KEPT for c in text)
    if hidden or len(text) > _MOST[name] or not (text or empty):
        raise RequestRefused(400, "malformed")
    return text
