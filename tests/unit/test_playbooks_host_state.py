"""What a host holds is changed as a whole, said honestly, and finished when it was cut off."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbooks.plugins.action import host_state as controller
from playbooks.plugins.modules import gateway_policy, host_state


def options(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options that Ansible checks in the form in which they are documented."""
    words = ("type", "elements", "default", "choices", "required")
    return {
        name: {k: told[k] for k in words if k in told}
        | ({"suboptions": options(told["options"])} if "options" in told else {})
        for name, told in spec.items()
    }


def without_words(documented: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the sentences."""
    return {
        name: {k: v for k, v in told.items() if k not in {"description", "suboptions"}}
        | ({"suboptions": without_words(told["suboptions"])} if "suboptions" in told else {})
        for name, told in documented.items()
    }


@pytest.mark.parametrize("module", [host_state, gateway_policy])
def test_what_is_documented_is_what_is_taken(module: Any) -> None:  # noqa: ANN401 - a module
    """Word for word, so that neither is forgotten."""
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]

    assert options(module.SPEC) == without_words(documented)


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, Any]:
    """Give a small tree of programs."""
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "a.py").write_text("a = 1\n")
    return {"path": "/x", "root": str(tmp_path), "names": ["gateway/*.py"], "texts": {"t": "u"}}


def test_the_same_files_are_the_same_bytes(tree: dict[str, Any]) -> None:
    """However old they are: a second run sends nothing."""
    before = controller.pack(tree)
    file = Path(tree["root"]) / "gateway" / "a.py"
    file.write_text(file.read_text())
    file.chmod(0o600)

    assert controller.pack(tree) == before


def test_other_files_are_other_bytes(tree: dict[str, Any]) -> None:
    """A changed program is sent."""
    before = controller.pack(tree)
    (Path(tree["root"]) / "gateway" / "a.py").write_text("a = 2\n")

    assert controller.pack(tree) != before


def wanted(path: Path, content: str, **more: object) -> dict[str, Any]:
    """Give a file as the module is told of it."""
    plain = {"path": str(path), "content": content, "mode": "0640", "owner": "root"}
    return {**plain, "group": "root", "validate": [], **more}


def test_a_file_is_said_and_then_written(tmp_path: Path) -> None:
    """Looking changes nothing; what was said is what is written."""
    file = tmp_path / "folder" / "file"
    changes = list(host_state.file_changes([wanted(file, "new\n")], check=True))

    assert [c.difference()["after"] for c in changes] == ["new\n"]
    assert not file.exists()


def test_a_file_that_its_judge_refuses_is_never_in_place(tmp_path: Path) -> None:
    """The old one stays."""
    file = tmp_path / "file"
    file.write_text("old\n")

    with pytest.raises(host_state.CannotError):
        list(host_state.file_changes([wanted(file, "x", validate=["false", "%s"])], check=False))

    assert file.read_text() == "old\n"


def test_what_is_too_much_in_a_folder_goes(tmp_path: Path) -> None:
    """Only what matches the pattern, and is not wanted."""
    for name in ("50-ours-kept", "50-ours-old", "10-others"):
        (tmp_path / name).touch()
    folder = {"path": str(tmp_path), "exclusive": "50-ours-*", "mode": "0700", "owner": "nobody"}
    kept = [str(tmp_path / "50-ours-kept")]

    changes = host_state.folder_changes([{**folder, "group": "root"}], kept)

    removed = [c.what for c in changes if c.what != str(tmp_path)]
    assert removed == [str(tmp_path / "50-ours-old")]


def test_what_was_not_taken_up_is_remembered(tmp_path: Path) -> None:
    """A run that was cut off is finished by the next."""
    pending = host_state.Pending(tmp_path / "folder" / "role")
    pending.remember({"/etc/ulogd.conf"})

    assert host_state.Pending(tmp_path / "folder" / "role").paths() == {"/etc/ulogd.conf"}

    pending.forget()
    assert not host_state.Pending(tmp_path / "folder" / "role").paths()


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        pytest.param(0o600, False, id="for its owner only"),
        pytest.param(0o440, True, id="for a group"),
        pytest.param(0o644, True, id="for everybody"),
    ],
)
def test_a_secret_is_in_no_difference(tmp_path: Path, mode: int, *, shown: bool) -> None:
    """Neither where it goes, nor where another takes its place."""
    file = tmp_path / "key"
    file.write_text("the old words\n")
    file.chmod(mode)

    gone = [change.difference() for change in host_state.absences([str(file)])]
    other = [c.difference() for c in host_state.file_changes([wanted(file, "new")], check=True)]

    assert ["the old words" in each["before"] for each in gone + other] == [shown, shown]
    assert [each["before_header"] for each in gone + other] == [str(file)] * 2
