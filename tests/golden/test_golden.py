"""A reviewed plan becomes the reviewed ruleset, byte for byte."""

from pathlib import Path

import pytest

from tests.golden.__main__ import cases, compiled


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_a_plan_becomes_the_reviewed_rulesets(case: Path) -> None:
    """What the compiler gives is what was read and committed."""
    reviewed = {file.name: file.read_text("utf-8") for file in (case / "rulesets").iterdir()}

    assert compiled(case) == reviewed
