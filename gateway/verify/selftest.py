"""Holds the prover to every kind of tampering, in network namespaces of its own.

Each mutant is loaded into a namespace that is gone when nft is.  A mutant must
be found, or do exactly what the policy says: that is then tried packet by
packet, without the prover's diagrams, and said so instead of counted as found.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.errors import Refused, problem
from gateway.policy.model import Plan
from gateway.policy.topology import GatewaySlice
from gateway.verify.boundary import Boundary
from gateway.verify.kernel import COMMAND, TIMEOUT_SECONDS, read
from gateway.verify.mutants import PLACES, Mutant, Tampering, kinds
from gateway.verify.proof import prove

#: Gives nft's JSON after a text and then commands are loaded where nothing was.
Loader = Callable[[str, str], str]


class Fate(StrEnum):
    """What came of one mutant; the kernel may have refused to load it at all."""

    FOUND = "found"
    HARMLESS = "changes nothing"
    REFUSED = "refused by the kernel"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant, what came of it, and the codes of the findings."""

    mutant: Mutant
    fate: Fate
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Every trial; the prover may be trusted when none was missed."""

    trials: tuple[Trial, ...]

    @property
    def holds(self) -> bool:
        """Tell whether every mutant was found, or shown to change nothing."""
        return bool(self.trials) and not self.missed

    @property
    def missed(self) -> tuple[Trial, ...]:
        """The mutants that change something and were not found."""
        return tuple(trial for trial in self.trials if trial.fate is Fate.MISSED)

    def by_kind(self) -> Mapping[str, Mapping[Fate, int]]:
        """Count the results of each kind."""
        counts: dict[str, dict[Fate, int]] = {}
        for trial in self.trials:
            row = counts.setdefault(trial.mutant.kind, dict.fromkeys(Fate, 0))
            row[trial.fate] += 1
        return counts

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return {
            "holds": self.holds,
            "mutants": len(self.trials),
            "kinds": {k: dict(row) for k, row in self.by_kind().items()},
            "missed": [f"{t.mutant.kind}: {t.mutant.place}" for t in self.missed],
        }


def self_test(  # noqa: PLR0913 - each is a thing the caller alone knows
    plan: Plan,
    part: GatewaySlice,
    text: str,
    stamp: str,
    *,
    places: int = PLACES,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> SelfTest:
    """Tamper with a gateway's ruleset in every kind, and see what the prover says.

    Args:
        plan: the plan.
        part: the slice of one of its gateways; a small one, for each mutant is loaded.
        text: that gateway's ruleset as nft takes it, with its stamps.
        stamp: what the stamps say.
        places: how many places are tampered with for each kind.
        tell: hears how many mutants of how many are tried; must be quick.

    Raises:
        Refused: the ruleset itself cannot be loaded or is not proven.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _SelfTest(plan, part, stamp, _loader(Path(folder)), tell).run(text, places)


@dataclass(frozen=True, slots=True)
class _SelfTest:
    plan: Plan
    part: GatewaySlice
    stamp: str
    load: Loader
    tell: Callable[[int, int], None]

    def run(self, text: str, places: int) -> SelfTest:
        listed = self.load(text, "")
        proof = prove(self.part, self.plan, self.stamp, ruleset=listed)
        if not proof.holds:
            raise Refused(*proof.findings)
        tampering = Tampering(text, json.loads(listed)["nftables"], places)
        mutants = [m for of_kind in kinds(tampering.mutants()).values() for m in of_kind]
        boundary = Boundary(read(listed))
        trials: list[Trial] = []
        for mutant in mutants:
            trials.append(self._try(mutant, boundary))
            self.tell(len(trials), len(mutants))
        return SelfTest(tuple(trials))

    def _try(self, mutant: Mutant, boundary: Boundary) -> Trial:
        try:
            listed = self.load(mutant.text, mutant.commands)
        except Refused:
            return Trial(mutant, Fate.REFUSED, ())
        if mutant.edit is not None:
            items = json.loads(listed)
            mutant.edit(items["nftables"])
            listed = json.dumps(items)
        proof = prove(self.part, self.plan, self.stamp, ruleset=listed)
        codes = tuple(sorted({finding.code for finding in proof.findings}))
        if not proof.holds:
            return Trial(mutant, Fate.FOUND, codes)
        is_same = boundary.first_difference(read(listed)) is None
        return Trial(mutant, Fate.HARMLESS if is_same else Fate.MISSED, codes)


def _loader(folder: Path) -> Loader:
    """Give a loader; `unshare` makes a namespace that ends with the commands in it."""
    files = folder / "ruleset.nft", folder / "commands.nft"
    script = f'nft -f "$1" && nft -f "$2" && exec {" ".join(COMMAND)}'

    def load(text: str, commands: str) -> str:
        for file, content in zip(files, (text, commands), strict=True):
            file.write_text(content, encoding="utf-8")
        command = ["unshare", "--net", "sh", "-c", script, "sh", *map(str, files)]
        try:
            done = subprocess.run(
                command, capture_output=True, check=True, text=True, timeout=TIMEOUT_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            detail = getattr(error, "stderr", None) or str(error)
            raise Refused(problem("ZG600", error=detail.strip())) from error
        return done.stdout

    return load
