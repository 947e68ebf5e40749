"""Profiles: what each authority is and what each kind of certificate says, as YAML.

One file each; the file's name is the profile's.  They are read strictly: a word
that we do not know would be a control that somebody believes in and nobody keeps.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from pki.certificates import ROLE_ARC
from pki.errors import Code, PkiRefused
from pki.files import read_file
from pki.parts import ALGORITHMS

PACKAGED = Path(__file__).resolve().parent / "profiles"

#: What a key may be used for, and its object identifier.
USES: Mapping[str, str] = {
    "client-auth": "1.3.6.1.5.5.7.3.2",
    "ipsec-ike": "1.3.6.1.5.5.7.3.17",
    "ocsp-signing": "1.3.6.1.5.5.7.3.9",
    "server-auth": "1.3.6.1.5.5.7.3.1",
}

_MOST_DAYS = 20 * 366
_SSH_ALGORITHMS = ("ed25519", "ecdsa-p256", "ecdsa-p384")


def _one_of(*words: str) -> Any:  # noqa: ANN401 - a field's default, of the field's type
    return field(metadata={"words": words})


def _some_of(*words: str) -> Any:  # noqa: ANN401 - as above
    return field(metadata={"words": words})


@dataclass(frozen=True, slots=True, kw_only=True)
class RootProfile:
    """The root: it certifies authorities and nothing else."""

    name: str
    key: str = _one_of("ecdsa-p256", "ecdsa-p384")
    lifetime_days: int
    list_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityProfile:
    """An authority below the root.

    `dns` is the part before `.<plan>.internal` below which it may name hosts; empty
    where it names none.  `limits_uri` is false where strongSwan must take the chain.
    """

    name: str
    key: str = _one_of(*ALGORITHMS)
    lifetime_days: int
    list_days: int
    dns: str
    limits_uri: bool
    uses: tuple[str, ...] = _some_of(*USES)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossProfile:
    """The recognition of another organ's authority."""

    name: str
    keys: tuple[str, ...] = _some_of(*ALGORITHMS)
    lifetime_days: int
    policy: str
    uses: tuple[str, ...] = _some_of(*USES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafProfile:
    """A certificate for a gateway, a service or a post."""

    name: str
    authority: str
    keys: tuple[str, ...] = _some_of(*ALGORITHMS)
    lifetime_days: int
    grace_days: int
    policy: str
    names_host: bool
    names_pair: bool
    numbered: bool
    renews_itself: bool
    uses: tuple[str, ...] = _some_of(*USES)

    @property
    def policy_oid(self) -> str:
        """The whole object identifier of the certificate policy."""
        return f"{ROLE_ARC}.{self.policy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponderProfile:
    """The certificate with which an authority's OCSP responder signs."""

    name: str
    key: str = _one_of(*ALGORITHMS)
    lifetime_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SshProfile:
    """A certificate for a host or an administrator, in SSH's own form."""

    name: str
    key: str = _one_of(*ALGORITHMS)
    keys: tuple[str, ...] = _some_of(*_SSH_ALGORITHMS)
    certifies: str = _one_of("host", "user")
    lifetime_days: int
    permits: tuple[str, ...] = _some_of("permit-pty", "permit-port-forwarding")


_KINDS: Mapping[str, type[Any]] = {
    "root": RootProfile,
    "authority": AuthorityProfile,
    "cross": CrossProfile,
    "certificate": LeafProfile,
    "responder": ResponderProfile,
    "ssh": SshProfile,
}

_P = TypeVar("_P")


@dataclass(frozen=True)
class Profiles:
    """Every profile of a folder, by name."""

    by_name: Mapping[str, object]

    @cached_property
    def root(self) -> RootProfile:
        """The one profile of a root."""
        (root,) = self._of(RootProfile)
        return root

    @cached_property
    def responder(self) -> ResponderProfile:
        """The one profile of OCSP responders."""
        (responder,) = self._of(ResponderProfile)
        return responder

    @cached_property
    def authorities(self) -> tuple[AuthorityProfile, ...]:
        """The authorities below the root."""
        return tuple(self._of(AuthorityProfile))

    @cached_property
    def leaves(self) -> tuple[LeafProfile, ...]:
        """What the authorities issue."""
        return tuple(self._of(LeafProfile))

    @cached_property
    def ssh(self) -> tuple[SshProfile, ...]:
        """What is issued in SSH's own form; each has an authority of its own."""
        return tuple(self._of(SshProfile))

    @cached_property
    def cross(self) -> CrossProfile:
        """How the province's authority is recognised."""
        (cross,) = self._of(CrossProfile)
        return cross

    def get(self, name: str, kind: type[_P]) -> _P:
        """Give a profile by its name.

        Raises:
            PkiRefused: there is none of that name and kind.
        """
        found = self.by_name.get(name)
        if not isinstance(found, kind):
            known = ", ".join(n for n, p in sorted(self.by_name.items()) if isinstance(p, kind))
            raise PkiRefused(Code.ZP024, name=name, known=known)
        return found

    def below(self, authority: str) -> tuple[LeafProfile, ...]:
        """Give what one authority issues."""
        return tuple(leaf for leaf in self.leaves if leaf.authority == authority)

    def _of(self, kind: type[_P]) -> Iterator[_P]:
        return (p for p in self.by_name.values() if isinstance(p, kind))


def load_profiles(folder: Path = PACKAGED) -> Profiles:
    """Read every profile of a folder.

    Raises:
        PkiRefused: one has a word that we do not know, lacks one, or contradicts another.
    """
    found: dict[str, object] = {}
    for file in sorted(folder.glob("*.yml")):
        found[file.stem] = _Reader(file).profile()
    profiles = Profiles(found)
    for kind, word in (
        (RootProfile, "root"),
        (ResponderProfile, "responder"),
        (CrossProfile, "cross"),
    ):
        if sum(isinstance(p, kind) for p in found.values()) != 1:
            raise PkiRefused(Code.ZP026, folder=folder, kind=word)
    _check_leaves(folder, profiles)
    return profiles


def _check_leaves(folder: Path, profiles: Profiles) -> None:
    known = {authority.name for authority in profiles.authorities}
    policies: set[str] = {profiles.cross.policy}
    for leaf in profiles.leaves:
        file = folder / f"{leaf.name}.yml"
        if leaf.authority not in known:
            wanted = ", ".join(sorted(known))
            raise PkiRefused(Code.ZP022, where=file, word="authority", wanted=wanted)
        # Two kinds with one policy could not be told apart afterwards.
        if leaf.policy in policies:
            raise PkiRefused(Code.ZP022, where=file, word="policy", wanted="a number of its own")
        policies.add(leaf.policy)


class _Reader:
    """Reads one file, and names its line where something is wrong."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def profile(self) -> object:
        fields = dict(self._entries())
        kind_node = fields.pop("profile", None)
        if kind_node is None:
            raise PkiRefused(Code.ZP021, where=f"{self._file}:1", word="profile")
        kind = _KINDS.get(str(kind_node.value))
        if kind is None:
            raise self._wrong(kind_node, "profile", ", ".join(_KINDS))
        declared = {f.name: f for f in dataclasses.fields(kind) if f.name != "name"}
        for word, node in fields.items():
            if word not in declared:
                where, known = self._where(node), ", ".join(declared)
                raise PkiRefused(Code.ZP020, where=where, word=word, known=known)
        for word in declared:
            if word not in fields:
                raise PkiRefused(Code.ZP021, where=f"{self._file}:1", word=word)
        values = {word: self._value(declared[word], node) for word, node in fields.items()}
        return cast("object", kind(name=self._file.stem, **values))

    def _entries(self) -> Iterator[tuple[str, yaml.Node]]:
        try:
            top = yaml.compose(read_file(self._file).decode())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            said = " ".join(str(error).split())
            raise PkiRefused(Code.ZP023, where=self._file, error=said) from error
        if not isinstance(top, yaml.MappingNode):
            raise PkiRefused(Code.ZP023, where=f"{self._file}:1", error="-")
        seen: set[str] = set()
        for key, value in top.value:
            word = str(key.value)
            if word in seen:
                raise PkiRefused(Code.ZP025, where=self._where(key), word=word)
            seen.add(word)
            yield word, value

    def _value(self, declared: "dataclasses.Field[Any]", node: yaml.Node) -> object:
        words: tuple[str, ...] | None = declared.metadata.get("words")
        if declared.type is int:
            return self._days(declared.name, node)
        if declared.type is bool:
            if node.tag != "tag:yaml.org,2002:bool" or node.value not in {"true", "false"}:
                raise self._wrong(node, declared.name, "true, false")
            return bool(node.value == "true")
        if declared.type is str:
            return self._text(declared.name, node, words)
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, declared.name, f"[{', '.join(words or ())}]")
        return tuple(self._text(declared.name, item, words) for item in node.value)

    def _days(self, word: str, node: yaml.Node) -> int:
        text = str(node.value)
        if node.tag != "tag:yaml.org,2002:int" or not text.isdecimal() or int(text) > _MOST_DAYS:
            raise self._wrong(node, word, f"0 … {_MOST_DAYS}")
        if int(text) == 0 and word != "grace_days":
            raise self._wrong(node, word, f"1 … {_MOST_DAYS}")
        return int(text)

    def _text(self, word: str, node: yaml.Node, words: tuple[str, ...] | None) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            raise self._wrong(node, word, ", ".join(words or ("text",)))
        if words is not None and node.value not in words:
            raise self._wrong(node, word, ", ".join(words))
        return str(node.value)

    def _wrong(self, node: yaml.Node, word: str, wanted: str) -> PkiRefused:
        return PkiRefused(Code.ZP022, where=self._where(node), word=word, wanted=wanted)

    def _where(self, node: yaml.Node) -> str:
        return f"{self._file}:{node.start_mark.line + 1}"
