"""Bringing the schema up: from nothing, again, by several at once; and it is the schema that the models describe."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from models.database import normalise_url
from models.migrate import Standing, alembic_config, migrate, revision_of, standing_of
from models.migrations import NEWEST_REVISION
from models.readiness import Readiness
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


@pytest.mark.dialects
def test_from_nothing_and_again(database_url: str) -> None:
    before, after = migrate(database_url)
    assert before is None
    assert after is not None
    first = tag(database_url)
    assert migrate(database_url) == (after, after), "the second time there is nothing to do"
    assert tag(database_url) == first, "and the installation keeps its tag"


@pytest.mark.dialects
async def test_a_migrated_database_is_ready(migrated_database_url: str) -> None:
    readiness = Readiness(migrated_database_url)
    try:
        assert await readiness.outage() is None
    finally:
        await readiness.close()


@pytest.mark.dialects
def test_the_models_describe_the_migrated_schema(migrated_database_url: str) -> None:
    """If this fails, a table was changed without a migration, or a migration without its table."""
    engine = sync_engine(migrated_database_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()


@pytest.mark.proof
@pytest.mark.dialects
def test_what_is_there_is_compared_and_nothing_is_changed(database_url: str) -> None:
    assert revision_of(database_url) is None
    assert standing_of(None) is Standing.BEHIND
    engine = sync_engine(database_url)
    assert sa.inspect(engine).get_table_names() == []
    _upgrade(database_url, "0030")
    assert (revision_of(database_url), standing_of("0030")) == ("0030", Standing.BEHIND)
    migrate(database_url)
    assert revision_of(database_url) == NEWEST_REVISION
    assert standing_of(NEWEST_REVISION) is Standing.CURRENT
    engine.dispose()


@pytest.mark.dialects
def test_a_schema_that_a_newer_program_has_made_is_left_alone(database_url: str) -> None:
    """The way back begins with the older program's `resell migrate`, where an installer runs that at every start."""
    migrate(database_url)
    _execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    assert migrate(database_url) == ("9999", "9999")
    assert revision_of(database_url) == "9999"
    assert standing_of("9999") is Standing.AHEAD


def test_whoever_asks_makes_no_database(tmp_path: Path) -> None:
    assert revision_of(f"sqlite:///{tmp_path / 'none.db'}") is None
    assert list(tmp_path.iterdir()) == []


def test_while_a_migration_runs_it_is_asked_all_the_same(migrated_database_url: str) -> None:
    engine = sync_engine(migrated_database_url)
    with engine.connect() as connection:
        begin = "BEGIN" if connection.dialect.name == "postgresql" else "BEGIN IMMEDIATE"
        connection.exec_driver_sql(begin)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        assert revision_of(migrated_database_url) == NEWEST_REVISION
        connection.rollback()
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


@pytest.mark.dialects
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


@pytest.mark.dialects
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


def _downgrade(url: str, revision: str) -> None:
    engine = sync_engine(url)
    try:
        with engine.begin() as connection:
            command.downgrade(alembic_config(connection), revision)
    finally:
        engine.dispose()


@pytest.mark.proof
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


_NOW = "'2026-01-01 00:00:00.000000'"
_BEFORE_THE_SUMS = (
    "INSERT INTO upstream_account (id, name, kind, url, dialect, username, currency, credit_limit, lists_show_remoteid,"
    " forms_show_remoteid, lists_return_mark, lists_return_name, orders_return_number, problems, release_count)"
    " VALUES (1, 'main', 'billmanager', 'http://u', 6, 'r', 'EUR', '0', 'unknown', 'unknown', 'unknown', 'unknown',"
    " 'unknown', '[]', 1)",
    "INSERT INTO tariff_plan (id, name, product_type, resources, active) VALUES (1, 'VDS-1', 'vds', '{}', true)",
    "INSERT INTO processing_module (id, name, kind, account_id, product_type, department, priority)"
    " VALUES (1, 'm', 'upstream', 1, 'vds', 'support', 0)",
    *(
        statement
        for number in (1, 2, 3, 4)
        for statement in (
            "INSERT INTO service (id, customer, plan_id, product_type, module_id, account_id, status, status_since,"
            " name, name_is_ours, mark, upstream_pricelist, period_months, parameters, addons, renewal_owner, ip,"
            " created_at)"
            f" VALUES ({number}, 'c', 1, 'vds', 1, 1, 'ordered', {_NOW}, 'n', true, 'm{number}', '', 1, '{{}}', '{{}}',"
            f" 'resellflow', '', {_NOW})",
            "INSERT INTO operation (id, service_id, kind, upstream_name, stage, stage_since, reason, waits_for,"
            " next_step, person_may, parameters, actor, urgent, created_at)"
            f" VALUES ({number}, {number}, 'open', 'main', 'retrying', {_NOW}, 'why', 'w', 'n', 'p', '{{}}', 'shop',"
            f" false, {_NOW})",
        )
    ),
    *(
        "INSERT INTO reservation (operation_id, account_id, state, amount, release_number, requested_at)"
        f" VALUES ({operation}, 1, '{state}', '{amount}', {release}, {_NOW})"
        for operation, state, amount, release in (
            (1, "granted", "5.0000", "NULL"),
            (2, "waiting", "7.5000", "NULL"),
            (3, "released", "2.2500", "1"),
            (4, "released", "9.0000", "NULL"),
        )
    ),
)


def _intent(operation: int, state: str) -> str:
    return (
        "INSERT INTO intent (operation_id, account_id, attempt, state, mark, request, before, message, created_at)"
        f" VALUES ({operation}, 1, 1, '{state}', 'm', '{{}}', '{{}}', '', {_NOW})"
    )


def _execute(url: str, *statements: str) -> None:
    engine = sync_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement.replace("before,", '"before",')))
    finally:
        engine.dispose()


def _read(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = sync_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]
    finally:
        engine.dispose()


@pytest.mark.proof
def test_the_sums_of_an_account_are_counted_from_the_reservations_that_are_there(database_url: str) -> None:
    _upgrade(database_url, "0002")
    _execute(database_url, *_BEFORE_THE_SUMS, _intent(1, "accepted"), _intent(2, "refused"), _intent(2, "prepared"))
    migrate(database_url)
    assert _read(database_url, "SELECT set_aside, charged, waiting FROM upstream_account") == [(50000, 22500, 1)]
    assert _read(database_url, "SELECT stage, reason FROM operation WHERE id = 1") == [("retrying", "why")]


@pytest.mark.proof
def test_a_request_that_was_accepted_twice_is_named_and_nothing_is_changed(database_url: str) -> None:
    """Which of the two is right, only people can tell."""
    _upgrade(database_url, "0002")
    _execute(database_url, *_BEFORE_THE_SUMS, _intent(3, "accepted"), _intent(3, "accepted"), _intent(1, "accepted"))
    with pytest.raises(RuntimeError, match=r"more than one request .*: 3 \(send\)\. Nothing is changed"):
        migrate(database_url)
    assert _read(database_url, "SELECT count(*) FROM intent") == [(3,)]
    assert _read(database_url, "SELECT waits_for FROM operation WHERE id = 1") == [("w",)]
    _execute(database_url, "UPDATE intent SET state = 'abandoned' WHERE id = 1")
    migrate(database_url)
    assert _read(database_url, "SELECT set_aside FROM upstream_account") == [(50000,)]


@pytest.mark.proof
@pytest.mark.parametrize(
    ("storefronts", "operators", "owners"),
    [
        ("", "", ["shop", "ann", None, None]),
        ("shop=12345678,shop=12345679", "ann=123456789", ["shop", None, None, "shop"]),
        ("shop=12345678,other=12345679", "ann=123456789", ["shop", None, None, None]),
        ("ann=12345678", "", ["shop", "ann", None, "ann"]),
    ],
    ids=["settings are not there", "one storefront", "two storefronts", "ann is a storefront"],
)
def test_services_of_before_belong_to_the_client_of_their_opening(
    database_url: str, monkeypatch: pytest.MonkeyPatch, storefronts: str, operators: str, owners: list[str | None]
) -> None:
    """The command line is no storefront. The last one has no key."""
    monkeypatch.setenv("RESELL_STOREFRONT_TOKENS", storefronts)
    monkeypatch.setenv("RESELL_OPERATOR_TOKENS", operators)
    _upgrade(database_url, "0002")
    engine = sync_engine(database_url)
    try:
        with engine.begin() as connection:
            for statement in _BEFORE_THE_SUMS:
                connection.execute(sa.text(statement))
            for client, operation in (("shop", 1), ("ann", 2), ("cli", 3)):
                connection.execute(
                    sa.text(
                        "INSERT INTO intake_key (client, key, body_hash, operation_id, created_at)"
                        f" VALUES ('{client}', 'k', 'h', {operation}, {_NOW})"
                    )
                )
        migrate(database_url)
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT owner FROM service ORDER BY id")).scalars().all()
        assert found == owners
    finally:
        engine.dispose()


@pytest.mark.proof
@pytest.mark.parametrize("back", [False, True])
def test_names_inside_documents_follow_their_columns(database_url: str, back: bool) -> None:
    _upgrade(database_url, "0020")
    said = '{"remoteid": "a \\"pricelist\\": b", "cost": "\\"autoprolong\\""}'
    _execute(
        database_url,
        *_BEFORE_THE_SUMS[:1],
        "INSERT INTO upstream_snapshot (id, account_id, product_type, number, status, version, status_detail, name,"
        " remoteid, pricelist, pricelist_id, pricelist_unexplained, ip, autoprolong, raw, listed, held_back, form,"
        " misses, gone, first_seen_at, changed_at)"
        " VALUES (1, 1, 'vds', '17', 5, 1, 'item_status_5_close', 'n', 'm', 'VPS-1', '58', 'VPS-9', '', 'Month', '{}',"
        f""" '["name", "remoteid", "autoprolong"]', '{said}', '{{"pricelist": "58", "autoprolong": "1"}}',"""
        f" 0, false, {_NOW}, {_NOW})",
    )
    migrate(database_url)
    columns, words = "mark, tariff, tariff_id, tariff_unexplained, renewal", ["name", "mark", "renewal"]
    if back:
        _downgrade(database_url, "0020")
        columns, words = (
            "remoteid, pricelist, pricelist_id, pricelist_unexplained, autoprolong",
            ["name", "remoteid", "autoprolong"],
        )
    else:
        kept = "form_tariff, form_mark, form_renewal, cause, dead_end"
        told = _read(database_url, f"SELECT {kept} FROM upstream_snapshot")
        assert told == [("58", "", "1", "it is being deleted", False)]
    (row,) = _read(database_url, f"SELECT {columns}, listed, held_back, form FROM upstream_snapshot")
    listed, held_back, form = (json.loads(one) if isinstance(one, str) else one for one in row[5:])
    assert (row[:5], listed) == (("m", "VPS-1", "58", "VPS-9", "Month"), words)
    assert held_back == {words[1]: 'a "pricelist": b', "cost": '"autoprolong"'}, "what is shown is left as it was"
    assert form == {"pricelist": "58", "autoprolong": "1"}, "the upstream's own words"


@pytest.mark.proof
def test_what_only_a_billmanager_has_moves_into_documents_and_back(database_url: str) -> None:
    columns = "dialect, username, password_env, password_file, balance_call, lists_show_remoteid"
    _upgrade(database_url, "0022")
    _execute(
        database_url,
        "INSERT INTO upstream_account (id, name, kind, url, dialect, username, password_env, balance_call, currency,"
        " credit_limit, lists_show_remoteid, forms_show_remoteid, lists_return_mark, lists_return_name,"
        " orders_return_number, problems, release_count) VALUES (1, 'main', 'billmanager', 'http://u', 5, 'r',"
        " 'SECRET', 'whoami', 'EUR', '0', 'yes', 'no', 'unknown', 'unknown', 'unknown', '[]', 1)",
    )
    before = _read(database_url, f"SELECT {columns} FROM upstream_account")
    migrate(database_url)
    ((settings, learned, *shows),) = _read(
        database_url, "SELECT settings, learned, lists_show_marks, forms_show_marks FROM upstream_account"
    )
    assert _document(settings) == {
        "dialect": 5,
        "username": "r",
        "password_env": "SECRET",
        "password_file": None,
    }
    assert _document(learned) == {"balance_call": "whoami"}
    assert shows == ["yes", "no"]
    _downgrade(database_url, "0022")
    assert _read(database_url, f"SELECT {columns} FROM upstream_account") == before


@pytest.mark.proof
def test_times_that_nobody_reads_go_and_come_back(database_url: str) -> None:
    _upgrade(database_url, "0002")
    _execute(database_url, *_BEFORE_THE_SUMS)
    migrate(database_url)
    kept = "SELECT operation_id, state, amount FROM reservation ORDER BY id"
    rows = _read(database_url, kept)
    assert [row[0] for row in rows] == [1, 2, 3, 4]
    _downgrade(database_url, "0024")
    assert _read(database_url, kept) == rows
    accepted = _read(database_url, "SELECT created_at FROM operation ORDER BY id")
    assert _read(database_url, "SELECT requested_at FROM reservation ORDER BY operation_id") == accepted
    assert _read(database_url, "SELECT late_yes_at FROM intent") == []
    migrate(database_url)


@pytest.mark.proof
def test_a_mapping_of_before_has_no_settings_of_its_own(database_url: str) -> None:
    _upgrade(database_url, "0025")
    columns = "id, plan_id, module_id, tariff, addons, templates, resource_fields, order_parameters, renewal_owner"
    columns += ", addon_forms, addon_costs, price_tolerance, unquoted, above_price"
    _execute(
        database_url,
        "INSERT INTO tariff_plan (id, name, product_type, resources, addon_prices, active)"
        " VALUES (1, 'VDS-1', 'vds', '{}', '{}', true)",
        "INSERT INTO processing_module (id, name, kind, product_type, department, priority)"
        " VALUES (1, 'by-hand', 'manual', 'vds', 'd', 0)",
        f"INSERT INTO plan_mapping ({columns}) VALUES (1, 1, 1, '58', '{{}}', '{{}}', '{{}}', '{{}}', 'resellflow',"
        " '{}', '{}', '10', 'ask', 'ask')",
    )
    before = _read(database_url, f"SELECT {columns} FROM plan_mapping")
    migrate(database_url)
    ((settings,),) = _read(database_url, "SELECT settings FROM plan_mapping")
    assert _document(settings) == {}
    _downgrade(database_url, "0025")
    assert _read(database_url, f"SELECT {columns} FROM plan_mapping") == before


def _document(value: Any) -> Any:
    """As the database hands it to whoever asks in plain SQL: text on SQLite."""
    return json.loads(value) if isinstance(value, str) else value
