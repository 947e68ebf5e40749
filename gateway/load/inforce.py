"""Which policy is in force, in the host's own words.

The last rule of each of the three hooks leads into a generation and carries
the stamp of its policy.  No file is asked: whatever happened to the loader,
the kernel knows what it enforces.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.artefacts import TABLE, Generation
from gateway.compile.scaffold import HOOKS
from gateway.errors import Refused, problem
from gateway.load.listing import LastRule, Outline, outline
from gateway.load.tables import Table
from gateway.policy.names import is_name
from gateway.policy.reasons import Reason

#: Where a hook goes while no policy is in force.
NO_POLICY_CHAIN = f"refuse_{Reason.NO_POLICY}"

#: How much of the digest the kernel's comment carries, in hex digits.
DIGEST_DIGITS = 16

_STAMP = re.compile(
    r"(?P<plan>\S+) revision (?P<revision>[0-9]{1,9}) sha256 (?P<digest>[0-9a-f]{16})"
)
_DIGEST = re.compile(r"[0-9a-f]{16,64}")


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """A policy's plan, revision and SHA-256 in hex; from the kernel only the first 16 digits."""

    plan: str
    revision: int
    digest: str

    def __post_init__(self) -> None:
        """Refuse what could not stand in a comment and be read back.

        Raises:
            ValueError: the plan is not a name, the revision is below 1, or
                the digest is not hexadecimal.
        """
        if not is_name(self.plan) or self.revision < 1 or not _DIGEST.fullmatch(self.digest):
            message = f"not a stamp: {self.plan!r}, {self.revision!r}, {self.digest!r}"
            raise ValueError(message)

    def __str__(self) -> str:
        """Give the stamp as it stands in the kernel."""
        return f"{self.plan} revision {self.revision} sha256 {self.digest[:DIGEST_DIGITS]}"

    def same_content(self, other: "Stamp") -> bool:
        """Tell whether the digests agree as far as both are known."""
        digits = min(len(self.digest), len(other.digest))
        return self.digest[:digits] == other.digest[:digits]


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that a host enforces, and the generation that holds it."""

    plan: str
    revision: int
    digest: str
    generation: Generation

    @property
    def stamp(self) -> Stamp:
        """The stamp as the kernel holds it."""
        return Stamp(self.plan, self.revision, self.digest)


@dataclass(frozen=True, slots=True)
class Host:
    """What a host enforces, and what else stands in its kernel.

    `disagree` tells that the hooks do not say the same thing, or do not judge
    packets, so that nobody can say what is in force; then `in_force` is None.
    `stamps` are those that could be read, whether they agree or not.
    """

    outline: Outline
    in_force: InForce | None
    disagree: bool
    stamps: tuple[Stamp, ...]

    @property
    def leftovers(self) -> tuple[Generation, ...]:
        """The generations that are there and not in force."""
        return tuple(g for g in Generation if self.outline.holds(g) and not self._enforces(g))

    @property
    def foreign_tables(self) -> tuple[Table, ...]:
        """The tables that are not ours."""
        return self.outline.foreign_tables

    def _enforces(self, generation: Generation) -> bool:
        return self.in_force is not None and self.in_force.generation is generation


def read_host() -> Host:
    """Read what the host enforces, in the namespace that the caller is in.

    Raises:
        Refused: the kernel cannot be asked.
    """
    found = outline()
    ends = {hook: found.last_rules.get(hook) for hook in HOOKS}
    stamped = [_stamped(hook, last) for hook, last in ends.items()]
    stamps = tuple(sorted({stamp for _, stamp in filter(None, stamped)}))
    judging = found.hooked >= {*HOOKS}
    in_force = _agreed(stamped) if judging else None
    silent = not found.exists or (
        judging and all(last and last.target == NO_POLICY_CHAIN for last in ends.values())
    )
    return Host(
        outline=found,
        in_force=in_force,
        disagree=in_force is None and not silent,
        stamps=stamps,
    )


def in_force() -> InForce | None:
    """Give the policy in force, or None where there is none and nothing passes.

    Raises:
        Refused: ZG503, the hooks do not say the same thing.
    """
    host = read_host()
    if host.disagree:
        raise Refused(problem("ZG503", table=TABLE, said=said(host.outline.last_rules)))
    return host.in_force


def said(last_rules: Mapping[str, LastRule]) -> str:
    """Give what each hook ends with, for a person."""
    return "; ".join(
        f"{hook}: {last.target} {last.comment}".rstrip() if last else f"{hook}: -"
        for hook, last in ((hook, last_rules.get(hook)) for hook in HOOKS)
    )


def _stamped(hook: str, last: LastRule | None) -> tuple[Generation, Stamp] | None:
    if last is None:
        return None
    match = _STAMP.fullmatch(last.comment)
    generation = next((g for g in Generation if last.target == f"{g}_{hook}"), None)
    if match is None or generation is None or not is_name(match["plan"]):
        return None
    if int(match["revision"]) < 1:
        return None
    return generation, Stamp(match["plan"], int(match["revision"]), match["digest"])


def _agreed(stamped: list[tuple[Generation, Stamp] | None]) -> InForce | None:
    first = stamped[0]
    if first is None or any(other != first for other in stamped):
        return None
    generation, stamp = first
    return InForce(stamp.plan, stamp.revision, stamp.digest, generation)
