"""What the kernel holds of our table, read back and put in order.

An outline is cheap and says who leads where; a generation is all of its
chains and elements.  Other tables are named and not looked into.

Elements are read as JSON.  The outline is read as text, because nft 1.0.6
writes broken JSON where any table of the host has a flag, such as a sleeping
one; and as the whole ruleset, because nft lists that six times as fast as one
table of it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.artefacts import TABLE, Generation
from gateway.load import nft
from gateway.load.keys import Key, key_of_text, text_of_listing
from gateway.load.tables import Table, tables

_FAMILY = "inet"
_OURS = f"{_FAMILY} {TABLE}"


@dataclass(frozen=True, slots=True)
class LastRule:
    """The last rule of a hook: its handle, where it goes, and its comment."""

    handle: int
    target: str
    comment: str


@dataclass(frozen=True, slots=True)
class Outline:
    """Our table without the elements of its maps, and the names of the other tables.

    `hooked` are the chains that judge packets at the hook they are named
    after.  `chains` has the lines of each chain as nft writes them, and
    `others` what is neither chain nor map, as kind and name.
    """

    exists: bool
    hooked: frozenset[str]
    chains: Mapping[str, tuple[str, ...]]
    maps: frozenset[str]
    others: tuple[tuple[str, str], ...]
    last_rules: Mapping[str, LastRule]
    foreign_tables: tuple[Table, ...]

    def holds(self, generation: Generation) -> bool:
        """Tell whether anything of a generation is there."""
        return any(name.startswith(f"{generation}_") for name in self.chains.keys() | self.maps)


@dataclass(frozen=True, slots=True)
class LiveElement:
    """An element as the kernel holds it, with what it has counted."""

    text: str
    verdict: str
    origin: str
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class LiveMap:
    """A map as the kernel holds it; `plain` tells that it is declared as ours are.

    `ranges` tells whether its keys may be ranges.
    """

    key_type: str
    plain: bool
    ranges: bool
    elements: Mapping[Key, LiveElement]


@dataclass(frozen=True, slots=True)
class LiveGeneration:
    """The chains and maps of one generation, under their names in the kernel."""

    chains: Mapping[str, tuple[str, ...]]
    maps: Mapping[str, LiveMap]


def outline() -> Outline:
    """Read the outline of our table, which need not be there.

    Raises:
        Refused: the kernel cannot be asked.
    """
    there = tables()
    exists = any(str(table) == _OURS for table in there)
    ours = _our_text(there) if exists else ""
    blocks = list(_blocks(ours))
    chains = {block.name: block.lines for block in blocks if block.kind == "chain"}
    return Outline(
        exists=exists,
        hooked=frozenset() if _FLAGS.search(ours) else _hooked(chains),
        chains={name: tuple(map(_without_handle, lines)) for name, lines in chains.items()},
        maps=frozenset(block.name for block in blocks if block.kind == "map"),
        others=tuple(sorted((b.kind, b.name) for b in blocks if b.kind not in {"chain", "map"})),
        last_rules={name: _last_rule(lines[-1]) for name, lines in chains.items() if lines},
        foreign_tables=tuple(table for table in there if str(table) != _OURS),
    )


def _our_text(there: tuple[Table, ...]) -> str:
    """Give what nft writes between our table's braces.

    Where a name could be taken for text, only our table is listed.
    """
    everything = all(table.plain for table in there)
    text = nft.list_text("ruleset" if everything else f"table {_OURS}")
    found = {f"{t['family']} {t['name']}": t["body"] for t in _TABLE.finditer(text)}
    return found.get(_OURS, "")


def chains_in(scaffold: str) -> dict[str, tuple[str, ...]]:
    """Give the chains of our table and their lines, from the text of a scaffold."""
    return {
        block.name: block.lines
        for table in _TABLE.finditer(scaffold)
        for block in _blocks(table["body"])
        if block.kind == "chain"
    }


class _Block(NamedTuple):
    kind: str
    name: str
    lines: tuple[str, ...]


_TABLE = re.compile(
    r"^table (?P<family>\S+) (?P<name>\S+) \{(?: # handle [0-9]+)?\n(?P<body>.*?)^\}$",
    re.MULTILINE | re.DOTALL,
)
_BLOCK = re.compile(
    r"^\t(?P<kind>[a-z ]+) (?P<name>\S+) \{(?: # handle [0-9]+)?\n(?P<body>.*?)^\t\}$",
    re.MULTILINE | re.DOTALL,
)
_FLAGS = re.compile(r"^\tflags ", re.MULTILINE)
_HANDLE = re.compile(r" # handle (?P<handle>[0-9]+)$")
_GOTO = re.compile(r'goto (?P<target>\S+)(?: comment "(?P<comment>[^"]*)")?')


def read_generation(generation: Generation, found: Outline) -> LiveGeneration | None:
    """Read a generation whole, of a table whose outline was found.

    Gives None where something in it has a form that is not known here: then
    nobody may build on it.

    Raises:
        Refused: the kernel cannot be asked.
    """
    prefix = f"{generation}_"
    listing = nft.list_json("maps", _FAMILY)
    if listing is None:
        return None
    listed = _only(listing, "map")
    try:
        maps = {
            each["name"]: _live_map(each)
            for each in listed
            if each["table"] == TABLE and each["name"].startswith(prefix)
        }
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    chains = {name: lines for name, lines in found.chains.items() if name.startswith(prefix)}
    return LiveGeneration(chains, maps)


def _only(objects: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [thing[kind] for thing in objects if kind in thing]


def _blocks(body: str) -> Iterator[_Block]:
    for match in _BLOCK.finditer(body):
        lines = tuple(line.strip() for line in match["body"].splitlines())
        yield _Block(match["kind"], match["name"], lines)


def _hooked(chains: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(
        name
        for name, lines in chains.items()
        if lines and lines[0].startswith(f"type filter hook {name} priority filter;")
    )


def _without_handle(line: str) -> str:
    return _HANDLE.sub("", line)


def _last_rule(line: str) -> LastRule:
    handle = _HANDLE.search(line)
    leads = _GOTO.fullmatch(_without_handle(line))
    return LastRule(
        int(handle["handle"]) if handle else 0,
        leads["target"] if leads else "",
        (leads["comment"] or "") if leads else "",
    )


#: The flag of a map whose keys may be ranges.
_RANGES = "interval"


def _live_map(listed: dict[str, Any]) -> LiveMap:
    kinds = (listed["type"],) if isinstance(listed["type"], str) else tuple(listed["type"])
    elements: dict[Key, LiveElement] = {}
    for body, verdict in listed.get("elem", ()):
        text = text_of_listing(kinds, body["elem"]["val"])
        elements[key_of_text(kinds, text)] = _live_element(text, body["elem"], verdict)
    return LiveMap(
        key_type=" . ".join(kinds),
        plain=listed["map"] == "verdict"
        and listed.get("flags", []) in ([], [_RANGES])
        and listed.get("stmt") == [{"counter": None}],
        ranges=listed.get("flags") == [_RANGES],
        elements=elements,
    )


def _live_element(text: str, body: dict[str, Any], verdict: dict[str, Any]) -> LiveElement:
    counter = body["counter"]
    return LiveElement(
        text, _verdict(verdict), str(body.get("comment", "")), counter["packets"], counter["bytes"]
    )


def _verdict(listed: dict[str, Any]) -> str:
    match listed:
        case {"goto": {"target": target}}:
            return f"goto {target}"
        case {"jump": {"target": target}}:
            return f"jump {target}"
        case _:
            (word,) = listed
            return str(word)
