"""The database has one shape, and each role in it may do what it is for and no more."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from applications.approval import __main__ as commands
from applications.approval.backup import BackupError, back_up, dumps, restore
from applications.approval.holidays import DaysError, read_days
from applications.approval.schema import (
    FOLDER,
    SchemaError,
    check_is_whole,
    migrate,
    migrations,
)
from applications.clocks.calendar import DayKind
from applications.web.settings import VARIABLE
from gateway.load.identity_tokens import key_set
from tests.applications.cluster import ADMIN, ROLES, Cluster, running
from tests.applications.desk import approval_desk
from tests.applications.tokens import GATEWAY, HOST, KEY, settings_text

OWNER, APPLICATION, SUPERVISION = ROLES
NOW = datetime(2026, 11, 4, 1, 30, tzinfo=UTC)


@pytest.fixture(name="with_programs")
def _with_programs(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", cluster.environment()["PATH"])


@pytest.fixture(name="empty")
def _empty() -> Iterator[Cluster]:
    """Give a server of its own, with roles and a database in which there is nothing yet."""
    with running() as cluster:
        cluster.make_database()
        yield cluster


# --- its shape --------------------------------------------------------------------------------


def test_migrations_are_applied_once_and_recorded(empty: Cluster) -> None:
    """A second run finds nothing to do; the administrator's part may be run again too."""
    with psycopg.connect(empty.database(OWNER), autocommit=True) as owner:
        assert migrate(owner, migrations()) == [each.name for each in migrations()]
        assert migrate(owner, migrations()) == []
        check_is_whole(owner, migrations())
    empty.make_database()


def test_a_migration_that_was_changed_or_is_unknown_is_refused(
    database: Cluster, tmp_path: Path
) -> None:
    """So is a database that a newer version has migrated, and nothing is done to either."""
    for file in FOLDER.glob("*.sql"):
        shutil.copy(file, tmp_path)
    with psycopg.connect(database.database(OWNER), autocommit=True) as owner:
        with pytest.raises(SchemaError):
            migrate(owner, migrations()[:-1])
        last = max(tmp_path.glob("*.sql"))
        last.write_text(last.read_text() + "-- a word more\n")
        with pytest.raises(SchemaError):
            migrate(owner, migrations(tmp_path))


def test_a_migration_that_fails_leaves_no_half(database: Cluster, tmp_path: Path) -> None:
    """Those before it stay; the application sees that one is missing."""
    for file in FOLDER.glob("*.sql"):
        shutil.copy(file, tmp_path)
    number = len(migrations()) + 1
    text = "CREATE TABLE half (id int);\nSELECT 1 / 0;\n"
    (tmp_path / f"{number:04}-half.sql").write_text(text)
    with psycopg.connect(database.database(OWNER), autocommit=True) as owner:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(owner, migrations(tmp_path))
        with pytest.raises(SchemaError):
            check_is_whole(owner, migrations(tmp_path))
        found = owner.execute("SELECT to_regclass('half')").fetchone()

    assert found == (None,)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("0002-x.sql",), id="the first is missing"),
        pytest.param(("0001-x.sql", "0001-y.sql"), id="a number twice"),
        pytest.param(("0001-x.sql", "0003-y.sql"), id="one between is missing"),
    ],
)
def test_migrations_are_numbered_one_by_one(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Two people who took the same number see it at once."""
    for name in names:
        (tmp_path / name).touch()

    with pytest.raises(SchemaError, match="not numbered one by one"):
        migrations(tmp_path)


# --- who may do what --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        pytest.param(APPLICATION, "DELETE FROM steps", id="forget what was done"),
        pytest.param(APPLICATION, "UPDATE steps SET subject = 'leader'", id="say it was another"),
        pytest.param(APPLICATION, "TRUNCATE steps", id="forget all"),
        pytest.param(APPLICATION, "DELETE FROM cases", id="remove a case"),
        pytest.param(APPLICATION, "UPDATE cases SET applicant = 'x'", id="change who applies"),
        pytest.param(APPLICATION, "INSERT INTO days VALUES ('2026-11-05')", id="make a holiday"),
        pytest.param(APPLICATION, "DROP TABLE steps", id="drop a table"),
        pytest.param(APPLICATION, "CREATE TABLE mine (id int)", id="make a table"),
        pytest.param(APPLICATION, f'SET ROLE "{OWNER}"', id="become the owner"),
        pytest.param(SUPERVISION, "SELECT content FROM cases", id="read an application"),
        pytest.param(SUPERVISION, "SELECT * FROM steps", id="read who did what"),
        pytest.param(SUPERVISION, "UPDATE cases SET state = 'granted'", id="decide"),
        pytest.param(SUPERVISION, "DELETE FROM days", id="remove a holiday"),
        pytest.param(SUPERVISION, "CREATE TABLE mine (id int)", id="make a table"),
        pytest.param(SUPERVISION, "CREATE TEMPORARY TABLE mine (id int)", id="or a passing one"),
    ],
)
def test_a_role_does_no_more_than_it_is_for(database: Cluster, role: str, statement: str) -> None:
    """The database refuses, whatever the program tries; also when it may write at all."""
    with psycopg.connect(database.database(role)) as connection:
        connection.execute("SET TRANSACTION READ WRITE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_supervision_reads_only_by_default(database: Cluster) -> None:
    """A second lock: its transactions are read-only before any right is looked at."""
    with psycopg.connect(database.database(SUPERVISION)) as connection:
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
        assert connection.execute("SELECT id, matter FROM cases").fetchall() == []


@pytest.mark.parametrize("role", [APPLICATION, SUPERVISION])
def test_a_role_comes_into_no_other_database(database: Cluster, role: str) -> None:
    """Nor is there an address that somebody could reach the server by."""
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(database.database(role, "postgres"))
    with psycopg.connect(database.database(ADMIN)) as admin:
        assert admin.execute("SHOW listen_addresses").fetchone() == ("",)


# --- the table of days ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-10-01", id="without a kind"),
        pytest.param("2026-10-01 feast", id="of another kind"),
        pytest.param("2026-13-01 holiday", id="no day"),
        pytest.param("2026-10-01 holiday\n2026-10-01 worked", id="a day twice"),
    ],
)
def test_a_table_with_a_wrong_line_is_refused(text: str) -> None:
    """A holiday that is misread would move every time limit."""
    with pytest.raises(DaysError):
        read_days(text)


def test_a_table_is_read() -> None:
    """With remarks and titles."""
    text = "# an example\n\n2026-10-01 holiday 国庆 节\n2026-10-10 worked # in its place\n"

    assert read_days(text) == [
        (date(2026, 10, 1), DayKind.HOLIDAY, "国庆 节"),
        (date(2026, 10, 10), DayKind.WORKED, ""),
    ]


# --- the commands of a host's units -----------------------------------------------------------


@pytest.fixture(name="settings")
def _settings(database: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file of settings that a role would write."""
    keys, file = tmp_path / "gateway.jwks", tmp_path / "approval.toml"
    keys.write_text(key_set(KEY.public_key()))
    said = {
        "host": HOST,
        "gateway": GATEWAY,
        "clients": [GATEWAY],
        "keys": str(keys),
        "database": database.database(APPLICATION),
        **dict.fromkeys(("authority", "certificate", "key"), "/nonexistent"),
    }
    file.write_text(settings_text(said))
    monkeypatch.setenv(VARIABLE, str(file))
    return file


def test_a_holiday_of_the_table_moves_what_is_due(
    database: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`prepare` brings it in; a table without the day moves it back."""
    desk = approval_desk(database)
    number = desk.file()
    due = []
    for text in ("2026-11-05 holiday\n", ""):
        (tmp_path / "days").write_text(text)
        words = ["--database", database.database(OWNER), "prepare", str(tmp_path / "days")]
        assert commands.main(words) == 0
        due.append(desk.case(number)["case"]["clock"]["due_on"])

    assert due == ["2026-11-12", "2026-11-11"]
    assert "applied nothing; 1 days" in capsys.readouterr().out


@pytest.mark.usefixtures("settings")
def test_health_asks_the_application_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """With the settings and the rights that it has."""
    assert commands.main(["health"]) == 0
    assert capsys.readouterr().out == "health: ok\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("dbname=approval", "dbname=nothing", id="no database"),
        pytest.param("user=loushan-approval", "user=loushan-nobody", id="no such role"),
        pytest.param("gateway.jwks", "nothing.jwks", id="no keys"),
        pytest.param("gateway =", "gatewax =", id="a setting by another name"),
        pytest.param(GATEWAY, "", id="no gateway"),
        pytest.param(f'["{GATEWAY}"]', "[]", id="nobody who connects"),
        pytest.param(f'["{GATEWAY}"]', '[""]', id="whoever shows any name"),
        pytest.param(f'["{GATEWAY}"]', f'"{GATEWAY}"', id="a text for a list"),
    ],
)
def test_health_fails_where_something_is_missing(
    settings: Path, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    """And says what."""
    settings.write_text(settings.read_text().replace(old, new))

    try:
        status = commands.main(["health"])
    except ValueError:
        status = 1
    assert status == 1
    assert not capsys.readouterr().out


# --- dumps, and back from one -----------------------------------------------------------------


@pytest.mark.usefixtures("with_programs")
def test_what_was_dumped_comes_back_whole(database: Cluster, tmp_path: Path) -> None:
    """Cases, steps and rights; what came after the dump stays in the other database."""
    desk = approval_desk(database)
    first = desk.file()
    desk.step(first, "accept")
    kept = desk.case(first)
    dump = back_up(database.database(OWNER), tmp_path, NOW)
    later = desk.file()

    old = restore(dump, database.database(ADMIN), NOW)

    assert desk.case(first) == kept
    assert desk.ask("GET", f"/cases/{later}").status_code == 404
    assert desk.file() == later
    assert desk.step(first, "grant") == 200
    with psycopg.connect(database.database(SUPERVISION)) as connection:
        assert len(connection.execute("SELECT id FROM cases").fetchall()) == 2
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT content FROM cases")
    forget(database, old)


def forget(database: Cluster, old: str) -> None:
    """Drop the database that another one took the place of."""
    with psycopg.connect(database.database(ADMIN, ADMIN), autocommit=True) as admin:
        admin.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(old)))


@pytest.mark.usefixtures("with_programs")
@pytest.mark.parametrize("harm", ["nothing in it", "cut off", "of another database"])
def test_a_dump_that_is_not_whole_changes_nothing(
    database: Cluster, tmp_path: Path, harm: str
) -> None:
    """The database stays as it was, and no half one is left."""
    desk = approval_desk(database)
    number = desk.file()
    dump = back_up(database.database(OWNER), tmp_path, NOW)
    if harm == "nothing in it":
        dump.write_bytes(b"")
    elif harm == "cut off":
        dump.write_bytes(dump.read_bytes()[:-2000])
    else:
        words = ["pg_dump", "--format=custom", f"--file={dump}"]
        subprocess.run([*words, f"--dbname={database.database(ADMIN, ADMIN)}"], check=True)

    with pytest.raises((BackupError, SchemaError, psycopg.Error)):
        restore(dump, database.database(ADMIN), NOW)

    assert desk.case(number)["case"]["id"] == number
    with psycopg.connect(database.database(ADMIN, ADMIN)) as admin:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'approval%'"
        assert admin.execute(query).fetchall() == [("approval",)]


@pytest.mark.usefixtures("with_programs")
def test_what_is_not_whole_is_not_healthy_and_takes_no_dumps_place(
    database: Cluster, tmp_path: Path
) -> None:
    """A table was dropped: the record of what was applied does not tell."""
    desk = approval_desk(database)
    dump = back_up(database.database(OWNER), tmp_path, NOW)
    with psycopg.connect(database.database(OWNER)) as owner:
        owner.execute("DROP TABLE steps")

    health = desk.app.test_client().get("/health")
    with pytest.raises(psycopg.errors.UndefinedTable):
        back_up(database.database(OWNER), tmp_path, NOW + timedelta(days=1), kept=1)

    assert health.status_code == 503
    assert dumps(tmp_path) == [dump]
    old = restore(dump, database.database(ADMIN), NOW)
    assert desk.app.test_client().get("/health").status_code == 200
    forget(database, old)


@pytest.mark.usefixtures("with_programs")
def test_somebody_who_is_connected_is_not_cut_off(database: Cluster, tmp_path: Path) -> None:
    """The restore is refused instead, and nothing has changed."""
    desk = approval_desk(database)
    number = desk.file()
    dump = back_up(database.database(OWNER), tmp_path, NOW)
    with psycopg.connect(database.database(APPLICATION)) as connection:
        connection.execute("SELECT 1")
        with pytest.raises(BackupError, match="being accessed"):
            restore(dump, database.database(ADMIN), NOW)

    assert desk.case(number)["case"]["id"] == number


@pytest.mark.usefixtures("with_programs")
def test_a_dump_that_cannot_be_read_back_does_not_count(
    database: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though `pg_dump` said that all went well."""
    (tmp_path / "programs").mkdir()
    false = tmp_path / "programs" / "pg_dump"
    false.write_text("#!/bin/sh\nexit 0\n")
    false.chmod(0o755)
    monkeypatch.setenv("PATH", f"{false.parent}:{os.environ['PATH']}")

    with pytest.raises(BackupError, match="pg_restore"):
        back_up(database.database(OWNER), tmp_path, NOW)
    assert dumps(tmp_path) == []


@pytest.mark.usefixtures("with_programs")
def test_so_many_dumps_stay(database: Cluster, tmp_path: Path) -> None:
    """The newest, for nobody but their owner; a dump that fails removes none."""
    days = itertools.count()
    for _ in range(4):
        back_up(database.database(OWNER), tmp_path, NOW + timedelta(days=next(days)), kept=3)
    names = [file.name for file in dumps(tmp_path)]
    assert names == [f"approval-2026110{day}T013000Z.dump" for day in (5, 6, 7)]
    assert {file.stat().st_mode & 0o777 for file in dumps(tmp_path)} == {0o600}

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        back_up(database.database(SUPERVISION), tmp_path, NOW + timedelta(days=9), kept=3)
    assert [file.name for file in tmp_path.iterdir() if file.name not in names] == []
