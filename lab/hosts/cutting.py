"""Revoke a gateway's certificate in a booted city, look whether it is cut off, admit it again.

All by the commands and playbooks that an administrator would type.
"""

import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from gateway.errors import Problem, problem
from gateway.policy.names import gateway_host, identifier
from gateway.policy.reasons import Verdict
from lab.flows import Probe, choose, expect
from lab.hosts.city import until
from lab.hosts.machine import entering
from lab.hosts.places import Places
from lab.hosts.provision import environment, play
from lab.hosts.signing import say
from lab.hosts.trial import BootedGround
from lab.layout import Layout, home
from lab.probe import probe

#: How long a link may take to be back once its gateway is admitted.
_PATIENCE_SECONDS = 30

#: So many times the revoked gateway tries to have its link again.
_TRIES = 3

Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Cutting:
    """What came of it: how many permitted packets passed before, while it was cut off, and after.

    `came_back` tells whether the revoked certificate made a link again, which it must not.
    """

    gateway: str
    hub: str
    packets: int
    before: int
    revoked_seconds: float
    is_down: bool
    came_back: bool
    during: int
    admitted_seconds: float
    after: int

    @property
    def problems(self) -> list[Problem]:
        """Give what was not as it must be."""
        wanted = {
            "before": (self.before, self.packets),
            "down": (self.is_down, True),
            "came_back": (self.came_back, False),
            "during": (self.during, 0),
            "after": (self.after, self.packets),
        }
        return [
            problem("ZG686", gateway=self.gateway, what=what, found=found, wanted=must)
            for what, (found, must) in wanted.items()
            if found != must
        ]

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return asdict(self)


def outermost(layout: Layout) -> str | None:
    """Give the last site of those farthest from the city whose hub is ours; None without one."""
    sites = layout.plan.sites

    def depth(site: str) -> int:
        hub = sites[site].hub
        return 1 + depth(hub) if hub else 0

    joined = [s for s in layout.gateways if (hub := sites[s].hub) and sites[hub].managed]
    return max(reversed(joined), key=depth, default=None)


def cut_and_admit(places: Places, ground: BootedGround, site: str, tell: Tell) -> Cutting:
    """Revoke a site's gateway, look, admit it again, and look again.

    Raises:
        Refused: a command or a playbook failed; carries its words.
    """
    layout = ground.layout
    gateway, hub_site = gateway_host(site), layout.plan.sites[site].hub or ""
    hub = ground.host(hub_site)
    probes = _permitted(layout, site)

    def passed() -> int:
        return sum(each.delivered for each in probe(ground, probes))

    def is_up() -> bool:
        return _is_up(places, hub, identifier(site))

    before = passed()
    tell(f"revoking {gateway}", f"吊销 {gateway}")
    began = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        command = beside.submit(_revoke, places, gateway)
        # The command says who has the list; the link ends when its hub has it.
        is_down = until(lambda: not is_up(), _PATIENCE_SECONDS)
        revoked_seconds = time.monotonic() - began
        command.result()
    tell(f"{gateway} tries its certificate again", f"{gateway} 再次尝试其证书")
    came_back = any(_tries(places, gateway, identifier(hub_site)) for _ in range(_TRIES))
    during = passed()
    tell(f"admitting {gateway} with a new key", f"以新密钥重新接入 {gateway}")
    began = time.monotonic()
    play(places, "readmit", extra=["--limit", gateway, "-e", f"readmit_confirm={gateway}"])
    until(is_up, _PATIENCE_SECONDS)
    return Cutting(
        gateway=gateway,
        hub=hub,
        packets=len(probes),
        before=before,
        revoked_seconds=round(revoked_seconds, 1),
        is_down=is_down,
        came_back=came_back,
        during=during,
        admitted_seconds=round(time.monotonic() - began, 1),
        after=passed(),
    )


def _permitted(layout: Layout, site: str) -> list[Probe]:
    """Give what the plan lets pass from the site's hosts, or to them, beyond its gateway."""
    zones = {home(layout.plan.zones[name]) for name in layout.plan.sites[site].zones}
    addresses = {a for zone in zones for a in layout.nodes[zone].addresses}
    return [
        each
        for each in choose(layout, seed=1, sample=0)
        if expect(layout, each).verdict is Verdict.ACCEPT
        and (each.origin in zones) != (each.flow.destination in addresses)
    ]


def _revoke(places: Places, gateway: str) -> None:
    """Say the one command."""
    words = ("pki", "revoke", str(places.authorities), gateway, "--deliver", "inventory/lab")
    say(*words, environment=environment(places))


def _is_up(places: Places, hub: str, link: str) -> bool:
    command = entering(places, hub, ["loushan", "link", "status", "--json"])
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        links = json.loads(said)["links"]
    except (ValueError, KeyError):
        return False
    return any(each["name"] == link and each["is_up"] for each in links)


def _tries(places: Places, gateway: str, link: str) -> bool:
    """Have the gateway begin its link, as its owner could; tell whether it was made."""
    words = ["swanctl", "--initiate", "--child", link, "--timeout", "2"]
    return not subprocess.run(
        entering(places, gateway, words), capture_output=True, check=False
    ).returncode
