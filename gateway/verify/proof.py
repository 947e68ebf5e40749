"""The proof of one gateway: that there is no finding, or the findings.

It puts the parts together; it decides nothing by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import Problem, problem
from gateway.policy.model import Plan
from gateway.policy.topology import GatewaySlice, Hook
from gateway.verify import expected, meaning
from gateway.verify.beside import find_beside
from gateway.verify.compare import Comparison
from gateway.verify.kernel import Kernel, live_ruleset, read
from gateway.verify.packets import Packets
from gateway.verify.words import Statement, Verdict

#: So many findings are given for each hook.
FINDINGS_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at on one gateway, and everything that is wrong with it.

    `stamp` is the policy that the kernel says it holds, empty where it says
    none; `time` is when the kernel was read, in UTC; `accounted` counts its
    objects by kind.
    """

    gateway: str
    stamp: str
    time: datetime
    accounted: Mapping[str, int]
    findings: tuple[Problem, ...]

    @property
    def holds(self) -> bool:
        """Tell whether the host does exactly what was signed."""
        return not self.findings

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return {
            "gateway": self.gateway,
            "holds": self.holds,
            "stamp": self.stamp,
            "time": self.time.isoformat(timespec="seconds"),
            "accounted": dict(sorted(self.accounted.items())),
            "findings": [finding.as_json() for finding in self.findings],
        }


def prove(  # noqa: PLR0913 - each is a thing the caller alone knows
    part: GatewaySlice,
    plan: Plan,
    stamp: str | None,
    *,
    staged: bool = False,
    ruleset: str | None = None,
    look_beside: bool = False,
    daemon: Path | None = None,
) -> Proof:
    """Prove that the kernel holds a gateway's slice of the plan.

    Args:
        part: the gateway's slice.
        plan: the plan it comes from; names the zones in what is said.
        stamp: how the policy in force must call itself; None accepts any one stamp.
        staged: whether objects that no hook uses may be there, as between the
            transactions of a swap.
        ruleset: nft's JSON; None asks the kernel of this network namespace.
        look_beside: whether to look also at what nftables does not see.
        daemon: strongSwan's socket; None where the links are not to be looked at.

    Raises:
        Refused: the kernel's ruleset cannot be read.
    """
    time = datetime.now(UTC)
    kernel = read(live_ruleset() if ruleset is None else ruleset)
    packets = Packets(meaning.interfaces_named(kernel) | expected.interfaces(part))
    found = meaning.Meaning(kernel, packets)
    wanted = expected.Expected(part, packets)
    stamps = stamps_of(kernel)
    findings = [*kernel.findings, *_open_hooks(kernel), *_stamp_findings(stamps, stamp)]
    if any(stamps.values()):  # with no policy at all, each packet would be a finding
        comparison = Comparison(plan, part.gateway, kernel, packets)
        for hook in Hook:
            comparison.add_hook(hook, found.hook(hook), wanted.hook(hook), FINDINGS_LIMIT)
        findings += [*found.findings, *comparison.findings]
    if not staged:
        findings += meaning.unused(found)
    if look_beside:
        findings += find_beside(part, plan, in_force=all(stamps.values()), daemon=daemon)
    return Proof(
        gateway=part.gateway,
        stamp=next(iter(stamps.values())) if len(set(stamps.values())) == 1 else "",
        time=time,
        accounted=kernel.counts,
        findings=tuple(dict.fromkeys(findings)),
    )


def stamps_of(kernel: Kernel) -> dict[Hook, str]:
    """Give what each hook says about the policy behind it; empty where it says nothing."""
    stamps: dict[Hook, str] = {}
    for hook in Hook:
        base = kernel.base(hook)
        comments = [
            rule.comment
            for rule in (base.rules if base else ())
            if len(rule.statements) == 1 and _is_goto(rule.statements[0])
        ]
        stamps[hook] = comments[0] if len(comments) == 1 else ""
    return stamps


def _open_hooks(kernel: Kernel) -> list[Problem]:
    return [problem("ZG604", hook=hook) for hook in Hook if kernel.base(hook) is None]


def _stamp_findings(stamps: Mapping[Hook, str], wanted: str | None) -> list[Problem]:
    silent = [problem("ZG620", hook=hook) for hook, stamp in stamps.items() if not stamp]
    if silent:
        return silent
    if len(set(stamps.values())) > 1:
        told = "; ".join(f"{hook}: {stamp}" for hook, stamp in stamps.items())
        return [problem("ZG621", stamps=told)]
    found = stamps[Hook.FORWARD]
    if wanted is not None and found != wanted:
        return [problem("ZG622", found=found, wanted=wanted)]
    return []


def _is_goto(statement: Statement) -> bool:
    return isinstance(statement, Verdict) and statement.kind == "goto"
