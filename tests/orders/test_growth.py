"""The simulation of growth writes what a real operation leaves, as often as it says, and with the clock of each day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import col, select

from benchmarks.growth import copying
from benchmarks.growth.copying import Copier
from benchmarks.growth.measuring import size, vacuum_as_postgresql_would
from benchmarks.growth.running import Growth, Plan, grow
from benchmarks.growth.sample import Sample, keys, samples, tables, take
from models.database import Database
from models.enums import OperationKind
from models.order import Operation
from orders.views import WorkflowLinks, find_operation
from tests.infrastructure.eventually import assert_eventually
from tests.orders.test_archiving import carried_out

DAY = date(2025, 6, 1)
LINKS = WorkflowLinks("http://ui.test", "default")
COPIES = 3


@pytest.fixture
async def sample(database: Database) -> Sample:
    before = await keys(database)
    await carried_out(database, 7, datetime(2025, 1, 5, 12, tzinfo=UTC))
    found = await take(database, before, OperationKind.OPEN, 7)
    return Sample(**vars(found) | {"day": date(2025, 1, 5)})


@pytest.fixture
def connection(database: Database, sample: Sample) -> Iterator[Connection]:
    url = sa.make_url(database.engine.url.render_as_string(hide_password=False))
    engine = sa.create_engine(url.set(drivername="sqlite" if database.is_sqlite else "postgresql+psycopg"))
    with engine.connect() as connection:
        copying.prepare(connection)
        yield connection
    engine.dispose()


def written(connection: Connection, table: sa.Table) -> list[dict[str, Any]]:
    key = list(table.primary_key)
    return [dict(row) for row in connection.execute(sa.select(table).order_by(*key)).mappings()]


async def test_a_copy_is_the_operation_with_other_numbers_on_another_day(
    database: Database, sample: Sample, connection: Connection
) -> None:
    copying.choose_new(connection, COPIES)
    Copier(sample).write(connection, DAY)
    connection.commit()
    moved = DAY - sample.day
    for name, [original] in ((name, rows) for name, rows in sample.rows.items() if len(rows) == 1):
        table = next(one for one in tables() if one.name == name)
        copies = [row for row in written(connection, table) if row != original]
        assert len(copies) == COPIES, name
        for column in table.columns:
            values = [row[column.name] for row in copies]
            if isinstance(original[column.name], datetime):
                assert set(values) == {original[column.name] + moved}, column
            elif values != [original[column.name]] * COPIES:
                assert len(set(values)) == COPIES, f"{column}: a number or a name of its own"
    async with database.read() as session:
        numbers = (await session.exec(select(Operation.id).order_by(col(Operation.id)))).all()
        whole = [await find_operation(session, LINKS, number) for number in numbers]
    assert len(whole) == COPIES + 1
    for one in whole[1:]:
        assert [stage.stage for stage in one.stages] == [stage.stage for stage in whole[0].stages]
        assert one.service != whole[0].service


async def test_a_renewal_is_copied_to_the_services_whose_term_ends(
    database: Database, sample: Sample, connection: Connection
) -> None:
    renewal = Sample(**vars(sample) | {"kind": OperationKind.PROLONG, "rows": _without_service(sample)})
    connection.execute(sa.text("UPDATE service SET status = 'active'"))
    copying.choose_new(connection, 2 * copying.TERM)
    Copier(sample).write(connection, DAY - timedelta(days=1))
    connection.execute(sa.text("UPDATE service SET status = 'active'"))
    due = copying.choose(connection, copying.ends_on(DAY))
    before = size(connection).tables["operation"].rows
    Copier(renewal).write(connection, DAY)
    assert due in (2, 3)
    assert size(connection).tables["operation"].rows == before + due
    ends = connection.execute(sa.text("SELECT count(*) FROM service WHERE expires_on IS NOT NULL")).scalar_one()
    assert ends == due


def _without_service(sample: Sample) -> dict[str, list[dict[str, Any]]]:
    return {name: rows for name, rows in sample.rows.items() if name != "service"}


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_real_operations_are_sampled_and_two_months_of_a_shop_are_pruned(postgres_url: str) -> None:
    taken = await samples()
    assert [one.kind for one in taken] == [OperationKind.OPEN, OperationKind.PROLONG, OperationKind.CLOSE]
    for one in taken:
        assert len(one.rows["operation"]) == len(one.rows["intake_key"]) == len(one.rows["intent"]) == 1
        assert len(one.rows["webhook_delivery"]) == len(one.rows["webhook_message"]) >= 3
        assert one.history_events == 20
    assert "term" in taken[1].rows
    for database in ("sqlite", postgres_url):
        grown = await grow(Plan(days=60, services=60, churn=0.1, database=database), taken)
        end = grown.months[-1]
        assert end.operations == 2 * 60 + 2 * 2 * 6
        assert end.pruned is not None
        assert end.pruned.removed["deliveries"] > 0
        assert end.size.tables["webhook_delivery"].rows < grown.months[0].size.tables["webhook_delivery"].rows * 1.2
        assert end.size.tables["intake_key"].rows == 60 + end.operations
        assert Growth.model_validate_json(grown.model_dump_json()) == grown


async def test_dead_rows_are_vacuumed_by_the_rule_of_postgresql(database: Database, connection: Connection) -> None:
    if database.is_sqlite:
        assert size(connection).free_bytes is not None
        return
    connection.execute(sa.text("INSERT INTO beat (name, at) SELECT n::text, now() FROM generate_series(1, 300) AS n"))
    connection.execute(sa.text("DELETE FROM beat"))
    connection.commit()
    engine = connection.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as other:

        def vacuumed() -> bool:
            connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
            connection.commit()  # what a connection has done is counted at its next commit at the earliest
            return "beat" in vacuum_as_postgresql_would(other)

        await assert_eventually(vacuumed, timeout=30, message="the dead rows are counted")
