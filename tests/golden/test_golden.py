"""A reviewed plan becomes the reviewed rulesets and links, byte for byte."""

from pathlib import Path

import pytest

from tests.golden.__main__ import cases, compiled, reviewed


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_a_plan_becomes_what_was_reviewed(case: Path) -> None:
    """What the compiler gives is what was read and committed."""
    assert compiled(case) == reviewed(case)
