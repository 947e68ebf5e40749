"""Dumps of the database, and back from one; PostgreSQL's own programs do both.

A dump is written whole or not at all, and read back before it counts.  A
restored database takes the other one's place only when it is whole, and the
other one stays under another name until somebody drops it.
"""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from applications.approval.schema import check_is_whole, migrations

#: So many stay.
KEPT = 14

_PREFIX, _SUFFIX = "approval-", ".dump"
_NAME_FORMAT = "%Y%m%dT%H%M%SZ"


class BackupError(Exception):
    """PostgreSQL's own words for what did not work; nothing has changed."""


def back_up(database: str, folder: Path, now: datetime, kept: int = KEPT) -> Path:
    """Dump a database into a folder, and remove the oldest dumps there.

    Raises:
        BackupError: it could not be dumped, or what was dumped cannot be read.
        SchemaError, psycopg.Error: it is not whole, so no good dump goes for this one.
    """
    with psycopg.connect(database) as connection:
        check_is_whole(connection, migrations())
    target = folder / f"{_PREFIX}{now.astimezone(UTC).strftime(_NAME_FORMAT)}{_SUFFIX}"
    beside = target.with_suffix(".new")
    beside.unlink(missing_ok=True)
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _run("pg_dump", "--format=custom", f"--file={beside}", f"--dbname={database}")
        _run("pg_restore", "--list", str(beside))
        descriptor = os.open(beside, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    for old in dumps(folder)[:-kept]:
        old.unlink()
    return target


def dumps(folder: Path) -> list[Path]:
    """Give the dumps in a folder, oldest first: their names are their times."""
    return sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))


def restore(dump: Path, database: str, now: datetime) -> str:
    """Put what a dump holds in a database's place, and give the name the other one has now.

    It is for PostgreSQL's administrator, while nobody is connected to the database.

    Raises:
        BackupError: it could not be restored whole; the database is as it was.
    """
    name = str(conninfo_to_dict(database)["dbname"])
    stamp = now.astimezone(UTC).strftime(_NAME_FORMAT).lower()
    new, old = f"{name}_new_{stamp}", f"{name}_before_{stamp}"
    admin = make_conninfo(database, dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        _create_like(connection, new, name)
        try:
            whole = ["--exit-on-error", "--single-transaction"]
            _run("pg_restore", *whole, f"--dbname={make_conninfo(database, dbname=new)}", str(dump))
            with psycopg.connect(make_conninfo(database, dbname=new)) as restored:
                check_is_whole(restored, migrations())
            _swap(connection, {name: old, new: name})
        except BaseException:
            drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(new))
            connection.execute(drop)
            raise
    return old


def _create_like(connection: psycopg.Connection[tuple[object, ...]], new: str, name: str) -> None:
    """Make an empty database with the owner and the rights of another; a dump has neither."""
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
    row = connection.execute(query, [name]).fetchone()
    if row is None:
        message = f"there is no database {name}"
        raise BackupError(message)
    fresh = sql.Identifier(new)
    owner = sql.Identifier(str(row[0]))
    create = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
    connection.execute(sql.SQL(create).format(fresh, owner))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(fresh))
    allowed = (
        "SELECT DISTINCT pg_get_userbyid(grantee) FROM pg_database, aclexplode(datacl)"
        " WHERE datname = %s AND privilege_type = 'CONNECT' AND grantee <> 0"
    )
    for (role,) in connection.execute(allowed, [name]).fetchall():
        grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
        connection.execute(grant.format(fresh, sql.Identifier(str(role))))


def _swap(connection: psycopg.Connection[tuple[object, ...]], names: Mapping[str, str]) -> None:
    """Rename databases, all or none."""
    try:
        with connection.transaction():
            for before, after in names.items():
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                connection.execute(rename.format(sql.Identifier(before), sql.Identifier(after)))
    except psycopg.Error as fault:
        raise BackupError(str(fault)) from fault


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError as fault:
        message = f"{argv[0]}: {fault.strerror}"
        raise BackupError(message) from fault
    if done.returncode:
        message = f"{argv[0]}: {done.stderr.strip()}"
        raise BackupError(message)
