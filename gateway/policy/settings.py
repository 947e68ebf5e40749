"""What protects beside the flows: ceilings, networks, gateways, labels, expectations, waivers.

Each is a line that a reader can judge, about addresses and not about names,
so that a renamed plan has the same lines.  Two plans that let the same flows
pass and differ here are not the same plan.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from gateway.policy.host_settings import HOST_SETTINGS, HostKind
from gateway.policy.model import Expectation, Plan, SettingWaiver, Site, Zone

_HOSTS = {
    HostKind.GATEWAYS: "网关 gateways",
    HostKind.APPLICATIONS: "应用主机 applications' hosts",
    HostKind.MONITORING: "监控主机 monitoring hosts",
}


def settings(plan: Plan) -> frozenset[str]:
    """Give every setting of a plan as a line."""
    return frozenset(
        (
            *_whole(plan),
            *(_zone(zone) for zone in plan.zones.values()),
            *(_site(plan, site) for site in plan.sites.values()),
            *_labels(plan),
            *(_expectation(plan, one) for one in plan.expectations),
            *waivers(plan),
        )
    )


def waivers(plan: Plan) -> frozenset[str]:
    """Give every waiver of a plan as a line: what is waived, where, until when and why."""
    checks = (
        f"豁免 waiver: {waiver.code} {waiver.subject} {waiver.until}: {waiver.reason}"
        for waiver in plan.waivers
    )
    return frozenset((*checks, *(_setting_waiver(plan, one) for one in plan.setting_waivers)))


def _setting_waiver(plan: Plan, waiver: SettingWaiver) -> str:
    zh, en = HOST_SETTINGS[waiver.setting]
    hosts = ", ".join(_HOSTS[HostKind(kind)] for kind in waiver.hosts)
    return (
        f"豁免 waiver: 主机设置“{zh}” setting {waiver.setting} ({en}),"
        f" {_sites(plan, waiver.sites)}, {hosts}, 至 until {waiver.until}: {waiver.reason}"
    )


def _sites(plan: Plan, names: Iterable[str]) -> str:
    """Write sites by their titles and addresses, or as all there are."""
    sites = [plan.sites[name] for name in names]
    if len(sites) == len(plan.sites):
        return "全部站点 at every site"
    titles = ", ".join(site.title for site in sites)
    zones = (plan.zones[name] for site in sites for name in site.zones)
    return f"站点 at {titles} ({_addresses(zones)})"


def _whole(plan: Plan) -> Iterator[str]:
    yield f"规划 plan: 上限 ceiling {plan.ceiling}"
    yield f"链路 links: 吊销列表宽限 grace of revocations {plan.links.grace_hours} h"
    if plan.links.post_quantum:
        yield "链路 links: 另以 ML-KEM-768 协商密钥 with ML-KEM-768 too"
    if plan.commissioning_approval is not None:
        yield f"规划 plan: 批准文号 approval {plan.commissioning_approval}"


def _zone(zone: Zone) -> str:
    return f"{_addresses([zone])}: 上限 ceiling {zone.ceiling}, 网络 network {zone.network}"


def _site(plan: Plan, site: Site) -> str:
    """Say who runs the gateway, what it stands before and what it is linked through."""
    here = _addresses(plan.zones[name] for name in site.zones)
    hub = plan.sites[site.hub] if site.hub else None
    through = _addresses(plan.zones[name] for name in hub.zones).split()[0] if hub else "-"
    gateway = "我方 ours" if site.managed else "对方 theirs"
    pair = ", 双机 a pair" if site.is_pair else ""
    return f"{here}: 网关 gateway {gateway}{pair}, 经由 through {through}"


def _labels(plan: Plan) -> Iterator[str]:
    for conduit in plan.conduits:
        ends = (plan.zones[conduit.source], plan.zones[conduit.destination])
        way = " → ".join(_addresses([zone]) for zone in ends)
        yield f"{way}: 标记 label {conduit.label}"


def _expectation(plan: Plan, expectation: Expectation) -> str:
    """Say an expectation by how many pairs it is about, and by a digest of which; they are many."""
    pairs = sorted(
        " → ".join(_addresses([plan.zones[name]]) for name in pair) for pair in expectation.pairs
    )
    digest = sha256("\n".join(pairs).encode()).hexdigest()[:16]
    ports = ", ".join(sorted({str(p) for service in expectation.services for p in service.ports}))
    must = "应准许 must allow" if expectation.allow else "应拒绝 must deny"
    return f"期望 expectation: {must} {ports}: {len(pairs)} 对 pairs, sha256 {digest}"


def _addresses(zones: Iterable[Zone]) -> str:
    """Write zones by their addresses, in order of address."""
    ranges = sorted(
        (network for zone in zones for network in zone.ranges),
        key=lambda n: (n.version, int(n.network_address), n.prefixlen),
    )
    return " ".join(map(str, ranges))
