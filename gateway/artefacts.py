"""What compile gives and load takes: a gateway's ruleset as text, with its digest.

The ruleset stands in two parts.  The scaffold is the table with its hooks; it
is put up once, drops everything, and stays.  A generation is what a policy
adds: its verdict maps and chains, under the letter `a` or `b`, so that the
next one can be built beside the one in force and swapped in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

TABLE = "loushan"

#: Stands before each name of a generation until its letter is known.
MARK = "§"

#: The netlink group on which a gateway's refusals are logged.
LOG_GROUP = 5


class Generation(StrEnum):
    """The letter of a generation; two are in the kernel only during a swap."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Generation":
        """The letter that the next generation takes."""
        return Generation.B if self is Generation.A else Generation.A


@dataclass(frozen=True, slots=True, order=True)
class Element:
    """One entry of a verdict map; `origin` names the conduit or zone that gave it."""

    key: str
    verdict: str
    origin: str


#: Packets and bytes counted, by the name of the map and the key of the element.
Counts = Mapping[tuple[str, str], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """A verdict map: the nftables type of its key, and its elements, disjoint.

    `ranges` tells whether keys may be ranges; where none is, the kernel hashes.
    """

    name: str
    key_type: str
    elements: tuple[Element, ...]
    ranges: bool = True


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of a generation, each rule as text with `MARK` before its names."""

    name: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Ruleset:
    """What one gateway enforces: the scaffold, and one generation."""

    gateway: str
    scaffold: str
    maps: tuple[VerdictMap, ...]
    chains: tuple[Chain, ...]
    hooks: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        """The whole ruleset as `nft -f` takes it on a host without one."""
        return self.stamped("")

    def stamped(self, stamp: str) -> str:
        """The same, calling itself by the stamp of a policy."""
        stamps = render_stamps(self, Generation.A, stamp)
        return self.scaffold + render(self, Generation.A) + stamps

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def entries(self) -> int:
        """How many elements the verdict maps hold together."""
        return sum(len(verdict_map.elements) for verdict_map in self.maps)


@dataclass(frozen=True, slots=True)
class LinkConfiguration:
    """The links of one gateway, as swanctl.conf has them."""

    gateway: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Proxy:
    """The configuration of one gateway's proxy; `digest` is what the running one says of it."""

    gateway: str
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class GateMaps:
    """What one gateway's gates let pass: maps of one generation, by their names."""

    gateway: str
    generation: Generation
    maps: Mapping[str, Mapping[str, str]]


def render(ruleset: Ruleset, generation: Generation, counts: Counts | None = None) -> str:
    """Give the maps and chains of one generation as text for one transaction.

    Elements begin with their `counts` where there are any, otherwise with none.
    """
    lines = [f"table inet {TABLE} {{"]
    # Chains first and empty: the maps' verdicts name them.
    lines += [f"\tchain {MARK}{chain.name} {{ }}" for chain in ruleset.chains]
    lines += [
        line for verdict_map in ruleset.maps for line in _map_lines(verdict_map, counts or {})
    ]
    for chain in ruleset.chains:
        lines += [f"\tchain {MARK}{chain.name} {{"]
        lines += [f"\t\t{rule}" for rule in chain.rules]
        lines += ["\t}"]
    lines += ["}", ""]
    return named("\n".join(lines), generation)


def render_stamps(ruleset: Ruleset, generation: Generation, stamp: str) -> str:
    """Give the rules that lead each hook into a generation, for a host without them."""
    comment = f' comment "{stamp}"' if stamp else ""
    return "".join(
        f"add rule inet {TABLE} {hook} goto {generation}_{hook}{comment}\n"
        for hook in ruleset.hooks
    )


def render_elements(elements: Iterable[Element], generation: Generation) -> str:
    """Give elements as nftables lists them between braces."""
    return named(
        ", ".join(f'{e.key} counter comment "{e.origin}" : {e.verdict}' for e in elements),
        generation,
    )


def named(text: str, generation: Generation) -> str:
    """Put the letter of a generation before each of its names."""
    return text.replace(MARK, f"{generation}_")


def _map_lines(verdict_map: VerdictMap, counts: Counts) -> list[str]:
    lines = [
        f"\tmap {MARK}{verdict_map.name} {{",
        f"\t\ttype {verdict_map.key_type} : verdict",
        *(["\t\tflags interval"] if verdict_map.ranges else []),
        "\t\tcounter",
    ]
    if verdict_map.elements:
        lines += ["\t\telements = {"]
        lines += [
            f"\t\t\t{e.key} {_counter(counts.get((verdict_map.name, e.key)))}"
            f' comment "{e.origin}" : {e.verdict},'
            for e in verdict_map.elements
        ]
        lines += ["\t\t}"]
    return [*lines, "\t}"]


def _counter(count: tuple[int, int] | None) -> str:
    return "counter" if count is None else f"counter packets {count[0]} bytes {count[1]}"
