"""What is never written into the repository, wherever it stands.

Each rule is a pattern; each has examples that it must find, put together from
parts so that this file keeps the rules itself.
"""

import re
from typing import NamedTuple

import pytest

from tests.repo import tree


class Rule(NamedTuple):
    """A pattern that no line may match, and what to do instead."""

    pattern: str
    instead: str
    found_in: tuple[str, ...]


RULES = {
    "registry host": Rule(
        r"(?i)\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org"
        r"|(?:security|snapshot|ftp)\.debian\.org|debian\.org/debian|crates\.io|docker\.io"
        r"|ghcr\.io|quay\.io|gcr\.io|rubygems\.org|proxy\.golang\.org|mirrors?\.[a-z0-9-]+\.)",
        "use what the machine is set up with",
        ("py" + "pi.org/simple", "deb.deb" + "ian.org/debian trixie main"),
    ),
    "path of one machine": Rule(
        r"(?<![\w.$}])/(?:work|Users|tmp/venv|opt/wheels|opt/pypi|root/\.)(?:/|\b)"
        r"|(?<![\w.$}])/home/\w|\bpyenv\b",
        "say it relative to the repository, or make it a setting",
        ("cd /wo" + "rk/main", "run /tmp/ve" + "nv/bin/ruff", "see /ho" + "me/li/notes"),
    ),
    "unfinished work": Rule(
        r"\b(?:TO[D]O|FIX[M]E)\b",
        "finish it or file it",
        ("# TO" + "DO: later", "<!-- FIX" + "ME -->"),
    ),
    "private key": Rule(
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----",
        "tests make their keys when they run",
        (
            "-----BEGIN " + "PRIVATE KEY-----",
            "-----BEGIN EC " + "PRIVATE KEY-----",
            "  -----BEGIN OPENSSH " + "PRIVATE KEY-----",
        ),
    ),
    "silenced check without a reason": Rule(
        r"#\s*noqa\b(?!: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)* +[-—#] *\w.{3,})"
        r"|#\s*type:\s*ignore\b(?!\[[a-z, -]+\] +[-—#] *\w.{3,})",
        "name the check, then ` - ` and why it does not hold here",
        (
            "x = 1  # no" + "qa",
            "x = 1  # no" + "qa: E501",
            "x = y  # type: " + "ignore",
            "x = y  # type: " + "ignore[misc]",
        ),
    ),
}

KEPT = [
    pytest.param("private key", "-----BEGIN PUBLIC KEY-----", id="a public key"),
    pytest.param("private key", "-----BEGIN CERTIFICATE-----", id="a certificate"),
    pytest.param(
        "silenced check without a reason",
        "class Refused(Exception):  # no" + "qa: N818 - the word the users know",
        id="a reason beside it",
    ),
    pytest.param(
        "silenced check without a reason",
        "import x  # type: " + "ignore[import-untyped]  # ships no types",
        id="a reason after the types",
    ),
    pytest.param("path of one machine", "$HOME/home/x", id="a path below a variable"),
    pytest.param("registry host", "https://www.debian.org/", id="a page for readers"),
]

MARKING = re.compile("(?:秘密|机密|绝密)★")


@pytest.mark.parametrize("name", RULES)
def test_it_is_nowhere_in_the_repository(name: str) -> None:
    """No file breaks the rule."""
    rule = RULES[name]
    breaches = [
        f"{file}:{number}: {line.strip()[:120]}"
        for file, text in tree.texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(rule.pattern, line)
    ]

    assert not breaches, f"{name} ({rule.instead}):\n" + "\n".join(breaches)


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, rule in RULES.items() for line in rule.found_in]
)
def test_a_breach_is_found(name: str, line: str) -> None:
    """The rule sees what it is there for."""
    assert re.search(RULES[name].pattern, line)


@pytest.mark.parametrize(("name", "line"), KEPT)
def test_what_is_allowed_is_left_alone(name: str, line: str) -> None:
    """The rule does not reach further than it says."""
    assert not re.search(RULES[name].pattern, line)


def test_a_marking_stands_beside_the_word_sample() -> None:
    """保密法 (2024) article 22: what is no state secret does not carry the mark.

    So whatever shows one as an example says 样例 in the same file.
    """
    unmarked = [
        str(file)
        for file, text in tree.texts().items()
        if MARKING.search(text) and "样例" not in text
    ]

    assert not unmarked, f"a marking without the word 样例: {unmarked}"
