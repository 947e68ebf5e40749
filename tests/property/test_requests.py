"""What is compiled for a proxy says to each request what the reference decision says."""

from datetime import datetime, timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.artefacts import GateMaps, Generation
from gateway.compile.gate_maps import compile_maps
from gateway.load.streams import Stream, passes_by
from gateway.policy.gates import gates_at
from gateway.policy.model import Plan
from gateway.policy.plan import read_plan
from gateway.policy.request_reasons import RequestReason
from gateway.policy.requests import AUTHORITY, CHINA, Request, decide_request
from gateway.policy.wiring import first_address
from gateway.verify.gates import LiveGates
from tests.gate_steps import judge
from tests.plans import ROOT, built
from tests.rights import NOWHERE, lab_with_rights

MIDNIGHT = datetime(2026, 11, 23, tzinfo=CHINA)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "get", "")

LAB = built(lab_with_rights())
ZUNYI = read_plan(ROOT / "policy" / "zunyi")


def live(found: GateMaps) -> LiveGates:
    """Give compiled maps as a proxy would hold them."""
    return LiveGates("", {**found.maps, "current": {"policy": f"{found.generation}|1|0"}})


def requests(plan: Plan, site: str) -> st.SearchStrategy[Request]:
    """Draw requests that are nearly, or wholly, such as somebody is granted."""
    gates = gates_at(plan, site)
    hosts = [*{gate.host for gate in gates}, "other.internal", ""]
    paths = sorted({resource.path for gate in gates for resource in gate.resources})
    places = [first_address(r) for zone in plan.zones.values() for r in zone.ranges]
    shown = [(AUTHORITY[s.type], s.certificate) for s in plan.subjects.values()]
    host = st.sampled_from(hosts)
    return st.builds(
        lambda who, names, **rest: Request(
            authority=who[0], name=who[1], server_name=names[0], host=names[1], **rest
        ),
        who=st.sampled_from([*shown, ("people", "nobody"), ("services", shown[0][1]), ("", "")]),
        names=st.one_of(host.map(lambda one: (one, one)), st.tuples(host, host)),
        source=st.sampled_from([*places, *NOWHERE]),
        port=st.sampled_from([*{gate.port for gate in gates}, 80]),
        method=st.sampled_from(METHODS),
        path=st.builds(
            "{}{}".format,
            st.sampled_from([*paths, "/", "", "/other/"]),
            st.sampled_from(["", "1", "a/b", "A", "../", "//", "%E5%8A%9E", "%41", ".", "x/"]),
        ),
        at=st.integers(0, 14 * 96).map(lambda n: MIDNIGHT + timedelta(minutes=15 * n)),
    )


@settings(max_examples=2_000, deadline=None)
@given(request=requests(LAB, "city"), generation=st.sampled_from(Generation))
def test_the_lab_is_judged_alike(request: Request, generation: Generation) -> None:
    """With hours, a delegation, zones of a grant and methods of a resource."""
    maps = live(compile_maps(LAB, "city", generation))

    assert judge(maps, request) is decide_request(LAB, "city", request).reason


@settings(max_examples=300, deadline=None)
@given(request=requests(ZUNYI, "xinxi"))
def test_the_whole_city_is_judged_alike(request: Request) -> None:
    """At the site that has most of its gates."""
    assert judge(CITY, request) is decide_request(ZUNYI, "xinxi", request).reason


COMPILED = {generation: compile_maps(LAB, "city", generation) for generation in Generation}


@settings(max_examples=1_000, deadline=None)
@given(request=requests(LAB, "city"), generation=st.sampled_from(Generation))
def test_what_is_under_way_is_judged_again_alike(request: Request, generation: Generation) -> None:
    """By the maps that are in force then: it goes on where a request would be let pass."""
    decision = decide_request(LAB, "city", request)
    if decision.reason in {RequestReason.NOT_CANONICAL, RequestReason.UNKNOWN_HOST}:
        return  # no such stream has begun
    named = {(gate.host, gate.port): gate.name for gate in gates_at(LAB, "city")}
    stream = Stream(
        1,
        request.source,
        request.authority,
        "3A0F",
        named[request.host, request.port],
        request.method,
        request.path[:201],
        request.name,
    )
    revoked = f"{request.authority}/3A0F"
    maps = COMPILED[generation]

    assert passes_by(maps, (), request.at)(stream) is (decision.reason is RequestReason.GRANT)
    assert not passes_by(maps, (revoked,), request.at)(stream)


CITY = live(compile_maps(ZUNYI, "xinxi", Generation.A))


def test_every_right_of_the_lab_is_judged_alike() -> None:
    """Each subject, zone, resource and method, and not only those that are drawn."""
    maps, seen = live(compile_maps(LAB, "city", Generation.A)), set[RequestReason]()
    places = [first_address(r) for zone in LAB.zones.values() for r in zone.ranges]
    resources = [(gate, r.path) for gate in gates_at(LAB, "city") for r in gate.resources]
    for subject, place, (gate, path), method in product(
        LAB.subjects.values(), places, resources, METHODS
    ):
        request = Request(
            source=place,
            authority=AUTHORITY[subject.type],
            name=subject.certificate,
            server_name=gate.host,
            host=gate.host,
            port=gate.port,
            method=method,
            path=path,
            at=MIDNIGHT + timedelta(days=2, hours=9),
        )
        reason = decide_request(LAB, "city", request).reason
        seen.add(reason)
        assert judge(maps, request) is reason, request
    assert {RequestReason.GRANT, RequestReason.NO_GRANT, RequestReason.WRONG_ZONE} <= seen
