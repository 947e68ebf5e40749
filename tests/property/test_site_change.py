"""Sites that come and go in any order: never an address twice, and back to the byte."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.policy.documents import Document, read_documents
from gateway.policy.model import Plan, Role, Tier
from gateway.policy.plan import build_plan
from gateway.policy.site_change import SiteChange
from gateway.policy.site_entry import NewSite, add_site
from gateway.policy.site_removal import remove_site
from tests.plans import LAB, ROOT, TODAY

SLOW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
KINDS = ("county", "department", "hall", "county_department", "township", "portal")
CITIES = {
    "lab": tuple(read_documents(LAB)),
    "zunyi": tuple(read_documents(ROOT / "policy" / "zunyi")),
}


def after(change: SiteChange, before: tuple[Document, ...]) -> tuple[Document, ...]:
    """Give the documents with a change made."""
    kept = [document for document in before if document.path != change.path]
    return tuple(sorted([*kept, *([change.after] if change.after else [])], key=lambda d: d.path))


def hub_of(plan: Plan, kind: str, choice: int) -> str | None:
    """Give one of the counties to what needs one."""
    if kind not in {"county_department", "township"}:
        return None
    counties = [
        s.name for s in plan.sites.values() if (s.tier, s.role) == (Tier.COUNTY, Role.CENTRE)
    ]
    return counties[choice % len(counties)]


@SLOW
@pytest.mark.parametrize("city", CITIES)
@given(
    wanted=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 30)), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_sites_come_and_go(city: str, wanted: list[tuple[str, int]], order: object) -> None:
    """Any number of any kind; taken out in any order, the plan is what it was."""
    before = documents = CITIES[city]
    plan = build_plan(documents, city)
    names = [f"new-{letter}" for letter, _ in zip("abcde", wanted, strict=False)]
    for name, (kind, choice) in zip(names, wanted, strict=True):
        new = NewSite(name, f"站点{name}", kind, hub_of(plan, kind, choice))
        change = add_site(documents, city, new, TODAY)
        documents, plan = after(change, documents), change.new

    ranges = sorted(
        (network.version, int(network[0]), int(network[-1]))
        for zone in plan.zones.values()
        for network in zone.ranges
    )
    assert all(a[0] < b[0] or a[2] < b[1] for a, b in pairwise(ranges))
    new_sites = {name: plan.sites[name] for name in names}
    leaves = sorted(names, key=lambda name: any(s.hub == name for s in new_sites.values()))
    waiting = [name for name in leaves if not any(s.hub == name for s in new_sites.values())]
    order.shuffle(waiting)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    for name in [*waiting, *(name for name in leaves if name not in waiting)]:
        documents = after(remove_site(documents, city, name, TODAY), documents)
    assert documents == before
