"""Each threat is held by tests that are there: one that was renamed or taken away holds nothing."""

import re

import pytest

from tests.repo.tree import ROOT

_NAMED = re.compile(r"`([a-z0-9_/]+\.py)::([a-z0-9_]+)`")
_TEXT = (ROOT / "docs" / "threat-model.md").read_text("utf-8")


@pytest.mark.parametrize(("file", "name"), sorted(set(_NAMED.findall(_TEXT))))
def test_a_threats_test_is_there(file: str, name: str) -> None:
    """By its file and its name."""
    found = ROOT / "tests" / file

    assert found.exists()
    assert re.search(rf"^(async )?def {name}\(", found.read_text("utf-8"), re.MULTILINE)


def test_every_threat_names_one_or_says_that_there_is_none() -> None:
    """A line that begins with `Test`, below each."""
    threats = re.split(r"^### ", _TEXT, flags=re.MULTILINE)[1:]

    assert [each.splitlines()[0] for each in threats if "- Test" not in each] == []
