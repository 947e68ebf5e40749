"""A PostgreSQL of a test's own: an ordinary user's, on a socket in a folder that goes with it."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

ROLES = ("loushan-approval-owner", "loushan-approval", "loushan-supervision")
ADMIN = "postgres"

_APPROVAL = Path(__file__).resolve().parents[2] / "applications" / "approval"
_PATIENCE_SECONDS = 60
#: A cluster of a test need not outlive a power cut.
_HASTE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server: where its socket is, and its programs."""

    folder: Path
    programs: Path

    def database(self, role: str, name: str = "approval") -> str:
        """Give how libpq reaches a database as one of the roles."""
        return f"host={self.folder} dbname={name} user={role} connect_timeout=5"

    def environment(self) -> Mapping[str, str]:
        """Give what makes these programs be found first."""
        return {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"}

    def run_sql(self, file: Path) -> None:
        """Run a file as the administrator would, who stops at the first fault."""
        words = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.database(ADMIN, ADMIN)]
        subprocess.run([*words, "-f", str(file)], env=self.environment(), check=True)

    def make_database(self) -> None:
        """Make roles and database as the role `approval_app` does."""
        self.run_sql(_APPROVAL / "database.sql")


def programs() -> Path:
    """Give the folder of the newest PostgreSQL here."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda file: int(file.parts[4])
    )
    if not found:
        message = "no PostgreSQL here: install the package postgresql"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found[-1].parent


@contextmanager
def running() -> Iterator[Cluster]:
    """Give a server that runs meanwhile; nothing of it is left afterwards."""
    # Not below pytest's own folder, into which no other user can go.
    folder = Path(tempfile.mkdtemp(prefix="lst-pg-"))
    try:
        cluster = Cluster(folder, programs())
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        folder.chmod(0o711)
        _initialise(cluster)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*_as_nobody(), str(cluster.programs / "postgres"), "-D", str(folder / "data")],
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            _wait(cluster, process)
            yield cluster
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder)


def _as_nobody() -> list[str]:
    """Give the words that make of root an ordinary user; PostgreSQL does not run as root.

    The server ends with whoever started it, however that ended.
    """
    dies = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() != 0:
        return dies
    return [*dies, "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _initialise(cluster: Cluster) -> None:
    data = cluster.folder / "data"
    words = ["-D", str(data), "-U", ADMIN, "--auth=reject", "--no-sync", "-E", "UTF8", "--locale=C"]
    initdb = [*_as_nobody(), str(cluster.programs / "initdb"), *words]
    subprocess.run(initdb, cwd=cluster.folder, check=True, capture_output=True)
    us = pwd.getpwuid(os.geteuid()).pw_name
    _write(data / "pg_hba.conf", "local all all peer map=test\n")
    _write(data / "pg_ident.conf", "".join(f'test {us} "{role}"\n' for role in (ADMIN, *ROLES)))
    settings = [
        "listen_addresses=''",
        f"unix_socket_directories='{cluster.folder}'",
        "password_encryption='scram-sha-256'",
        *_HASTE,
    ]
    _write(data / "postgresql.auto.conf", "\n".join(settings) + "\n")


def _write(file: Path, text: str) -> None:
    """Write into the server's folder and leave the file its owner."""
    with file.open("w") as opened:
        opened.write(text)


def _wait(cluster: Cluster, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            psycopg.connect(cluster.database(ADMIN, ADMIN)).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail((cluster.folder / "log").read_text())
            time.sleep(0.05)
        else:
            return
