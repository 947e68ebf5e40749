"""What takes long is collected when it is asked for, and nothing else is then."""

import subprocess
import sys

import pytest

from tests.repo.tree import ROOT

LONG, OTHER = "tests/parity/test_parity_links.py", "tests/repo/test_walls.py"


@pytest.mark.parametrize(
    ("words", "collected"),
    [pytest.param((), {OTHER}, id="usually"), pytest.param(("--parity",), {LONG}, id="asked for")],
)
def test_the_parity_tests_are_collected_alone(words: tuple[str, ...], collected: set[str]) -> None:
    """Also where their file is named."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--numprocesses=0"]
    said = subprocess.run(
        [*command, *words, LONG, OTHER], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout

    assert {line.partition("::")[0] for line in said.splitlines() if "::" in line} == collected
