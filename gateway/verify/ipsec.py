"""What the kernel encrypts, and for whom, beside the links that the plan asks for.

strongSwan says what it has told the kernel; here the kernel says what it does.
A policy or a state that is of no link lets packets by that nobody signed, or
keeps back what was signed, and strongSwan knows nothing of it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from gateway.errors import Problem, problem
from gateway.policy.model import Plan
from gateway.policy.topology import link_interface
from gateway.verify import links, xfrm
from gateway.verify.host import Link
from gateway.vici import Section, Vici

#: AES-256-GCM: the key with its salt, and a tag of 16 bytes.
_ALGORITHM = "rfc4106(gcm(aes)) 288 128"

_INTERFACE_KIND = "xfrm"

#: strongSwan has made one of an association before it says so, or unmade it after: it is asked
#: before and after, and what differs even so is looked at again.
_LOOKS = 5
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Child:
    """What strongSwan says of one pair of states: their numbers, and what is between them."""

    link: str
    spis: frozenset[str]
    is_installed: bool
    local: tuple[str, ...]
    remote: tuple[str, ...]


def find_in_kernel(
    plan: Plan, site: str, daemon: Path | None, interfaces: Iterable[Link]
) -> list[Problem]:
    """Give everything in the kernel's IPsec that the plan does not ask for, or asks for otherwise.

    Where strongSwan's own program encrypts, or there is none, the kernel holds nothing.

    Raises:
        ViciRefused: strongSwan cannot be asked.
        OSError: the kernel does not say.
    """
    encrypts = daemon is not None and not plan.shares_link
    wanted = {one.name: one for one in links.wanted_links(plan, site)} if encrypts else {}
    try:
        found = _looked(wanted, daemon if wanted else None)
    except OSError as fault:
        if wanted or not xfrm.is_absent(fault):
            raise
        found = []
    return [*found, *_interfaces(plan, wanted, interfaces)]


def _looked(wanted: Mapping[str, links.Wanted], daemon: Path | None) -> list[Problem]:
    found: list[Problem] = []
    for look in range(_LOOKS):
        time.sleep(_LOOK_SECONDS if look else 0)
        before = _children(daemon)
        policies, states = xfrm.policies(), xfrm.states()
        after = _children(daemon)
        stayed = [child for child in after if child in before and child.is_installed]
        known = frozenset(spi for child in (*before, *after) for spi in child.spis)
        again = [
            *_foreign_policies(wanted, policies),
            *_foreign_states(wanted, known, states),
            *_missing_policies(wanted, stayed, policies),
        ]
        # What was found once and is gone was about to go, or to come.
        found = [each for each in again if each in found] if look else again
        if not found:
            break
    return found


def _children(daemon: Path | None) -> list[_Child]:
    if daemon is None:
        return []
    with Vici(daemon) as vici:
        told = vici.stream("list-sas", "list-sa")
    return [
        _child(name, child)
        for section in told
        for name, association in section.items()
        for child in _inner(association).values()
        if isinstance(child, dict)
    ]


def _inner(association: object) -> Section:
    children = association.get("child-sas", {}) if isinstance(association, dict) else {}
    return children if isinstance(children, dict) else {}


def _child(link: str, child: Section) -> _Child:
    return _Child(
        link=link,
        spis=frozenset(str(child[key]) for key in ("spi-in", "spi-out") if key in child),
        is_installed=child.get("state") == "INSTALLED",
        local=_texts(child.get("local-ts")),
        remote=_texts(child.get("remote-ts")),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _foreign_policies(
    wanted: Mapping[str, links.Wanted], policies: Iterable[xfrm.Policy]
) -> Iterator[Problem]:
    by_number = {one.number: one for one in wanted.values()}
    for policy in policies:
        one = by_number.get(policy.number)
        if one is None or not _is_of(one, policy):
            yield problem("ZG646", policy=_policy_words(policy))


def _is_of(one: links.Wanted, policy: xfrm.Policy) -> bool:
    """Tell whether a policy is a link's: no wider, and for no other end."""
    away = policy.direction == "out"
    here, there = (one.own, one.far) if away else (one.far, one.own)
    template = xfrm.Template(here, there, "esp", "tunnel", is_required=True)
    inner, outer = (one.local, one.remote) if away else (one.remote, one.local)
    return (
        policy.allows
        and policy.is_whole
        and policy.templates == (template,)
        and links.inside([_range(policy.source)], inner)
        and links.inside([_range(policy.destination)], outer)
    )


def _foreign_states(
    wanted: Mapping[str, links.Wanted], known: frozenset[str], states: Iterable[xfrm.State]
) -> Iterator[Problem]:
    by_number = {one.number: one for one in wanted.values()}
    for state in states:
        if state.protocol == "esp" and not state.algorithm:
            continue  # asked for and not agreed yet: it encrypts nothing
        one = by_number.get(state.number)
        if one is None or state.spi not in known or not _belongs(one, state):
            yield problem("ZG647", state=_state_words(state))


def _belongs(one: links.Wanted, state: xfrm.State) -> bool:
    return (
        {state.source, state.destination} == {one.own, one.far}
        and (state.protocol, state.mode) == ("esp", "tunnel")
        and state.algorithm == _ALGORITHM
        and state.in_udp
    )


def _missing_policies(
    wanted: Mapping[str, links.Wanted], children: Iterable[_Child], policies: Iterable[xfrm.Policy]
) -> Iterator[Problem]:
    """Give what an association was agreed for and the kernel does not use it for."""
    held = {
        (p.number, p.direction, _range(p.source), _range(p.destination))
        for p in policies
        if p.number
    }
    for child in children:
        number = wanted[child.link].number if child.link in wanted else 0
        local, remote = (list(map(links.range_of, side)) for side in (child.local, child.remote))
        pairs = [(a, b) for a in local for b in remote if a[0] == b[0]]
        ways = [("out", a, b) for a, b in pairs]
        ways += [(way, b, a) for way in ("in", "fwd") for a, b in pairs]
        missing = [way for way in ways if not _is_covered(held, number, way)]
        if missing and number:
            yield problem("ZG648", link=child.link, direction=missing[0][0], count=len(missing))


def _is_covered(
    held: Iterable[tuple[int, str, links.Range, links.Range]],
    number: int,
    way: tuple[str, links.Range, links.Range],
) -> bool:
    direction, source, destination = way
    return any(
        (n, d) == (number, direction)
        and links.inside([source], (a,))
        and links.inside([destination], (b,))
        for n, d, a, b in held
    )


def _interfaces(
    plan: Plan, wanted: Mapping[str, links.Wanted], interfaces: Iterable[Link]
) -> Iterator[Problem]:
    """Compare what links come out of: another thing of that name would take their packets."""
    there = {link.name: link for link in interfaces}
    for one in wanted.values():
        link = there.get(link_interface(plan, one.site))
        if link is not None and (link.kind, link.number) != (_INTERFACE_KIND, one.number):
            found = f"{link.kind or '?'} {link.number}"
            yield problem(
                "ZG649", interface=link.name, found=found, wanted=f"{_INTERFACE_KIND} {one.number}"
            )


def _range(network: IPv4Network | IPv6Network) -> links.Range:
    return network.version, int(network.network_address), int(network.broadcast_address)


def _policy_words(policy: xfrm.Policy) -> str:
    ways = " ".join(f"{t.protocol} {t.mode} {t.source} {t.destination}" for t in policy.templates)
    verdict = "allow" if policy.allows else "block"
    words = f"{policy.direction} {policy.source} {policy.destination} if_id {policy.number}"
    return f"{words} {verdict} {ways}".rstrip()


def _state_words(state: xfrm.State) -> str:
    return (
        f"{state.source} {state.destination} {state.protocol} {state.spi} {state.mode}"
        f" if_id {state.number} {state.algorithm}"
    ).rstrip()
