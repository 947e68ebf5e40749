"""The database's shape: plain SQL files, applied in order, each recorded with its digest."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

FOLDER = Path(__file__).with_name("migrations")

_NAME = re.compile(r"(?P<number>[0-9]{4})-[a-z0-9-]+\.sql")

#: What the record does not tell: a table may have been dropped since.
_TABLES = ("cases", "days", "steps")

#: Any number; whoever else migrates this database waits.
_LOCK = 7_319_051

_RECORD = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    digest text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
)
"""


class SchemaError(Exception):
    """The database is not what these files make; nothing was done to it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """Give the digest of what stands in it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """Read all files in order.

    Raises:
        SchemaError: a number is missing, or there twice.
    """
    found = [
        Migration(int(match["number"]), file.name, file.read_text("utf-8"))
        for file in sorted(folder.glob("*.sql"))
        if (match := _NAME.fullmatch(file.name))
    ]
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        message = f"{folder}: not numbered one by one: {', '.join(each.name for each in found)}"
        raise SchemaError(message)
    return tuple(found)


def migrate(
    connection: psycopg.Connection[tuple[object, ...]], wanted: Sequence[Migration]
) -> list[str]:
    """Apply what was not applied yet, and give its names.

    Raises:
        SchemaError: what was applied is not what these files say.
        psycopg.Error: a file cannot be applied; those before it are.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(_RECORD)
        _recorded(connection, wanted)
    applied = []
    for migration in wanted:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            if migration.number > len(_recorded(connection, wanted)):
                # As it stands: a file of ours, of several statements.
                connection.execute(sql.SQL(migration.text))
                connection.execute(
                    "INSERT INTO migrations (number, name, digest) VALUES (%s, %s, %s)",
                    [migration.number, migration.name, migration.digest],
                )
                applied.append(migration.name)
    return applied


def check_is_whole(
    connection: psycopg.Connection[tuple[object, ...]], wanted: Sequence[Migration]
) -> None:
    """Return nothing, or raise.

    Raises:
        SchemaError: the database is not what these files make.
        psycopg.Error: a table has gone, or cannot be read.
    """
    if len(_recorded(connection, wanted)) != len(wanted):
        message = "a migration was not applied"
        raise SchemaError(message)
    for table in _TABLES:
        connection.execute(sql.SQL("SELECT FROM {} LIMIT 0").format(sql.Identifier(table)))


def _recorded(
    connection: psycopg.Connection[tuple[object, ...]], wanted: Sequence[Migration]
) -> list[tuple[object, ...]]:
    query = "SELECT number, digest FROM migrations ORDER BY number"
    recorded = connection.execute(query).fetchall()
    known = [(each.number, each.digest) for each in wanted]
    if recorded != known[: len(recorded)]:
        message = f"applied were {recorded}, and the files are {known}"
        raise SchemaError(message)
    return recorded
