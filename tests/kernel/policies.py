"""The policies that the tests of loading bring into force, one after the other."""

from collections.abc import Callable
from dataclasses import replace

from gateway.compile.ruleset import compile_plan
from gateway.errors import Refused, problem
from gateway.load.events import Events
from gateway.load.inforce import Stamp
from gateway.load.loader import Candidate, Loaded, Places, load
from gateway.policy.model import Plan, Service
from tests.cities import HTTPS, PING, POSTGRES, conduit, small_city
from tests.kernel.city import Namespace

GATEWAY = "city"


def serving(*services: Service) -> Plan:
    """Give the city in which the office reaches approval by these services.

    Two such cities differ by a few elements, unless one has none.
    """
    return _with_office_conduit("database_in_city", *services)


def renamed(*services: Service) -> Plan:
    """Give the same access by a conduit of another name, which no delta can say."""
    return _with_office_conduit("records_in_city", *services)


def candidate(plan: Plan, revision: int) -> Candidate:
    """Compile a plan for the gateway and stamp it."""
    ruleset = compile_plan(plan)[GATEWAY]
    return Candidate(ruleset, Stamp("zunyi", revision, ruleset.digest), plan)


def load_into(
    host: Namespace,
    what: Candidate,
    places: Places,
    *,
    prove: Callable[[], None] = lambda: None,
    events: Events | None = None,
) -> Loaded:
    """Load a policy in a host."""
    return host.run(lambda: load(what, prove, places=places, events=events))


def unproven() -> None:
    """Find that the host does not hold the policy."""
    raise Refused(problem("ZG502"))


def _with_office_conduit(name: str, *services: Service) -> Plan:
    city = small_city()
    kept = [c for c in city.conduits if c.name != "database_in_city"]
    wanted = [conduit(name, "city.office", "city.approval", *services)] if services else []
    return replace(city, conduits=tuple(sorted([*kept, *wanted], key=lambda c: c.name)))


BOTH = serving(HTTPS, POSTGRES)
HTTPS_ONLY = serving(HTTPS)
HTTPS_ONLY_RENAMED = renamed(HTTPS)
WITH_PING = serving(HTTPS, POSTGRES, PING)
