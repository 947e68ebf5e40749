"""The city's picture as values: city, groups, sites, gateways, links, alerts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from gateway.observe.city.answers import AlertSaid
from gateway.observe.city.standing import Standing


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that somebody should know; `key` names its words, which `params` fill."""

    standing: Standing
    key: str
    params: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkState:
    """The link from a site up to its hub; `since` is when it was made, in seconds of the epoch."""

    site: str
    hub: str
    standing: Standing
    since: float | None = None


@dataclass(frozen=True, slots=True)
class GatewayState:
    """One gateway; what is None is not known, or is not there.

    `proof` is how its proof stands.  `packets`, `requests` are refusals of the last
    hour by reason.
    """

    host: str
    standing: Standing
    proof: Standing
    facts: tuple[Fact, ...] = ()
    proven_at: float | None = None
    revision: float | None = None
    policy_days: float | None = None
    certificate_days: float | None = None
    list_days: float | None = None
    active: bool | None = None
    gates_open: bool | None = None
    recording: bool | None = None
    accepted: float = 0.0
    packets: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteState:
    """One site: its gateways, its link upwards, and the alerts about it."""

    name: str
    title: str
    standing: Standing
    gateways: tuple[GatewayState, ...]
    link: LinkState | None
    facts: tuple[Fact, ...]
    alerts: tuple[AlertSaid, ...]


@dataclass(frozen=True, slots=True)
class GroupState:
    """A county with all below it, or the city's own sites."""

    name: str
    title: str
    standing: Standing
    sites: tuple[SiteState, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each; refusals and acceptances are of the last hour."""

    sites: Mapping[str, int]
    proofs: Mapping[str, int]
    links: Mapping[str, int]
    alerts: Mapping[str, int]
    packets: Mapping[str, float]
    requests: Mapping[str, float]
    accepted: float


@dataclass(frozen=True, slots=True)
class CityState:
    """The whole city at a moment: `at`, in seconds of the epoch.

    `is_alerted` tells whether it is known which alerts fire, so that their absence
    means something.
    """

    plan: str
    title: str
    exercise_only: bool
    at: float
    standing: Standing
    facts: tuple[Fact, ...]
    groups: tuple[GroupState, ...]
    alerts: tuple[AlertSaid, ...]
    is_alerted: bool
    counts: Counts

    def as_json(self) -> dict[str, object]:
        """Give the same for a file or a machine, as it is when it has been read back."""
        body: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return body
