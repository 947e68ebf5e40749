"""What the host's units call: `python3 -m applications.approval prepare|health|backup|restore`."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from applications.approval.backup import BackupError, back_up, restore
from applications.approval.holidays import DaysError, read_days, replace_days
from applications.approval.pages import make_app
from applications.approval.schema import SchemaError, migrate, migrations
from applications.web.health import HealthError, ask_for_health
from applications.web.settings import Settings, SettingsError

_DATABASE = "host=/run/postgresql dbname=approval"


def main(argv: list[str]) -> int:
    """Do one thing; say what it came to."""
    asked = _parser().parse_args(argv)
    try:
        said = {"prepare": _prepare, "health": _health, "backup": _backup, "restore": _restore}[
            asked.verb
        ](asked)
    except (
        BackupError,
        DaysError,
        HealthError,
        OSError,
        SchemaError,
        SettingsError,
        psycopg.Error,
    ) as fault:
        sys.stderr.write(f"{asked.verb}: {fault}\n")
        return 1
    sys.stdout.write(f"{asked.verb}: {said}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="approval")
    parser.add_argument("--database", default=_DATABASE, help="as libpq has it")
    verbs = parser.add_subparsers(dest="verb", required=True)
    prepare = verbs.add_parser("prepare", help="bring the database to the shape of this version")
    prepare.add_argument("days", type=Path, help="the file of holidays and worked weekends")
    verbs.add_parser("health", help="ask the application whether it can serve")
    backup = verbs.add_parser("backup", help="dump the database into a folder")
    backup.add_argument("folder", type=Path)
    back = verbs.add_parser("restore", help="put a dump in the database's place")
    back.add_argument("dump", type=Path)
    return parser


def _prepare(asked: argparse.Namespace) -> str:
    days = read_days(asked.days.read_text("utf-8"))
    with psycopg.connect(asked.database, autocommit=True) as connection:
        applied = migrate(connection, migrations())
        replace_days(connection, days)
    return f"applied {', '.join(applied) or 'nothing'}; {len(days)} days"


def _health(_asked: argparse.Namespace) -> str:
    settings = Settings.of_environment()
    return ask_for_health(make_app(settings.check(), settings.database), settings)


def _backup(asked: argparse.Namespace) -> str:
    return str(back_up(asked.database, asked.folder, datetime.now(UTC)))


def _restore(asked: argparse.Namespace) -> str:
    old = restore(asked.dump, asked.database, datetime.now(UTC))
    return f"{asked.dump}; what was there is called {old} now"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
