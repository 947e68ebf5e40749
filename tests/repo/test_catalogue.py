"""Every error has one code, is said in both languages, and can really happen."""

import re
from pathlib import Path
from string import Formatter

import pytest

from gateway.catalogue import AREAS, CATALOGUE, Text
from gateway.catalogue.page import error_page
from pki.page import error_section
from tests.repo import tree

CODE = re.compile(r"\bZG[0-9]{3}\b")
HAN = re.compile(r"[\u4e00-\u9fff]")

EVERY_ERROR = [pytest.param(code, text, id=code) for code, text in CATALOGUE.items()]


def filled_in(*templates: str) -> set[str]:
    """Give the names that fill these templates; `way_en` and `way_zh` are one fact."""
    names = {name for t in templates for _, name, _, _ in Formatter().parse(t) if name is not None}
    return {name.removesuffix("_en").removesuffix("_zh") for name in names}


def entries_in(source: str) -> list[str]:
    """Give the codes that a file of the catalogue defines, as often as it does."""
    return re.findall(r"^ *\"(ZG[0-9]{3})\":", source, re.MULTILINE)


def codes_in_use() -> set[str]:
    """Give the codes that code of the product names, outside the catalogue."""
    return {
        code
        for file, source in tree.texts(".py").items()
        if file.parts[0] in {"gateway", "pki", "lab"} and "catalogue" not in file.parts
        for code in CODE.findall(source)
    }


def test_a_code_means_one_thing() -> None:
    """No code stands twice in the catalogue, in one area or in two."""
    folder = Path(tree.ROOT, "gateway", "catalogue")
    defined = [code for f in sorted(folder.glob("*.py")) for code in entries_in(f.read_text())]

    assert sorted(defined) == sorted(set(defined))
    assert set(defined) == set(CATALOGUE)
    assert sum(len(texts) for texts in AREAS.values()) == len(CATALOGUE)


def test_a_code_that_stands_twice_is_seen() -> None:
    """The rule reads the file, not the mapping that has forgotten the first."""
    assert entries_in('    "ZG101": Text(\n    "ZG101": Text(\n') == ["ZG101", "ZG101"]


@pytest.mark.parametrize(("code", "text"), EVERY_ERROR)
def test_an_error_has_a_code_of_the_usual_form(code: str, text: Text) -> None:
    """A code is ZG and three digits, and is not repeated in the text."""
    assert CODE.fullmatch(code)
    assert not CODE.search(" ".join(text))


@pytest.mark.parametrize(("code", "text"), EVERY_ERROR)
def test_an_error_is_said_in_both_languages(code: str, text: Text) -> None:
    """Who reads Chinese and who reads English learn the same facts."""
    assert HAN.search(text.zh), code
    assert text.en, code
    assert bool(text.en_help) == bool(text.zh_help), code
    assert filled_in(text.en, text.en_help) == filled_in(text.zh, text.zh_help), code


@pytest.mark.parametrize(("code", "text"), EVERY_ERROR)
def test_an_error_is_said_in_our_manner(code: str, text: Text) -> None:
    """Lower case and no full stop: the text stands in the middle of a line."""
    for words in (text.en, text.en_help):
        assert not re.match(r"[A-Z][a-z]+\b", words), code
    for words in text:
        assert not words.endswith((".", "。")), code


def test_every_error_can_happen() -> None:
    """A code that no code gives is taken out of the catalogue."""
    unused = sorted(set(CATALOGUE) - codes_in_use())

    assert unused == []


def test_every_error_that_happens_is_in_the_catalogue() -> None:
    """A code without words would end in a traceback."""
    wordless = sorted(codes_in_use() - set(CATALOGUE))

    assert wordless == []


def test_the_page_of_errors_is_the_catalogue() -> None:
    """docs/errors.md is what `make errors` writes."""
    page = (tree.ROOT / "docs" / "errors.md").read_text("utf-8")

    assert page == error_page() + error_section(), "run `make errors` and review the difference"
