"""Bringing the schema up: from nothing, again, by several at once; and it is the schema that the models describe."""

import sys

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from models.database import Database, normalise_url, ping
from models.migrate import alembic_config, migrate
from models.tables import metadata
from tests.infrastructure.processes import Program


def sync_engine(url: str) -> sa.Engine:
    target = normalise_url(url)
    return sa.create_engine(
        target.set(drivername="sqlite" if target.get_backend_name() == "sqlite" else "postgresql+psycopg")
    )


def tag(url: str) -> str:
    engine = sync_engine(url)
    try:
        with engine.connect() as connection:
            return str(connection.execute(sa.text("SELECT tag FROM installation")).scalar_one())
    finally:
        engine.dispose()


def test_from_nothing_and_again(database_url: str) -> None:
    before, after = migrate(database_url)
    assert before is None
    assert after is not None
    first = tag(database_url)
    assert migrate(database_url) == (after, after), "the second time there is nothing to do"
    assert tag(database_url) == first, "and the installation keeps its tag"


async def test_a_migrated_database_answers_a_ping(migrated_database_url: str) -> None:
    database = Database(migrated_database_url)
    try:
        await ping(database)
    finally:
        await database.close()


def test_the_models_describe_the_migrated_schema(migrated_database_url: str) -> None:
    """If this fails, a table was changed without a migration, or a migration without its table."""
    engine = sync_engine(migrated_database_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()


# Forks: starting several interpreters would take longer than all the rest.
PROGRAM = """
import os, sys, traceback
from models.migrate import migrate
children = []
for _ in range(4):
    if child := os.fork():
        children.append(child)
        continue
    status = 1
    try:
        print(migrate(sys.argv[1]), flush=True)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def test_several_processes_at_once_bring_it_up_once(database_url: str) -> None:
    """As worker and API do that start together."""
    with Program([sys.executable, "-c", PROGRAM, database_url], name="migrations", forked=True) as program:
        assert program.wait_for_exit(timeout=60) == 0, program.output
    lines = program.lines
    assert len(lines) == 4
    assert sum(line.startswith("(None,") for line in lines) == 1, lines
    assert tag(database_url)


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "nonsense:secret", "oracle://u:secret@h"])
def test_another_kind_of_database_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="RESELL_DATABASE_URL") as refused:
        migrate(url)
    assert "secret" not in str(refused.value)


def test_an_upgrade_that_fails_half_way_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the power went out")

    with monkeypatch.context() as broken:
        broken.setattr("models.migrate.secrets.choice", fail)
        with pytest.raises(RuntimeError, match="the power went out"):
            migrate(database_url)
    engine = sync_engine(database_url)
    try:
        assert sa.inspect(engine).get_table_names() == []
    finally:
        engine.dispose()
    assert migrate(database_url)[0] is None


def _upgrade(url: str, revision: str) -> None:
    engine = sync_engine(url)
    try:
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), revision)
    finally:
        engine.dispose()


def test_deliveries_learn_the_service_of_their_message(database_url: str) -> None:
    _upgrade(database_url, "0002")
    engine = sync_engine(database_url)
    now = "'2026-01-01 00:00:00.000000'"
    try:
        with engine.begin() as connection:
            for statement in (
                "INSERT INTO tariff_plan (id, name, product_type, resources, active)"
                " VALUES (1, 'VDS-1', 'vds', '{}', true)",
                "INSERT INTO processing_module (id, name, kind, product_type, department, priority)"
                " VALUES (1, 'manual', 'manual', 'vds', 'support', 0)",
                "INSERT INTO service (id, customer, plan_id, product_type, module_id, status, status_since, name,"
                " name_is_ours, mark, upstream_pricelist, period_months, parameters, addons, renewal_owner, ip,"
                f" created_at) VALUES (7, 'c', 1, 'vds', 1, 'active', {now}, 'n', true, 'm', '', 1, '{{}}', '{{}}',"
                f" 'resellflow', '', {now})",
                "INSERT INTO webhook_endpoint (id, name, url, secret_env, kinds, active, failure, created_at)"
                f" VALUES (1, 'shop', 'https://x.test', 'S', '[]', true, '', {now})",
                "INSERT INTO webhook_message (id, message_id, kind, service_id, data, at)"
                f" VALUES (1, 'a', 'k', 7, '{{}}', {now}), (2, 'b', 'k', NULL, '{{}}', {now})",
                "INSERT INTO webhook_delivery (id, endpoint_id, message_id, state, attempts, next_attempt_at)"
                f" VALUES (1, 1, 1, 'pending', 0, {now}), (2, 1, 2, 'pending', 0, {now})",
            ):
                connection.execute(sa.text(statement))
        migrate(database_url)
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT service_id FROM webhook_delivery ORDER BY id")).scalars().all()
        assert found == [7, None]
    finally:
        engine.dispose()
