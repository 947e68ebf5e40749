"""A plan's folder is read whole, safely, or not at all."""

import os
import threading
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.policy.documents import (
    LARGEST_DOCUMENT_BYTES,
    Document,
    Tree,
    parse,
    read_documents,
)


def _parsed(text: str | bytes) -> Tree:
    content = text.encode() if isinstance(text, str) else text
    return parse(Document("a.yml", content), "a.yml")


def _refused(text: str | bytes) -> list[tuple[str, int]]:
    with pytest.raises(Refused) as refused:
        _parsed(text)
    return [(problem.code, problem.where.line) for problem in refused.value.problems]


def test_a_document_is_data_that_knows_its_lines() -> None:
    """Values are text, whole numbers and truths; each part knows where it stands."""
    tree = _parsed("document: sites\nsites:\n  - name: 汇川区\n    part: 3\n    managed: false\n")

    assert tree.data == {
        "document": "sites",
        "sites": [{"name": "汇川区", "part": 3, "managed": False}],
    }
    assert str(tree.where(("sites", 0, "part"))) == "a.yml:4"
    assert str(tree.where(("sites", 0, "absent"))) == "a.yml:3"


@pytest.mark.parametrize("word", ["no", "on", "1e3", "0x10", "2027-12-31", "12:30", "~"])
def test_a_plain_word_stays_text(word: str) -> None:
    """YAML's surprises do not reach a plan."""
    assert _parsed(f"a: {word}\n").data == {"a": word}


def test_what_is_quoted_is_text() -> None:
    """A quoted number is a name, not a number."""
    assert _parsed("a: '17'\nb: \"true\"\n").data == {"a": "17", "b": "true"}


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: [1\nb: 2\n", ("ZG011", 2), id="malformed"),
        pytest.param("a:\n\t- b\n", ("ZG011", 2), id="a tab"),
        pytest.param(BOMB, ("ZG017", 1), id="a bomb of aliases"),
        pytest.param("a: 1\nb: *a\n", ("ZG017", 2), id="an alias of nothing"),
        pytest.param("a: 1\nb: !!python/object:os.system x\n", ("ZG018", 2), id="a tag"),
        pytest.param("a: 1\nb: 2\na: 3\n", ("ZG015", 3), id="a key twice"),
        pytest.param("a: 1\n---\nb: 2\n", ("ZG013", 2), id="a second document"),
        pytest.param("", ("ZG012", 1), id="nothing"),
        pytest.param("# only words\n", ("ZG012", 1), id="only a comment"),
        pytest.param("? [a, b]\n: 1\n", ("ZG016", 1), id="a key that is a list"),
        pytest.param(b"a: \xff\xfe\n", ("ZG010", 1), id="not UTF-8"),
        pytest.param("a: b\x00c\n", ("ZG011", 0), id="a zero byte"),
        pytest.param("a: " + "[" * 500 + "]" * 500, ("ZG014", 1), id="nested too deep"),
    ],
)
def test_what_is_not_a_plain_document_is_refused(
    text: str | bytes, expected: tuple[str, int]
) -> None:
    """The reader says the line and does not guess."""
    assert expected in _refused(text)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_without_end_is_refused(opening: str) -> None:
    """By the parser, which has a limit since PyYAML 6.0.4, or by us: never by running out."""
    assert _refused("a: \n  " + opening * 50_000) in ([("ZG014", 2)], [("ZG011", 2)])


def test_every_repeated_key_is_named() -> None:
    """All errors at once."""
    assert _refused("a: 1\na: 2\nb: 1\nb: 2\n") == [("ZG015", 2), ("ZG015", 4)]


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.yml").write_text("b: 1\n")
    (tmp_path / "sub" / "a.yml").write_text("a: 1\n")
    (tmp_path / "README.md").write_text("words\n")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "release.json").write_text("{}")
    return tmp_path


def _refused_folder(folder: Path) -> set[str]:
    with pytest.raises(Refused) as refused:
        read_documents(folder)
    return {problem.code for problem in refused.value.problems}


def test_a_folder_is_its_documents(tmp_path: Path) -> None:
    """Sub-folders count; what was signed about the plan is not part of it."""
    documents = read_documents(_folder(tmp_path))

    assert [document.path for document in documents] == ["b.yml", "sub/a.yml"]
    assert documents[0].content == b"b: 1\n"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """What a link points to is not what was signed."""
    folder = _folder(tmp_path)
    (folder / "c.yml").symlink_to("/etc/hostname")

    assert _refused_folder(folder) == {"ZG004"}


def test_a_linked_sub_folder_is_refused(tmp_path: Path) -> None:
    """Neither is a linked folder."""
    folder = _folder(tmp_path)
    (folder / "more").symlink_to("/etc")

    assert _refused_folder(folder) == {"ZG004"}


def test_a_pipe_is_refused_and_does_not_wait(tmp_path: Path) -> None:
    """A document is a file."""
    folder = _folder(tmp_path)
    os.mkfifo(folder / "c.yml")

    assert _refused_folder(folder) == {"ZG004"}


def test_a_file_that_is_no_document_is_refused(tmp_path: Path) -> None:
    """Nothing lies in a plan unread."""
    folder = _folder(tmp_path)
    (folder / "plan.yml.bak").write_text("x")

    assert _refused_folder(folder) == {"ZG003"}


def test_a_huge_document_is_refused(tmp_path: Path) -> None:
    """A limit that no honest plan meets."""
    folder = _folder(tmp_path)
    with (folder / "c.yml").open("wb") as file:
        file.truncate(LARGEST_DOCUMENT_BYTES + 1)

    assert _refused_folder(folder) == {"ZG005"}


def test_an_empty_and_an_absent_folder_are_refused(tmp_path: Path) -> None:
    """Nothing is not a plan that allows nothing."""
    (tmp_path / "empty").mkdir()

    assert _refused_folder(tmp_path / "empty") == {"ZG002"}
    assert _refused_folder(tmp_path / "absent") == {"ZG001"}


def test_a_file_that_changes_while_it_is_read_is_never_read_in_part(tmp_path: Path) -> None:
    """Either the old text or the new one or a refusal; never a mixture."""
    folder = _folder(tmp_path)
    texts = [b"a: " + bytes([letter]) * 400_000 + b"\n" for letter in b"xy"]
    (folder / "b.yml").write_bytes(texts[0])
    stop = threading.Event()

    def write() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            with (folder / "b.yml").open("r+b") as file:
                file.write(texts[turn % 2])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        outcomes = {_outcome(folder) for _ in range(10)}
    finally:
        stop.set()
        writer.join()

    assert outcomes <= {texts[0], texts[1], b"ZG006"}


def _outcome(folder: Path) -> bytes:
    try:
        return read_documents(folder)[0].content
    except Refused as refused:
        return refused.problems[0].code.encode()
