"""How modules of ours are run on hosts: as plain Python, told by its standard input."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from playbooks.plugins.modules import host_answers, host_state, service_identity
from playbooks.plugins.plain import checked, program_of, result_of

#: Of the files in `modules/`, each must be run so.
MODULES = sorted(Path(str(host_state.__file__)).parent.glob("*.py"))


def ran(program: bytes) -> dict[str, Any]:
    """Have Debian's Python do it, as a host's would."""
    command = ["/usr/bin/python3", "-ISu", "-"]
    done = subprocess.run(command, input=program, capture_output=True, check=False)
    said = {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}
    return result_of(said)


def test_a_module_gets_what_is_wanted_and_its_result_comes_back() -> None:
    """Whatever is in it."""
    word = "样例 {\"'} \\n"
    wanted = checked(host_answers, {"into": "/x", "commands": [["echo", word]]})

    result = ran(program_of(host_answers, wanted, check=False))

    assert [answer["said"] for answer in result["answers"]] == [f"{word}\n"]


def test_in_check_mode_it_is_told_so(tmp_path: Path) -> None:
    """It says what would be done, and does not do it."""
    wanted = checked(host_state, {"folders": [{"path": str(tmp_path / "new")}]})

    result = ran(program_of(host_state, wanted, check=True))

    assert result["changed"] is True
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_said_is_as_documented() -> None:
    """Also inside of what is said."""
    (file,) = checked(host_state, {"files": [{"path": "/x", "content": ""}]})["files"]

    assert (file["mode"], file["owner"], file["validate"]) == ("0644", "root", [])


@pytest.mark.parametrize(
    ("module", "arguments", "why"),
    [
        (host_state, {"filse": []}, "filse"),
        (host_state, {"files": [{"content": ""}]}, "path"),
        (host_state, {"units": [{"name": "x.service", "state": "perhaps"}]}, "perhaps"),
        (service_identity, {"name": "x", "authority": "/x", "key": "/x"}, "combined"),
    ],
)
def test_what_is_no_option_is_refused_before_the_host_is_asked(
    module: Any,  # noqa: ANN401 - a module
    arguments: dict[str, Any],
    why: str,
) -> None:
    """By its name."""
    with pytest.raises(AnsibleActionFail, match=why):
        checked(module, arguments)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"system": {"id": "plan9", "version": "4"}}, "plan9"),
        ({"files": [{"path": "/dev/null/x", "content": ""}]}, "be a folder"),
        ({"files": [{"path": "/nowhere/x", "content": "", "owner": "nobody-here"}]}, "nobody-here"),
    ],
)
def test_what_cannot_be_done_is_a_failure_in_words(wanted: dict[str, Any], why: str) -> None:
    """And not a traceback."""
    result = ran(program_of(host_state, checked(host_state, wanted), check=False))

    assert result["failed"] is True
    assert why in result["msg"]
    assert "Traceback" not in result["msg"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(1, "{}", id="it ended with an error"),
        pytest.param(0, "", id="nothing"),
        pytest.param(0, "hello", id="words"),
        pytest.param(0, "[1]", id="no result"),
        pytest.param(127, "sh: no python3", id="no Python"),
    ],
)
def test_what_is_no_result_is_a_failure_with_what_was_said(status: int, said: str) -> None:
    """A host is not believed to have done what it does not say."""
    result = result_of({"rc": status, "stdout": said, "stderr": "and more"})

    assert result["failed"] is True
    assert "and more" in result["msg"]
    assert said in result["msg"]


def test_what_a_host_prints_before_its_result_does_not_matter() -> None:
    """As some greet whoever comes."""
    said = f"Welcome\n{json.dumps({'changed': False})}\n"

    assert result_of({"rc": 0, "stdout": said, "stderr": ""}) == {"changed": False}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.stem))
def test_no_module_has_ansible_compiled_on_each_host(file: Path) -> None:
    """And each has the half that runs on the controller."""
    assert "import ansible" not in file.read_text("utf-8")
    assert "from ansible" not in file.read_text("utf-8")
    action = file.parent.with_name("action") / file.name
    assert "PlainAction" in action.read_text("utf-8")
