"""What goes into a bundle: all that roles, launcher and pyproject name, with all that it needs."""

import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.bundle import debian, needs
from gateway.bundle.make import Wanted, make
from gateway.bundle.packages import index
from gateway.bundle.tree import commit_of
from gateway.bundle.wheels import unmet
from gateway.cli.main import main
from gateway.errors import Refused
from tests.bundles import NOW, Makers, package, wheel
from tests.repo.tree import ROOT

ROLES = sorted(folder.name for folder in (ROOT / "roles").iterdir() if folder.is_dir())


def tasks_of(role: str) -> list[dict[str, Any]]:
    """Give the tasks of a role, whichever file they are in."""
    files = (ROOT / "roles" / role / "tasks").glob("*.yml")
    return [task for file in files for task in yaml.safe_load(file.read_text("utf-8"))]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_installs_what_it_names_and_nothing_else(role: str) -> None:
    """So that who reads its variables knows what a bundle must have."""
    named = {f"{role}_{kind}" for kind in (needs.PACKAGES, needs.SOFTWARE)}
    asked = [
        task["host_state"] for task in tasks_of(role) if "packages" in task.get("host_state", {})
    ]
    installs = [
        task["ansible.builtin.apt"]["name"]
        for task in tasks_of(role)
        if task.get("ansible.builtin.apt", {}).get("state", "present") == "present"
        and "ansible.builtin.apt" in task
    ]

    words = {word for text in installs for word in re.findall(r"[a-z_]+", text)}
    assert words <= {f"{role}_preflight", "missing_packages", "intersect", *named}
    assert not installs or any(
        named & set(re.findall(r"[a-z_]+", each["packages"])) for each in asked
    )


def test_what_roles_name_is_found_wherever_they_name_it(tmp_path: Path) -> None:
    """In defaults and in variables; what is to be taken away is not what is installed."""
    for part, text in (
        ("defaults", "a_packages: [one]"),
        ("vars", "a_software: [two]\na_unwanted_packages: [x]"),
    ):
        (tmp_path / "roles/a" / part).mkdir(parents=True)
        (tmp_path / "roles/a" / part / "main.yml").write_text(text)
    (tmp_path / "roles/b/tasks").mkdir(parents=True)

    assert needs.of_hosts(tmp_path) == ("one", "two")


def test_the_launcher_says_what_it_installs() -> None:
    """As it looks for it, not what tests and the lab need beside."""
    asked = needs.of_controller(ROOT)

    text = (ROOT / "loushan").read_text("utf-8")
    assert {"python3", "python3-venv", "nftables", "openssh-client", "fonts-noto-cjk"} <= set(asked)
    assert all(re.search(rf"^ +need \S+ {re.escape(name)} '", text, re.MULTILINE) for name in asked)
    assert not {"chromium", "mmdebstrap", "git", "postgresql"} & set(asked)


def source(folder: Path, *named: str) -> Path:
    """Make a small source of packages: `one` needs `two`."""
    folder.mkdir()
    for name, needed in (("one", "two (>= 1:2)"), ("two", "")):
        if name in named:
            package(folder, name, "1:2" if name == "two" else "1", needed)
    index(folder, "sample")
    return folder


def test_a_folder_of_packages_is_a_source_for_apt(tmp_path: Path) -> None:
    """Apt itself says so, in a path with a space; an epoch is in no file's name."""
    folder = source(tmp_path / "a folder", "one", "two")

    debian.prove_whole(folder, ["one"])
    names = {file.name for file in folder.iterdir() if file.is_file()}
    assert names == {"Packages", "Release", "one_1_all.deb", "two_2_all.deb"}


@pytest.mark.parametrize(
    ("named", "wanted", "said"),
    [
        pytest.param(("two",), "one", "one", id="what a role names"),
        pytest.param(("one",), "one", "two", id="what that needs"),
        pytest.param((), "one", "one", id="everything"),
    ],
)
def test_what_is_missing_is_found(
    tmp_path: Path, named: tuple[str, ...], wanted: str, said: str
) -> None:
    """When the bundle is made, and not at the site."""
    with pytest.raises(Refused) as refused:
        debian.prove_whole(source(tmp_path / "packages", *named), [wanted])

    (found,) = refused.value.problems
    assert found.code == "ZG278"
    assert said in dict(found.params)["missing"]


def test_a_package_that_its_list_does_not_know_is_found(tmp_path: Path) -> None:
    """Its list was altered: apt compares it with what `Release` says."""
    folder = source(tmp_path / "packages", "one", "two")
    (folder / "Packages").write_text((folder / "Packages").read_text().replace("1:2", "1:3"))
    with pytest.raises(Refused) as refused:
        debian.prove_whole(folder, ["two"])

    assert [each.code for each in refused.value.problems] == ["ZG278"]


def test_what_a_host_has_already_need_not_be_there(tmp_path: Path) -> None:
    """A bundle for hosts that are known may be small."""
    folder, status = source(tmp_path / "packages", "one"), tmp_path / "status"
    two = {"Package": "two", "Status": "install ok installed", "Version": "1:2"}
    rest = {"Architecture": "all", "Maintainer": "sample", "Description": "sample"}
    status.write_text("".join(f"{k}: {v}\n" for k, v in {**two, **rest}.items()))

    debian.prove_whole(folder, ["one"], status)


def test_debian_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    """Nothing is passed over with a warning."""
    away = debian.Mirrors(f"file:{tmp_path}/away", f"file:{tmp_path}/away-security")
    with pytest.raises(Refused) as refused:
        debian.fetch("sample", ["one"], tmp_path / "out", away)

    assert [each.code for each in refused.value.problems] == ["ZG277"]


@pytest.mark.parametrize(
    ("there", "required", "python", "missing"),
    [
        pytest.param({"a": ("b",), "b": ()}, ["a"], "3.13", (), id="whole"),
        pytest.param({"a": ("b",)}, ["a"], "3.13", ("b",), id="what another needs"),
        pytest.param({}, ["a>=1"], "3.13", ("a>=1",), id="what we need"),
        pytest.param({"a": ()}, ["a>=2"], "3.13", ("a>=2",), id="a newer one"),
        pytest.param(
            {"a": ('b; python_version < "3.13"',)}, ["a"], "3.11", ("b",), id="of that Python"
        ),
        pytest.param({"a": ('b; python_version < "3.13"',)}, ["a"], "3.13", (), id="of another"),
        pytest.param({"a": ('b; extra == "x"',)}, ["a"], "3.13", (), id="an extra nobody wants"),
        pytest.param({"a": ('b; extra == "x"',)}, ["a[x]"], "3.13", ("b",), id="an extra"),
    ],
)
def test_a_wheel_that_is_missing_is_found(
    tmp_path: Path,
    there: dict[str, tuple[str, ...]],
    required: list[str],
    python: str,
    missing: tuple[str, ...],
) -> None:
    """By the conditions of the Python that it is for, whichever makes the bundle."""
    for name, needed in there.items():
        wheel(tmp_path, name, "1.0", *needed)

    assert unmet(tmp_path, required, python) == missing


def checkout(folder: Path) -> Path:
    """Make a small tree with one role, committed."""
    (folder / "roles/a/defaults").mkdir(parents=True)
    (folder / "roles/a/defaults/main.yml").write_text("a_packages: [one]\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    git(folder, *who, "commit", "--quiet", "--message=first")
    return folder


def git(folder: Path, *words: str) -> None:
    """Run git there."""
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def test_what_is_not_committed_is_not_taken_silently(tmp_path: Path) -> None:
    """Neither a change nor a new file; nor what is no checkout."""
    folder = checkout(tmp_path / "tree")
    commit = commit_of(folder)
    (folder / "new").write_text("x")
    with pytest.raises(Refused) as new:
        commit_of(folder)
    with pytest.raises(Refused) as none:
        commit_of(tmp_path)

    assert commit_of(folder, dirty=True) == commit
    assert [each.code for each in (*new.value.problems, *none.value.problems)] == ["ZG276"] * 2


@pytest.fixture(scope="module")
def makers(tmp_path_factory: pytest.TempPathFactory) -> Makers:
    """Have an operator with the duty `build`."""
    made = Makers.begin(tmp_path_factory.mktemp("makers"))
    made.operator("wei", "build:wei")
    return made


def wanted(tmp_path: Path, makers: Makers, **other: Any) -> Wanted:  # noqa: ANN401 - any field
    """Ask for a bundle of a small tree and its packages."""
    given = {
        "root": tmp_path / "tree",
        "key": makers.folder / "wei-cert.pub",
        "made": NOW,
        "parts": ["hosts", "tree"],
        "packages": tmp_path / "packages",
    }
    return Wanted(**{**given, **other})


def test_the_same_inputs_are_the_same_bytes(tmp_path: Path, makers: Makers) -> None:
    """So that two people can make it, and compare."""
    checkout(tmp_path / "tree")
    source(tmp_path / "packages", "one", "two")
    files = [tmp_path / name for name in ("a.tar", "b.tar")]
    for file in files:
        make(file, wanted(tmp_path, makers), lambda _en, _zh: None)

    assert files[0].read_bytes() == files[1].read_bytes()
    assert not list(tmp_path.glob(".loushan*")), "nothing else is left"
    with tarfile.open(files[0]) as archive:
        names = archive.getnames()
    assert names == ["SHA256SUMS", "SHA256SUMS.sig", "manifest.json", "hosts.tar", "tree.tar"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"key": Path("/nonexistent")}, "ZG279", id="no key"),
        pytest.param({"packages": Path("/nonexistent")}, "ZG278", id="no packages"),
        pytest.param({"root": Path("/")}, "ZG276", id="no checkout"),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    tmp_path: Path, makers: Makers, change: dict[str, Path], code: str
) -> None:
    """No file that looks like a bundle."""
    checkout(tmp_path / "tree")
    source(tmp_path / "packages", "one", "two")
    with pytest.raises(Refused) as refused:
        make(tmp_path / "out.tar", wanted(tmp_path, makers, **change), lambda _en, _zh: None)

    assert [each.code for each in refused.value.problems] == [code]
    assert not list(tmp_path.glob("*.tar"))
    assert not list(tmp_path.glob(".loushan*"))


def test_a_bundle_that_is_there_is_left_alone(tmp_path: Path, makers: Makers) -> None:
    """It may be on its way to a site."""
    out = tmp_path / "out.tar"
    out.write_text("here")
    with pytest.raises(Refused) as refused:
        make(out, wanted(tmp_path, makers), lambda _en, _zh: None)

    assert [each.code for each in refused.value.problems] == ["ZG279"]
    assert out.read_text() == "here"


def test_the_command_line_judges_as_it_says(
    tmp_path: Path, makers: Makers, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words, in Chinese, and for a machine; what is refused ends with 1."""
    checkout(tmp_path / "tree")
    source(tmp_path / "packages", "one", "two")
    out = tmp_path / "out.tar"
    make(out, wanted(tmp_path, makers), lambda _en, _zh: None)
    asked = ["bundle", "verify", str(out), "--signers", str(makers.signers)]
    statuses = [main([*asked, *more]) for more in ([], ["--lang", "zh"], ["--json"])]
    said = capsys.readouterr().out
    away = main([*asked[:3], "--signers", str(tmp_path / "away")])

    assert (statuses, away) == ([0, 0, 0], 1)
    assert "signed by build:wei; every file is as it was" in said
    assert "由 build:wei 签名" in said
    assert '"signer": "build:wei"' in said
    assert "ZG271" in capsys.readouterr().err
    assert main(["bundle", "unpack", *asked[2:], str(tmp_path / "new")]) == 0
    assert (tmp_path / "new/roles/a/defaults/main.yml").exists()
