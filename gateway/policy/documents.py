"""Read a plan's folder: its documents as bytes, and their YAML as data with lines.

What is read once is what is checked, signed and compiled.  The reader takes a
small, safe part of YAML: no anchors, no aliases, no tags, no second document,
no key twice, and only text, whole numbers, true, false and null as values.
"""

import os
import re
import stat
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import Problem, Refused, Where, problem

#: Largest document, in bytes.  The largest of the whole city is under 100 kB.
LARGEST_DOCUMENT_BYTES = 2 * 1024 * 1024
LARGEST_PLAN_BYTES = 16 * 1024 * 1024
MOST_DOCUMENTS = 2_000

#: How long a file must have stood still before it is read, in seconds.
SETTLED_SECONDS = 0.1
DEEPEST_NESTING = 16

#: The folder inside a plan that holds what was signed about it; not a document.
RELEASE_FOLDER = "release"
_BESIDE = frozenset({"README.md"})

Data = dict[str, Any] | list[Any] | str | int | bool | None
Route = tuple[str | int, ...]

#: Control and format characters, surrogates, private use, line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "": None}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One document as it was read."""

    path: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Tree:
    """The data of one document, and the line on which each part of it begins."""

    file: str
    data: Any
    lines: Mapping[Route, int]

    def where(self, path: Route = ()) -> Where:
        """Give the place of a part, or of the nearest part around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return Where(self.file, self.lines.get(path, 1))


def read_documents(folder: Path) -> tuple[Document, ...]:
    """Read every document of a plan, in order of path.

    Raises:
        Refused: the folder is missing or holds something that is not a
            document, a link, a device, too much, or changed while it was read.
    """
    if not folder.is_dir():
        raise Refused(problem("ZG001", Where(str(folder))))
    names = _names(folder)
    documents = tuple(_read(folder, name) for name in names)
    if _names(folder) != names:
        raise Refused(problem("ZG006", Where(str(folder))))
    if not documents:
        raise Refused(problem("ZG002", Where(str(folder))))
    if sum(len(d.content) for d in documents) > LARGEST_PLAN_BYTES:
        raise Refused(problem("ZG005", Where(str(folder)), limit=LARGEST_PLAN_BYTES))
    return documents


def parse(document: Document, file: str) -> Tree:
    """Give the data of a document and the line of each part.

    Raises:
        Refused: it is not UTF-8, not YAML, or uses more of YAML than a plan may.
    """
    return _Reader(document, file).tree()


def _names(folder: Path) -> list[str]:
    problems: list[Problem] = []
    names: list[str] = []
    for entry in sorted(_walk(folder, problems)):
        if entry.endswith(".yml"):
            names.append(entry)
        elif entry.rsplit("/", 1)[-1] not in _BESIDE:
            problems.append(problem("ZG003", Where(str(folder / entry))))
    if len(names) > MOST_DOCUMENTS:
        problems.append(problem("ZG005", Where(str(folder)), limit=MOST_DOCUMENTS))
    if problems:
        raise Refused(*problems)
    return names


def _walk(folder: Path, problems: list[Problem], below: str = "") -> list[str]:
    found: list[str] = []
    with os.scandir(folder / below) as entries:
        for entry in entries:
            name = f"{below}{entry.name}"
            if entry.is_symlink():
                problems.append(problem("ZG004", Where(str(folder / name))))
            elif entry.is_dir():
                if name != RELEASE_FOLDER:
                    found += _walk(folder, problems, f"{name}/")
            elif entry.is_file():
                found.append(name)
            else:
                problems.append(problem("ZG004", Where(str(folder / name))))
    return found


def _read(folder: Path, name: str) -> Document:
    """Read one file without following a link, and see that it stood still."""
    where = Where(str(folder / name))
    try:
        # What was a file when it was listed may be a pipe by now: do not wait for it.
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(problem("ZG007", where, error=error.strerror)) from error
    try:
        return Document(name, _content(descriptor, where))
    finally:
        os.close(descriptor)


def _content(descriptor: int, where: Where) -> bytes:
    before = _settled(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise Refused(problem("ZG004", where))
    if before.st_size > LARGEST_DOCUMENT_BYTES:
        raise Refused(problem("ZG005", where, limit=LARGEST_DOCUMENT_BYTES))
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        content = file.read(LARGEST_DOCUMENT_BYTES + 1)
    if _state(before) != _state(os.fstat(descriptor)) or len(content) != before.st_size:
        raise Refused(problem("ZG006", where))
    return content


def _settled(descriptor: int) -> os.stat_result:
    """Wait until a file was not written to for a moment, and give its state.

    A file system keeps times by the tick: a second write in the tick of the
    first would change the text and not the time.
    """
    status = os.fstat(descriptor)
    age_seconds = time.time() - status.st_mtime
    if 0 <= age_seconds < SETTLED_SECONDS:
        time.sleep(SETTLED_SECONDS - age_seconds)
    return status


def _state(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class _Reader:
    """Builds data from YAML events, so that nothing unsafe is ever built."""

    def __init__(self, document: Document, file: str) -> None:
        self._document = document
        self._file = file
        self._lines: dict[Route, int] = {}
        self._problems: list[Problem] = []

    def tree(self) -> Tree:
        try:
            text = self._document.content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = self._document.content[: error.start].count(b"\n") + 1
            raise Refused(problem("ZG010", Where(self._file, line))) from error
        try:
            self._loader = _LOADER(text)
            data = self._root()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 0
            raise Refused(
                problem("ZG011", Where(self._file, line), error=error.problem or "")
            ) from error
        except yaml.YAMLError as error:
            raise Refused(problem("ZG011", Where(self._file), error=error)) from error
        if self._problems:
            raise Refused(*self._problems)
        return Tree(self._file, data, self._lines)

    def _root(self) -> Data:
        self._expect(yaml.StreamStartEvent)
        if isinstance(self._loader.peek_event(), yaml.StreamEndEvent):
            raise Refused(problem("ZG012", Where(self._file, 1)))
        self._expect(yaml.DocumentStartEvent)
        data = self._value(())
        self._expect(yaml.DocumentEndEvent)
        event = self._loader.get_event()
        if not isinstance(event, yaml.StreamEndEvent):
            raise Refused(problem("ZG013", self._where(event)))
        return data

    def _value(self, path: Route) -> Data:
        event = self._loader.get_event()
        self._refuse_cleverness(event)
        self._refuse_hidden(event)
        self._lines.setdefault(path, _line(event))
        if len(path) > DEEPEST_NESTING:
            raise Refused(problem("ZG014", self._where(event), limit=DEEPEST_NESTING))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return _scalar(event)

    def _mapping(self, path: Route) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(self._loader.peek_event(), yaml.MappingEndEvent):
            event = self._loader.get_event()
            self._refuse_cleverness(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise Refused(problem("ZG016", self._where(event)))
            self._refuse_hidden(event)
            key = event.value
            self._lines[*path, key] = _line(event)
            if key in data:
                self._problems.append(problem("ZG015", self._where(event), key=key))
            data[key] = self._value((*path, key))
        self._loader.get_event()
        return data

    def _sequence(self, path: Route) -> list[Any]:
        data: list[Any] = []
        while not isinstance(self._loader.peek_event(), yaml.SequenceEndEvent):
            data.append(self._value((*path, len(data))))
        self._loader.get_event()
        return data

    def _refuse_cleverness(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events are untyped
        """Refuse anchors, aliases and tags: a plan is read by people, and bombs use them."""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Refused(problem("ZG017", self._where(event)))
        if getattr(event, "tag", None) not in (None, "!"):
            raise Refused(problem("ZG018", self._where(event), tag=event.tag))

    def _refuse_hidden(self, event: Any) -> None:  # noqa: ANN401 - as above
        """Refuse what a reader would not see: people sign what they read."""
        hidden = [c for c in getattr(event, "value", "") if unicodedata.category(c) in _HIDDEN]
        if hidden:
            self._problems.append(problem("ZG019", self._where(event), character=ascii(hidden[0])))

    def _expect(self, kind: type[yaml.Event]) -> None:
        event = self._loader.get_event()
        if not isinstance(event, kind):
            raise Refused(problem("ZG011", self._where(event), error=type(event).__name__))

    def _where(self, event: yaml.Event) -> Where:
        return Where(self._file, _line(event))


def _line(event: Any) -> int:  # noqa: ANN401 - PyYAML's events are untyped
    return int(event.start_mark.line) + 1


def _scalar(event: Any) -> str | int | bool | None:  # noqa: ANN401 - PyYAML's events are untyped
    """Read a value; only what stands unquoted can be a number or a truth."""
    if event.style:
        return str(event.value)
    if event.value in _WORDS:
        return _WORDS[event.value]
    if _INTEGER.fullmatch(event.value) and len(event.value) < 18:  # noqa: PLR2004 - fits 64 bits
        return int(event.value)
    return str(event.value)
