"""The launcher makes its environment once, whole, and never gets in the way again.

It is tried on a small checkout of its own with nothing to install, so that
these tests need no network.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bundles import wheel
from tests.repo.tree import ROOT

PYPROJECT = """\
[project]
name = "small"
version = "0"
dependencies = []
[project.optional-dependencies]
test = []
"""
COMMAND_LINE = """\
import sys
from pathlib import Path
import nftables
print("command line", *sys.argv[1:])
"""
#: Stands in for each tool that `./loushan test` runs.
TOOL = """\
import sys
from pathlib import Path
print(Path(__file__).stem, *sys.argv[1:])
sys.exit(Path(__file__).stem in Path("failing").read_text().split())
"""


def run(
    *argv: str | Path, cwd: Path | str = "/", path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, with nothing to read."""
    return subprocess.run(
        argv,
        cwd=cwd,
        env={"PATH": path or "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def timed(*argv: str | Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a command as a user would; give how many seconds it took."""
    began = time.monotonic()
    return run(*argv), time.monotonic() - began


can_hide = pytest.mark.skipif(
    os.geteuid() != 0 or run("unshare", "--mount", "true").returncode != 0,
    reason="hiding Debian packages needs root and a mount namespace",
)


def checkout(folder: Path) -> Path:
    """Lay out a small checkout; the launcher is the real one."""
    (folder / "gateway" / "cli").mkdir(parents=True)
    (folder / "gateway" / "cli" / "__main__.py").write_text(COMMAND_LINE)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "importlinter").mkdir()
    (folder / "importlinter" / "cli.py").write_text("def lint_imports_command(): pass\n")
    for tool in ("ruff", "mypy", "yamllint", "pytest"):
        (folder / f"{tool}.py").write_text(TOOL)
    shutil.copy(ROOT / "loushan", folder / "loushan")
    return folder


@pytest.fixture(scope="module")
def first_runs(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[tuple[int | None, str, str]]]:
    """Give a checkout with a space in its path, after two first runs at once."""
    folder = checkout(tmp_path_factory.mktemp("launcher") / "a check out")
    both = [
        subprocess.Popen(
            [folder / "loushan", "hello"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    return folder, [(p.returncode, *out) for p, out in zip(both, said, strict=True)]


@pytest.fixture
def ready(first_runs: tuple[Path, object]) -> Iterator[Path]:
    """Give the checkout with its environment; what a test changes is put back."""
    folder = first_runs[0]
    before = (folder / ".venv" / "stamp-product").read_text()
    yield folder
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / ".venv" / "stamp-product").write_text(before)
    (folder / ".venv" / "stamp-test").unlink(missing_ok=True)


def test_two_first_runs_at_once_both_work(
    first_runs: tuple[Path, list[tuple[int | None, str, str]]],
) -> None:
    """One makes the environment, the other waits for it."""
    _, outcomes = first_runs

    assert [(status, out) for status, out, _ in outcomes] == [(0, "command line hello\n")] * 2
    assert sum("making its environment" in err for _, _, err in outcomes) == 1
    assert sum("another run is making" in err for _, _, err in outcomes) == 1
    assert sum("ready after" in err for _, _, err in outcomes) == 1


def test_a_second_run_only_starts(ready: Path) -> None:
    """It says nothing, installs nothing, and takes well under a second."""
    log = (ready / ".venv-build.log").stat()
    runs = [timed(ready / "loushan", "policy", "check") for _ in range(3)]

    said = {(done.returncode, done.stdout, done.stderr) for done, _ in runs}
    assert said == {(0, "command line policy check\n", "")}
    assert (ready / ".venv-build.log").stat().st_mtime_ns == log.st_mtime_ns
    assert min(seconds for _, seconds in runs) < 1, "the machine may have much else to do"


def test_it_works_through_a_link_and_from_anywhere(ready: Path, tmp_path: Path) -> None:
    """An administrator may link it into a folder of the PATH."""
    (tmp_path / "linked").symlink_to(ready / "loushan")

    assert run("linked", "x", cwd="/", path=f"{tmp_path}:/usr/bin:/bin").stdout == (
        "command line x\n"
    )


def test_a_module_in_the_callers_folder_is_never_ours(ready: Path, tmp_path: Path) -> None:
    """Root may call it in a folder where somebody else left a `nftables.py`."""
    for name in ("nftables.py", "pathlib.py", "gateway.py"):
        (tmp_path / name).write_text("raise SystemExit('not ours')\n")

    assert run(ready / "loushan", cwd=tmp_path).stdout == "command line\n"


def test_only_one_package_of_debian_is_seen(ready: Path) -> None:
    """The packet filter's Python package is there; Debian's other packages are not."""
    shown = run(
        ready / ".venv" / "bin" / "python",
        "-I",
        "-c",
        "import sys, nftables; print([p for p in sys.path if 'dist-packages' in p])",
    )

    assert shown.stdout == "[]\n"


def test_an_environment_without_its_stamp_is_made_again(ready: Path) -> None:
    """What was interrupted is never taken for whole, and what it left is cleared away."""
    (ready / ".venv" / "stamp-product").unlink()
    for left in (".venv.new", ".venv.old"):
        (ready / left / "bin").mkdir(parents=True)
    again = run(ready / "loushan")

    assert again.returncode == 0
    assert "making its environment" in again.stderr
    assert sorted(p.name for p in ready.glob(".venv*")) == [
        ".venv",
        ".venv-build.lock",
        ".venv-build.log",
    ]


def test_a_failed_step_names_the_log_and_leaves_the_old_environment(ready: Path) -> None:
    """A changed list of dependencies is noticed; a wrong one breaks nothing that worked."""
    (ready / "pyproject.toml").write_text(PYPROJECT.replace("[]", '["no such thing"]', 1))
    wrong = run(ready / "loushan")
    (ready / "pyproject.toml").write_text(PYPROJECT)
    right = run(ready / "loushan")

    assert wrong.returncode == 1
    assert f"that failed; the whole story is in {ready}/.venv-build.log" in wrong.stderr
    assert (right.returncode, right.stderr) == (0, "")


@can_hide
def test_who_is_not_root_is_told_what_to_run(ready: Path) -> None:
    """What is missing, what it is for, and the command: not a traceback."""
    # It keeps the right to read, because the folders of these tests are root's alone.
    read = "--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    told = without_debian_packages(ready, f"setpriv --reuid=65534 --clear-groups {read} --")

    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr == (
        "loushan: missing: python3-nftables (to load rulesets); "
        "run as root: apt-get install --no-install-recommends python3-nftables\n"
    )


@can_hide
def test_root_sees_what_is_installed_and_where_to_read_why_not(ready: Path, tmp_path: Path) -> None:
    """Missing packages are asked of apt-get: once, then with new lists, then no more."""
    environment = apt_that_has_nothing(tmp_path)
    told = without_debian_packages(ready, environment)

    assert told.returncode == 1
    assert "installing from Debian: python3-nftables (to load rulesets)" in told.stderr
    assert f"{ready}/.venv-build.log" in told.stderr
    assert (tmp_path / "asked").read_text().split() == ["install", "update", "install"]


@pytest.mark.parametrize(
    ("failing", "status", "said"),
    [
        pytest.param("", 0, [], id="all pass"),
        pytest.param("ruff", 1, ["=== failed so far: ruff check, ruff format"], id="the first"),
        pytest.param("mypy yamllint", 1, ["=== failed so far: mypy, yamllint"], id="two of them"),
        pytest.param("pytest", 1, [], id="only the tests"),
    ],
)
def test_every_check_runs_whatever_failed_before(
    ready: Path, failing: str, status: int, said: list[str]
) -> None:
    """The checks stop at nothing, the tests close the output, one failure fails all."""
    (ready / "failing").write_text(failing)
    done = run(ready / "loushan", "test", "-k", "one")

    assert done.returncode == status
    assert [line for line in done.stdout.splitlines() if line.startswith("===")] == [
        "=== ruff check",
        "=== ruff format",
        "=== mypy",
        "=== lint-imports",
        "=== yamllint",
        *said,
        "=== pytest",
    ]
    assert done.stdout.splitlines()[-1] == "pytest --numprocesses=auto -k one"


def test_the_parity_tests_run_alone_and_only_when_asked_for(ready: Path) -> None:
    """They take long and the whole machine; the checks are the other run's."""
    (ready / "failing").write_text("")
    done = run(ready / "loushan", "test", "--parity", "-k", "one")

    assert (done.returncode, done.stdout) == (0, "pytest --parity --numprocesses=0 -k one\n")


def test_who_had_the_test_tools_keeps_them(ready: Path) -> None:
    """A new list of dependencies does not take a developer's tools away."""
    (ready / "failing").write_text("")
    run(ready / "loushan", "test")
    (ready / "pyproject.toml").write_text(PYPROJECT + "# changed\n")
    changed = run(ready / "loushan")

    assert "installing its test tools" in changed.stderr
    assert (ready / ".venv" / "stamp-test").exists()


def test_half_installed_test_tools_are_not_kept(ready: Path) -> None:
    """While the test tools are installed, the environment is not whole."""
    wrong = PYPROJECT.replace("test = []", 'test = ["no such thing"]')
    (ready / "pyproject.toml").write_text(wrong)
    done = run(ready / "loushan", "test")

    assert done.returncode == 1
    assert "=== " not in done.stdout
    assert not (ready / ".venv" / "stamp-product").exists()
    assert not (ready / ".venv" / "stamp-test").exists()


@can_hide
@pytest.mark.parametrize(
    ("words", "asked"),
    [
        pytest.param(("evidence", "--pdf", "a.pdf"), ["install", "update", "install"], id="a PDF"),
        pytest.param(("evidence", "--out=a"), ["install", "update", "install"], id="a folder"),
        pytest.param(("evidence", "--json"), [], id="no paper"),
        pytest.param(("policy", "check", "--pdf"), [], id="another command"),
    ],
)
def test_what_paper_needs_is_installed_for_paper_alone(
    ready: Path, tmp_path: Path, words: tuple[str, ...], asked: list[str]
) -> None:
    """Fonts are large, and most never print."""
    environment = apt_that_has_nothing(tmp_path)
    (tmp_path / "asked").touch()

    without_debian_packages(ready, environment, "/usr/share/fonts", *words)

    assert (tmp_path / "asked").read_text().split() == asked


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Give a small tree with a bundle beside it, in which is the one package that it needs."""
    folder = checkout(tmp_path / "a site")
    python = Path("/usr/bin/python3").resolve().name.removeprefix("python")
    wheel(folder / "bundle" / "wheels" / python, "small_thing")
    sums = "sha256sum wheels/*/* >SHA256SUMS"
    subprocess.run(["sh", "-c", sums], cwd=folder / "bundle", check=True)
    needed = PYPROJECT.replace("[]", '["small-thing"]', 1)
    (folder / "pyproject.toml").write_text(needed)
    return folder


def test_with_a_bundle_beside_it_nothing_else_is_asked(site: Path) -> None:
    """What the machine's settings name is not looked at either, and what is missing is missing."""
    (site / "gateway/cli/__main__.py").write_text("import small_thing; print('from the bundle')\n")
    whole = run(site / "loushan")
    (site / "pyproject.toml").write_text(PYPROJECT.replace("[]", '["packaging"]', 1))
    missing = run(site / "loushan")

    log = (site / ".venv-build.log").read_text()
    assert (whole.returncode, whole.stdout) == (0, "from the bundle\n")
    assert missing.returncode == 1
    assert [line for line in log.splitlines() if line.startswith("Looking in")] == [
        f"Looking in links: {site}/bundle/wheels/{python_of(site)}"
    ]


def python_of(site: Path) -> str:
    """Give the release of Python that the bundle of a site is for."""
    return next((site / "bundle" / "wheels").iterdir()).name


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda w: w.write_bytes(w.read_bytes() + b"x"), id="altered"),
        pytest.param(lambda w: w.unlink(), id="away"),
        pytest.param(lambda w: (w.parents[2] / "SHA256SUMS").unlink(), id="without its list"),
        pytest.param(lambda w: (w.parents[2] / "SHA256SUMS").write_text(""), id="an empty list"),
    ],
)
def test_a_bundle_that_is_not_as_it_was_is_not_used(
    site: Path, change: Callable[[Path], object]
) -> None:
    """Before anything of it is installed."""
    change(next((site / "bundle" / "wheels").glob("*/*")))
    done = run(site / "loushan")

    assert done.returncode == 1
    assert "comparing the bundle beside it with its list" in done.stderr
    assert not (site / ".venv").exists()


@can_hide
def test_missing_packages_come_from_the_bundle_alone(site: Path, tmp_path: Path) -> None:
    """By apt, which is told of no other source, and has lists of its own."""
    release = run("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME").stdout.strip()
    (site / "bundle" / "controller" / release).mkdir(parents=True)
    environment = apt_that_notes(tmp_path, "$*")
    told = without_debian_packages(site, environment)

    asked = (tmp_path / "asked").read_text().splitlines()
    assert told.returncode == 1, "that apt has installed nothing"
    assert [line.split()[-1] for line in asked] == ["update", "python3-nftables"]
    for line in asked:
        assert "-o Dir::Etc::sourceparts=/dev/null" in line
        assert "-o Dir::Etc::sourcelist=/tmp/loushan-apt-" in line
        assert "-o Dir::State::lists=/tmp/loushan-apt-" in line


@can_hide
def test_a_bundle_that_is_for_another_release_of_debian_is_said(site: Path, tmp_path: Path) -> None:
    """And nothing is fetched in its place."""
    environment = apt_that_notes(tmp_path, "$*")
    told = without_debian_packages(site, environment)

    assert told.returncode == 1
    assert "the bundle has nothing for this release of Debian" in told.stderr
    assert not (tmp_path / "asked").exists()


def test_a_bundle_has_no_test_tools(site: Path) -> None:
    """That is said, and not tried."""
    done = run(site / "loushan", "test")

    assert done.returncode == 1
    assert "tests are run where it was made" in done.stderr
    assert not (site / ".venv").exists()


def test_the_launcher_says_what_it_needs_and_makes_nothing(tmp_path: Path) -> None:
    """For who makes a bundle: of this machine it says nothing."""
    folder = checkout(tmp_path / "tree")
    told = run(folder / "loushan", "needs")

    assert told.returncode == 0
    assert "python3-venv\n" in told.stdout
    assert not list(folder.glob(".venv*"))


def without_debian_packages(
    folder: Path, prefix: str, hidden: str = "/usr/lib/python3/dist-packages", *words: str
) -> subprocess.CompletedProcess[str]:
    """Run the launcher where what Debian's packages brought is hidden from it."""
    run_it = f'mount -t tmpfs none {hidden} && exec {prefix} "$0" "$@"'
    return run("unshare", "--mount", "sh", "-c", run_it, folder / "loushan", *words)


def apt_that_notes(folder: Path, noted: str, ends: str = "") -> str:
    """Put an apt-get into a folder that notes what it is asked; give what has it found first."""
    fake = folder / "apt-get"
    fake.write_text(f'#!/bin/sh\necho "{noted}" >>"{folder}/asked"\n{ends}')
    fake.chmod(0o755)
    return f"env PATH={folder}:/usr/bin:/bin"


def apt_that_has_nothing(folder: Path) -> str:
    """Do so with one that brings lists, and installs nothing."""
    return apt_that_notes(folder, "$1", '[ "$1" = update ]\n')
