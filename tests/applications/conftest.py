"""A database for whoever needs one: started once for each worker, emptied for each test."""

from collections.abc import Iterator

import psycopg
import pytest

from applications.approval.schema import migrate, migrations
from tests.applications.cluster import ADMIN, Cluster, running


@pytest.fixture(scope="session", name="cluster")
def _cluster() -> Iterator[Cluster]:
    with running() as cluster:
        cluster.make_database()
        with psycopg.connect(cluster.database("loushan-approval-owner"), autocommit=True) as owner:
            migrate(owner, migrations())
        yield cluster


@pytest.fixture(name="database")
def _database(cluster: Cluster) -> Cluster:
    """Give the database with no case in it."""
    with psycopg.connect(cluster.database(ADMIN), autocommit=True) as admin:
        admin.execute("TRUNCATE cases, steps, days RESTART IDENTITY")
    return cluster
