"""One name for each thing: the words that the glossary tells us not to say.

Only names of classes are looked at: there a wrong word becomes a wrong idea.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.repo import tree

#: The word, and what the glossary says instead.
DO_NOT_SAY = {
    "config": "plan or artefact",
    "location": "site",
    "node": "site",
    "segment": "zone",
    "vlan": "zone",
    "pinhole": "conduit",
    "rule": "conduit",
    "connection": "link",
    "vpn": "link",
    "app": "service",
    "port": "service",
    "session": "flow",
    "principal": "subject",
    "user": "subject",
    "object": "resource",
    "target": "resource",
    "acl": "grant",
    "permission": "grant",
    "tier": "level",
    "tag": "label",
    "watermark": "marking",
    "action": "verdict",
    "result": "decision",
    "mismatch": "drift",
    "violation": "finding",
    "check": "proof",
    "ignore": "waiver",
    "dlp": "guard",
    "ack": "receipt",
    # For documents only.
    "pap": "policy",
    "pdp": "decide",
    "pep": "gateway",
}

#: Classes that mean the ordinary thing, not what the glossary renames; with the reason.
MEANT = {
    "LastRule": "the kernel's own word for a line of its chains",
    "Rule": "the kernel's own word for a line of its chains",
    "PortClaims": "port numbers themselves, below the services that name them",
    "Tier": "a rank of government: province, city, county, township; not a level of secrecy",
}


def wrong_words(source: str) -> Iterator[tuple[str, str]]:
    """Give each class of a module with the word in its name that we do not say."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name not in MEANT:
            words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", node.name)
            for word in words:
                if word.lower() in DO_NOT_SAY:
                    yield node.name, word.lower()


def test_classes_are_named_in_the_words_of_the_glossary() -> None:
    """No class of the product says a word that the glossary replaces."""
    wrong = [
        f"{file}: class {name}: not `{word}` but `{DO_NOT_SAY[word]}`"
        for file, source in tree.texts(".py").items()
        if file.parts[0] == "gateway"
        for name, word in wrong_words(source)
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("class FirewallRule: ...", ["rule"], id="one word of a name"),
        pytest.param("class ACLEntry: ...", ["acl"], id="an abbreviation"),
        pytest.param("class Ruleset: ...", [], id="another word that begins alike"),
        pytest.param("class Conduit: ...", [], id="the right word"),
    ],
)
def test_a_wrong_word_is_found(source: str, expected: list[str]) -> None:
    """The rule looks at whole words of a name."""
    assert [word for _, word in wrong_words(source)] == expected
