"""What a host holds is changed as a whole, said honestly, and finished when it was cut off."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbooks.plugins.action import host_state as controller
from playbooks.plugins.modules import gateway_policy, host_state
from playbooks.plugins.on_hosts.plain import CannotError


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
    before = controller.files_of(tree)
    file = Path(tree["root"]) / "gateway" / "a.py"
    file.write_text(file.read_text())
    file.chmod(0o600)
    after = controller.files_of(tree)

    assert controller.pack(after) == controller.pack(before)
    assert host_state.digest_of(after) == host_state.digest_of(before)


def test_other_files_are_other_bytes(tree: dict[str, Any]) -> None:
    """A changed program is sent."""
    before = host_state.digest_of(controller.files_of(tree))
    (Path(tree["root"]) / "gateway" / "a.py").write_text("a = 2\n")

    assert host_state.digest_of(controller.files_of(tree)) != before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("echo 'a = 3' >gateway/a.py", id="a program edited by hand"),
        pytest.param("rm gateway/a.py", id="a program lost"),
        pytest.param("touch gateway/b.py", id="one more"),
        pytest.param("rm -r gateway t && touch gateway", id="a file for a folder"),
    ],
)
def test_programs_that_were_damaged_are_sent_anew(
    tmp_path: Path, tree: dict[str, Any], damage: str
) -> None:
    """A host that says it has them is not believed by the name of the folder alone."""
    files = controller.files_of(tree)
    digest = host_state.digest_of(files)
    link = tmp_path / "on-the-host"
    version = tmp_path / f"on-the-host.{digest[:16]}"
    for name, content in files.items():
        (version / name).parent.mkdir(parents=True, exist_ok=True)
        (version / name).write_bytes(content)
    link.symlink_to(version.name)
    (version / "gateway" / "__pycache__").mkdir()
    (version / "gateway" / "__pycache__" / "a.pyc").touch()
    told = {"path": str(link), "archive": None, "digest": digest}
    unchanged = list(host_state.tree_changes([told]))

    subprocess.run(["sh", "-c", damage], cwd=version, check=True)
    found = [change.difference() for change in host_state.tree_changes([told])]

    assert unchanged == []
    assert ["damaged" in each["before"] for each in found] == [True]


@pytest.mark.parametrize("is_list", [True, False])
def test_a_host_cannot_move_the_cursor_of_who_reads_a_difference(*, is_list: bool) -> None:
    """What a terminal would obey is shown; what people write is left as it is."""
    said = {"before": "\x1b[2Jok: 样例\r\u202e\n\tb\n", "before_header": "/etc/\x1b]0;x\x07"}
    result = controller.with_plain_difference({"diff": [said] if is_list else said})

    [shown] = result["diff"]
    assert shown["before"] == "\\x1b[2Jok: 样例\\r\\u202e\n\tb\n"
    assert shown["before_header"] == "/etc/\\x1b]0;x\\x07"


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

    with pytest.raises(CannotError):
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


def test_a_preflight_does_not_forget_what_nobody_took_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run looks first, and then finishes what the one before left."""
    monkeypatch.setattr(host_state, "PENDING", tmp_path / "pending")
    names = ("packages", "absent", "folders", "files", "trees", "commands", "units", "proofs")
    asked: dict[str, Any] = {**{name: [] for name in names}, "system": None, "sysctls": {}}
    asked["role"] = "base"
    taken = tmp_path / "taken"
    command = {"argv": ["touch", str(taken)], "when_changed": [str(tmp_path / "file")]}
    fails = {"argv": ["false"], "when_changed": ["*"]}
    whole = {**asked, "files": [wanted(tmp_path / "file", "x\n")]}

    with pytest.raises(CannotError):
        host_state.run({**whole, "commands": [fails]}, check=False)
    host_state.run(asked, check=False)
    done = host_state.run({**whole, "commands": [command]}, check=False)
    taken.unlink()
    again = host_state.run({**whole, "commands": [command]}, check=False)

    assert (done["changed"], again["changed"]) == (True, False)
    assert not taken.exists()


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


@pytest.mark.parametrize(
    ("mode", "shown"),
    [pytest.param("0600", False, id="secret"), pytest.param("0640", True, id="no")],
)
def test_a_new_secret_is_in_no_difference(tmp_path: Path, mode: str, *, shown: bool) -> None:
    """A file for its owner only is said to be new, and what stands in it is not said."""
    file = {**wanted(tmp_path / "file", "the new words"), "mode": mode}

    (change,) = host_state.file_changes([file], check=True)

    assert ("the new words" in change.difference()["after"]) == shown
    assert change.difference()["after"]


@pytest.mark.parametrize(
    ("put", "said"),
    [
        pytest.param("mkdir -p folder/file", "a folder is in the place", id="a folder for a file"),
        pytest.param("touch folder", "it should be a folder", id="a file for the folder it is in"),
        pytest.param("ln -s nowhere folder", "it should be a folder", id="a link to nowhere"),
    ],
)
def test_what_is_in_the_place_of_a_file_is_said_before_anything_is_changed(
    tmp_path: Path, put: str, said: str
) -> None:
    """In a dry run too: it may not promise what cannot be done."""
    subprocess.run(["sh", "-c", put], cwd=tmp_path, check=True)

    with pytest.raises(CannotError, match=said):
        list(host_state.file_changes([wanted(tmp_path / "folder" / "file", "x")], check=True))


@pytest.mark.parametrize(
    ("put", "said"),
    [
        pytest.param("touch folder", "it should be a folder", id="a file"),
        pytest.param("mkdir -m 0700 a && ln -s a folder", "a link is in the place", id="a link"),
    ],
)
def test_what_is_in_the_place_of_a_folder_is_said_and_not_followed(
    tmp_path: Path, put: str, said: str
) -> None:
    """Rights meant for a folder are not given to whatever a link leads to."""
    subprocess.run(["sh", "-c", put], cwd=tmp_path, check=True)
    folder = {"path": str(tmp_path / "folder"), "exclusive": "", "mode": "0755"}

    with pytest.raises(CannotError, match=said):
        list(host_state.folder_changes([{**folder, "owner": "root", "group": "root"}], []))


def test_a_pipe_in_the_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    """Nobody would ever write to it, and the play would wait for ever."""
    file = tmp_path / "file"
    os.mkfifo(file)

    [change] = host_state.file_changes([wanted(file, "x\n")], check=True)

    assert change.after == "x\n"


def test_a_setting_is_set_also_where_a_command_has_just_made_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that is given its name has settings under it, in the same run."""
    monkeypatch.setattr(host_state, "_SYSCTLS", tmp_path / "sys")
    monkeypatch.setattr(host_state, "PENDING", tmp_path / "pending")
    named = tmp_path / "port.link"
    make = f"mkdir {tmp_path}/sys && echo 1 >{tmp_path}/sys/port"
    asked: dict[str, Any] = {
        name: [] for name in ("packages", "absent", "folders", "trees", "units", "proofs")
    }
    command = {"argv": ["sh", "-c", make], "when_changed": [str(named)]}

    done = host_state.run(
        {
            **asked,
            "system": None,
            "files": [wanted(named, "Name=port")],
            "commands": [command],
            "sysctls": {"*": 0},
            "role": "base",
        },
        check=False,
    )

    assert done["changed"]
    assert (tmp_path / "sys" / "port").read_text() == "0"


def unit(**more: object) -> dict[str, Any]:
    """Give a unit as the module is told of it."""
    plain = {"name": "x.service", "enabled": None, "masked": None, "state": None}
    return {**plain, "restart_on": [], "reload_on": [], **more}


@pytest.mark.parametrize(
    ("asked", "verbs"),
    [
        pytest.param(unit(enabled=True, state="started"), ["unmask", "enable", "start"], id="both"),
        pytest.param(unit(state="started"), ["unmask", "start"], id="to run"),
        pytest.param(unit(masked=True), [], id="masked"),
        pytest.param(unit(restart_on=["*"]), [], id="neither"),
    ],
)
def test_a_unit_that_was_masked_by_hand_is_freed_where_it_must_run(
    asked: dict[str, Any], verbs: list[str]
) -> None:
    """A dry run would say that it starts, and it could not."""
    state = host_state.UnitState("masked", is_running=False, is_enabled=False, needs_reload=False)

    assert list(host_state._verbs_of(asked, state, set())) == verbs  # noqa: SLF001 - pure


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        pytest.param("x.service", "x.service", id="a unit"),
        pytest.param("x@a.service", "x@a.service", id="one of a template"),
        pytest.param("x.service.d/more.conf", "x.service", id="more of a unit"),
        pytest.param("x@.service", "", id="a template"),
        pytest.param("service.d/more.conf", "", id="more of all units of a kind"),
        pytest.param("x.target.wants/y.service", "", id="what a unit wants"),
    ],
)
def test_all_units_are_read_anew_where_more_than_one_may_have_changed(
    path: str, concerned: str
) -> None:
    """Else systemd itself is asked whether it has an older one."""
    assert host_state._unit_of(f"/etc/systemd/system/{path}") == concerned  # noqa: SLF001 - pure
