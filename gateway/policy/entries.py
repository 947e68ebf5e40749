"""The entries of a plan's documents, gathered by kind, each knowing its lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.errors import Problem, Where, problem
from gateway.policy.documents import Tree
from gateway.policy.names import is_name, skeleton
from gateway.policy.schema import KINDS


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a document: its fields, and where each stands."""

    tree: Tree
    path: tuple[str | int, ...]
    fields: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - the schema has checked it
        """Give a field that the schema requires."""
        return self.fields[name]

    def __contains__(self, name: str) -> bool:
        """Tell whether the field is there."""
        return name in self.fields

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as above
        """Give a field, or the default."""
        return self.fields.get(name, default)

    def where(self, *inner: str | int) -> Where:
        """Give the place of the entry, or of a part of it."""
        return self.tree.where((*self.path, *inner))

    def inner(self, *path: str | int) -> "Entry":
        """Give an entry inside this one."""
        data: Any = self.fields
        for step in path:
            data = data[step]
        return Entry(self.tree, (*self.path, *path), data)


def gather(trees: Iterable[Tree]) -> tuple[dict[str, dict[str, Entry]], list[Problem]]:
    """Give every entry by kind and name, and what is wrong with the names.

    The one entry of a plan document is under the kind `plan`.
    """
    entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
    problems: list[Problem] = []
    for tree in trees:
        kind = tree.data["document"]
        for entry in _entries(tree, kind):
            name = entry["name"]
            first = entries[kind].get(name)
            if first is None:
                entries[kind][name] = entry
                problems += _bad_name(entry)
            else:
                problems.append(_second(name, entry, first))
    for named in entries.values():
        problems += _look_alikes(named)
    return entries, problems


def day(entry: Entry, name: str, problems: list[Problem]) -> date:
    """Give a field that is a day; where it is none, say so and give the first day there is."""
    try:
        return date.fromisoformat(entry[name])
    except ValueError as error:
        problems.append(problem("ZG125", entry.where(name), text=entry[name], error=error))
        return date.min


def unknown(code: str, where: Where, entry: Entry, name: str, known: Iterable[str]) -> Problem:
    """Say that an entry names what is not there, and what is."""
    near = ", ".join(list(known)[:8])
    return problem(code, where, owner=entry["name"], name=name, near=near)


def _entries(tree: Tree, kind: str) -> list[Entry]:
    if kind == "plan":
        return [Entry(tree, (), tree.data)]
    return [Entry(tree, (kind, index), data) for index, data in enumerate(tree.data[kind])]


def _second(name: str, entry: Entry, first: Entry) -> Problem:
    """Say that a name is defined again: the same, or in another way."""
    code = "ZG108" if entry.fields == first.fields else "ZG107"
    return problem(code, entry.where("name"), name=name, first=first.where())


def _bad_name(entry: Entry) -> list[Problem]:
    if is_name(entry["name"]):
        return []
    return [problem("ZG100", entry.where("name"), name=ascii(entry["name"]))]


def _look_alikes(entries: Mapping[str, Entry]) -> list[Problem]:
    seen: dict[str, str] = {}
    problems: list[Problem] = []
    for name, entry in entries.items():
        first = seen.setdefault(skeleton(name), name)
        if first != name:
            where = entry.where("name")
            place = entries[first].where()
            problems.append(problem("ZG101", where, name=name, other=first, first=place))
    return problems
