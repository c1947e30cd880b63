"""Migrations: they agree with the models, go back, and refuse what they do not know."""

from __future__ import annotations

import threading

import pytest
from alembic.config import Config
from private_cluster import Cluster
from pydantic import SecretStr
from sqlalchemy import inspect, text

from alembic import command
from app.database import (
    Database,
    DatabaseUnavailableError,
    WrongMigrationError,
    alembic_config,
    check_migration,
    ensure_ready,
    upgrade,
)
from app.settings import DatabaseSettings
from app.tables import Base

pytestmark = pytest.mark.database


def test_models_and_migrations_agree(database: Database) -> None:
    """A database built by the migrations has exactly the tables the models describe."""
    with database.engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.check(config)  # raises when autogenerate would change anything


def test_a_forgotten_column_is_noticed(database: Database) -> None:
    """The comparison of models and migrations does not pass whatever the database holds."""
    with database.engine.begin() as connection:
        connection.execute(text("alter table zones drop column tier"))
        config = alembic_config()
        config.attributes["connection"] = connection
        with pytest.raises(Exception, match="tier"):
            command.check(config)
        connection.rollback()


def test_downgrade_leaves_nothing_and_upgrade_comes_back(database: Database) -> None:
    """All the way down removes every table, type and function of ours; up again works."""
    with database.engine.begin() as connection:
        config = _on(connection)
        command.downgrade(config, "base")
        left = set(inspect(connection).get_table_names()) - {"alembic_version", "spatial_ref_sys"}
        assert left == set()
        query = "select count(*) from {} where {} like 'procrastinate%'"
        for catalogue, column in (("pg_type", "typname"), ("pg_proc", "proname")):
            assert connection.scalar(text(query.format(catalogue, column))) == 0
        command.upgrade(config, "head")
        assert set(Base.metadata.tables) <= set(inspect(connection).get_table_names())


def test_a_terrain_outlives_the_way_back_and_forth(database: Database) -> None:
    """Down and up again keeps the terrain in force alone, and calls it loaded from files."""
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "insert into datasets values ('d', '1', '', '', '', '{}', '{}', 'x', now(), 'x'); "
                "insert into terrains (dataset_id, current, grid, heights, provenance, source, "
                "report) values ('d', false, '{}', '\\x01', 'real', 'before', '{}'), "
                "('d', true, '{}', '\\x02', 'real', 'now', '{}')"
            )
        )
        config = _on(connection)
        command.downgrade(config, "0005")
        kept = connection.execute(text("select source, heights from terrains")).all()
        assert [(row.source, bytes(row.heights)) for row in kept] == [("now", b"\x02")]
        command.upgrade(config, "head")
        row = connection.execute(text("select current, imported, report from terrains")).one()
        assert tuple(row) == (True, False, {})
        connection.rollback()


def test_every_geometry_has_an_index_and_is_wgs84(database: Database) -> None:
    """Each geometry column is in SRID 4326 and has a GIST index."""
    with database.engine.connect() as connection:
        columns = connection.execute(
            text("select f_table_name, f_geometry_column, srid from geometry_columns")
        ).all()
        indexed = set(
            connection.scalars(text("select tablename from pg_indexes where indexdef ~ 'gist'"))
        )
    assert {srid for _, _, srid in columns} == {4326}
    assert {table for table, _, _ in columns} == indexed
    assert len(columns) == 7


def test_many_processes_may_migrate_at_once(cluster: Cluster) -> None:
    """Several that start on an empty database at the same moment all find it ready."""
    url = cluster.create()
    faults: list[BaseException] = []

    def start() -> None:
        try:
            with Database(url) as own:
                upgrade(own)
                check_migration(own)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cluster.drop(url)
    assert faults == []


def test_a_later_versions_database_is_refused(database: Database) -> None:
    """A migration this version does not know is named, and nothing is touched."""
    with database.session() as session:
        session.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(WrongMigrationError, match=r"'9999'.*update the software"):
        upgrade(database)
    with pytest.raises(WrongMigrationError, match="'9999'"):
        check_migration(database)
    with database.session() as session:
        assert session.scalar(text("select version_num from alembic_version")) == "9999"


def test_an_unmigrated_database_is_told_apart(cluster: Cluster) -> None:
    """A check on an empty database says that it is at no migration and what to run."""
    url = cluster.create()
    with (
        Database(url) as empty,
        pytest.raises(WrongMigrationError, match=r"at migration none.*siting serve"),
    ):
        check_migration(empty)
    cluster.drop(url)


def test_a_failing_migration_changes_nothing(cluster: Cluster) -> None:
    """When a table of the same name is in the way, the message says so and nothing is left."""
    url = cluster.create()
    with Database(url) as blocked:
        with blocked.session() as session:
            session.execute(text("create table plans (mine text)"))
        with pytest.raises(WrongMigrationError, match=r"nothing was changed.*plans.*exists"):
            upgrade(blocked)
        with blocked.engine.connect() as connection:
            assert inspect(connection).get_table_names() == ["plans"]
    cluster.drop(url)


def test_a_database_that_is_down_says_what_to_do() -> None:
    """A server that does not answer gives one error that names the address, not the password."""
    down = DatabaseSettings(url=SecretStr("postgresql://me:secret@/x?host=/nowhere"))
    with pytest.raises(DatabaseUnavailableError, match="does not answer") as caught:
        ensure_ready(down)
    assert "SITING_DATABASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_ensure_ready_on_a_given_server(cluster: Cluster) -> None:
    """A server of one's own is migrated and never stopped."""
    url = cluster.create()
    given = DatabaseSettings(url=SecretStr(url.render_as_string(hide_password=False)))
    with ensure_ready(given) as ready:
        check_migration(ready)
    with Database(url) as again:
        check_migration(again)
    cluster.drop(url)


def _on(connection: object) -> Config:
    config = alembic_config()
    config.attributes["connection"] = connection
    return config
