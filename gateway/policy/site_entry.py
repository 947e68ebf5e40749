"""Add a site to a plan: its entry, with its hub, its file and the next free prefixes.

What is obvious is filled in; what is not is refused, with what could be meant.
It knows documents and addresses, and writes nothing.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from ipaddress import ip_network
from pathlib import PurePosixPath
from typing import Any

from gateway.errors import NOWHERE, Problem, Refused, Where, problem, refuse_any
from gateway.policy.documents import RELEASE_FOLDER, Document, parse
from gateway.policy.entries import Entry
from gateway.policy.entry_text import entry_lines, spans, with_entry
from gateway.policy.model import Network, Role, Site, Tier
from gateway.policy.names import is_name, skeleton
from gateway.policy.prefixes import Row, first_free, row_beside, row_inside
from gateway.policy.schema import check_schema
from gateway.policy.site_change import Given, SiteChange, judged, read_given

_VERSIONS = (4, 6)
_SIZE = {4: ("size", 24), 6: ("size6", 64)}
#: A site has no IPv6 prefix longer than this, however small it is.
_LONGEST = {4: 32, 6: 48}
_DASH = "  - "
_EDITOR_LINE = "# yaml-language-server:"


@dataclass(frozen=True, slots=True)
class NewSite:
    """What the user says of a site; what is nothing is to be found."""

    name: str
    title: str
    kind: str
    hub: str | None = None
    counterpart: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    path: str | None = None


def add_site(
    documents: Iterable[Document], folder: str, wanted: NewSite, today: date
) -> SiteChange:
    """Give the plan with one site more; the same documents give the same bytes.

    Raises:
        Refused: the plan has errors already, the site cannot be as it is wanted,
            nothing says where it belongs, or the plan with it would not pass its check.
    """
    refuse_any(_malformed(wanted))
    given = read_given(documents, folder, today)
    return _Addition(given, wanted).change()


def _malformed(wanted: NewSite) -> list[Problem]:
    """See that name, title and kind are fit for a document, before anything is printed."""
    fields = {"name": wanted.name, "title": wanted.title, "kind": wanted.kind}
    optional = {"hub": wanted.hub, "counterpart": wanted.counterpart}
    fields |= {name: value for name, value in optional.items() if value is not None}
    try:
        tree = parse(Document("", _new_text(fields).encode()), "")
    except UnicodeEncodeError:
        return [problem("ZG010")]
    except Refused as refused:
        return [replace(found, where=NOWHERE) for found in refused.problems]
    found = [replace(one, where=NOWHERE) for one in check_schema(tree)]
    if not found and not is_name(wanted.name):
        found.append(problem("ZG100", name=ascii(wanted.name)))
    return found


def _new_text(fields: dict[str, str], head: str = "") -> str:
    lines = entry_lines(fields, _DASH, flow=False)
    return "\n".join([*([head] if head else []), "document: sites", "sites:", *lines, ""])


@dataclass(frozen=True, slots=True)
class _Addition:
    """Works out one new entry in a plan that is in order."""

    given: Given
    wanted: NewSite

    def change(self) -> SiteChange:
        self._refuse_taken_names()
        kind = self._kind()
        hub = self._hub(kind)
        self._refuse_bad_counterpart()
        path = self._path(kind)
        ipv4, ipv6 = self._prefixes(kind, hub, path)
        found = {
            "name": self.wanted.name,
            "title": self.wanted.title,
            "kind": self.wanted.kind,
            "hub": hub,
            "counterpart": self.wanted.counterpart,
            "ipv4": str(ipv4),
            "ipv6": str(ipv6),
        }
        fields = {name: value for name, value in found.items() if value is not None}
        before = next((d for d in self.given.documents if d.path == path), None)
        after = self._written(path, before, fields)
        documents = self.given.with_document(path, after.content.decode())
        new = judged(documents, self.given.folder, self.given.today, "ZG146")
        site = new.sites[self.wanted.name]
        old, unaware = self.given.plan, tuple(self._unaware())
        return SiteChange(site, fields, path, before, after, old, new, unaware)

    def _unaware(self) -> Iterator[tuple[str, Where]]:
        """Find the expectations that say by name what is meant for every site of this kind."""
        alike = {s["name"] for s in self._sites if s["kind"] == self.wanted.kind}
        for entry in self.given.entries["expectations"].values():
            for field in ("from", "to"):
                choice = entry[field]
                listed = choice.get("site") if isinstance(choice, dict) else None
                if isinstance(listed, list) and alike.intersection(listed):
                    yield entry["name"], entry.where(field)

    @property
    def _sites(self) -> list[Entry]:
        return list(self.given.entries["sites"].values())

    def _refuse_taken_names(self) -> None:
        """Refuse a name or a title that a reader would take for another site's."""
        name, title = self.wanted.name, self.wanted.title
        for site in self._sites:
            other, first = site["name"], site.where()
            if other == name:
                raise Refused(problem("ZG136", name=name, first=first))
            if skeleton(other) == skeleton(name):
                raise Refused(problem("ZG101", name=name, other=other, first=first))
            if _glance(site["title"]) == _glance(title):
                raise Refused(problem("ZG137", title=title, other=other, first=first))

    def _kind(self) -> Entry:
        kinds = self.given.entries["kinds"]
        if self.wanted.kind not in kinds:
            params = {"owner": self.wanted.name, "name": self.wanted.kind}
            raise Refused(problem("ZG104", NOWHERE, **params, near=", ".join(kinds)))
        return kinds[self.wanted.kind]

    def _hub(self, kind: Entry) -> str | None:
        """Give the hub that was named, else the only one there can be."""
        candidates = self._hubs(kind)
        near = ", ".join(candidates) or "-"
        params = {"name": self.wanted.name, "kind": kind["name"], "near": near}
        if self.wanted.hub is not None:
            if self.wanted.hub not in candidates:
                raise Refused(problem("ZG139", hub=self.wanted.hub, **params))
            return self.wanted.hub
        if len(candidates) > 1:
            raise Refused(problem("ZG138", **params))
        return candidates[0] if candidates else None

    def _hubs(self, kind: Entry) -> list[str]:
        """Give the sites that a site of this kind can be linked through; a root has none."""
        tier, role = Tier(kind["tier"]), Role(kind["role"])
        sites = self.given.plan.sites.values()
        used = {s.hub for s in sites if s.kind == kind["name"]}
        root = role is Role.PORTAL or (tier is Tier.CITY and role is Role.CENTRE)
        city = tier in {Tier.CITY, Tier.PROVINCE} or (tier, role) == (Tier.COUNTY, Role.CENTRE)
        above = Tier.CITY if city else Tier.COUNTY
        return [
            s.name
            for s in sites
            if s.name in used or (not root and (s.tier, s.role) == (above, Role.CENTRE))
        ]

    def _refuse_bad_counterpart(self) -> None:
        name = self.wanted.counterpart
        sites = self.given.plan.sites
        known = [s.name for s in sites.values() if _is_city_department(s)]
        if name is not None and name not in known:
            params = {"owner": self.wanted.name, "name": name, "near": ", ".join(known) or "-"}
            raise Refused(problem("ZG143", NOWHERE, **params))

    def _path(self, kind: Entry) -> str:
        """Give the document where sites of this kind are, or the one that was named."""
        if self.wanted.path is not None:
            return _inside(self.wanted.path, self.given)
        tiers = {name: entry["tier"] for name, entry in self.given.entries["kinds"].items()}
        alike = (
            [s for s in self._sites if s["kind"] == kind["name"]]
            or [s for s in self._sites if tiers[s["kind"]] == kind["tier"]]
            or self._sites
        )
        if not alike:
            raise Refused(problem("ZG144", Where(self.given.folder), file="-"))
        return Counter(self.given.document_of(site).path for site in alike).most_common(1)[0][0]

    def _prefixes(self, kind: Entry, hub: str | None, path: str) -> list[Network]:
        """Give the prefixes that were named, else the next that are free in both families."""
        texts = {4: self.wanted.ipv4, 6: self.wanted.ipv6}
        named = {v: self._named_prefix(text, v, hub) for v, text in texts.items() if text}
        missing = [version for version in _VERSIONS if version not in named]
        if missing and not kind.get("managed", True):
            raise Refused(problem("ZG141", kind=kind["name"]))
        rows = [self._row(kind, hub, path, version) for version in missing]
        taken = [network for row in rows for network in self._taken(row)]
        found = first_free(rows, taken)
        if found is None:
            lengths = ", ".join(f"IPv{row.version} /{row.length}" for row in rows)
            where = "" if rows[0].inside is None else f" {rows[0].inside}"
            raise Refused(problem("ZG140", name=self.wanted.name, lengths=lengths, block=where))
        named |= dict(zip(missing, found, strict=True))
        return [named[version] for version in _VERSIONS]

    def _row(self, kind: Entry, hub: str | None, path: str, version: int) -> Row:
        """Give the prefixes to choose from: beside the sites of this kind, in this document."""
        like = [s for s in self._sites if s["kind"] == kind["name"] and _prefix(s, version)]
        here = [s for s in like if self.given.document_of(s).path == path]
        peers = here or like
        own = self._block(hub, version)
        length = _length(kind, [p for s in peers if (p := _prefix(s, version))], version)
        nested = [
            (prefix, block)
            for s in peers
            if (prefix := _prefix(s, version))
            and (block := self._block(s.get("hub"), version))
            and _is_inside(prefix, block)
        ]
        if own is not None and nested:
            return row_inside(own, nested, length)
        others = peers or [s for s in self._sites if _prefix(s, version)]
        if not others:
            raise Refused(
                problem("ZG140", name=self.wanted.name, lengths=f"IPv{version}", block="")
            )
        kinds = self.given.entries["kinds"]
        near = [p for s in others if (p := _prefix(s, version))]
        alike = [
            p
            for s in self._sites
            if kinds[s["kind"]]["tier"] == kind["tier"]
            and (p := _prefix(s, version))
            and p.prefixlen == length
        ]
        return row_beside(near, near if len(near) > 1 else alike or near, length)

    def _block(self, site: str | None, version: int) -> Network | None:
        return _prefix(self.given.entries["sites"][site], version) if site is not None else None

    def _taken(self, row: Row) -> Iterator[Network]:
        """Give what sites and zones have; a block in which the row lies has room by its zones."""
        for site in self._sites:
            prefix = _prefix(site, row.version)
            around = row.inside is not None and prefix is not None
            if prefix is not None and not (around and _is_around(prefix, row.inside)):
                yield prefix
        for zone in self.given.plan.zones.values():
            yield from (network for network in zone.ranges if network.version == row.version)

    def _named_prefix(self, text: str, version: int, hub: str | None) -> Network:
        """Read a prefix that the user names; it may share addresses with nobody.

        Raises:
            Refused: it is not one of this family, or it is somebody's.
        """
        try:
            network = ip_network(text)
        except ValueError as error:
            raise Refused(problem("ZG110", text=ascii(text)[1:-1], error=error)) from error
        if network.version != version or "%" in text:
            reason = f"IPv{network.version}" if network.version != version else "%"
            raise Refused(problem("ZG110", text=ascii(text)[1:-1], error=reason))
        above = set(self._above(hub))
        for site in self._sites:
            prefix = _prefix(site, version)
            if prefix is None or not network.overlaps(prefix):
                continue
            if site["name"] not in above or not _is_inside(network, prefix):
                other = {"other": site["name"], "range": prefix, "first": site.where()}
                raise Refused(problem("ZG142", text=network, **other))
        for zone in self.given.plan.zones.values():
            for taken in zone.ranges:
                if network.overlaps(taken):
                    other = {"other": zone.name, "range": taken, "first": zone.where}
                    raise Refused(problem("ZG142", text=network, **other))
        return network

    def _above(self, hub: str | None) -> Iterator[str]:
        while hub is not None:
            yield hub
            hub = self.given.plan.sites[hub].hub

    def _written(self, path: str, before: Document | None, fields: dict[str, str]) -> Document:
        """Write the entry into its document, and see that all of it reads back as intended."""
        where = Where(self.given.file(path))
        if before is None:
            return Document(path, _new_text(fields, self._editor_line(path)).encode())
        text = before.content.decode()
        stand = _entries_of(before, where)
        found = spans(text, "sites", where)
        like = [i for i, s in enumerate(stand) if s["kind"] == fields["kind"]]
        close = [i for i in like if stand[i].get("hub") == fields.get("hub")]
        one_kind = len({s["kind"] for s in stand}) == 1
        after = close[-1] if close and one_kind else len(stand) - 1
        shape = (close or like or [after])[-1]
        content = with_entry(text, fields, found[after], found[shape]).encode()
        document = Document(path, content)
        intended = [*stand[: after + 1], fields, *stand[after + 1 :]]
        if _entries_of(document, where) != intended:
            raise Refused(problem("ZG145", where))
        return document

    def _editor_line(self, path: str) -> str:
        """Give the line that tells an editor the schema, as a neighbour in the folder has it."""
        for site in self._sites:
            neighbour = self.given.document_of(site)
            first = neighbour.content.decode().split("\n", 1)[0]
            beside = PurePosixPath(neighbour.path).parent == PurePosixPath(path).parent
            if beside and first.startswith(_EDITOR_LINE):
                return first
        return ""


def _inside(text: str, given: Given) -> str:
    """Give the path of a document in the plan's folder.

    Raises:
        Refused: it is elsewhere, cannot be a document, or is one of another kind.
    """
    path = PurePosixPath(text)
    if path.is_relative_to(given.folder):
        path = path.relative_to(given.folder)
    refused = Refused(problem("ZG144", Where(given.folder), file=ascii(text)[1:-1]))
    hidden = any(part.startswith(".") or not part.isprintable() for part in path.parts)
    if path.is_absolute() or hidden or path.suffix != ".yml" or path.parts[0] == RELEASE_FOLDER:
        raise refused
    name = str(path)
    known = {d.path: d for d in given.documents}
    if name in known and parse(known[name], given.file(name)).data["document"] != "sites":
        raise refused
    return name


def _entries_of(document: Document, where: Where) -> list[dict[str, Any]]:
    """Read the sites of a document.

    Raises:
        Refused: what was written is not one; the layout did not bear it.
    """
    try:
        sites: list[dict[str, Any]] = parse(document, where.file).data["sites"]
    except (Refused, KeyError, TypeError) as error:
        raise Refused(problem("ZG145", where)) from error
    return sites


def _length(kind: Entry, peers: Sequence[Network], version: int) -> int:
    """Give the prefix length most sites of a kind have, never too long for its zones."""
    field, default = _SIZE[version]
    highest = max((zone.get("part", 0) for zone in kind["zones"]), default=0)
    needed = kind.get(field, default) - highest.bit_length()
    if not peers:
        return int(min(needed, _LONGEST[version]))
    return int(min(needed, Counter(peer.prefixlen for peer in peers).most_common(1)[0][0]))


def _prefix(site: Entry, version: int) -> Network | None:
    text = site.get(f"ipv{version}")
    return None if text is None else ip_network(text)


def _is_inside(inner: Network, outer: Network) -> bool:
    """Tell whether one is a part of the other, and not all of it."""
    return inner.prefixlen > outer.prefixlen and inner.overlaps(outer)


def _is_around(outer: Network, inner: Network | None) -> bool:
    return inner is not None and outer.prefixlen <= inner.prefixlen and outer.overlaps(inner)


def _glance(title: str) -> str:
    """Give what a reader sees of a title: width, case and spaces are no difference."""
    return "".join(unicodedata.normalize("NFKC", title).casefold().split())


def _is_city_department(site: Site) -> bool:
    return (site.tier, site.role) == (Tier.CITY, Role.DEPARTMENT)
