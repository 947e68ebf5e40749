"""The tree and its checkpoints, held to published examples and to another's code."""

from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # it ships no types

from gateway.observe.checkpoint import (
    Checkpoint,
    Verifier,
    is_whole,
    notes_in,
    signed_note,
)
from gateway.observe.merkle import Tree, leaf_hash
from tests.decision_logs import ORIGIN

#: The examples of Certificate Transparency's own tests.
LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

KEY = Ed25519PrivateKey.generate()
VERIFIER = Verifier.of(ORIGIN, KEY)
CHECKPOINT = Checkpoint(ORIGIN, 17, sha256(b"root").digest())
NOTE = signed_note(CHECKPOINT, KEY)


@pytest.mark.parametrize("size", ROOTS)
def test_the_root_is_rfc_6962s(size: int) -> None:
    """By the examples that others publish."""
    tree = Tree()
    for leaf in LEAVES[:size]:
        tree.add(leaf_hash(bytes.fromhex(leaf)))

    assert tree.root().hex() == ROOTS[size]


def test_another_implementation_has_the_same_roots() -> None:
    """At every size up to a few hundred."""
    ours, theirs = Tree(), InmemoryTree(algorithm="sha256")
    for number in range(300):
        content = f"record {number}".encode()
        ours.add(leaf_hash(content))
        theirs.append_entry(content)

        assert ours.root() == theirs.get_root()


@pytest.mark.parametrize(
    "key",
    [
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ],
)
def test_a_published_key_is_read_and_written_as_it_is(key: str) -> None:
    """So its id is worked out as others do."""
    assert Verifier.read(key).text() == f"{key}\n"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="id"),
        pytest.param(
            "PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="name"
        ),
        pytest.param("PeterNeumann+c74f20a3+ARpc2QcU", id="half a key"),
        pytest.param("PeterNeumann+c74f20a3", id="no key"),
        pytest.param("-----BEGIN PUBLIC KEY-----", id="another form"),
    ],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    """A slip in any of its parts is seen."""
    with pytest.raises(ValueError, match=r".*"):
        Verifier.read(key)


def test_a_signed_checkpoint_is_taken() -> None:
    """Also with the signature of somebody else beside ours."""
    other = f"\u2014 witness.example {b64encode(bytes(68)).decode()}\n"

    assert VERIFIER.check(NOTE) == CHECKPOINT
    assert VERIFIER.check(NOTE + other) == CHECKPOINT


FORGED = Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(NOTE.replace("\n17\n", "\n16\n"), id="another size"),
        pytest.param(NOTE.replace("\n17\n", "\n017\n"), id="a size written otherwise"),
        pytest.param(NOTE.replace(ORIGIN, "tax-gw/decisions"), id="another log's name"),
        pytest.param(signed_note(CHECKPOINT, FORGED), id="another key"),
        pytest.param(
            signed_note(Checkpoint("tax-gw/decisions", 17, CHECKPOINT.root), KEY), id="another log"
        ),
        pytest.param(NOTE[: NOTE.index("\u2014")], id="no signature"),
        pytest.param(NOTE.replace("\n\n", "\nmore\n\n"), id="a line more"),
        pytest.param(NOTE[:-1], id="no end"),
        pytest.param(NOTE + NOTE[NOTE.index("\u2014") :], id="our signature twice"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_forged_checkpoint_is_refused(note: str) -> None:
    """Whatever part of it is another."""
    with pytest.raises(ValueError, match=r".*"):
        VERIFIER.check(note)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "市局/decisions", "a\nb"])
def test_a_name_that_cannot_stand_in_a_checkpoint_is_refused(origin: str) -> None:
    """It would end the line, or be read as something else."""
    with pytest.raises(ValueError, match=r".*"):
        VERIFIER.check(signed_note(Checkpoint(origin, 17, CHECKPOINT.root), KEY))


def test_notes_one_after_the_other_are_told_apart() -> None:
    """And the one that was not written to its end."""
    found = list(notes_in(NOTE + NOTE + NOTE[:20]))

    assert found == [NOTE, NOTE, NOTE[:20]]
    assert [is_whole(note) for note in found] == [True, True, False]
