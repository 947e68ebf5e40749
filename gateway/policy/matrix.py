"""The 两横两纵 matrix: which sites may be joined at all, whatever a plan says.

Source: 遵府办发〔2009〕72号.  Two horizontals: a centre and its own departments,
at the city and in each county.  Two verticals: the city centre and the county
centres; a city department and its counterpart in each county.  Around them
townships, halls, leaders, the province and the running of the gateways.
Everything else is refused, with the reason that fits best.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from gateway.errors import Problem, problem
from gateway.policy.model import Conduit, NetworkName, Plan, Role, Site, Tier, Zone


@dataclass(frozen=True, slots=True)
class Relation:
    """One way in which two sites may stand to each other and be joined, in either direction."""

    code: str
    en: str
    zh: str
    holds: Callable[[Plan, Site, Site], bool]


def _own(_plan: Plan, one: Site, two: Site) -> bool:
    return one.name == two.name


def _is_centre(site: Site, tier: Tier) -> bool:
    return site.tier is tier and site.role is Role.CENTRE


def _centre_and_own(tier: Tier, role: Role, below: Tier | None = None) -> Callable[..., bool]:
    def holds(_plan: Plan, one: Site, two: Site) -> bool:
        return (
            _is_centre(one, tier)
            and two.hub == one.name
            and (two.tier, two.role) == (below or tier, role)
        )

    return holds


def _counterparts(_plan: Plan, one: Site, two: Site) -> bool:
    return (
        two.counterpart == one.name
        and (one.tier, one.role) == (Tier.CITY, Role.DEPARTMENT)
        and (two.tier, two.role) == (Tier.COUNTY, Role.DEPARTMENT)
    )


def _township_and_city(plan: Plan, one: Site, two: Site) -> bool:
    county = county_of(plan, two)
    return (
        _is_centre(one, Tier.CITY)
        and two.tier is Tier.TOWNSHIP
        and county is not None
        and county.hub == one.name
    )


def _halls(_plan: Plan, one: Site, two: Site) -> bool:
    return (one.tier, one.role) == (two.tier, two.role) == (Tier.CITY, Role.HALL)


def _centre_and_hall(_plan: Plan, one: Site, two: Site) -> bool:
    """A hall of the city may be linked through the service centre."""
    return _is_centre(one, Tier.CITY) and (two.tier, two.role) == (Tier.CITY, Role.HALL)


def _hall_and_department(_plan: Plan, one: Site, two: Site) -> bool:
    return (
        one.role is Role.HALL and two.role is Role.DEPARTMENT and one.tier is two.tier is Tier.CITY
    )


def _city_and_province(_plan: Plan, one: Site, two: Site) -> bool:
    return _is_centre(one, Tier.CITY) and two.tier is Tier.PROVINCE


#: The closed list.  Each is tried in both directions.
RELATIONS = (
    Relation("same_site", "within one site", "同一站点内", _own),
    Relation(
        "horizontal_1",
        "first horizontal: city centre and city departments",
        "第一横:市中心与市直部门",
        _centre_and_own(Tier.CITY, Role.DEPARTMENT),
    ),
    Relation(
        "horizontal_2",
        "second horizontal: county centre and that county's departments",
        "第二横:县中心与本县部门",
        _centre_and_own(Tier.COUNTY, Role.DEPARTMENT),
    ),
    Relation(
        "vertical_1",
        "first vertical: city centre and county centres",
        "第一纵:市中心与县中心",
        _centre_and_own(Tier.CITY, Role.CENTRE, Tier.COUNTY),
    ),
    Relation(
        "vertical_2",
        "second vertical: city department and its counterpart in each county",
        "第二纵:市直部门与各县对口部门",
        _counterparts,
    ),
    Relation(
        "township_county",
        "county centre and its townships",
        "县中心与本县乡镇(街道)",
        _centre_and_own(Tier.COUNTY, Role.CENTRE, Tier.TOWNSHIP),
    ),
    Relation(
        "township_city",
        "city centre and townships, through their county",
        "市中心与乡镇(街道),经由本县",
        _township_and_city,
    ),
    Relation(
        "hall_city",
        "city centre and service halls",
        "市中心与政务大厅",
        _centre_and_hall,
    ),
    Relation("hall_hall", "the service centre and the other halls", "政务中心与其他大厅", _halls),
    Relation(
        "hall_department",
        "a department and its window in the service centre",
        "部门与其在政务中心的窗口",
        _hall_and_department,
    ),
    Relation(
        "leaders_city",
        "leaders' offices and the city centre",
        "市领导办公室与市中心",
        _centre_and_own(Tier.CITY, Role.LEADERS),
    ),
    Relation("province_city", "the city centre and the province", "市中心与省", _city_and_province),
)

#: Operations reach the gateways themselves from the city centre, and they answer there.
OPERATIONS = Relation(
    "operations",
    "the city centre runs every gateway",
    "市中心运维各网关",
    lambda _plan, one, _two: _is_centre(one, Tier.CITY),
)


def relation_of(plan: Plan, source: Zone, destination: Zone) -> Relation | None:
    """Give the relation by which two zones may be joined, or nothing."""
    if _joins_portal(source, destination):
        return None
    one, two = plan.sites[source.site], plan.sites[destination.site]
    for relation in RELATIONS:
        if relation.holds(plan, one, two) or relation.holds(plan, two, one):
            return relation
    if _runs_gateways(plan, source, destination):
        return OPERATIONS
    return None


def check_matrix(plan: Plan) -> Iterator[Problem]:
    """Give each conduit that joins what may not be joined, once, with one example."""
    for (name, code), group in groupby(
        sorted(
            ((c, code) for c in plan.conduits if (code := _refusal(plan, c)) is not None),
            key=lambda row: (row[0].name, row[1]),
        ),
        key=lambda row: (row[0].name, row[1]),
    ):
        conduits = [conduit for conduit, _ in group]
        example = conduits[0]
        yield problem(
            code,
            example.where,
            conduit=name,
            source=example.source,
            destination=example.destination,
            count=len(conduits),
        )


def county_of(plan: Plan, site: Site) -> Site | None:
    """Give the county centre that a county's or township's site belongs to."""
    here: Site | None = site
    while here is not None and not _is_centre(here, Tier.COUNTY):
        here = plan.sites[here.hub] if here.hub else None
    return here


def _refusal(plan: Plan, conduit: Conduit) -> str | None:
    """Give the code of the reason why a conduit may not be, or nothing."""
    source, destination = plan.zones[conduit.source], plan.zones[conduit.destination]
    if _joins_portal(source, destination):
        return "ZG201"
    if relation_of(plan, source, destination) is not None:
        return None
    one, two = plan.sites[source.site], plan.sites[destination.site]
    if Tier.PROVINCE in (one.tier, two.tier):
        return "ZG203"
    below = {Tier.COUNTY, Tier.TOWNSHIP}
    if {one.tier, two.tier} <= below:
        counties = county_of(plan, one), county_of(plan, two)
        # What hangs under no county centre is not of the same county as anything.
        if None in counties or counties[0] != counties[1]:
            return "ZG202"
    if one.role is two.role is Role.DEPARTMENT:
        return "ZG204"
    return "ZG205"


def _joins_portal(source: Zone, destination: Zone) -> bool:
    return (source.network is NetworkName.PORTAL) is not (destination.network is NetworkName.PORTAL)


def _runs_gateways(plan: Plan, source: Zone, destination: Zone) -> bool:
    one, two = plan.sites[source.site], plan.sites[destination.site]
    return (destination.is_gateway and OPERATIONS.holds(plan, one, two)) or (
        source.is_gateway and OPERATIONS.holds(plan, two, one)
    )
