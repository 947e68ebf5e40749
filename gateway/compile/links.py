"""A gateway's links as strongSwan's connections, in the words of swanctl.conf.

Which site may meet which is the tree of sites; what may pass a link in the end
is the ruleset's to say, so a link carries what goes to and from the lower site
and the sites below it, and nothing else.  The lower site begins and begins
again; a hub waits, so that no link is made twice.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, collapse_addresses

from gateway.artefacts import LinkConfiguration
from gateway.policy.lines import Line, lines_of
from gateway.policy.model import Network, Plan
from gateway.policy.names import gateway_identity, identifier
from gateway.policy.wiring import ranges_below

#: No link is agreed with less: RFC 8247, RFC 5903.
_IKE = "aes256gcm16-prfsha384-ecp384"
_ESP = "aes256gcm16-ecp384"

#: An additional key exchange (RFC 9370), where the plan asks for it.
_POST_QUANTUM = "-ke1_mlkem768"

_EVERYWHERE = ("0.0.0.0/0", "::/0")

#: Where a gateway has what it was given; the names are those of swanctl.
_CREDENTIALS = "/etc/swanctl"

#: How a setting is written that has others inside.
_INDENT = "  "

_Settings = Mapping[str, "str | _Settings"]


def compile_links(plan: Plan, site: str, *, in_grace: bool = False) -> LinkConfiguration:
    """Compile the connections of one site's gateway, ours or another's.

    `in_grace`: whether a list of revocations that has run out still counts, for the
    plan gives it some hours more.  Who stands on it is refused all the same.
    """
    revocation = "relaxed" if in_grace else "strict"
    connections = {
        identifier(line.neighbour): _connection(plan, site, line, revocation)
        for line in lines_of(plan, site)
    }
    return LinkConfiguration(site, "\n".join([*_lines({"connections": connections}), ""]))


def _connection(plan: Plan, site: str, line: Line, revocation: str) -> _Settings:
    lower = site if line.is_up else line.neighbour
    more = _POST_QUANTUM if plan.links.post_quantum else ""
    ranges = selectors(plan, lower)
    below = ", ".join(map(str, ranges))
    above = ", ".join(_beside(ranges) if plan.shares_link else _EVERYWHERE)
    number = (
        {} if plan.shares_link else {"if_id_in": str(line.number), "if_id_out": str(line.number)}
    )
    child = {
        "local_ts": below if line.is_up else above,
        "remote_ts": above if line.is_up else below,
        "esp_proposals": _ESP + more,
        "mode": "tunnel",
        "rekey_time": "1h",
        "dpd_action": "restart" if line.is_up else "clear",
        "close_action": "trap|start" if line.is_up else "none",
        "start_action": "trap|start" if line.is_up else "none",
        **number,
    }
    return {
        "version": "2",
        "local_addrs": str(line.own),
        "remote_addrs": str(line.far),
        "proposals": _IKE + more,
        "encap": "yes",
        "mobike": "no",
        "unique": "replace",
        "keyingtries": "0",
        "dpd_delay": "5s",
        "rekey_time": "4h",
        # No certificate is named here: it would be shown for as long as the connection is loaded,
        # also when there is a renewed one. strongSwan takes the one of this name that it has.
        "local": {
            "auth": "pubkey",
            "id": gateway_identity(plan.name, site),
        },
        "remote": {
            # Without a strength and a digest, it would take RSA with 1024 bits as well.
            "auth": "ecdsa-384-sha384",
            "id": gateway_identity(plan.name, line.neighbour),
            "cacerts": f"{_CREDENTIALS}/x509ca/links.pem",
            "revocation": revocation,
        },
        "children": {identifier(line.neighbour): child},
    }


def selectors(plan: Plan, site: str) -> list[Network]:
    """Give the addresses of a site and of all sites below it, in as few networks as there are."""
    ranges = list(ranges_below(plan, site))
    found: list[Network] = []
    found += collapse_addresses(r for r in ranges if r.version == 4)  # noqa: PLR2004 - IPv4
    found += collapse_addresses(r for r in ranges if r.version == 6)  # noqa: PLR2004 - IPv6
    return found


def _beside(ranges: Iterable[Network]) -> Iterator[str]:
    """Give all addresses but those of some networks, as ranges.

    Where links share an interface, selectors alone lead a packet to its link,
    so that those of two links must not overlap.
    """
    for family, last in ((IPv4Address, 2**32 - 1), (IPv6Address, 2**128 - 1)):
        free = 0
        for network in sorted(r for r in ranges if isinstance(r.network_address, family)):
            if int(network.network_address) > free:
                yield f"{family(free)}-{network.network_address - 1}"
            free = int(network.broadcast_address) + 1
        if free <= last:
            yield f"{family(free)}-{family(last)}"


def _lines(settings: _Settings, depth: int = 0) -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, str):
            yield f"{_INDENT * depth}{name} = {value}"
            continue
        yield f"{_INDENT * depth}{name} {{"
        yield from _lines(value, depth + 1)
        yield f"{_INDENT * depth}}}"
