"""A newcomer finds a thing by its folder, and each folder says what it is."""

from pathlib import PurePosixPath

import pytest

from tests.repo import tree

LONGEST_README_LINES = 15

#: Folders without a README of their own, and why.
EXEMPT = {
    ".ci": "one file, which says what it is",
    "policy/*/*": "the documents of a plan, sorted; the plan's README tells how",
    "playbooks/plugins/*": "Ansible's own names; the README of the folder above tells",
    "roles/*/*": "the parts of a role have Ansible's own names; the role's README tells",
    "tests/golden/*": "a golden case is a folder for review, named as what it shows",
    "tests/golden/*/*": "the plan of a golden case",
}

#: Names that say nothing about what is inside (STYLE: names carry meaning).
EMPTY_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"}


def is_exempt(folder: PurePosixPath) -> bool:
    """Tell whether a folder may go without a README."""
    return any(folder.match(pattern) for pattern in EXEMPT)


def empty_words(file: PurePosixPath) -> set[str]:
    """Give the words of a path that say nothing."""
    words = {word for part in file.with_suffix("").parts for word in part.lower().split("_")}
    return words & EMPTY_WORDS


def test_every_folder_says_what_it_is() -> None:
    """Every folder has a README."""
    files = set(tree.files())

    silent = [
        str(folder)
        for folder in tree.folders()
        if folder / "README.md" not in files and not is_exempt(folder)
    ]

    assert not silent, f"no README.md in {silent}"


def test_a_folder_says_it_shortly() -> None:
    """A README is read in a minute; the root's is the front page and may be longer."""
    readmes = [f for f in tree.files() if f.name == "README.md" and len(f.parts) > 1]

    long = {
        str(file): lines
        for file in readmes
        if (lines := len((tree.ROOT / file).read_text("utf-8").splitlines())) > LONGEST_README_LINES
    }

    assert not long, f"more than {LONGEST_README_LINES} lines: {long}"


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        pytest.param("policy/zunyi/counties", True, id="documents of a plan"),
        pytest.param("policy/zunyi", False, id="a plan"),
        pytest.param("gateway/policy", False, id="a package"),
    ],
)
def test_only_named_folders_are_exempt(folder: str, expected: bool) -> None:  # noqa: FBT001 - an example of a table
    """The list of exemptions does not reach further than it says."""
    assert is_exempt(PurePosixPath(folder)) is expected


def test_no_name_is_empty() -> None:
    """No file or folder is called by a word that says nothing."""
    empty = {str(file): words for file in tree.files() if (words := empty_words(file))}

    assert not empty


@pytest.mark.parametrize("name", ["gateway/utils/text.py", "gateway/load/link_helper.py"])
def test_an_empty_name_is_found(name: str) -> None:
    """The rule sees folders and parts of names."""
    assert empty_words(PurePosixPath(name))
