"""Check a document against its JSON Schema, and say what is wrong in the reader's words."""

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache, reduce
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from gateway.errors import Problem, Refused, problem, refuse_any
from gateway.policy.documents import Document, Tree, parse

SCHEMA_FOLDER = Path(__file__).resolve().parents[2] / "policy" / "schema"

#: Every kind of document, in the order in which a plan is read.
KINDS = (
    "plan",
    "kinds",
    "sites",
    "services",
    "conduits",
    "subjects",
    "resources",
    "hours",
    "grants",
    "delegations",
    "expectations",
    "waivers",
)

_SUFFIX = ".schema.json"

#: What a reference may stand beside that is no rule.
_REFERS = {"$ref", "description", "title"}


def parse_all(documents: Iterable[Document], folder: str) -> list[Tree]:
    """Give the data of documents that keep to their schemas; `folder` is their place.

    Raises:
        Refused: with everything that is wrong in any of them.
    """
    trees: list[Tree] = []
    problems: list[Problem] = []
    for document in documents:
        try:
            tree = parse(document, f"{folder.rstrip('/')}/{document.path}")
        except Refused as refused:
            problems += refused.problems
            continue
        wrong = check_schema(tree)
        problems += wrong
        if not wrong:
            trees.append(tree)
    refuse_any(problems)
    return trees


def read_schemas() -> None:
    """Read every schema now, and not with the first document of its kind."""
    for kind in KINDS:
        _validator(kind)


def check_schema(tree: Tree) -> list[Problem]:
    """Give every way in which a document breaks its schema."""
    kind = tree.data.get("document") if isinstance(tree.data, dict) else None
    if kind not in KINDS:
        return [problem("ZG020", tree.where(("document",)), kind=kind, kinds=", ".join(KINDS))]
    return [
        found
        for error in _validator(kind).iter_errors(tree.data)
        for found in _problems(tree, error, f"policy/schema/{kind}{_SUFFIX}")
    ]


@cache
def _validator(kind: str) -> Draft202012Validator:
    schemas = {f"{name}{_SUFFIX}": _read(name) for name in ("common", kind)}
    own = f"{kind}{_SUFFIX}"
    return Draft202012Validator(_in_place(schemas[own], schemas, own))


def _in_place(part: Any, schemas: Mapping[str, Any], file: str) -> Any:  # noqa: ANN401 - a schema's
    """Give a part of a file with what it refers to in the place of each reference.

    jsonschema looks each up anew for each value that it checks, which takes most of its time.
    A reference that stands beside another rule stays; nothing is found by it, and that raises.
    """
    if isinstance(part, list):
        return [_in_place(each, schemas, file) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part and part.keys() <= _REFERS:
        named, _, path = part["$ref"].partition("#/")
        there = named or file
        found = reduce(lambda whole, step: whole[step], path.split("/"), schemas[there])
        return _in_place(found, schemas, there)
    return {key: _in_place(each, schemas, file) for key, each in part.items()}


def _read(name: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads((SCHEMA_FOLDER / f"{name}{_SUFFIX}").read_text("utf-8"))
    return schema


def _problems(tree: Tree, error: ValidationError, schema: str) -> Iterator[Problem]:
    """Put one complaint of the validator into our words."""
    path = tuple(error.absolute_path)
    rule: Any = error.schema
    instance: Any = error.instance
    value: Any = error.validator_value
    where, part, field = tree.where(path), _part(path), _field(path)
    match error.validator:
        case "required":
            missing = [name for name in value if name not in instance]
            needed = ", ".join(value)
            for name in missing:
                yield problem("ZG021", where, field=name, part=part, needed=needed)
        case "additionalProperties":
            yield from _unknown_fields(tree, error, path)
        case "type":
            wanted = _words(value)
            found = _type_word(instance)
            yield problem("ZG023", where, field=field, wanted=wanted, found=found, schema=schema)
        case "enum" | "const":
            wanted = _words(value)
            yield problem("ZG024", where, field=field, found=instance, wanted=wanted)
        case "pattern":
            wanted = str(rule.get("description", value))
            found = _printable(instance)
            yield problem("ZG025", where, field=field, found=found, wanted=wanted, schema=schema)
        case _:
            wanted = f"{error.validator} {value}"
            yield problem("ZG026", where, field=field, wanted=wanted, schema=schema)


def _unknown_fields(
    tree: Tree, error: ValidationError, path: tuple[str | int, ...]
) -> Iterator[Problem]:
    rule: Any = error.schema
    instance: Any = error.instance
    known = list(rule.get("properties", {}))
    for name in instance:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            ordered = ", ".join([*near, *(k for k in known if k not in near)])
            yield problem(
                "ZG022",
                tree.where((*path, name)),
                field=_printable(name),
                part=_part(path),
                known=ordered,
            )


def _part(path: tuple[str | int, ...]) -> str:
    """Name the part of a document that a path leads to, as `sites[3]`."""
    words = [f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in path]
    return "".join(words).lstrip(".") or "document"


def _field(path: tuple[str | int, ...]) -> str:
    names = [p for p in path if isinstance(p, str)]
    return names[-1] if names else "document"


def _words(value: Any) -> str:  # noqa: ANN401 - whatever a schema says
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _type_word(value: Any) -> str:  # noqa: ANN401 - whatever a document says
    words = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
    return words.get(type(value), "null")


def _printable(text: str) -> str:
    """Show what cannot be seen: control and look-alike characters by their number."""
    return "".join(
        c if c.isprintable() and (c.isascii() or "一" <= c <= "鿿") else f"<U+{ord(c):04X}>"
        for c in str(text)
    )
