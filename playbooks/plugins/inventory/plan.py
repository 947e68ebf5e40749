"""The hosts of a city, worked out from its plan: an address is written once, in the plan.

What the plan does not know stands beside it: which machine has which port, and
where a machine is reached while it is being brought up (`machines.yml`), and
for the lab which of its hosts have been booted.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin

from gateway.agent.signed import read_delivered, verified
from gateway.errors import Refused
from gateway.policy.documents import Document, parse
from gateway.policy.gates import gates_at
from gateway.policy.host_settings import HostKind, waived_at
from gateway.policy.lines import lines_of
from gateway.policy.model import Address, Plan, Protocol, Site
from gateway.policy.names import (
    CANARY_GROUP,
    TIER_GROUP,
    enrolment_server,
    gate_host,
    gateway_host,
    identifier,
    kind_group,
    site_group,
)
from gateway.policy.plan import read_plan
from gateway.policy.signers import load_trust
from gateway.policy.wiring import Half, Wiring, halves, wirings
from playbooks.plugins import logs, times
from playbooks.plugins.applications import (
    GROUP,
    ApplicationHost,
    application_hosts,
    groups_of_host,
    variables_of_host,
)
from playbooks.plugins.monitoring import (
    GROUP as MONITORING_GROUP,
)
from playbooks.plugins.monitoring import (
    WATCHDOG_GROUP,
    targets,
    watchdog,
    watches,
)
from playbooks.plugins.zone_hosts import Way, ZoneHost, passes, zone_host

DOCUMENTATION = """
name: plan
author: Loushan
short_description: the gateways of a plan, its applications and who watches them, as hosts, groups and variables
version_added: "2.19"
description:
  - Gives one host for each site whose gateway is ours, called as in C(huichuan-gw).
  - A site with two gateways has a second one, as in C(city-gw-2); C(loushan_pair) tells what the two share.
  - Its addresses, interfaces and routes are worked out from the plan, so nothing is written twice.
  - The groups are C(gateways); one for each kind, as C(kind_county); one for each tier, as C(tier_city);
    and one for each site, with the site's gateway and those of all sites below it, as C(huichuan).
  - C(canary) has the gateway of the farthest site, which an upgrade comes to first.
  - With C(applications), each zone where one stands is a host too, called as the zone, in the groups C(applications)
    and one for each application; C(loushan_before) tells of the gateways before it.
  - With C(logs) and C(time), the host of the zone that each names is a host too, called as the zone, in the group of
    that name; C(loushan_logs) and C(loushan_time) say by which name a host comes there, C(loushan_names) where that is.
  - C(loushan_waivers) has the settings that a host need not have today, with the last day of each. They come from
    the plan's waivers, which count where the plan is signed; unsigned ones, or such as have ended, are refused.
  - A hub comes before the sites below it, so C(order=reverse_inventory) goes from the far end inwards.
options:
  plugin:
    description: It must be C(plan).
    required: true
    choices: [plan]
  plan:
    description:
      - Folder of the plan, seen from the folder of this file.
      - In the environment, it is seen from where the command is given.
    type: str
    required: true
    env:
      - name: LOUSHAN_PLAN
  trust:
    description:
      - Folder with C(authority.pem) and C(crl.pem), against which gateways judge signatures.
      - Seen from the folder of this file. Without it nothing can be provisioned.
    type: str
    env:
      - name: LOUSHAN_TRUST
  authority:
    description:
      - Folder of the authorities that certify gateways, as C(loushan pki init) made it.
      - Seen from the folder of this file. Without it nothing can be provisioned.
    type: str
    env:
      - name: LOUSHAN_AUTHORITY
  enrolment:
    description:
      - Address of the host that runs C(loushan pki serve), where gateways renew their certificates and fetch lists.
      - The plan must have a service called C(enrolment), and a conduit that leads there from every gateway.
      - Empty where there is none; then gateways do not renew, and lists are delivered by C(revoke.yml) alone.
    type: str
    default: ""
    env:
      - name: LOUSHAN_ENROLMENT
  monitoring:
    description:
      - Zone of the monitoring host, as in C(city.monitoring). Its name is worked out from it, as a gate's is.
      - The zone's first address is a host, called as the zone, in the group C(monitoring); C(loushan_targets) are the
        gateways that it asks, with their labels.
      - A gateway to which the plan has a conduit from there, for port 9633, says how it is to that host alone.
      - Empty where there is none; then no gateway says anything.
    type: str
    default: ""
  logs:
    description:
      - Zone of the log host, as in C(city.monitoring). Its name is worked out from it, as a gate's is.
      - A host from which the plan has a conduit to there, for the service C(log), sends its journal there.
      - Empty where there is none; then no journal leaves its host.
    type: str
    default: ""
  time:
    description:
      - Zone of the city's time server, as in C(city.monitoring), which the service C(time) leads to.
      - Empty where there is none; then nobody sets the clocks of hosts.
    type: str
    default: ""
  watchdog:
    description:
      - Zone of the host that raises the alarm when the monitoring host is silent, as in C(city.operations).
      - The plan must have a service called C(watchdog), and a conduit that leads there from the monitoring zone.
      - Empty where there is none; then somebody else has to notice.
    type: str
    default: ""
  applications:
    description:
      - Which application stands where, by its name; an entry has C(zone) and C(service), where the plan has resources.
      - "As in C({approval: {zone: city.applications, service: approval}}). Its host is the zone's first address."
    type: dict
    default: {}
  machines:
    description:
      - What the plan does not know about machines, if there is such a file. Seen from the folder of this file.
      - "A host's entry may have C(reach), an address while it is being brought up, and C(ports), the MAC
        address of each interface that must be told apart by it; a host that is no gateway has C(reach) alone."
    type: str
    default: machines.yml
  connection:
    description: How hosts are reached; C(console) is for the lab.
    choices: [ssh, console]
    default: ssh
  user:
    description: Who logs in where the connection is C(ssh); one of C(base_operators), whose duty is C(build).
    default: operator
  link_engine:
    description:
      - What encrypts on these hosts. C(kernel) is the kernel's own IPsec, with an interface for each link.
      - C(program) is strongSwan's, for kernels without it, as in containers; all links share an interface.
    choices: [kernel, program]
    default: kernel
  lab:
    description:
      - Whether the hosts are those of the lab that is up on this machine, with its own signed plan and signers.
      - Where no lab is up, all gateways of the plan are listed, and none can be reached.
    type: bool
    default: false
  lab_name:
    description: Which lab, where several are up.
    default: lab
    env:
      - name: LOUSHAN_LAB
"""

_RUNNING = Path("/run/loushan-lab")
_DISKS = Path("/var/lib/loushan-lab")

#: What the environment says, wins over the file.
_PLAN = "LOUSHAN_PLAN"
_TRUST = "LOUSHAN_TRUST"
_AUTHORITY = "LOUSHAN_AUTHORITY"

#: The plan's service at which certificates are renewed and lists are fetched.
_ENROLMENT = "enrolment"

#: What there is always, though it may be empty.
_EVERY_GROUP = (
    *(GROUP, CANARY_GROUP, logs.GROUP, times.GROUP),
    *(MONITORING_GROUP, WATCHDOG_GROUP),
)

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]  # Ansible ships no types
    """Reads one city."""

    NAME = "plan"

    def verify_file(self, path: str) -> bool:
        """Tell whether this file is ours: `plan.yml`, as in `inventory/lab/plan.yml`."""
        return bool(super().verify_file(path)) and Path(path).name in {"plan.yml", "plan.yaml"}

    def parse(
        self,
        inventory: InventoryData,
        loader: DataLoader,
        path: str,
        cache: bool = True,  # noqa: FBT001, FBT002 - Ansible's own signature
    ) -> None:
        """Fill the inventory.

        Raises:
            AnsibleParserError: the plan or what stands beside it is wrong; in the plan's words.
        """
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        self._folder = Path(path).resolve().parent
        try:
            self._fill()
        except Refused as refused:
            raise AnsibleParserError(str(refused)) from refused

    def _fill(self) -> None:
        city = self._city()
        self._check_machines(city)
        # Also where there is none: a play over nobody is nothing to be warned of.
        for group in _EVERY_GROUP:
            self._group(group)
        for gateway in (g for site in city.here for g in city.gateways[site]):
            self._gateway(city, gateway)
        for gateway in city.gateways[city.here[-1]] if city.here else ():
            self.inventory.add_host(gateway.host, group=CANARY_GROUP)
        for each in city.applications:
            if self._zone_host(city, each, HostKind.APPLICATIONS, *groups_of_host(each)):
                self._set(each.name, variables_of_host(city.plan, each, city.wired[each.site]))
        for service, stands in city.services.by_group():
            if self._zone_host(city, stands, HostKind.MONITORING, service):
                self._set(stands.name, city.services.labels(service))
                if service == logs.GROUP:
                    self._set(stands.name, {"loushan_senders": logs.senders(city.log_ways())})
        self._watching(city)

    def _city(self) -> City:
        """Read the plan, and what stands beside it."""
        booted = self._booted()
        folder, trust, authority = self._sources(is_up=booted is not None)
        shared = self.get_option("link_engine") == "program"
        plan = replace(read_plan(folder), shares_link=shared)
        self._refuse_unsigned_waivers(plan, folder, trust)
        # A gateway is wired for the whole city, also where a part of it is down or not booted.
        wired = wirings(plan)
        ours = [s for s in plan.sites if plan.sites[s].managed and (booted is None or s in booted)]
        return City(
            plan=plan,
            folder=folder,
            trust=trust,
            authority=authority,
            booted=booted,
            here=from_the_hub_outwards(plan, ours),
            wired=wired,
            gateways={site: gateways_of(plan, wired[site]) for site in plan.gateways},
            applications=application_hosts(plan, self.get_option("applications")),
            services=Services(
                *(zone_host(plan, key, self.get_option(key)) for key in ("logs", "time"))
            ),
            watching=zone_host(plan, "monitoring", self.get_option("monitoring")),
            missing=zone_host(plan, "watchdog", self.get_option("watchdog")),
            enrolment=self._enrolment(plan),
            machines=self._machines(),
        )

    def _check_machines(self, city: City) -> None:
        """Refuse a machine that is nobody's, or two hosts'."""
        self._refuse_used_twice(city.machines, city.every, city.others)
        known = {g.host for g in city.every} | {host.name for host in city.others}
        if strangers := sorted(city.machines.keys() - known):
            self._wrong(f"no gateway of {city.folder} is called {', '.join(strangers)}")

    def _gateway(self, city: City, gateway: Gateway) -> None:
        """Add a gateway."""
        plan, host = city.plan, gateway.host
        site, own = plan.sites[gateway.wiring.site], gateway.wiring.addresses
        for group in ("gateways", *groups_of(plan, site)):
            self.inventory.add_host(host, group=self._group(group))
        machine = city.machines.get(host, {})
        gates = sorted({gate.host for gate in gates_at(plan, site.name)})
        renews = self._renews(plan, gateway, city.enrolment)
        common = {
            "loushan_plan": str(city.folder),
            "loushan_trust": str(city.trust or ""),
            "loushan_authority": str(city.authority or ""),
            "loushan_link_engine": self.get_option("link_engine"),
            "loushan_enrolment": renews,
            "loushan_monitoring": watches(plan, city.watching, own[0]),
            "loushan_waivers": waived_at(plan, site.name, HostKind.GATEWAYS, _today()),
            **city.services.told(plan, host, own, renews["names"]),
        }
        self._set(host, variables_of(site, gateway, gates, self._ports(host, machine)))
        self._set(host, {**self._reached(host, own[0], machine, city.authority), **common})

    def _watching(self, city: City) -> None:
        """Add who watches the gateways, and who notices when that one is silent."""
        plan, watching, missing = city.plan, city.watching, city.missing
        if watching is None:
            return
        common = {
            "loushan_monitoring": gate_host(plan.name, watching.zone),
            "loushan_watchdog": watchdog(plan, watching, missing),
        }
        if self._zone_host(city, watching, HostKind.MONITORING, MONITORING_GROUP):
            # Of a lab that has some sites alone, the others are silent and not to be missed.
            asked = [site for site in city.here if city.wired[site].addresses]
            asks = {
                "loushan_targets": targets(plan, watching, city.wired, asked),
                "loushan_lists": self._lists(plan, watching, city.enrolment),
            }
            self._set(watching.name, {**common, **asks})
        if missing and self._zone_host(city, missing, HostKind.MONITORING, WATCHDOG_GROUP):
            self._set(missing.name, common)

    def _zone_host(
        self, city: City, host: ZoneHost | ApplicationHost, kind: HostKind, *groups: str
    ) -> bool:
        """Add a host that is a zone's: what it is in, how it is reached, whom it asks.

        Give whether it is there: in a lab, a part of the city may be.
        """
        machine = city.machines.get(host.name, {})
        if "ports" in machine:
            self._wrong(f"{host.name}: a host that is no gateway has no `ports`")
        if city.booted is not None and host.zone not in city.booted:
            return False
        plan = city.plan
        self.inventory.add_host(host.name)
        for group in groups:
            self.inventory.add_host(host.name, group=self._group(group))
        common = {
            "loushan_plan": str(city.folder),
            "loushan_trust": str(city.trust or ""),
            "loushan_site": host.site,
            "loushan_title": plan.zones[host.zone].title,
            "loushan_zone": host.zone,
            "loushan_addresses": [f"{a}/{a.max_prefixlen}" for a in host.addresses],
            "loushan_authority": str(city.authority or ""),
            "loushan_waivers": waived_at(plan, host.site, kind, _today()),
            **city.services.told(plan, host.name, host.addresses, {}),
        }
        reached = self._reached(host.name, host.addresses[0], machine, city.authority)
        self._set(host.name, {**reached, **common})
        return True

    def _refuse_unsigned_waivers(self, plan: Plan, folder: Path, trust: Path | None) -> None:
        """Refuse to leave out what hardens a host unless two people have signed that today."""
        if not plan.setting_waivers:
            return
        if trust is None:
            self._wrong(
                f"{folder}: its waivers of hosts' settings count where they are signed;"
                f" name the signers' authority with {_TRUST}, or in the inventory's `trust`"
            )
        verified(read_delivered(folder), load_trust(trust), datetime.now(UTC))

    def _set(self, host: str, variables: Mapping[str, object]) -> None:
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)

    def _group(self, name: str) -> str:
        return str(self.inventory.add_group(name))

    def _beside(self, option: str, variable: str = "") -> Path | None:
        """Give a path option, seen from the file's folder unless the environment says it."""
        # To Ansible, the file would win over the environment.
        said = os.environ.get(variable)
        given = said or self.get_option(option)
        base = Path.cwd() if said else self._folder
        return Path(os.path.normpath(base / given)) if given else None

    def _sources(self, *, is_up: bool) -> tuple[Path, Path | None, Path | None]:
        """Give the folders of the plan, the signers and the authorities.

        What is said in the environment wins.
        """
        plan = self._beside("plan", _PLAN) or Path()
        trust = self._beside("trust", _TRUST)
        authority = self._beside("authority", _AUTHORITY)
        if is_up:
            disk = _DISKS / self.get_option("lab_name")
            plan = plan if os.environ.get(_PLAN) else disk / "plan"
            trust = trust if os.environ.get(_TRUST) else disk / "signers"
            authority = authority if os.environ.get(_AUTHORITY) else disk / "authorities"
        return plan, trust, authority

    def _booted(self) -> set[str] | None:
        """Give the nodes of the lab that is up, or None where there is none."""
        described = _RUNNING / self.get_option("lab_name") / "lab.json"
        if not self.get_option("lab") or not described.exists():
            return None
        return {host["node"] for host in json.loads(described.read_text("utf-8"))["hosts"]}

    def _machines(self) -> Mapping[str, Any]:
        file = self._beside("machines")
        if file is None or not file.exists():
            return {}
        # Read as a plan is: a host that stands there twice is refused, not taken the second time.
        text = file.read_bytes()
        lines = (line.strip() for line in text.splitlines())
        is_empty = all(not line or line.startswith(b"#") for line in lines)
        read = {} if is_empty else parse(Document(file.name, text), str(file)).data
        if not isinstance(read, dict):
            self._wrong(f"{file}: expected one entry for each host")
        for host, machine in read.items():
            if not isinstance(machine, dict) or machine.keys() - {"reach", "ports"}:
                self._wrong(f"{file}: {host}: an entry has `reach` and `ports`, and nothing else")
            if not isinstance(machine.get("ports", {}), dict):
                self._wrong(f"{file}: {host}: `ports` has a MAC address for each interface")
        return read

    def _refuse_used_twice(
        self,
        machines: Mapping[str, Any],
        every: Iterable[Gateway],
        hosts: Iterable[ApplicationHost | ZoneHost],
    ) -> None:
        """Refuse one machine for two hosts: what was made of it first would be overwritten."""
        used = {str(a): g.host for g in every for a in g.wiring.addresses}
        used |= {str(address): host.name for host in hosts for address in host.addresses}
        used |= {str(a): f"whoever is active of {g.wiring.site}" for g in every for a in g.shared}
        for host, machine in machines.items():
            things = [*map(str, machine.get("ports", {}).values())]
            if "reach" in machine:
                try:
                    reach = str(ip_address(machine["reach"]))
                except ValueError:
                    self._wrong(f"{host}: reach: `{machine['reach']}` is no address")
                if used.get(reach) != host:
                    things.append(reach)
            for thing in things:
                if thing in used:
                    self._wrong(f"{host}: {thing} is for {used[thing]} already")
                used[thing] = host

    def _enrolment(self, plan: Plan) -> tuple[Address, int] | None:
        """Give where certificates are renewed: an address, and the port that the plan has for it."""
        given = self.get_option("enrolment")
        if not given:
            return None
        try:
            address = ip_address(given)
        except ValueError:
            self._wrong(f"enrolment: `{given}` is no address")
        service = plan.services.get(_ENROLMENT)
        ports = [each for each in service.ports if each.protocol is Protocol.TCP] if service else []
        if not ports:
            self._wrong(f"enrolment: the plan has no service `{_ENROLMENT}` with a TCP port")
        return address, ports[0].low

    def _renews(
        self, plan: Plan, gateway: Gateway, enrolment: tuple[Address, int] | None
    ) -> dict[str, Any]:
        """Say where one gateway renews; one that has links must be allowed to ask there."""
        wiring = gateway.wiring
        if enrolment is None or not lines_of(plan, wiring.site):
            return {"server": "", "names": {}}
        address, port = enrolment
        if not passes(plan, wiring.addresses, address, port):
            self._wrong(
                f"enrolment: no conduit leads from {gateway.host} to {address}, port {port}"
            )
        name = enrolment_server(plan.name)
        return {"server": f"{name}:{port}", "names": {str(address): name}}

    def _lists(
        self, plan: Plan, host: ZoneHost, enrolment: tuple[Address, int] | None
    ) -> Mapping[str, object]:
        """Say where a host fetches lists of revocations: empty where it may not, or there is none."""
        if enrolment is None or not passes(plan, host.addresses, *enrolment):
            return {"server": "", "address": ""}
        address, port = enrolment
        return {"server": f"{enrolment_server(plan.name)}:{port}", "address": str(address)}

    def _ports(self, host: str, machine: Mapping[str, Any]) -> Mapping[str, str]:
        ports = machine.get("ports", {})
        for interface, mac in ports.items():
            if not _MAC.fullmatch(str(mac)):
                self._wrong(f"{host}: port {interface}: `{mac}` is no MAC address in lower case")
        return dict(ports)

    def _reached(
        self, host: str, own: Address, machine: Mapping[str, Any], authority: Path | None
    ) -> Mapping[str, object]:
        """Say how a host is reached; by ssh, as who its certificate says, and no question asked."""
        if self.get_option("connection") == "console":
            running = _RUNNING / self.get_option("lab_name") / "hosts" / host / "leader"
            return {"ansible_connection": "console", "console_leader_file": str(running)}
        return {
            "ansible_connection": "ssh",
            "ansible_host": str(machine.get("reach", own)),
            "ansible_user": self.get_option("user"),
            "ansible_become": True,
            **({"ansible_ssh_common_args": known_by(host, authority)} if authority else {}),
        }

    def _wrong(self, what: str) -> NoReturn:
        raise AnsibleParserError(what)


def _today() -> date:
    return datetime.now(UTC).astimezone().date()


def known_by(host: str, authority: Path) -> str:
    """Give the options by which ssh knows a host: by its name, wherever it is reached.

    What somebody has recorded of his own counts too: a host that is being brought up has no
    certificate yet.
    """
    # To ssh, a percent sign begins something else.
    folder = str(authority).replace("%", "%%")
    known = f'~/.ssh/known_hosts "{folder}/ssh-host/known_hosts"'
    options = (f"HostKeyAlias={host}", f"UserKnownHostsFile={known}")
    return " ".join(f"-o {shlex.quote(option)}" for option in options)


@dataclass(frozen=True, slots=True)
class City:
    """What an inventory knows of a city; `booted` are the nodes of a lab, None without one.

    `here` are the sites whose gateways are ours and are there, a hub before those below it.
    """

    plan: Plan
    folder: Path
    trust: Path | None
    authority: Path | None
    booted: set[str] | None
    here: list[str]
    wired: Mapping[str, Wiring]
    gateways: Mapping[str, tuple[Gateway, ...]]
    applications: tuple[ApplicationHost, ...]
    services: Services
    watching: ZoneHost | None
    missing: ZoneHost | None
    enrolment: tuple[Address, int] | None
    machines: Mapping[str, Any]

    @property
    def every(self) -> list[Gateway]:
        """Every gateway of the plan."""
        return [gateway for of_site in self.gateways.values() for gateway in of_site]

    @property
    def others(self) -> list[ApplicationHost | ZoneHost]:
        """Every host that is no gateway; one with two services twice."""
        watch = (host for host in (self.watching, self.missing) if host is not None)
        return [*self.applications, *self.services.hosts, *watch]

    def log_ways(self) -> dict[str, Way]:
        """Give how each host that may send its journal comes to the log host."""
        own = {gateway.host: gateway.wiring.addresses for gateway in self.every}
        own |= {host.name: host.addresses for host in self.applications}
        return {host: self.services.log_way(self.plan, each) for host, each in own.items()}


@dataclass(frozen=True, slots=True)
class Services:
    """The hosts on which services for the whole city stand; None where the inventory names none."""

    logs: ZoneHost | None
    time: ZoneHost | None

    @property
    def hosts(self) -> tuple[ZoneHost, ...]:
        """Give each host once for each service."""
        return tuple(host for _, host in self.by_group())

    def by_group(self) -> Iterator[tuple[str, ZoneHost]]:
        """Give each host with the group of its service."""
        for group, host in ((logs.GROUP, self.logs), (times.GROUP, self.time)):
            if host is not None:
                yield group, host

    def labels(self, group: str) -> dict[str, str]:
        """Give how a service's host is called in its certificate for it."""
        host = self.logs if group == logs.GROUP else self.time
        label = (logs if group == logs.GROUP else times).server_label
        return {} if host is None else {f"loushan_{group}_label": label(host)}

    def log_way(self, plan: Plan, own: Iterable[Address]) -> Way:
        """Say how a host with some addresses comes to the log host."""
        return logs.log_way(plan, own, self.logs)

    def told(
        self, plan: Plan, host: str, own: tuple[Address, ...], names: Mapping[str, str]
    ) -> dict[str, object]:
        """Give what a host is told of them; `names` are what else it must know, by address."""
        log, time = self.log_way(plan, own), times.time_way(plan, own, self.time)
        known = [{"address": address, "name": name} for address, name in names.items()]
        return {
            "loushan_logs": log.server,
            "loushan_logs_sender": logs.sender_label(host),
            "loushan_time": time.server.partition(":")[0],
            "loushan_names": [*known, *log.names, *time.names],
        }


@dataclass(frozen=True, slots=True)
class Gateway:
    """One host that is a gateway; `half` is which one of a pair, None where it is alone.

    `shared` are the addresses of whichever of the pair is active.
    """

    host: str
    wiring: Wiring
    half: Half | None = None
    shared: tuple[Address, ...] = ()

    @property
    def pair(self) -> dict[str, object]:
        """Give what a role is told of a pair; nothing where the gateway is alone."""
        if self.half is None:
            return {}
        return {
            "number": self.half.number,
            "near": self.half.near,
            "shared": [asdict(each) for each in self.half.shared],
        }


def gateways_of(plan: Plan, wiring: Wiring) -> tuple[Gateway, ...]:
    """Give the hosts that are a site's gateways."""
    pair = halves(plan, wiring)
    if not pair:
        return (Gateway(gateway_host(wiring.site), wiring),)
    return tuple(
        Gateway(gateway_host(wiring.site, half.number), half.wiring, half, wiring.addresses)
        for half in pair
    )


def groups_of(plan: Plan, site: Site) -> Iterator[str]:
    """Give the groups of a site's gateway."""
    yield kind_group(site.kind)
    yield f"{TIER_GROUP}{site.tier}"
    above: Site | None = site
    while above is not None:
        yield site_group(above.name)
        above = plan.sites[above.hub] if above.hub else None


def from_the_hub_outwards(plan: Plan, sites: Iterable[str]) -> list[str]:
    """Order sites so that a hub comes before those below it, else as in the plan."""

    def depth(site: str) -> int:
        hub = plan.sites[site].hub
        return 1 + depth(hub) if hub else 0

    return sorted(sites, key=depth)


def variables_of(
    site: Site, gateway: Gateway, gates: list[str], ports: Mapping[str, str]
) -> dict[str, object]:
    """Give what the roles are told of one gateway.

    Raises:
        AnsibleParserError: a port is named that the gateway does not have.
    """
    wiring = gateway.wiring
    cables = [interface.name for interface in wiring.interfaces if interface.is_port]
    if unknown := sorted(ports.keys() - set(cables)):
        known = ", ".join(cables)
        message = f"{gateway.host}: no interface {', '.join(unknown)}; there are {known}"
        raise AnsibleParserError(message)
    return {
        "loushan_site": site.name,
        "loushan_hub": identifier(site.hub) if site.hub else "",
        "loushan_title": site.title,
        "loushan_pair": gateway.pair,
        "loushan_gates": gates,
        "loushan_addresses": [f"{a}/{a.max_prefixlen}" for a in wiring.addresses],
        "loushan_interfaces": [
            {
                "name": interface.name,
                "beyond": str(interface.beyond),
                "peer": interface.peer,
                "address": interface.address,
                "number": interface.number,
                "mac": ports.get(interface.name, ""),
            }
            for interface in wiring.interfaces
        ],
        "loushan_routes": [
            {**asdict(route), "network": str(route.network)} for route in wiring.routes
        ],
    }
