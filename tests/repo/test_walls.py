"""Who may know whom: the contracts of pyproject.toml stand, and they bite.

The contracts are tried on an empty skeleton of the package, one forbidden
import at a time.  Packages that are not written yet cannot be named in a
contract; their walls stand here until they are.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo import tree

#: A package not written yet, and what it will never import.
LATER = {
    "gateway.exchange": ("gateway.compile", "gateway.load", "gateway.verify"),
    "gateway.guard": ("gateway.compile", "gateway.load", "gateway.verify"),
}

LAYERS = "Each layer knows only those below it"
PROVER = "The prover shares nothing"
PURE = "do no I/O"
PROMETHEUS = "Only observe knows Prometheus"
GATEWAY_FILES = "The gateway meets the authority and the laboratory through files only"
AUTHORITY_FILES = "The authority meets the gateway and the laboratory through files only"
HEADER_ALONE = "An application knows the gateway by its header alone"
APART = "Applications know what they share, and not each other"
CLOCKS = "The law's clocks are pure"
SHOWS = "A page shows, and can change nothing"
JUDGED = "How a city stands is judged without asking anybody"
FEW_NEEDS = "Who asks is told by the standard library and cryptography"


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """Give an empty package with every layer that is written, and our contracts."""
    pyproject = (tree.ROOT / "pyproject.toml").read_text("utf-8")
    (tmp_path / "pyproject.toml").write_text(pyproject)
    contracts = tomllib.loads(pyproject)["tool"]["importlinter"]["contracts"]
    for layer in (name.strip() for line in contracts[0]["layers"] for name in line.split("|")):
        if not layer.startswith("("):
            (tmp_path / "gateway" / layer).mkdir(parents=True)
            (tmp_path / "gateway" / layer / "__init__.py").touch()
    (tmp_path / "gateway" / "__init__.py").touch()
    for part in ("", "answers", "gateways", "hall", "judging", "words"):
        (tmp_path / "gateway" / "observe" / "city" / part).mkdir()
        (tmp_path / "gateway" / "observe" / "city" / part / "__init__.py").touch()
    names = ("approval", "clocks", "identity", "supervision", "web")
    for beside in (*(f"applications/{name}" for name in names), "lab", "pki"):
        (tmp_path / beside).mkdir(parents=True)
        (tmp_path / beside / "__init__.py").touch()
    (tmp_path / "applications" / "__init__.py").touch()
    return tmp_path


def broken(folder: Path) -> list[str]:
    """Run the contracts and give what they say is broken."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as r; r()"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout
    return [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]


def imports(source: str) -> Iterator[str]:
    """Give the full name of everything a module imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reaches(name: str, package: str) -> bool:
    """Tell whether a module's name lies in a package."""
    return f"{name}.".startswith(f"{package}.")


@pytest.mark.parametrize(
    ("package", "line", "contract"),
    [
        pytest.param("gateway/compile", "import gateway.load", LAYERS, id="upwards"),
        pytest.param("gateway/load", "from gateway import verify", LAYERS, id="to a sibling"),
        pytest.param("gateway/errors", "import gateway.labels", LAYERS, id="up from the lowest"),
        pytest.param("gateway/utils", "", LAYERS, id="a package without a layer"),
        pytest.param("gateway/verify", "from gateway.compile import x", PROVER, id="to compiler"),
        pytest.param("gateway/verify", "import gateway.artefacts", PROVER, id="to artefacts"),
        pytest.param("gateway/policy", "import subprocess", PURE, id="the plan runs a command"),
        pytest.param("gateway/compile", "from socket import socket", PURE, id="it connects"),
        pytest.param("gateway/labels", "import pyroute2.netlink", PURE, id="it asks the kernel"),
        pytest.param("gateway/agent", "import prometheus_client", PROMETHEUS, id="it counts"),
        pytest.param("gateway/console", "import gateway.load", SHOWS, id="a page that loads"),
        pytest.param("gateway/console", "import gateway.verify", SHOWS, id="a page that proves"),
        pytest.param("gateway/observe/city/judging", "import socket", JUDGED, id="it asks"),
        pytest.param("gateway/cli", "from pki import issue", GATEWAY_FILES, id="to the authority"),
        pytest.param("gateway/load", "import lab", GATEWAY_FILES, id="to the laboratory"),
        pytest.param("pki", "from gateway import errors", AUTHORITY_FILES, id="to the gateway"),
        pytest.param("pki", "import lab", AUTHORITY_FILES, id="authority to laboratory"),
        pytest.param("gateway/load", "import applications", GATEWAY_FILES, id="to an application"),
        pytest.param("pki", "import applications", AUTHORITY_FILES, id="authority to application"),
        pytest.param("applications", "import gateway.load", HEADER_ALONE, id="to whoever signs"),
        pytest.param("applications", "import pki", HEADER_ALONE, id="application to authority"),
        pytest.param("applications/web", "import applications.approval", APART, id="to a case"),
        pytest.param(
            "applications/supervision", "import applications.approval", APART, id="beside"
        ),
        pytest.param("applications/more", "", APART, id="an application without a place"),
        pytest.param("applications/clocks", "import psycopg", CLOCKS, id="clocks that ask"),
        pytest.param("applications/identity", "import flask", FEW_NEEDS, id="to a framework"),
        pytest.param("applications/identity", "import socket", FEW_NEEDS, id="to the network"),
    ],
)
def test_a_wall_holds(skeleton: Path, package: str, line: str, contract: str) -> None:
    """Each contract is broken by the import that it is there to refuse."""
    (skeleton / package).mkdir(exist_ok=True)
    (skeleton / package / "__init__.py").write_text(f"{line}\n")

    assert [contract in said for said in broken(skeleton)] == [True]


def test_what_is_allowed_passes(skeleton: Path) -> None:
    """Downwards, and to the world where it is a layer's business."""
    (skeleton / "gateway" / "load" / "__init__.py").write_text(
        "import subprocess\nimport gateway.artefacts\n"
    )
    (skeleton / "gateway" / "verify" / "__init__.py").write_text("import gateway.policy\n")

    assert not broken(skeleton)


def test_the_walls_of_what_is_not_written_yet_stand() -> None:
    """No module of these packages imports what its package may not know."""
    breaches = [
        f"{file} imports {name}"
        for file, source in tree.texts(".py").items()
        for package, forbidden in LATER.items()
        if reaches(".".join(file.with_suffix("").parts), package)
        for name in imports(source)
        if any(reaches(name, other) for other in forbidden)
    ]

    assert not breaches


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        pytest.param("from gateway import load", "gateway.load", True, id="from the parent"),
        pytest.param("import gateway.load.commit", "gateway.load", True, id="a part of it"),
        pytest.param("import gateway.loader", "gateway.load", False, id="a name that begins alike"),
    ],
)
def test_an_import_is_seen(source: str, package: str, expected: bool) -> None:  # noqa: FBT001 - an example of a table
    """The walls above see every way to write an import."""
    assert any(reaches(name, package) for name in imports(source)) is expected
