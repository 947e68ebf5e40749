"""What a name may look like, and the short form that machines take.

A name may be Chinese or English.  What could be mistaken for another name is
refused: it is read by people before they sign.
"""

import hashlib
import re
import unicodedata

#: The kernel's IFNAMSIZ less its closing zero, in bytes.
LONGEST_INTERFACE_BYTES = 15

#: The interface that all links of a host share whose kernel has none of its own for each.
SHARED_LINK = "ipsec0"

#: The interface of the cable between the two gateways of a site, at both of them.
HEARTBEAT = "heartbeat"

#: nftables keeps at most 128 bytes of comment; a name stands in one.
LONGEST_NAME_BYTES = 60

#: What the inventory's groups begin with that are there for another reason than a site.
KIND_GROUP, TIER_GROUP = "kind_", "tier_"

#: The gateways that an upgrade comes to first.
CANARY_GROUP = "canary"

#: And those that are called otherwise.
_OTHER_GROUPS = frozenset(
    {
        "all",
        "applications",
        CANARY_GROUP,
        "gateways",
        "logs",
        "monitoring",
        "time",
        "ungrouped",
        "watchdog",
    }
)

_NAME = re.compile(r"[a-z0-9㐀-䶿一-鿿][a-z0-9_\-㐀-䶿一-鿿]*")
_RESERVED_INTERFACES = frozenset({"lo", "all", "default", SHARED_LINK, HEARTBEAT})
_NO_GROUP = re.compile(r"[^a-z0-9_]")
_LOOK_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "_": "-"})


def is_name(text: str) -> bool:
    """Tell whether the text may be a name: lower-case a-z, digits, `-`, `_`, Han.

    Han means the CJK unified ideographs; compatibility forms, full-width
    letters, control characters and other scripts are not names.
    """
    return (
        _NAME.fullmatch(text) is not None
        and unicodedata.normalize("NFKC", text) == text
        and len(text.encode()) <= LONGEST_NAME_BYTES
    )


def skeleton(name: str) -> str:
    """Give what a reader sees at a glance; two names must not share it.

    After the idea of UTS 39's skeletons, for the few characters names have.
    """
    return name.translate(_LOOK_ALIKE).replace("rn", "m").replace("vv", "w")


def interface_name(name: str) -> str:
    """Give the interface that carries this name: itself where it fits, else a hash."""
    if name.isascii() and len(name) <= LONGEST_INTERFACE_BYTES and _usable(name):
        return name
    return "x" + _hash(name)


def line_name(site: str) -> str:
    """Give the interface of the line to a site; the link over it is called as the site is."""
    name = f"l-{site}"
    fits = name.isascii() and len(name) <= LONGEST_INTERFACE_BYTES
    return name if fits else "lx" + _hash(site)


def identifier(name: str) -> str:
    """Give a name that nftables takes, `.` allowed: itself where it can be, else a hash."""
    return ".".join(part if part.isascii() else "x" + _hash(part) for part in name.split("."))


def gateway_host(site: str, number: int = 1) -> str:
    """Give the host that is a site's gateway, as in `huichuan-gw`; a host takes no `_` in its name.

    The second of a pair is called as in `city-gw-2`.  No two sites become one by this: names
    that differ only so look alike, and are refused.
    """
    first = f"{identifier(site).replace('_', '-')}-gw"
    return first if number == 1 else f"{first}-{number}"


def gateway_identity(plan: str, site: str) -> str:
    """Give how a site's gateway is called in its certificate: a name of the private tree.

    Both gateways of a pair show this name, and the second one has its own beside it.
    `internal` is reserved for names that stay inside (ICANN resolution of 29 July 2024).
    """
    return f"{gateway_host(site)}.gw.{plan_label(plan)}.internal"


def enrolment_server(plan: str) -> str:
    """Give how the server is called that renews certificates, in its own."""
    return service_name(plan, "est")


def gate_host(plan: str, zone: str) -> str:
    """Give the name by which a zone's services are asked for where requests are judged.

    It is one label below the domain of services: its certificate is of their authority.
    """
    return service_name(plan, zone_label(zone))


def zone_label(zone: str) -> str:
    """Give a zone as one label of a name, the site last, as in `monitoring-city`."""
    site, _, short = zone.partition(".")
    return "-".join(identifier(part).replace("_", "-") for part in (short, site))


def host_label(host: str) -> str:
    """Give a host of ours as one label: a gateway as it is, a zone's host as its zone."""
    return zone_label(host) if "." in host else host


def service_name(plan: str, label: str) -> str:
    """Give a name below the domain of services, whose authority certifies it."""
    return f"{label}.svc.{plan_label(plan)}.internal"


def gateway_client(plan: str, site: str, number: int = 1) -> str:
    """Give how a site's gateway is called where it connects to an application, in its certificate.

    It is of the authority of services: what answers an application is no end of a link.
    """
    return service_name(plan, gateway_host(site, number))


def plan_label(plan: str) -> str:
    """Give how a plan is called in names of hosts, and to its authorities: a host takes no `_`."""
    return identifier(plan).replace("_", "-")


def kind_group(kind: str) -> str:
    """Give the inventory's group of all gateways of a kind of site."""
    return KIND_GROUP + _NO_GROUP.sub("_", identifier(kind))


def site_group(site: str) -> str:
    """Give the inventory's group of a site and all below it, by Ansible's rules for names."""
    name = _NO_GROUP.sub("_", identifier(site))
    taken = name in _OTHER_GROUPS or name.startswith((KIND_GROUP, TIER_GROUP)) or name[0].isdigit()
    return f"site_{name}" if taken else name


def _usable(name: str) -> bool:
    return name not in _RESERVED_INTERFACES


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]
