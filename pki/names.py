"""Names in certificates: who is meant, and below which names an authority may issue.

A host is known by one label, such as `huichuan-gw`; a post by its title.
"""

import re
import unicodedata
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki.errors import Code, PkiRefused
from pki.profiles import AuthorityProfile, LeafProfile

#: X.520's bound for a common name; DNS has 63 octets for a label.
LONGEST_NAME = 64
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

#: Control and format characters, surrogates, private use, line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

#: A name below which there is none (RFC 2606): to permit it alone is to permit nothing.
NOWHERE = "nowhere.invalid"

#: How the second gateway of a pair is called: as the first, and this.
_SECOND = re.compile(r"(?P<first>.+-gw)-2")

_AUTHORITIES_UNIT = "authorities"


@dataclass(frozen=True, slots=True)
class Realm:
    """Whose authorities these are: the plan's name and the organ that keeps them."""

    plan: str
    organ: str

    def check(self) -> None:
        """Return nothing, or raise.

        Raises:
            PkiRefused: the plan or the organ cannot stand in a certificate.
        """
        host_label(self.plan)
        check_text(self.organ)

    def authority(self, name: str) -> x509.Name:
        """Give the name of an authority itself; no authority's subtree holds it."""
        return self._subject(_AUTHORITIES_UNIT, f"{self.plan} {name} authority", None)

    def subject(self, unit: str, name: str, number: str | None) -> x509.Name:
        """Give the subject of what the authority `unit` issues."""
        return self._subject(unit, name, number)

    def subtree(self, unit: str) -> x509.Name:
        """Give the name below which the authority `unit` issues."""
        return x509.Name(self._stem(unit))

    def domain(self, authority: AuthorityProfile) -> str:
        """Give the domain below which an authority names hosts, or NOWHERE."""
        return f"{authority.dns}.{self.plan}.internal" if authority.dns else NOWHERE

    def _subject(self, unit: str, name: str, number: str | None) -> x509.Name:
        parts = [*self._stem(unit), x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if number is not None:
            parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, number))
        return x509.Name(parts)

    def _stem(self, unit: str) -> "list[x509.NameAttribute[str]]":
        return [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organ),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        ]


def host_label(name: str) -> str:
    """Give a host's name as DNS has it: an A-label where it is not ASCII.

    Raises:
        PkiRefused: it is not one label in small letters.
    """
    check_text(name)
    try:
        label = name if name.isascii() else name.encode("idna").decode()
        # What another spelling also gives would be two names for one host.
        same = name.isascii() or label.encode().decode("idna") == name
    except UnicodeError as error:
        raise PkiRefused(Code.ZP035, name=name) from error
    if not same or not _LABEL.fullmatch(label) or (name.isascii() and label.startswith("xn--")):
        raise PkiRefused(Code.ZP035, name=name)
    return label


def check_text(name: str) -> None:
    """Return nothing, or raise.

    Raises:
        PkiRefused: a reader would not see it as it is, or it is too long or empty.
    """
    hidden = "/" in name or any(unicodedata.category(c) in _HIDDEN for c in name)
    composed = unicodedata.normalize("NFC", name) == name
    if hidden or not composed or not name.strip() == name != "" or len(name) > LONGEST_NAME:
        raise PkiRefused(Code.ZP035, name=ascii(name))


def host_of(realm: Realm, authority: AuthorityProfile, leaf: LeafProfile, name: str) -> str | None:
    """Give the DNS name that a certificate carries; None for a post.

    Raises:
        PkiRefused: the name cannot be one.
    """
    if not leaf.names_host:
        check_text(name)
        return None
    return f"{host_label(name)}.{realm.domain(authority)}"


def hosts_of(
    realm: Realm, authority: AuthorityProfile, leaf: LeafProfile, name: str
) -> tuple[str, ...]:
    """Give the DNS names that a certificate carries: its own, and the one that a pair share.

    Raises:
        PkiRefused: the name cannot be one.
    """
    own = host_of(realm, authority, leaf, name)
    if own is None:
        return ()
    second = _SECOND.fullmatch(name) if leaf.names_pair else None
    if second is None:
        return (own,)
    return (own, f"{host_label(second['first'])}.{realm.domain(authority)}")


def common_name(name: x509.Name) -> str:
    """Give the one common name of a subject; empty where there is not one."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""
