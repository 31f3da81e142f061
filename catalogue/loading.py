"""Write a catalogue file into the tables, all of it or nothing, and report what changed.

What is in the database and not in the file is left alone: a plan may have services. It is listed, and a plan can be
switched off with `active = false`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from catalogue.accounts import own_settings, settings_in
from catalogue.checking import check
from catalogue.entries import AccountEntry, MappingEntry, ModuleEntry, PlanEntry
from catalogue.problems import CatalogueInvalid, Problem
from catalogue.reading import Draft, read_file
from catalogue.state import CatalogueState, read_state
from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.database import Database
from models.enums import Knowledge
from models.money import Money
from orders import audit
from upstreams.plainhttp import readable_on_the_way

_ADVISORY_LOCK = 7_265_736

_LEARNED: Mapping[str, object] = {
    "learned": {},
    "lists_show_marks": Knowledge.UNKNOWN,
    "forms_show_marks": Knowledge.UNKNOWN,
    "lists_return_mark": Knowledge.UNKNOWN,
    "lists_return_name": Knowledge.UNKNOWN,
    "orders_return_number": Knowledge.UNKNOWN,
    "problems": [],
    "checked_at": None,
}
"""What we know of an upstream, and forget when the account moves to another one."""

_Row = UpstreamAccount | ProcessingModule | TariffPlan | PlanMapping


class ChangeOutcome(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_IN_FILE = "not in this file"


@dataclass(frozen=True)
class FieldChange:
    """From what to what, as text. Empty: it was not there, or is no more."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    table: str
    name: str
    outcome: ChangeOutcome
    fields: tuple[FieldChange, ...] = ()


@dataclass
class Report:
    file: Path
    dry_run: bool
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences on what is allowed and may not be meant."""
    accounts: list[str] = field(default_factory=list)
    """The upstream accounts of the file."""

    @property
    def changed(self) -> bool:
        return any(change.outcome in (ChangeOutcome.ADDED, ChangeOutcome.CHANGED) for change in self.changes)


async def load(
    database: Database, file: Path, *, actor: str, dry_run: bool = False, plain_http: Collection[str] = ()
) -> Report:
    """Load the file in one transaction; repeated, it changes nothing more. A dry run finds out the same, and leaves
    the database as it is. `plain_http`: hosts outside this machine to which plain http is allowed.

    Raises CatalogueInvalid with everything that is wrong.
    """
    draft = read_file(file)
    async with database.write() as session:
        if not database.is_sqlite:
            connection = await session.connection()
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        state = await read_state(session)
        problems = draft.problems + check(draft, state) + _readable_on_the_way(draft, plain_http)
        if problems:
            raise CatalogueInvalid(file, draft.in_order(problems))
        report = await _Loading(session, draft, state, Report(file, dry_run), actor).run()
        if dry_run:
            await session.rollback()
    return report


def _readable_on_the_way(draft: Draft, plain_http: Collection[str]) -> list[Problem]:
    wrong = ((one.table, readable_on_the_way(settings_in(one.entry).url, plain_http)) for one in draft.accounts)
    return [Problem(table, "url", words) for table, words in wrong if words]


class _Loading:
    def __init__(self, session: AsyncSession, draft: Draft, state: CatalogueState, report: Report, actor: str) -> None:
        self._session = session
        self._draft = draft
        self._state = state
        self._report = report
        self._actor = actor
        self._accounts = dict(state.accounts)
        self._modules = dict(state.modules)
        self._plans = dict(state.plans)

    async def run(self) -> Report:
        for account in self._draft.accounts:
            await self._account(account.entry)
        for module in self._draft.modules:
            await self._module(module.entry)
        for plan in self._draft.plans:
            await self._plan(plan.entry)
        for name, mapping in self._draft.mappings:
            await self._mapping(mapping.entry, name)
        self._note_unpriced()
        self._list_the_rest()
        await self._session.flush()
        return self._report

    async def _account(self, entry: AccountEntry) -> None:
        stored = self._state.accounts.get(entry.name)
        settings = settings_in(entry)
        row = stored or UpstreamAccount(name=entry.name, kind=entry.kind, url=settings.url, currency=entry.currency)
        common = entry.model_dump(include=set(AccountEntry.model_fields) - {"limits"})
        common["limits"] = entry.limits.model_dump(exclude_none=True)
        own = settings.model_dump(mode="json", exclude={"url"})
        fields = _put(row, common | {"url": settings.url, "settings": own})
        elsewhere = ({"kind", "url"} | own.keys() | row.settings.keys()) - set(settings.secret.keys)
        moved = stored is not None and elsewhere & {change.field for change in fields}
        if moved:
            _put(row, _LEARNED)
            self._report.notes.append(
                f'upstream_accounts "{entry.name}": what was learned about this upstream is forgotten; run '
                f"`resell upstream check {entry.name}`"
            )
            if row.id in self._state.accounts_in_use:
                self._report.notes.append(
                    f'upstream_accounts "{entry.name}": it has services; make sure that this is still the same '
                    "customer account, or they will be seen as gone"
                )
        await self._record("upstream_accounts", entry.name, row, stored is None, fields)
        self._accounts[entry.name] = row
        self._report.accounts.append(entry.name)

    async def _module(self, entry: ModuleEntry) -> None:
        stored = self._state.modules.get(entry.name)
        row = stored or ProcessingModule(name=entry.name, product_type=entry.product_type, department=entry.department)
        account = self._accounts[entry.upstream_account] if entry.upstream_account else None
        fields = _put(row, entry.model_dump(exclude={"upstream_account"}))
        account_id = account.id if account else None
        if row.account_id != account_id:
            before = self._account_name(row.account_id)
            fields.append(FieldChange("upstream_account", before, entry.upstream_account or ""))
            row.account_id = account_id
        await self._record("processing_modules", entry.name, row, stored is None, fields)
        self._modules[entry.name] = row

    async def _plan(self, entry: PlanEntry) -> None:
        stored = self._state.plans.get(entry.name)
        row = stored or TariffPlan(name=entry.name, product_type=entry.product_type)
        fields = _put(
            row, entry.model_dump(include={"product_type", "resources", "addon_prices", "renewal_lead_days", "active"})
        )
        if stored is None:
            self._session.add(row)
            await self._session.flush()
        fields += await self._prices(row.id, entry)
        await self._record("tariff_plans", entry.name, row, stored is None, fields)
        self._plans[entry.name] = row

    async def _prices(self, plan_id: int, entry: PlanEntry) -> list[FieldChange]:
        stored = self._state.prices.get(plan_id, {})
        fields: list[FieldChange] = []
        for months, money in sorted(entry.prices.items()):
            row = stored.get(months)
            if row is None:
                row = TariffPlanPrice(
                    plan_id=plan_id, period_months=months, amount=money.amount, currency=money.currency
                )
                fields.append(FieldChange(f"prices.{months}", "", str(money)))
            elif row.price != money or row.retired:
                fields.append(FieldChange(f"prices.{months}", "" if row.retired else str(row.price), str(money)))
                row.amount, row.currency, row.retired = money.amount, money.currency, False
            fields += _put_money(
                row, "renewal_amount", "renewal_currency", f"renewal_prices.{months}", entry.renewal_prices.get(months)
            )
            self._session.add(row)
        for months in sorted(stored.keys() - entry.prices.keys()):
            row = stored[months]
            living = sum(
                count for (plan, _, of), count in self._state.living.items() if (plan, of) == (plan_id, months)
            )
            if not row.retired:
                fields.append(FieldChange(f"prices.{months}", str(row.price), ""))
            await self._take_out(row, f'tariff_plans "{entry.name}": prices.{months}', living)
        return fields

    async def _take_out(self, row: TariffPlanPrice | MappedPeriod, name: str, living: int) -> None:
        """It is sold to nobody any more. Those who have it keep it."""
        if not living:
            await self._session.delete(row)
            return
        row.retired = True
        self._session.add(row)
        have = "1 service has" if living == 1 else f"{living} services have"
        self._report.notes.append(
            f"{name}: it is not in the file any more, and {have} it; can't be ordered any more, but they are prolonged "
            "by it as before"
        )

    async def _mapping(self, entry: MappingEntry, plan: str) -> None:
        stored = self._state.mappings.get((plan, entry.processing_module))
        row = stored or PlanMapping(
            plan_id=self._plans[plan].id, module_id=self._modules[entry.processing_module].id, tariff=""
        )
        elsewhere = {"processing_module", "periods", "cost", "renewal_cost", "pricelist", "above_selling_price"}
        elsewhere |= {"addon_forms", "datacenter", "renewal", "renewal_owner"}
        values = {"location": entry.datacenter} | entry.model_dump(include=MappingEntry.model_fields.keys() - elsewhere)
        account_id = self._modules[entry.processing_module].account_id
        kind = next((row.kind for row in self._accounts.values() if row.id == account_id), None)
        values |= {"tariff": entry.pricelist or "", "above_price": entry.above_selling_price}
        values |= {"renewed_by": entry.renewed_by}
        values["settings"] = own_settings(entry, kind)
        values["addon_forms"] = {
            name: form.model_dump(mode="json", exclude_none=True) for name, form in entry.addon_forms.items()
        }
        fields = _put(row, values)
        if stored is None:
            self._session.add(row)
            await self._session.flush()
        fields += await self._periods(row, entry, plan)
        name = f"{plan} → {entry.processing_module}"
        await self._record("tariff_plans.mappings", name, row, stored is None, fields)

    async def _periods(self, mapping: PlanMapping, entry: MappingEntry, plan: str) -> list[FieldChange]:
        mapping_id = mapping.id
        stored = self._state.periods.get(mapping_id, {})
        fields: list[FieldChange] = []
        for months, upstream_period in sorted(entry.periods.items()):
            cost = entry.cost[months]
            row = stored.get(months)
            if row is None:
                row = MappedPeriod(
                    mapping_id=mapping_id,
                    period_months=months,
                    upstream_period=upstream_period,
                    cost_amount=cost.amount,
                    cost_currency=cost.currency,
                )
                fields.append(FieldChange(f"periods.{months}", "", str(upstream_period)))
                fields.append(FieldChange(f"cost.{months}", "", str(cost)))
            else:
                if row.retired:
                    fields.append(FieldChange(f"periods.{months}", "", str(upstream_period)))
                    row.retired = False
                elif row.upstream_period != upstream_period:
                    fields.append(FieldChange(f"periods.{months}", str(row.upstream_period), str(upstream_period)))
                if row.cost != cost:
                    fields.append(FieldChange(f"cost.{months}", str(row.cost), str(cost)))
                row.upstream_period = upstream_period
                row.cost_amount, row.cost_currency = cost.amount, cost.currency
            fields += _put_money(
                row,
                "renewal_cost_amount",
                "renewal_cost_currency",
                f"renewal_cost.{months}",
                entry.renewal_cost.get(months),
            )
            self._session.add(row)
        for months in sorted(stored.keys() - entry.periods.keys()):
            row = stored[months]
            living = self._state.living[mapping.plan_id, mapping.module_id, months]
            if not row.retired:
                fields.append(FieldChange(f"periods.{months}", str(row.upstream_period), ""))
            name = f"tariff_plans.mappings {plan} → {entry.processing_module}: periods.{months}"
            await self._take_out(row, name, living)
        return fields

    async def _record(self, table: str, name: str, row: _Row, added: bool, fields: list[FieldChange]) -> None:
        """The change into the report, and with who made it into the audit."""
        outcome = ChangeOutcome.ADDED if added else ChangeOutcome.CHANGED if fields else ChangeOutcome.UNCHANGED
        shown = () if added else tuple(fields)
        self._report.changes.append(Change(table, name, outcome, shown))
        if outcome is ChangeOutcome.UNCHANGED:
            return
        self._session.add(row)
        await self._session.flush()
        detail = {"name": name} | {change.field: f"{change.before} → {change.after}" for change in shown}
        audit.record(
            self._session,
            str(row.__tablename__),
            row.id,
            f"catalogue_{outcome.value}",
            by=self._actor[:64],
            facts=detail,
        )

    def _note_unpriced(self) -> None:
        prices = {located.entry.name: located.entry.prices for located in self._draft.plans}
        for plan, mapping in self._draft.mappings:
            for months in sorted(mapping.entry.periods.keys() - prices[plan].keys()):
                self._report.notes.append(
                    f"{mapping.table}: periods.{months}: can be ordered, but the plan has no selling price for it"
                )

    def _list_the_rest(self) -> None:
        names = self._draft.raw
        mapped = {(plan, mapping.entry.processing_module) for plan, mapping in self._draft.mappings}
        rest = {
            "upstream_accounts": [n for n in self._state.accounts if n not in names["upstream_accounts"]],
            "processing_modules": [n for n in self._state.modules if n not in names["processing_modules"]],
            "tariff_plans": [n for n in self._state.plans if n not in names["tariff_plans"]],
            "tariff_plans.mappings": [
                f"{plan} → {module}" for plan, module in self._state.mappings if (plan, module) not in mapped
            ],
        }
        for table, left in rest.items():
            self._report.changes += [Change(table, name, ChangeOutcome.NOT_IN_FILE) for name in left]

    def _account_name(self, number: int | None) -> str:
        return next((name for name, row in self._state.accounts.items() if row.id == number), "")


def _put(row: SQLModel, values: Mapping[str, object]) -> list[FieldChange]:
    """Set what differs. Tables of the file are compared key by key."""
    fields: list[FieldChange] = []
    for column, value in values.items():
        before, name = getattr(row, column), _NAMES_IN_THE_FILE.get(column, column)
        if before == value:
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            for key in sorted(before.keys() | value.keys()):
                if before.get(key) != value.get(key):
                    path = f"{name}.{key}".removeprefix(".")
                    fields.append(FieldChange(path, _shown(before.get(key)), _shown(value.get(key))))
        else:
            fields.append(FieldChange(name, _shown(before), _shown(value)))
        setattr(row, column, value)
    return fields


_NAMES_IN_THE_FILE = {
    "above_price": "above_selling_price",
    "tariff": "pricelist",
    "location": "datacenter",
    "renewed_by": "renewal",
    "settings": "",
}
"""Columns that are called otherwise than their key. What an adapter reads has keys of its own."""


def _put_money(row: SQLModel, amount: str, currency: str, name: str, money: Money | None) -> list[FieldChange]:
    """Set the two columns of an amount that may be absent."""
    stored = getattr(row, amount), getattr(row, currency)
    before = Money(amount=stored[0], currency=stored[1]) if None not in stored else None
    if before == money:
        return []
    setattr(row, amount, money.amount if money else None)
    setattr(row, currency, money.currency if money else None)
    return [FieldChange(name, str(before or ""), str(money or ""))]


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            exact = f"{value.normalize():f}"
            return exact if len(exact.partition(".")[2]) > 2 else f"{value:.2f}"
        case Enum():
            return str(value.value)
        case dict():
            return ", ".join(f"{name} = {_shown(one)}" for name, one in sorted(value.items()))
    return str(value)
