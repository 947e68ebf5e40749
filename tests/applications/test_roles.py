"""The roles of applications' hosts: what they refuse, how shut their units are, what comes back."""

import getpass
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from applications.approval.backup import back_up
from applications.approval.schema import migrate, migrations
from tests.applications.cluster import ADMIN, ROLES, Cluster, running
from tests.applications.desk import approval_desk
from tests.repo.tree import ROOT

NAMES = ("approval_app", "supervision_app")

#: Of systemd's own scale, in tenths; the best that a service of it has is some 10.
MOST_EXPOSED = 20


def defaults(role: str) -> dict[str, Any]:
    """Give what a role's options are where nobody says otherwise."""
    text = (ROOT / "roles" / role / "defaults" / "main.yml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def rendered(role: str, template: str, **given: object) -> str:
    """Render one of a role's templates as the controller does."""
    loader = FileSystemLoader(ROOT / "roles" / role / "templates")
    environment = Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - no page
    environment.filters["regex_replace"] = lambda text, _old, new: text.strip("[]") + new
    return environment.get_template(template).render({**defaults(role), **given})


def units(role: str) -> Iterator[tuple[str, str]]:
    """Give each service that a role installs, with what stands in it."""
    for file in sorted((ROOT / "roles" / role).glob("*/*.service*")):
        name = file.name.removesuffix(".j2")
        yield name, file.read_text() if name == file.name else rendered(role, file.name)


def playbook(tmp_path: Path, role: str, given: Mapping[str, Any]) -> list[str]:
    """Write a play with one role on a host that nobody reaches."""
    # Any host will do that has a name: nobody is there.
    text = f"plugin: plan\nplan: {ROOT}/policy/lab\n"
    (tmp_path / "plan.yml").write_text(text)
    play = [{"hosts": "tax-gw", "gather_facts": False, "roles": [role], "vars": dict(given)}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    inventory = ["-i", str(tmp_path / "plan.yml"), "-e", "ansible_host=::"]
    return [str(tmp_path / "play.yml"), *inventory]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `ansible-playbook` as a user would, from the root of the tree."""
    programs = Path(sys.executable).parent
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOUSHAN_", "ANSIBLE_"))}
    path = f"{programs}{os.pathsep}{kept.get('PATH', '')}"
    return subprocess.run(
        [str(programs / "ansible-playbook"), *words],
        cwd=ROOT,
        env={**kept, "PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def in_order(role: str, tmp_path: Path) -> dict[str, Any]:
    """Give options with which a role goes as far as the host."""
    said = {
        "host": "applications-city.svc.lab.internal",
        "gateway": "city-gw.gw.lab.internal",
        "clients": ["city-gw.svc.lab.internal", "city-gw-2.svc.lab.internal"],
        "from": ["10.1.255.1"],
        "keys": [{"kty": "EC", "kid": "one"}],
        "authority": str(tmp_path),
    }
    return {f"{role}_{name}": value for name, value in said.items()}


@pytest.mark.parametrize("role", NAMES)
def test_a_role_that_is_told_all_speaks_to_its_host(tmp_path: Path, role: str) -> None:
    """So each refusal below is for what was changed; its syntax is in order too."""
    words = playbook(tmp_path, role, in_order(role, tmp_path))

    assert run(*words, "--syntax-check").returncode == 0
    assert "unreachable=1" in run(*words).stdout


@pytest.mark.parametrize("role", NAMES)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("gateway", "", id="before no gateway"),
        pytest.param("gateway", "x.y\nz", id="a name of two lines"),
        pytest.param("gateway", "x.y\n", id="a name that ends a line"),
        pytest.param("clients", [], id="whoever shows any name"),
        pytest.param("clients", ["a.b", ""], id="a second one that shows any name"),
        pytest.param("host", 'a.b"', id="a name with a quotation mark"),
        pytest.param("from", [], id="from anywhere"),
        pytest.param("from", ["any"], id="from any address"),
        pytest.param("port", 70000, id="no port"),
        pytest.param("keys", [], id="no keys"),
        pytest.param("keys", [{"kid": "one", "d": "x"}], id="a key that is not public"),
        pytest.param("authority", "/nonexistent", id="no authority"),
    ],
)
def test_what_would_let_anybody_say_who_asks_is_refused(
    tmp_path: Path, role: str, name: str, value: object
) -> None:
    """Before the host is spoken to."""
    given = {**in_order(role, tmp_path), f"{role}_{name}": value}
    done = run(*playbook(tmp_path, role, given))

    assert "failed=1" in done.stdout, done.stdout + done.stderr
    assert "unreachable=0" in done.stdout


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param({"database": "all", "role": "postgres"}, id="the administrator"),
        pytest.param({"database": "postgres", "role": "x"}, id="the administrator's database"),
        pytest.param({"database": "x y", "role": "x"}, id="two words"),
        pytest.param({"database": "x", "role": "x trust\nlocal all all"}, id="two lines"),
    ],
)
def test_nobody_is_let_into_more_than_a_database(tmp_path: Path, peer: dict[str, str]) -> None:
    """Who may come in is written into a file that is read by lines and words."""
    given = {**in_order("approval_app", tmp_path), "approval_app_peers": [peer]}
    done = run(*playbook(tmp_path, "approval_app", given))

    assert "failed=1" in done.stdout, done.stdout + done.stderr
    assert "unreachable=0" in done.stdout


@pytest.mark.parametrize(
    ("role", "unit"), [(role, name) for role in NAMES for name, _ in units(role)]
)
def test_a_unit_is_shut_as_far_as_it_goes(tmp_path: Path, role: str, unit: str) -> None:
    """By systemd's own judgement; opened in two places, it is judged worse."""
    text = dict(units(role))[unit]
    opened = text.replace("PrivateNetwork=yes\n", "").replace("CapabilityBoundingSet=\n", "")
    statuses = []
    for content in (text, opened.replace("SystemCallFilter=", "#")):
        (tmp_path / unit).write_text(content)
        words = ["security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"]
        judged = ["systemd-analyze", *words, str(tmp_path / unit)]
        statuses.append(subprocess.run(judged, capture_output=True, check=False).returncode)

    assert statuses[0] == 0
    assert statuses[1] != 0


@pytest.mark.parametrize("role", NAMES)
def test_a_socket_hears_the_gateway_and_its_own_host(role: str) -> None:
    """And drops what comes from elsewhere."""
    [file] = (ROOT / "roles" / role / "templates").glob("*.socket.j2")
    given = {f"{role}_from": ["10.1.255.1", "fd72::1"], f"{role}_address": "[fd72::9]"}
    lines = rendered(role, file.name, **given).splitlines()

    assert [line for line in lines if line.startswith(("Listen", "IP"))] == [
        f"ListenStream=[fd72::9]:{defaults(role)[f'{role}_port']}",
        "IPAddressDeny=any",
        "IPAddressAllow=localhost 10.1.255.1 fd72::1",
        "IPAddressAllow=fd72::9",
    ]


# --- the real PostgreSQL, with the roles' own file of who may come in --------------------------


def test_who_comes_in_is_who_the_system_says() -> None:
    """A user comes in as their own role, into the database that is named, and nowhere else."""
    us = getpass.getuser()
    peers = [{"database": "approval", "role": us}, *defaults("approval_app")["approval_app_peers"]]
    with running() as cluster:
        cluster.make_database()
        with psycopg.connect(cluster.database(ADMIN, ADMIN), autocommit=True) as admin:
            admin.execute(f'CREATE ROLE "{us}" LOGIN')
            admin.execute(f'GRANT CONNECT ON DATABASE approval TO "{us}"')
            text = rendered("approval_app", "pg_hba.conf.j2", approval_app_peers=peers)
            (cluster.folder / "data" / "pg_hba.conf").write_text(text)
            admin.execute("SELECT pg_reload_conf()")
            wrong = "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL"
            assert admin.execute(wrong).fetchone() == (0,)

        with psycopg.connect(cluster.database(us)) as ours:
            assert ours.execute("SELECT current_user").fetchone() == (us,)
        for role in (*ROLES, ADMIN):
            with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
                psycopg.connect(cluster.database(role))
        for role in (us, "stranger"):
            with pytest.raises(psycopg.OperationalError, match="rejects connection"):
                psycopg.connect(cluster.database(role, "postgres"))


def program(folder: Path, name: str, text: str) -> None:
    """Put a program in the place of one that only a whole host has."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture(name="host")
def _host(tmp_path: Path) -> Iterator[tuple[Cluster, Path, Path]]:
    """Give a database, the restore script as installed beside it, and what systemd was told."""
    with running() as cluster:
        cluster.make_database()
        with psycopg.connect(cluster.database(ROLES[0]), autocommit=True) as owner:
            migrate(owner, migrations())
        programs, told = tmp_path / "programs", tmp_path / "told"
        programs.mkdir()
        told.touch()
        program(programs, "systemctl", f'echo "$@" >>{told}')
        program(programs, "runuser", 'shift 2; exec "$@"')
        program(programs, "chown", "")
        program(programs, "python3", f'exec {sys.executable} "$@"')
        script = (ROOT / "roles/approval_app/files/loushan-approval-restore").read_text()
        for old, new in (
            ("/usr/lib/loushan-approval\n", f"{ROOT}\n"),
            ("'host=/run/postgresql dbname=approval'", f"'{cluster.database(ADMIN)}'"),
            ("/usr/lib/postgresql/17/bin", str(cluster.programs)),
        ):
            assert old in script
            script = script.replace(old, new)
        program(programs, "restore", script)
        yield cluster, programs, told


def restored(programs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the script as root would."""
    path = f"{programs}:{os.environ['PATH']}"
    return subprocess.run(
        [str(programs / "restore"), *words],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_restore_brings_back_what_was_dumped(
    host: tuple[Cluster, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is served meanwhile, and who served before serves again."""
    cluster, programs, told = host
    monkeypatch.setenv("PATH", cluster.environment()["PATH"])
    desk = approval_desk(cluster)
    kept, lost = desk.file(), 2
    dump = back_up(cluster.database(ROLES[0]), tmp_path, datetime.now(UTC))
    assert desk.file() == lost

    done = restored(programs, str(dump))

    assert done.returncode == 0, done.stderr
    assert "approval_before_" in done.stdout
    assert desk.case(kept)["case"]["id"] == kept
    assert desk.ask("GET", f"/cases/{lost}").status_code == 404
    assert [line.split()[0] for line in told.read_text().splitlines()] == [
        *["--quiet"] * 4,
        "stop",
        *["start"] * 4,
    ]


@pytest.mark.parametrize("words", [(), ("/nonexistent",), ("a", "b")])
def test_a_restore_of_nothing_stops_nobody(
    host: tuple[Cluster, Path, Path], words: tuple[str, ...]
) -> None:
    """It says how it is called."""
    _, programs, told = host
    done = restored(programs, *words)

    assert (done.returncode, told.read_text()) == (2, "")


def test_after_a_restore_that_failed_the_same_is_served(
    host: tuple[Cluster, Path, Path], tmp_path: Path
) -> None:
    """A file that is no dump changes nothing."""
    cluster, programs, told = host
    number = approval_desk(cluster).file()
    (tmp_path / "dump").write_text(json.dumps("no dump"))

    done = restored(programs, str(tmp_path / "dump"))

    assert done.returncode == 1
    assert told.read_text().splitlines()[-1].startswith("start")
    assert approval_desk(cluster).case(number)["case"]["id"] == number
