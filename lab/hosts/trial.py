"""Prove a booted city's gateways and try them with real packets.

Each gateway has proven itself already, by its own agent; here it is asked a
second time, by a prover that does not run on it, and then all together.
"""

import time
import zlib
from dataclasses import replace

from gateway.agent.settings import LinkEngine
from gateway.compile.ruleset import compile_slice
from gateway.load.inforce import Stamp
from gateway.policy.model import Plan
from gateway.policy.topology import slices
from gateway.verify.kernel import COMMAND
from gateway.verify.proof import Proof, prove
from lab import namespace
from lab.agreement import judge
from lab.cells import cells
from lab.city import SourcePorts
from lab.enforce import Enforced
from lab.flows import Probe, Purpose, choose
from lab.hosts.blueprint import gateways_of, host_name
from lab.hosts.journal import JournalReader
from lab.hosts.machine import execute
from lab.hosts.pair import settled
from lab.hosts.places import Places
from lab.layout import Layout, home
from lab.probe import probe
from lab.rehearsal import Listener, Rehearsal, Step, Wanted, path_findings, proven


class BootedGround:
    """A booted city as the ground of probes."""

    #: The journal is written by three programs, one after the other.
    log_delay_seconds = 4.0

    def __init__(self, places: Places, layout: Layout) -> None:
        """Stand on a lab that is up."""
        self.layout = layout
        self.source_ports = SourcePorts().take
        self.places = places
        self._active = {
            gateway: settled(places, layout.plan, gateway) for gateway in layout.gateways
        }

    def host(self, node: str) -> str:
        """Give the host that is a node; of a pair, the active one."""
        return self._active.get(node) or host_name(self.layout.plan, node)

    def namespace(self, node: str) -> str:
        """Give the name of the namespace of a node."""
        return self.places.namespace(self.host(node))

    def log(self, gateway: str) -> JournalReader:
        """Follow a gateway's journal."""
        return JournalReader(self.places, self.host(gateway))


def try_out(ground: BootedGround, stamp: Stamp, wanted: Wanted, listener: Listener) -> Rehearsal:
    """Prove and probe a booted city that holds a policy.

    Raises:
        Refused: a kernel or a journal could not be read.
    """
    layout = ground.layout
    plan = LinkEngine.PROGRAM.seen_from_here(layout.plan)
    listener.begin(Step.ENFORCE, len(layout.gateways))
    held = []
    for gateway in layout.gateways:
        held.append(_ask(ground, plan, gateway, stamp, whole=not wanted.sites))
        listener.advance()
    listener.begin(Step.PATHS, 1)
    findings = path_findings(replace(layout, plan=plan), held)
    listener.advance()
    chosen = choose(layout, wanted.seed, wanted.sample) if wanted.probes else ()
    probes = [each for each in chosen if not _is_kept_back(layout, each)]
    listener.begin(Step.PROBE, len(probes))
    judged = judge(layout, probe(ground, probes))
    listener.advance(len(probes))
    return Rehearsal(
        layout=layout,
        enforced=held,
        path_findings=findings,
        judged=judged,
        cells=cells(layout, proven(held), findings, judged),
        namespaces={},
    )


def _ask(ground: BootedGround, plan: Plan, gateway: str, stamp: Stamp, *, whole: bool) -> Enforced:
    """Prove one gateway, from its namespace; of a pair both, for either may be active next."""
    part = slices(plan)[gateway]
    began = time.monotonic()

    def prove_it(host: str) -> tuple[str, Proof]:
        # Asked with the host's own nft: an older one may not understand what a newer has put in.
        listing = execute(ground.places, host, COMMAND)
        return listing, namespace.inside(
            ground.places.namespace(host),
            lambda: prove(part, plan, str(stamp), ruleset=listing, look_beside=whole),
        )

    found = {host: prove_it(host) for host in gateways_of(plan, gateway)}
    listing, proof = found[ground.host(gateway)]
    return Enforced(
        gateway=gateway,
        entries=compile_slice(part).entries,
        seconds=time.monotonic() - began,
        proof=proof,
        problems=tuple(p for _, proof in found.values() for p in proof.findings),
        listing=zlib.compress(listing.encode(), 1),
    )


def _is_kept_back(layout: Layout, each: Probe) -> bool:
    """Tell whether a packet never comes as far as a gateway of ours.

    What is behind another's gateway with a false address goes into no link: that
    gateway's strongSwan has no selector for it, and nothing of ours could record it.
    """
    foreign = {home(zone) for zone in layout.zones if not layout.plan.sites[zone.site].managed}
    return each.purpose is Purpose.SPOOFED and each.origin in foreign
