"""Lay out a city's townships (乡镇、街道) inside the counties of its plan.

Titles are placeholders until the real list is entered.  What stands in a plan
already is kept to the letter: new townships are only added behind it.  It
knows documents and addresses, and writes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import count as numbers
from itertools import islice

from gateway.errors import Problem, Refused, Where, problem, refuse_any
from gateway.policy.documents import Document, parse
from gateway.policy.entries import Entry, gather
from gateway.policy.entry_text import entry_lines
from gateway.policy.model import Network, Role, Site, Tier
from gateway.policy.places import PlaceReader
from gateway.policy.schema import parse_all
from gateway.policy.select import Places

#: How many townships the third phase of the city's plan reaches.
DEFAULT_COUNT = 240

#: The document of a plan that holds the townships laid out here.
TOWNSHIPS_PATH = "sites/townships.yml"

#: Prefix length of one township; `size` of its kind divides it among its zones.
TOWNSHIP_LENGTH = {4: 24, 6: 48}

_HEADER = """\
# yaml-language-server: $schema=../../schema/sites.schema.json
# 由 `loushan policy townships` 生成:名额在各县间均分,地址取本县地址段的后半段。
# 称谓是占位,待录入真实名单;已有的条目一字不改,再次运行只在末尾补足。
# Made by `loushan policy townships`; titles are placeholders until the real list is entered.
# What stands here is never changed: another run only adds, at the end, what is missing.
---
document: sites
sites:
"""


def townships_document(documents: Iterable[Document], folder: str, count: int) -> Document:
    """Give the document of townships with which the plan has `count` of them.

    Counties are filled evenly: each next township goes to the county that has
    fewest, in the plan's order.  The same documents give the same bytes; where
    nothing is missing the document is given back as it stands.

    Args:
        documents: every document of the plan.
        folder: how the user calls their place.
        count: townships of the whole plan, those that it has included.

    Raises:
        Refused: the plan has no county, no kind for townships or more than
            `count` townships already, a county's block is full, the places of the plan
            cannot be read, or nothing can be added to its document of townships.
    """
    given = tuple(documents)
    entries = _entries(given, folder)
    layout = _Layout(entries, _places(entries), Where(folder))
    missing = layout.missing(count)
    refuse_any(layout.problems)
    before = next((d for d in given if d.path == TOWNSHIPS_PATH), None)
    return _extended(before, missing, f"{folder.rstrip('/')}/{TOWNSHIPS_PATH}")


def _entries(documents: Iterable[Document], folder: str) -> Mapping[str, Mapping[str, Entry]]:
    """Read the entries alone: a plan without townships may not be whole yet."""
    entries, problems = gather(parse_all(documents, folder))
    refuse_any(problems)
    return entries


def _places(entries: Mapping[str, Mapping[str, Entry]]) -> Places:
    reader = PlaceReader(entries["kinds"])
    places = reader.read(entries["sites"])
    refuse_any(reader.problems)
    return places


@dataclass
class _Layout:
    """Spreads townships over counties and gives each its addresses."""

    entries: Mapping[str, Mapping[str, Entry]]
    places: Places
    folder: Where
    problems: list[Problem] = field(default_factory=list)

    def missing(self, count: int) -> list[dict[str, str]]:
        """Give the entries that are not there yet, county by county."""
        sites = self.places.sites.values()
        counties = [s for s in sites if s.tier is Tier.COUNTY and s.role is Role.CENTRE]
        kinds = [k["name"] for k in self.entries["kinds"].values() if k["tier"] == Tier.TOWNSHIP]
        present = Counter(s.hub for s in sites if s.tier is Tier.TOWNSHIP)
        if not counties or not kinds:
            self.problems.append(problem("ZG131", self.folder))
        elif present.total() > count:
            params = {"count": count, "present": present.total()}
            self.problems.append(problem("ZG132", self.folder, **params))
        else:
            shares = _shares([c.name for c in counties], present, count - present.total())
            return [
                entry for c in counties for entry in self._of_county(c, kinds[0], shares[c.name])
            ]
        return []

    def _of_county(self, county: Site, kind: str, share: int) -> Iterator[dict[str, str]]:
        four, six = (list(islice(self._free(county, v), share)) for v in TOWNSHIP_LENGTH)
        room = min(len(four), len(six))
        if room < share:
            where = self.entries["sites"][county.name].where()
            params = {"county": county.name, "share": share, "room": room}
            self.problems.append(problem("ZG130", where, **params))
            return
        for network4, network6, (number, name) in zip(
            four, six, self._free_names(county), strict=False
        ):
            yield {
                "name": name,
                "title": f"{county.title}第{number}乡镇(街道)",
                "kind": kind,
                "hub": county.name,
                "ipv4": str(network4),
                "ipv6": str(network6),
            }

    def _free_names(self, county: Site) -> Iterator[tuple[int, str]]:
        for number in numbers(1):
            name = f"{county.name}-t{number:02}"
            if name not in self.places.sites:
                yield number, name

    def _free(self, county: Site, version: int) -> Iterator[Network]:
        """Give the prefixes that are free in the upper half of a county's block, in order.

        The lower half is for the county's own zones and departments, so that
        a new zone of theirs never meets a township.
        """
        text = self.entries["sites"][county.name].get(f"ipv{version}")
        if text is None:
            return
        block, length = ip_network(text), TOWNSHIP_LENGTH[version]
        taken = [(int(n[0]), int(n[-1])) for n in self._taken(county, version)]
        size = 1 << (block.max_prefixlen - length)
        start = (int(block[0]) + int(block[-1]) + 1) // 2
        while start + size - 1 <= int(block[-1]):
            ends = [last for first, last in taken if first < start + size and start <= last]
            if ends:
                start = (max(ends) // size + 1) * size
            else:
                yield type(block)((start, length))
                start += size

    def _taken(self, county: Site, version: int) -> Iterator[Network]:
        """Give what other sites, and all zones, have of one family's addresses."""
        for entry in self.entries["sites"].values():
            text = entry.get(f"ipv{version}")
            if text is not None and entry["name"] != county.name:
                yield ip_network(text)
        for zone in self.places.zones.values():
            yield from (network for network in zone.ranges if network.version == version)


def _shares(counties: Sequence[str], present: Mapping[str | None, int], more: int) -> Counter[str]:
    """Divide what is missing: each next one to the county that has fewest, the first of equals."""
    shares: Counter[str] = Counter()
    for _ in range(more):
        shares[min(counties, key=lambda name: present.get(name, 0) + shares[name])] += 1
    return shares


def _extended(before: Document | None, missing: list[dict[str, str]], file: str) -> Document:
    """Add entries behind what stands there, and see that both can be read back.

    Raises:
        Refused: the document is laid out in a way that nothing can be added to.
    """
    if before is not None and not missing:
        return before
    kept = _sites(before, file) if before else []
    text = before.content.decode() if before else _HEADER
    if not text.endswith("\n"):
        text += "\n"
    extended = Document(TOWNSHIPS_PATH, (text + "".join(map(_block, missing))).encode())
    if kept is None or _sites(extended, file) != [*kept, *missing]:
        raise Refused(problem("ZG133", Where(file)))
    return extended


def _sites(document: Document, file: str) -> list[object] | None:
    """Give the entries of a document of sites; nothing where it is not one."""
    try:
        sites: list[object] | None = parse(document, file).data.get("sites")
    except Refused:
        return None
    return sites


def _block(entry: Mapping[str, str]) -> str:
    return "\n".join(entry_lines(entry, "  - ", flow=False)) + "\n"
