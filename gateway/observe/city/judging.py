"""Join what was answered with the plan's sites, and judge; pure.

The plan says who is there.  What Prometheus knows of others is told as a
stranger, and what it does not know of somebody is unknown.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.observe.city.answers import AlertSaid, Answers
from gateway.observe.city.gateways import Told, is_heard, judge_gateway, told_of_each
from gateway.observe.city.sites import CitySites, WatchedSite
from gateway.observe.city.standing import Standing, worst
from gateway.observe.city.state import (
    CityState,
    Counts,
    Fact,
    GatewayState,
    GroupState,
    LinkState,
    SiteState,
)

#: It always fires; where it does not, nobody knows which others would (runbook Watchdog).
WATCHDOG = "Watchdog"

_STANDING_OF = {"urgent": Standing.URGENT, "warning": Standing.WARNING, "none": Standing.GOOD}
_MOST_STRANGERS = 5


def judge_city(city: CitySites, answers: Answers) -> CityState:
    """Judge the whole city by what was answered at one moment."""
    judge = _judge_of(city, answers)
    sites = [(site.group, judge.site(site)) for site in city.sites]
    groups = tuple(_groups(city, sites))
    facts = tuple(judge.city_facts())
    alerts = tuple(judge.alerts)
    every = [site for _, site in sites]
    loose = [_standing_of(each) for each in alerts if each.is_told]
    return CityState(
        plan=city.plan,
        title=city.title,
        exercise_only=city.exercise_only,
        at=answers.now,
        standing=worst([*(s.standing for s in every), *(f.standing for f in facts), *loose]),
        facts=facts,
        groups=groups,
        alerts=alerts,
        is_alerted=judge.is_alerted,
        counts=_counts(every, alerts, is_alerted=judge.is_alerted),
    )


def unknown_city(city: CitySites, at: float, missing: Mapping[str, str]) -> CityState:
    """Give the picture of a city of which nothing is known."""
    return judge_city(city, Answers(at, missing=missing))


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges site by site; `heard` is what is known of gateways that can be asked now."""

    city: CitySites
    answers: Answers
    told: Mapping[str, Told]
    heard: Mapping[str, Told]
    by_name: Mapping[str, WatchedSite]
    newest: float | None

    @property
    def alerts(self) -> list[AlertSaid]:
        """What fires but the watchdog, which says that alerting works."""
        return [each for each in self.answers.alerts or () if each.alert != WATCHDOG]

    @property
    def is_alerted(self) -> bool:
        """Whether the rules are evaluated, and what fires is known."""
        return any(each.alert == WATCHDOG for each in self.answers.alerts or ())

    def site(self, site: WatchedSite) -> SiteState:
        """Judge one site."""
        if not site.is_watched and site.hosts:
            return SiteState(site.name, site.title, Standing.APART, (), None, (), ())
        gateways = tuple(
            judge_gateway(host, self.told.get(host, Told()), self.answers.now, self.newest)
            for host in site.hosts
        )
        link = self._link(site)
        alerts = tuple(each for each in self.alerts if each.of in {site.name, site.link})
        facts = (*_link_facts(link, self._title(site.hub)), *_pair_facts(gateways))
        standings = (
            *(gateway.standing for gateway in gateways),
            *(fact.standing for fact in facts),
            *(_standing_of(each) for each in alerts if each.is_told),
        )
        standing = worst(standings, Standing.GOOD if link else Standing.APART)
        return SiteState(site.name, site.title, standing, gateways, link, facts, alerts)

    def _link(self, site: WatchedSite) -> LinkState | None:
        """Judge the link to the hub by its upper end, which can be asked also where it is cut."""
        if not site.hub:
            return None
        hub = self.by_name[site.hub]
        for hosts, name in ((hub.hosts, site.link), (site.hosts, hub.link)):
            ends = [self.heard[host] for host in hosts if host in self.heard]
            said = [(end.value("loushan_link_up", link=name), end) for end in ends]
            # Of a pair, the one that stands by has no link.
            for value, end in said:
                if value == 1:
                    since = end.value("loushan_link_established_timestamp_seconds", link=name)
                    return LinkState(site.name, site.hub, Standing.GOOD, since)
            is_said = any(value is not None for value, _ in said)
            if is_said and (len(ends) == len(hosts) or _has_active(ends)):
                return LinkState(site.name, site.hub, Standing.URGENT)
        return LinkState(site.name, site.hub, Standing.UNKNOWN)

    def _title(self, site: str) -> str:
        return self.by_name[site].title if site else ""

    def city_facts(self) -> Iterator[Fact]:
        """Say what is wrong with the picture itself."""
        for who, why in self.answers.missing.items():
            yield Fact(Standing.UNKNOWN, f"{who}_missing", {"why": why})
        if not self.is_alerted and "alertmanager" not in self.answers.missing:
            yield Fact(Standing.UNKNOWN, "watchdog_missing")
        known = {host for site in self.city.sites for host in site.hosts}
        strangers = sorted(h for h, told in self.told.items() if h not in known and told.is_asked)
        for name in strangers[:_MOST_STRANGERS]:
            yield Fact(Standing.WARNING, "stranger", {"name": name})


def _judge_of(city: CitySites, answers: Answers) -> _Judge:
    told = told_of_each(answers)
    ours = {host for site in city.sites for host in site.hosts}
    heard = {h: each for h, each in told.items() if h in ours and is_heard(each, answers.now)}
    revisions = [each.value("loushan_policy_revision") for each in heard.values()]
    return _Judge(
        city,
        answers,
        told,
        heard,
        {site.name: site for site in city.sites},
        max((each for each in revisions if each is not None), default=None),
    )


def _standing_of(alert: AlertSaid) -> Standing:
    """Give how an alert stands; one of an unknown severity is not taken lightly."""
    return _STANDING_OF.get(alert.severity, Standing.WARNING)


def _pair_facts(gateways: tuple[GatewayState, ...]) -> Iterator[Fact]:
    """Find a pair of which none is active, or both are; where both can be asked."""
    said = [gateway.active for gateway in gateways]
    if len(said) > 1 and None not in said and sum(map(bool, said)) != 1:
        yield Fact(Standing.URGENT, "both_active" if all(said) else "none_active")


def _has_active(ends: Iterable[Told]) -> bool:
    """Tell whether who has the links of a pair is among those that are heard."""
    return any(end.value("loushan_pair_active") == 1 for end in ends)


def _link_facts(link: LinkState | None, hub: str) -> Iterator[Fact]:
    if link and link.standing is Standing.URGENT:
        yield Fact(Standing.URGENT, "link_down", {"hub": hub})
    if link and link.standing is Standing.UNKNOWN:
        yield Fact(Standing.UNKNOWN, "link_unknown", {"hub": hub})


def _groups(city: CitySites, sites: Iterable[tuple[str, SiteState]]) -> Iterator[GroupState]:
    """Give the city's own sites first, and each county with all below it."""
    titles = {site.name: site.title for site in city.sites}
    found: dict[str, list[SiteState]] = {"": []}
    for group, state in sites:
        found.setdefault(group, []).append(state)
    for group, members in found.items():
        if members:
            standing = worst(each.standing for each in members)
            yield GroupState(group, titles.get(group, ""), standing, tuple(members))


def _counts(sites: list[SiteState], alerts: tuple[AlertSaid, ...], *, is_alerted: bool) -> Counts:
    gateways = [gateway for site in sites for gateway in site.gateways]
    told = [_standing_of(each) for each in alerts if each.is_told]
    return Counts(
        sites=_tally(site.standing for site in sites),
        proofs=_tally(gateway.proof for gateway in gateways),
        links=_tally(site.link.standing for site in sites if site.link),
        alerts=_tally(told) if is_alerted or told else {Standing.UNKNOWN: 1},
        packets=_sums(gateway.packets for gateway in gateways),
        requests=_sums(gateway.requests for gateway in gateways),
        accepted=sum(gateway.accepted for gateway in gateways),
    )


def _tally(standings: Iterable[Standing]) -> dict[str, int]:
    return {str(name): count for name, count in sorted(Counter(standings).items())}


def _sums(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add up by reason, the most first."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return {name: float(count) for name, count in total.most_common()}
