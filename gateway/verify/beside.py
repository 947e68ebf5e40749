"""What decides about packets beside nftables, in the network namespace it runs in.

Each thing is looked at apart.  What cannot be looked at is itself a finding:
where nothing was seen, nothing is proven.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from gateway.errors import Problem, problem
from gateway.policy.model import Plan
from gateway.policy.topology import GatewaySlice
from gateway.verify import bpf, conntrack, open_flows
from gateway.verify.expected import interfaces

#: Files that a kernel with the old filters has; each names the tables in use.
_LEGACY_TABLES = {
    "iptables": "/proc/thread-self/net/ip_tables_names",
    "ip6tables": "/proc/thread-self/net/ip6_tables_names",
    "arptables": "/proc/thread-self/net/arp_tables_names",
}
_MODULES: Final = Path("/proc/modules")
_BRIDGE_TABLES: Final = "ebtable_"

#: Queueing disciplines that only queue: they have no filters that judge.
_PLAIN_QUEUES = frozenset(
    {"noqueue", "noop", "pfifo_fast", "pfifo", "bfifo", "fq", "fq_codel", "mq", "codel", "cake"}
)

_FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")

_Look = Callable[[], Iterable[Problem]]


def find_beside(
    part: GatewaySlice, plan: Plan, *, in_force: bool, daemon: Path | None = None
) -> list[Problem]:
    """Give everything beside nftables that a gateway must not have.

    Args:
        part: the gateway's slice.
        plan: the plan it comes from.
        in_force: whether some policy is loaded, so that packets may be forwarded.
        daemon: strongSwan's socket; None where the links are not to be looked at.
    """
    looks: dict[str, _Look] = {
        "iptables, arptables, ebtables": _legacy_tables,
        "interfaces, XDP": lambda: _links(part),
        "tc": _queues,
        "BPF": _programs,
        "ip rule": _rules,
        "ip route": lambda: _routes(part),
        "sysctl": lambda: () if in_force else _forwarding(),
        "conntrack": lambda: _flows(part, plan),
        "IPsec": lambda: _ipsec(part, plan, daemon),
    }
    if daemon is not None:
        looks["strongSwan"] = lambda: _strongswan(part, plan, daemon)
    return [found for what, look in looks.items() for found in _tried(what, look)]


def _tried(what: str, look: _Look) -> list[Problem]:
    """Look, or say that it could not be looked at."""
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - whatever a host's libraries raise, it was not seen
        return [problem("ZG639", what=what, error=f"{type(error).__name__}: {error}")]


def _legacy_tables() -> Iterable[Problem]:
    for what, name in _LEGACY_TABLES.items():
        path = Path(name)
        tables = path.read_text().split() if path.exists() else []
        if tables:
            yield problem("ZG630", what=what, tables=", ".join(sorted(tables)))
    modules = _MODULES.read_text().splitlines() if _MODULES.exists() else []
    bridge = [line.split()[0] for line in modules if line.startswith(_BRIDGE_TABLES)]
    if bridge:
        yield problem("ZG630", what="ebtables", tables=", ".join(sorted(bridge)))


def _links(part: GatewaySlice) -> Iterable[Problem]:
    from gateway.verify import host  # noqa: PLC0415 - pyroute2 is heavy

    ours = interfaces(part)
    for link in host.links():
        if link.xdp:
            yield problem("ZG632", interface=link.name, what=link.xdp)
        if link.master and link.name in ours:
            yield problem("ZG636", interface=link.name, master=link.master)


def _queues() -> Iterable[Problem]:
    from gateway.verify import host  # noqa: PLC0415 - as above

    for queue in host.queues():
        if queue.kind not in _PLAIN_QUEUES:
            yield problem("ZG631", interface=queue.interface, what=queue.kind)


def _programs() -> Iterable[Problem]:
    from gateway.verify import host  # noqa: PLC0415 - as above

    names = {link.index: link.name for link in host.links()}
    for program in bpf.attached():
        where = names.get(program.interface, "")
        yield problem("ZG633", what=f"{program.what} {where}".rstrip())


def _rules() -> Iterable[Problem]:
    from gateway.verify import host  # noqa: PLC0415 - as above

    return [problem("ZG634", rule=rule) for rule in host.strange_rules()]


def _routes(part: GatewaySlice) -> Iterable[Problem]:
    from gateway.verify import host, routes  # noqa: PLC0415 - as above

    return routes.wrong_routes(part, host.routes())


def _strongswan(part: GatewaySlice, plan: Plan, daemon: Path) -> Iterable[Problem]:
    from gateway.verify import links  # noqa: PLC0415 - it reads certificates

    return links.find_in_links(plan, part.gateway, daemon)


def _ipsec(part: GatewaySlice, plan: Plan, daemon: Path | None) -> Iterable[Problem]:
    from gateway.verify import host, ipsec  # noqa: PLC0415 - as above

    return ipsec.find_in_kernel(plan, part.gateway, daemon, host.links())


def _forwarding() -> Iterable[Problem]:
    for setting in _FORWARDING:
        if (Path("/proc/sys") / setting).read_text().strip() != "0":
            yield problem("ZG637", setting=setting.replace("/", "."))


def _flows(part: GatewaySlice, plan: Plan) -> Iterable[Problem]:
    return open_flows.forbidden_flows(plan, part, conntrack.tracked_flows())
