"""The prover finds every kind of tampering with a live ruleset, and says what changes nothing."""

from dataclasses import replace

import pytest

from gateway.compile.ruleset import compile_slice
from gateway.errors import Refused
from gateway.policy.topology import slices
from gateway.verify import proof, selftest
from gateway.verify.proof import Proof
from gateway.verify.selftest import Fate, SelfTest, self_test
from tests.cities import small_city
from tests.kernel.namespace import STAMP, stamped

pytestmark = pytest.mark.kernel

GATEWAY = "red"

#: What only looks like tampering: no packet is treated otherwise, none is recorded otherwise.
HARMLESS = {"anonymous counter", "element in two halves"}


def tampered_with() -> SelfTest:
    """Tamper with one gateway of the small city, at one place for each kind."""
    plan = small_city()
    part = slices(plan)[GATEWAY]
    return self_test(plan, part, stamped(compile_slice(part)), STAMP, places=1)


def test_every_mutant_is_found_or_changes_nothing() -> None:
    """None is missed, of at least 25 kinds; what is harmless is not counted as found."""
    result = tampered_with()
    kinds = result.by_kind()
    harmless = {t.mutant.kind for t in result.trials if t.fate is Fate.HARMLESS}
    found = {t.mutant.kind for t in result.trials if t.fate is Fate.FOUND}

    assert [f"{t.mutant.kind}: {t.mutant.place}" for t in result.missed] == []
    assert result.holds
    assert len(kinds) >= 25
    assert harmless >= HARMLESS
    assert not found & HARMLESS
    assert [k for k, row in kinds.items() if row[Fate.REFUSED] == sum(row.values())] == []


def test_a_prover_that_sees_nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge of the mutants does not believe the prover: what differs was missed."""
    honest = proof.prove

    def blind(*args: object, **kwargs: object) -> Proof:
        seen = honest(*args, **kwargs)  # type: ignore[arg-type] # handed on as it came
        return replace(seen, findings=())

    monkeypatch.setattr(selftest, "prove", blind)
    some = {"element added", "mask widened", "rule accepts all", "log deleted", "exit widened"}
    monkeypatch.setattr(
        selftest, "kinds", lambda ms: {"": [mutant for mutant in ms if mutant.kind in some]}
    )

    missed = {trial.mutant.kind for trial in tampered_with().missed}

    assert missed == some


def test_a_ruleset_that_is_wrong_to_begin_with_is_refused() -> None:
    """Mutants of what is not proven would say nothing."""
    plan = small_city()
    parts = slices(plan)

    with pytest.raises(Refused, match="ZG61"):
        self_test(plan, parts["red"], stamped(compile_slice(parts["blue"])), STAMP)
