"""Loading a catalogue file: what comes into the tables, what is said about it, what is left alone."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import SQLModel, col, select

from catalogue.loading import Change, ChangeOutcome, FieldChange, Report, load
from catalogue.problems import CatalogueInvalid
from models.audit import AuditEntry
from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.database import Database
from models.enums import Knowledge, ModuleKind, OperationKind, RenewalOwner, RenewalSide, Stage
from models.money import Money
from models.order import Operation, Service
from tests.catalogue.sample import SAMPLE, edited, written
from upstreams.connections import Connections

SECOND_MAPPING = """
[[processing_modules]]
name = "spare-vds"
upstream_account = "main"
product_type = "vds"
department = "support"

[[tariff_plans.mappings]]
processing_module = "spare-vds"
pricelist = "59"
periods = { "1" = 1 }
cost = { "1" = "6.00 EUR" }
"""


async def loaded(database: Database, directory: Path, text: str = SAMPLE, *, dry_run: bool = False) -> Report:
    return await load(database, written(directory, text), actor="tester", dry_run=dry_run)


async def rows(database: Database, table: type[SQLModel]) -> list[dict[str, object]]:
    async with database.read() as session:
        return [row.model_dump() for row in (await session.exec(select(table))).all()]


async def the_account(database: Database) -> UpstreamAccount:
    async with database.read() as session:
        return await session.get_one(UpstreamAccount, 1)


def changed(report: Report) -> list[Change]:
    return [change for change in report.changes if change.outcome is not ChangeOutcome.UNCHANGED]


async def order_a_service(database: Database, *, stage: Stage = Stage.COMPLETED, template: str = "debian-12") -> None:
    """A service of the sample's plan, with an operation in this stage."""
    async with database.write() as session:
        service = Service(
            customer="jane",
            plan_id=1,
            product_type="vds",
            module_id=1,
            account_id=1,
            name="v1.example.test",
            mark="rf-test-1",
            period_months=12,
            parameters={"template": template},
            addons={"ram": 2},
        )
        session.add(service)
        await session.flush()
        session.add(Operation(service_id=service.id or 0, kind=OperationKind.OPEN, upstream_name="main", stage=stage))


async def test_the_tables_hold_what_the_file_says(database: Database, tmp_path: Path) -> None:
    report = await loaded(database, tmp_path)
    assert [(change.table, change.name, change.outcome) for change in report.changes] == [
        ("upstream_accounts", "main", ChangeOutcome.ADDED),
        ("processing_modules", "main-vds", ChangeOutcome.ADDED),
        ("processing_modules", "by-hand", ChangeOutcome.ADDED),
        ("tariff_plans", "VDS-1", ChangeOutcome.ADDED),
        ("tariff_plans.mappings", "VDS-1 → main-vds", ChangeOutcome.ADDED),
    ]
    account = await the_account(database)
    assert (account.name, account.kind) == ("main", "billmanager")
    assert (account.url, account.currency) == ("https://billing.example.test:1500/billmgr", "EUR")
    assert account.settings == {
        "dialect": 6,
        "username": "reseller",
        "password_env": "MAIN_UPSTREAM_PASSWORD",
        "password_file": None,
    }
    module, by_hand = await rows(database, ProcessingModule)
    assert (module["account_id"], module["minimal_balance"], module["priority"]) == (1, Decimal("50.00"), 10)
    assert (by_hand["account_id"], by_hand["kind"], by_hand["department"]) == (None, ModuleKind.MANUAL, "engineers")
    (plan,) = await rows(database, TariffPlan)
    assert (plan["resources"], plan["active"]) == ({"disk_gb": 30, "ram_mb": 2048}, True)
    prices = {row["period_months"]: (row["amount"], row["currency"]) for row in await rows(database, TariffPlanPrice)}
    assert prices == {1: (Decimal("7.90"), "EUR"), 12: (Decimal("79.00"), "EUR")}
    (mapping,) = await rows(database, PlanMapping)
    assert (mapping["tariff"], mapping["location"], mapping["addons"]) == ("58", "1", {"ram": "addon_61"})
    assert (mapping["templates"], mapping["renewal_owner"]) == ({"debian-12": "Debian-12"}, RenewalSide.RESELLFLOW)
    periods = {
        row["period_months"]: (row["upstream_period"], row["cost_amount"]) for row in await rows(database, MappedPeriod)
    }
    assert periods == {1: (1, Decimal("5.00")), 12: (12, Decimal("50.00"))}


async def test_trials_and_for_ever_are_periods_like_others(database: Database, tmp_path: Path) -> None:
    special = edited(
        ('"1" = "7.90 EUR", "12" = "79.00 EUR"', '"-100" = "0.00 EUR", "0" = "300.00 EUR"'),
        ('"1" = 1, "12" = 12', '"-100" = -100, "0" = 0'),
        ('"1" = "5.00 EUR", "12" = "50.00 EUR"', '"-100" = "0.00 EUR", "0" = "90.00 EUR"'),
    )
    await loaded(database, tmp_path, special)
    assert {row["period_months"] for row in await rows(database, TariffPlanPrice)} == {-100, 0}
    assert {row["upstream_period"] for row in await rows(database, MappedPeriod)} == {-100, 0}


PRICED = edited(
    (
        "resources",
        'renewal_prices = { "1" = "8.90 EUR" }\naddon_prices = { ram = "1.60 EUR above 2" }\nresources',
    ),
    (
        "cost =",
        'renewal_cost = { "12" = "55.00 EUR" }\naddon_costs = { ram = { small = "0.00 EUR", large = "1.00 EUR" } }\n'
        'price_tolerance = "2.5"\nunquoted = "allow"\nabove_selling_price = "allow"\ncost =',
    ),
)


async def test_what_else_is_known_of_costs_and_prices_is_kept_changed_and_taken_back(
    database: Database, tmp_path: Path
) -> None:
    await loaded(database, tmp_path)
    report = await loaded(database, tmp_path, PRICED)
    plan, mapping = changed(report)
    assert plan.fields == (
        FieldChange("addon_prices.ram", "", "1.60 EUR above 2"),
        FieldChange("renewal_prices.1", "", "8.90 EUR"),
    )
    assert {(change.field, change.before, change.after) for change in mapping.fields} == {
        ("addon_costs.ram", "", "large = 1.00 EUR, small = 0.00 EUR"),
        ("price_tolerance", "10.00", "2.50"),
        ("unquoted", "ask", "allow"),
        ("above_selling_price", "ask", "allow"),
        ("renewal_cost.12", "", "55.00 EUR"),
    }
    async with database.read() as session:
        price = await session.get_one(TariffPlanPrice, (1, 1))
        period = await session.get_one(MappedPeriod, (1, 12))
    assert (price.renewal_price, period.renewal_cost) == (Money.of("8.90", "EUR"), Money.of("55.00", "EUR"))
    assert not (await loaded(database, tmp_path, PRICED)).changed
    assert ("renewal_cost.12", "55.00 EUR", "") in {
        (change.field, change.before, change.after)
        for one in changed(await loaded(database, tmp_path))
        for change in one.fields
    }


async def test_a_lead_time_is_set_and_taken_back(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    for line, before, after in (("renewal_lead_days = 14", "", "14"), ("", "14", "")):
        (plan,) = changed(await loaded(database, tmp_path, edited(("resources", f"{line}\nresources"))))
        assert plan.fields == (FieldChange("renewal_lead_days", before, after),)


@pytest.mark.parametrize(
    ("line", "owner"),
    [
        ("", RenewalOwner.STOREFRONT),
        ('renewal = "storefront"', RenewalOwner.STOREFRONT),
        ('renewal = "resellflow"', RenewalOwner.STOREFRONT),
        ('renewal = "automatic"', RenewalOwner.AUTOMATIC),
        ('renewal = "upstream"', RenewalOwner.UPSTREAM),
        ('renewal_owner = "resellflow"', RenewalOwner.STOREFRONT),
        ('renewal_owner = "upstream"', RenewalOwner.UPSTREAM),
    ],
)
async def test_who_renews_is_the_storefront_unless_the_file_says_another(
    database: Database, tmp_path: Path, line: str, owner: RenewalOwner
) -> None:
    before = RenewalOwner.UPSTREAM if owner is RenewalOwner.STOREFRONT else RenewalOwner.STOREFRONT
    await loaded(database, tmp_path, edited(("templates", f'renewal = "{before.value}"\ntemplates')))
    report = await loaded(database, tmp_path, edited(("templates", f"{line}\ntemplates")))
    (mapping,) = changed(report)
    assert mapping.fields == (FieldChange("renewal", before.value, owner.value),)
    async with database.read() as session:
        assert (await session.get_one(PlanMapping, 1)).renewed_by is owner


async def test_the_limits_of_an_account_are_kept_changed_and_taken_back(database: Database, tmp_path: Path) -> None:
    connections = Connections(read_timeout=12, order_timeout=30)
    for text, stored, at_once, order_timeout in [
        (
            "limits = { requests_at_once = 4, order_timeout = 45 }",
            {"requests_at_once": 4, "order_timeout": 45.0},
            4,
            45,
        ),
        ("limits = { order_timeout = 20.5 }", {"order_timeout": 20.5}, 20, 20.5),
        ("", {}, 20, 30),
    ]:
        await loaded(database, tmp_path, edited(("password_env", f"{text}\npassword_env")))
        account = await the_account(database)
        limits = connections.limits(account)
        assert account.limits == stored
        assert (limits.requests_at_once, limits.order_timeout) == (at_once, order_timeout)


async def test_the_same_file_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    audit = await rows(database, AuditEntry)
    again = await loaded(database, tmp_path)
    assert not again.changed
    assert {change.outcome for change in again.changes} == {ChangeOutcome.UNCHANGED}
    assert await rows(database, AuditEntry) == audit


async def test_what_changes_is_told_from_what_to_what_and_kept_in_the_audit(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    report = await loaded(
        database,
        tmp_path,
        edited(
            ('"79.00 EUR"', '"75.00 EUR"'),
            ("disk_gb = 30", "disk_gb = 40"),
            ("resources", "active = false\nresources"),
            ('"addon_61"', '"addon_62", ip = "addon_63"'),
            ('"12" = 12', '"12" = 0'),
            ('"50.00"', '"20"'),
            ('datacenter = "1"\n', ""),
            ('upstream_account = "main"', 'priority = 1\nupstream_account = "main"'),
            ("priority = 10", ""),
        ),
    )
    assert changed(report) == [
        Change(
            "processing_modules",
            "main-vds",
            ChangeOutcome.CHANGED,
            (FieldChange("minimal_balance", "50.00", "20.00"), FieldChange("priority", "10", "1")),
        ),
        Change(
            "tariff_plans",
            "VDS-1",
            ChangeOutcome.CHANGED,
            (
                FieldChange("resources.disk_gb", "30", "40"),
                FieldChange("active", "true", "false"),
                FieldChange("prices.12", "79.00 EUR", "75.00 EUR"),
            ),
        ),
        Change(
            "tariff_plans.mappings",
            "VDS-1 → main-vds",
            ChangeOutcome.CHANGED,
            (
                FieldChange("datacenter", "1", ""),
                FieldChange("addons.ip", "", "addon_63"),
                FieldChange("addons.ram", "addon_61", "addon_62"),
                FieldChange("periods.12", "12", "0"),
            ),
        ),
    ]
    async with database.read() as session:
        audit = (await session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()))).first()
    assert audit is not None
    assert (audit.actor, audit.action, audit.subject) == ("tester", "catalogue_changed", "plan_mapping")
    assert audit.detail["addons.ram"] == "addon_61 → addon_62"


async def test_a_period_that_is_left_out_is_offered_no_longer(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    text = edited((', "12" = "79.00 EUR"', ""), (', "12" = 12', ""), (', "12" = "50.00 EUR"', ""))
    report = await loaded(database, tmp_path, text)
    assert [change.fields for change in changed(report)] == [
        (FieldChange("prices.12", "79.00 EUR", ""),),
        (FieldChange("periods.12", "12", ""),),
    ]
    assert [row["period_months"] for row in await rows(database, MappedPeriod)] == [1]
    assert [row["period_months"] for row in await rows(database, TariffPlanPrice)] == [1]


async def test_a_dry_run_tells_the_same_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    dry = await loaded(database, tmp_path, dry_run=True)
    assert await rows(database, UpstreamAccount) == []
    assert await rows(database, AuditEntry) == []
    assert (await loaded(database, tmp_path)).changes == dry.changes


async def test_what_is_not_in_the_file_is_left_alone_and_listed(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path, SAMPLE + SECOND_MAPPING)
    before = await rows(database, PlanMapping)
    report = await loaded(database, tmp_path, SAMPLE)
    assert changed(report) == [
        Change("processing_modules", "spare-vds", ChangeOutcome.NOT_IN_FILE),
        Change("tariff_plans.mappings", "VDS-1 → spare-vds", ChangeOutcome.NOT_IN_FILE),
    ]
    assert await rows(database, PlanMapping) == before


async def test_a_file_may_build_on_what_is_in_the_database(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    plans_only = SAMPLE[SAMPLE.index("[[tariff_plans]]") :].replace("VDS-1", "VDS-2")
    report = await loaded(database, tmp_path, plans_only)
    assert [change.name for change in report.changes if change.outcome is ChangeOutcome.ADDED] == [
        "VDS-2",
        "VDS-2 → main-vds",
    ]


async def test_a_period_without_a_price_is_allowed_and_noted(database: Database, tmp_path: Path) -> None:
    report = await loaded(database, tmp_path, edited((', "12" = "79.00 EUR"', "")))
    assert report.notes == [
        'tariff_plans "VDS-1" → mappings[0]: periods.12: can be ordered, but the plan has no selling price for it'
    ]


async def test_a_plan_may_be_mapped_to_the_manual_module_without_a_pricelist(
    database: Database, tmp_path: Path
) -> None:
    text = edited(
        ('processing_module = "main-vds"\npricelist = "58"', 'processing_module = "by-hand"'),
        ('product_type = "vds"\nprices', 'product_type = "dedic"\nprices'),
        ('"5.00 EUR"', '"5.00 USD"'),
    )
    await loaded(database, tmp_path, text)
    assert [row["tariff"] for row in await rows(database, PlanMapping)] == [""]


async def test_an_account_that_moves_is_asked_anew_what_it_can_do(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.lists_return_mark = Knowledge.YES
        account.learned = {"balance_call": "dashboard.info"}
        account.checked_at = datetime.now(UTC)
        session.add(account)
    report = await loaded(database, tmp_path, edited(("billing.example.test", "panel.example.test")))
    assert "run `resell upstream check main`" in report.notes[0]
    account = await the_account(database)
    assert (account.lists_return_mark, account.learned, account.checked_at) == (Knowledge.UNKNOWN, {}, None)


async def test_what_was_learned_stays_when_other_things_change(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.lists_return_mark = Knowledge.YES
        session.add(account)
    await loaded(database, tmp_path, edited(('"0.00"', '"100"'), ("MAIN_UPSTREAM_PASSWORD", "OTHER_PASSWORD")))
    account = await the_account(database)
    assert (account.lists_return_mark, account.credit_limit) == (Knowledge.YES, Decimal(100))


@pytest.mark.parametrize(
    ("edits", "table", "key", "reason"),
    [
        pytest.param(
            [('currency = "EUR"', 'currency = "USD"'), ("5.00 EUR", "5.00 USD"), ("50.00 EUR", "50.00 USD")],
            'upstream_accounts "main"',
            "currency",
            "it has services paid in EUR, so it can't become USD",
            id="the currency of an account",
        ),
        pytest.param(
            [
                ('kind = "billmanager"', 'kind = "resellflow"'),
                ('dialect = 6\nusername = "reseller"\npassword_env', "token_env"),
                ('pricelist = "58"\ndatacenter = "1"', 'pricelist = "Their VDS"'),
            ],
            'upstream_accounts "main"',
            "kind",
            'it has services at a "billmanager"',
            id="the kind of an account",
        ),
        pytest.param(
            [('upstream_account = "main"\nproduct_type = "vds"', 'kind = "manual"\nproduct_type = "vds"'),
             ('minimal_balance = "50.00"\n', "")],
            'processing_modules "main-vds"',
            "kind",
            "make another module for new ones",
            id="an upstream module into a manual one",
        ),
        pytest.param(
            [('upstream_account = "main"\nproduct_type = "vds"', 'upstream_account = "main"\nproduct_type = "dedic"'),
             ('product_type = "vds"\nprices', 'product_type = "dedic"\nprices')],
            'tariff_plans "VDS-1"',
            "product_type",
            'it has services of type "vds"',
            id="the product type of a plan",
        ),
    ],
)  # fmt: skip
async def test_what_services_rest_on_can_not_be_changed(
    database: Database, tmp_path: Path, edits: list[tuple[str, str]], table: str, key: str, reason: str
) -> None:
    await loaded(database, tmp_path)
    await order_a_service(database)
    with pytest.raises(CatalogueInvalid) as invalid:
        await loaded(database, tmp_path, edited(*edits))
    assert any(
        (problem.table, problem.key) == (table, key) and reason in problem.message for problem in invalid.value.problems
    ), str(invalid.value)


@pytest.mark.parametrize(
    ("edits", "key"),
    [
        ([(', "12" = "79.00 EUR"', ""), (', "12" = 12', ""), (', "12" = "50.00 EUR"', "")], "periods.12"),
        ([("{ debian-12", "{ debian-13")], "templates.debian-12"),
        ([("{ ram", "{ memory")], "addons.ram"),
    ],
)
async def test_what_an_order_under_way_needs_can_not_be_taken_out(
    database: Database, tmp_path: Path, edits: list[tuple[str, str]], key: str
) -> None:
    await loaded(database, tmp_path)
    await order_a_service(database, stage=Stage.NEEDS_ATTENTION)
    with pytest.raises(CatalogueInvalid) as invalid:
        await loaded(database, tmp_path, edited(*edits))
    (problem,) = invalid.value.problems
    assert (problem.table, problem.key) == ('tariff_plans "VDS-1" → mappings[0]', key)
    assert "an order for service 1 is under way" in problem.message


async def test_an_order_under_way_does_not_hinder_other_changes_of_its_mapping(
    database: Database, tmp_path: Path
) -> None:
    await loaded(database, tmp_path)
    await order_a_service(database, stage=Stage.NEEDS_ATTENTION)
    assert (await loaded(database, tmp_path, edited(('"58"', '"60"'), ("addon_61", "addon_62")))).changed


async def test_an_account_in_the_database_is_not_taken_for_a_second_one(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    renamed = SAMPLE.replace('name = "main"', 'name = "renamed"').replace('account = "main"', 'account = "renamed"')
    with pytest.raises(CatalogueInvalid, match='"main", which is in the database, is the same customer account'):
        await loaded(database, tmp_path, renamed)


@pytest.mark.dialects
async def test_two_who_load_at_once_do_not_get_into_each_others_way(database: Database, tmp_path: Path) -> None:
    reports = await asyncio.gather(*(loaded(database, tmp_path) for _ in range(3)))
    assert sorted(report.changed for report in reports) == [False, False, True]
    assert len(await rows(database, UpstreamAccount)) == 1


async def test_what_may_be_ordered_of_an_add_on_is_kept_as_it_was_written(database: Database, tmp_path: Path) -> None:
    text = edited(("cost = {", 'addon_forms = { ram = { kind = "quantity", min = 2, max = 16 } }\ncost = {'))
    await loaded(database, tmp_path, text)
    [mapping] = await rows(database, PlanMapping)
    assert mapping["addon_forms"] == {"ram": {"kind": "quantity", "min": 2, "max": 16}}
    assert changed(await loaded(database, tmp_path, text)) == []
    more = await loaded(database, tmp_path, text.replace("max = 16", "max = 32"))
    [change] = changed(more)
    assert change.fields == (
        FieldChange("addon_forms.ram", "kind = quantity, max = 16, min = 2", "kind = quantity, max = 32, min = 2"),
    )


async def test_a_period_that_services_have_stays_theirs(database: Database, tmp_path: Path) -> None:
    await loaded(database, tmp_path)
    await order_a_service(database, stage=Stage.COMPLETED)
    async with database.write() as session:
        service = (await session.exec(select(Service))).one()
        service.period_months = 12
        session.add(service)
    text = edited((', "12" = "79.00 EUR"', ""), (', "12" = 12', ""), (', "12" = "50.00 EUR"', ""))
    report = await loaded(database, tmp_path, text)
    about = [note for note in report.notes if "1 service has it" in note]
    assert len(about) == 2, report.notes
    assert about[0].startswith('tariff_plans "VDS-1": prices.12: it is not in the file any more')
    assert {row["period_months"]: row["retired"] for row in await rows(database, MappedPeriod)} == {1: False, 12: True}
    assert {row["period_months"]: row["retired"] for row in await rows(database, TariffPlanPrice)} == {
        1: False,
        12: True,
    }
    assert not changed(await loaded(database, tmp_path, text)), "told again, and no change"
    back = await loaded(database, tmp_path)
    assert [[one.field for one in change.fields] for change in changed(back)] == [["prices.12"], ["periods.12"]]
    assert not any(row["retired"] for row in await rows(database, MappedPeriod))
