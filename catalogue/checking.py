"""Do the entries of a file fit each other, and what the database has? Everything that does not is a Problem."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from catalogue.accounts import settings_in
from catalogue.addons import addon_problems
from catalogue.entries import AccountEntry, MappingEntry, ModuleEntry, PlanEntry
from catalogue.mappings import fits_the_upstream
from catalogue.problems import Problem
from catalogue.reading import Draft
from catalogue.state import CatalogueState
from models.catalogue import MappedPeriod
from models.enums import ModuleKind, RenewalOwner
from models.money import Money
from models.order import Service
from models.periods import has_next_term, never_renewed
from models.product_types import PRODUCT_TYPES, Form
from orders.money.addonprices import UnitPrice
from upstreams.connections import settings_of
from upstreams.errors import ConnectionUnhealthy


def check(draft: Draft, state: CatalogueState) -> list[Problem]:
    """All problems that the file alone (`draft.problems`) does not show."""
    return _Check(draft, state).problems()


@dataclass(frozen=True)
class _Module:
    """A module as it will be after loading; or as far as it can be known, where the file is not right about it."""

    kind: ModuleKind
    product_type: str | None
    account: str | None

    @classmethod
    def written(cls, raw: Mapping[str, object]) -> "_Module":
        kind = ModuleKind.MANUAL if raw.get("kind") == ModuleKind.MANUAL else ModuleKind.UPSTREAM
        return cls(kind, _text(raw.get("product_type")), _text(raw.get("upstream_account")))


class _Check:
    def __init__(self, draft: Draft, state: CatalogueState) -> None:
        self._draft = draft
        self._state = state
        names = {account.id: name for name, account in state.accounts.items()}
        self._currencies: dict[str, str | None] = {name: account.currency for name, account in state.accounts.items()}
        self._currencies |= {name: _text(raw.get("currency")) for name, raw in draft.raw["upstream_accounts"].items()}
        self._upstream_kinds: dict[str, str | None] = {name: account.kind for name, account in state.accounts.items()}
        self._upstream_kinds |= {name: _text(raw.get("kind")) for name, raw in draft.raw["upstream_accounts"].items()}
        self._modules = {
            name: _Module(
                module.kind,
                module.product_type,
                names.get(module.account_id) if module.account_id is not None else None,
            )
            for name, module in state.modules.items()
        } | {name: _Module.written(raw) for name, raw in draft.raw["processing_modules"].items()}
        self._plan_types = {name: _text(raw.get("product_type")) for name, raw in draft.raw["tariff_plans"].items()}
        self._mapped = {(plan, located.entry.processing_module) for plan, located in draft.mappings}

    def problems(self) -> list[Problem]:
        found: list[Problem] = []
        for account in self._draft.accounts:
            found += self._account(account.table, account.entry)
        found += self._shared_accounts()
        for module in self._draft.modules:
            found += self._module(module.table, module.entry)
        for plan in self._draft.plans:
            found += self._plan(plan.table, plan.entry)
        taken: set[tuple[str, str]] = set()
        for plan_name, mapping in self._draft.mappings:
            found += self._mapping(mapping.table, mapping.entry, plan_name)
            key = (plan_name, mapping.entry.processing_module)
            if key in taken:
                found.append(
                    Problem(mapping.table, "processing_module", f'"{key[1]}" has a mapping of this plan already')
                )
            taken.add(key)
        return found

    # Accounts.

    def _account(self, table: str, entry: AccountEntry) -> Iterable[Problem]:
        secret = settings_in(entry).secret
        env, file = secret.keys
        if secret.env is None and secret.file is None:
            words = f"is missing; name the environment variable that holds the {secret.word}, or a file in {file}"
            yield Problem(table, env, words)
        if secret.env is not None and secret.file is not None:
            yield Problem(table, file, f"{env} is given, too; keep the one that is right")
        if entry.hint_secret_env is not None and entry.hint_secret_file is not None:
            yield Problem(table, "hint_secret_file", "hint_secret_env is given, too; keep the one that is right")
        stored = self._state.accounts.get(entry.name)
        if stored is None:
            return
        if stored.kind != entry.kind and stored.id in self._state.accounts_in_use:
            yield Problem(
                table,
                "kind",
                f'it has services at a "{stored.kind}", so it can\'t become "{entry.kind}"; make another account',
            )
        if stored.currency == entry.currency:
            return
        if stored.id in self._state.accounts_in_use:
            yield Problem(
                table,
                "currency",
                f"it has services paid in {stored.currency}, so it can't become {entry.currency}; write \""
                f'{stored.currency}", or make another account',
            )
        for (plan, module), row in self._state.mappings.items():
            if (plan, module) in self._mapped or self._account_of(module) != entry.name:
                continue
            costs = {period.cost_currency for period in self._state.periods.get(row.id, {}).values()}
            if costs - {entry.currency}:
                yield Problem(
                    table,
                    "currency",
                    f'the mapping of "{plan}" to "{module}" is not in this file and costs {stored.currency}; '
                    f"put it in with its costs in {entry.currency}",
                )

    def _shared_accounts(self) -> Iterable[Problem]:
        """Two of our accounts that are one at the upstream would spend the same money twice."""
        holders: dict[tuple[str, ...], str] = {}
        in_file = self._draft.raw["upstream_accounts"]
        for name, account in self._state.accounts.items():
            if name in in_file:
                continue
            with suppress(ConnectionUnhealthy):  # no adapter can read it, so nothing is bought with it
                _, settings = settings_of(account)
                holders[account.kind, *settings.customer.values()] = f'"{name}", which is in the database,'
        for located in self._draft.accounts:
            customer = settings_in(located.entry).customer
            who = (located.entry.kind, *customer.values())
            if who in holders:
                yield Problem(
                    located.table,
                    list(customer)[-1],
                    f"{holders[who]} is the same customer account ({' and '.join(customer)}); one upstream account has "
                    "one entry, and its name stays",
                )
            else:
                holders[who] = f'"{located.entry.name}"'

    # Modules.

    def _module(self, table: str, entry: ModuleEntry) -> Iterable[Problem]:
        if entry.kind is ModuleKind.MANUAL:
            for key in ("upstream_account", "minimal_balance"):
                if getattr(entry, key) is not None:
                    yield Problem(table, key, "a manual module has none; leave it out")
        elif entry.upstream_account is None:
            yield Problem(table, "upstream_account", 'is missing; name an upstream account, or write kind = "manual"')
        else:
            known = self._draft.raw["upstream_accounts"].keys() | self._state.accounts.keys()
            if entry.upstream_account not in known:
                yield Problem(
                    table,
                    "upstream_account",
                    f'there is no upstream account "{entry.upstream_account}"; {_choice(known)}',
                )
        yield from _product_type(table, entry.product_type)
        yield from self._module_in_use(table, entry)

    def _module_in_use(self, table: str, entry: ModuleEntry) -> Iterable[Problem]:
        stored = self._state.modules.get(entry.name)
        if stored is None:
            return
        now = {
            "kind": (stored.kind.value, entry.kind.value),
            "upstream_account": (self._stored_account(entry.name), entry.upstream_account),
            "product_type": (stored.product_type, entry.product_type),
        }
        for key, (before, after) in now.items():
            if before != after and stored.id in self._state.modules_in_use:
                yield Problem(
                    table,
                    key,
                    f'it has services with "{before}", so it can\'t become "{after}"; make another module for new ones',
                )
        for plan, module in self._state.mappings:
            plan_type = self._state.plans[plan].product_type
            if module == entry.name and plan not in self._plan_types and plan_type != entry.product_type:
                yield Problem(
                    table, "product_type", f'"{plan}", which is in the database, is mapped to it and is a "{plan_type}"'
                )

    # Plans and mappings.

    def _plan(self, table: str, entry: PlanEntry) -> Iterable[Problem]:
        yield from _product_type(table, entry.product_type)
        stored = self._state.plans.get(entry.name)
        if stored is not None and stored.product_type != entry.product_type:
            if stored.id in self._state.plans_in_use:
                yield Problem(
                    table,
                    "product_type",
                    f'it has services of type "{stored.product_type}", so it can\'t become "{entry.product_type}"; '
                    "make another plan",
                )
            for plan, module in self._state.mappings:
                if plan == entry.name and (plan, module) not in self._mapped:
                    module_type = self._modules[module].product_type
                    if module_type != entry.product_type:
                        yield Problem(
                            table,
                            "product_type",
                            f'it is mapped to "{module}" in the database, which is for "{module_type}"',
                        )
        if entry.name in self._draft.incomplete:
            return
        mapped = {
            months for name, located in self._draft.mappings if name == entry.name for months in located.entry.periods
        }
        for months in entry.prices:
            if months not in mapped:
                yield Problem(
                    table,
                    f"prices.{months}",
                    "no mapping has this period, so it can't be ordered; map it in periods, or leave the price out",
                )

        for months in entry.renewal_prices:
            if months not in entry.prices:
                yield Problem(
                    table, f"renewal_prices.{months}", "prices has no such period; give it there, or leave it out"
                )
        mappings = [located.entry for name, located in self._draft.mappings if name == entry.name]
        addons = {addon for mapping in mappings for addon in mapping.addons}
        for addon in entry.addon_prices:
            if addon not in addons:
                yield Problem(
                    table, f"addon_prices.{addon}", "no mapping in this file has this add-on; map it, or leave it out"
                )

    def _mapping(self, table: str, entry: MappingEntry, plan: str) -> Iterable[Problem]:
        for months in entry.periods:
            if months not in entry.cost:
                yield Problem(table, f"cost.{months}", 'is missing; say what the period costs, like "5.00 EUR"')
        for months in entry.cost:
            if months not in entry.periods:
                yield Problem(
                    table, f"cost.{months}", "this period is not in periods; map it there, or leave the cost out"
                )
        for months in entry.renewal_cost:
            if months not in entry.periods:
                yield Problem(
                    table, f"renewal_cost.{months}", "this period is not in periods; map it there, or leave it out"
                )
        for addon in entry.addon_costs:
            if addon not in entry.addons:
                yield Problem(
                    table, f"addon_costs.{addon}", "this add-on is not in addons; map it there, or leave it out"
                )
        if entry.renewal is not None and entry.renewal_owner is not None:
            yield Problem(table, "renewal_owner", "renewal is given, too; keep renewal")
        terms = [has_next_term(ours) and has_next_term(theirs) for ours, theirs in entry.periods.items()]
        if entry.renewal is RenewalOwner.AUTOMATIC and terms and not any(terms):
            yield Problem(table, "renewal", never_renewed(min(entry.periods.values())))
        module = self._modules.get(entry.processing_module)
        if module is None:
            yield Problem(
                table,
                "processing_module",
                f'there is no processing module "{entry.processing_module}"; {_choice(self._modules)}',
            )
        else:
            yield from self._mapping_to(table, entry, plan, module)
        yield from addon_problems(table, entry)
        yield from self._under_way(table, entry, plan)

    def _mapping_to(self, table: str, entry: MappingEntry, plan: str, module: _Module) -> Iterable[Problem]:
        plan_type = self._plan_types.get(plan)
        if None not in (plan_type, module.product_type) and plan_type != module.product_type:
            yield Problem(
                table,
                "processing_module",
                f'"{entry.processing_module}" is for "{module.product_type}" and the plan is a "{plan_type}"; '
                f'name a module for "{plan_type}"',
            )
        upstream_kind = self._upstream_kinds.get(module.account or "")
        yield from fits_the_upstream(table, entry, plan_type, upstream_kind, manual=module.kind is ModuleKind.MANUAL)
        if module.kind is ModuleKind.MANUAL:
            return
        currency = self._currencies.get(module.account or "")
        for key, cost in _costs(entry):
            if currency is not None and cost.currency != currency:
                yield Problem(
                    table,
                    key,
                    f'{cost} is not in {currency}, the currency of upstream account "{module.account}"; '
                    f"write it in {currency}",
                )

    def _under_way(self, table: str, entry: MappingEntry, plan: str) -> Iterable[Problem]:
        """What orders on their way still need can't be taken out of the mapping under their feet."""
        stored = self._state.mappings.get((plan, entry.processing_module))
        if stored is None:
            return
        periods = self._state.periods.get(stored.id, {})
        for service in self._state.under_way.get((stored.plan_id, stored.module_id), []):
            for key in _needed(service, periods, entry):
                yield Problem(
                    table, key, f"an order for service {service.id} is under way and needs it; put it back until then"
                )

    def _account_of(self, module: str) -> str | None:
        found = self._modules.get(module)
        return found.account if found is not None else None

    def _stored_account(self, module: str) -> str | None:
        number = self._state.modules[module].account_id
        return next((name for name, account in self._state.accounts.items() if account.id == number), None)


def _costs(entry: MappingEntry) -> Iterable[tuple[str, Money]]:
    """Everything that a mapping says of what things cost us, with its key."""
    for months, cost in entry.cost.items():
        yield f"cost.{months}", cost
    for months, cost in entry.renewal_cost.items():
        yield f"renewal_cost.{months}", cost
    for addon, written in entry.addon_costs.items():
        if isinstance(written, str):
            yield f"addon_costs.{addon}", UnitPrice.parse(written).money
            continue
        for choice, text in written.items():
            yield f"addon_costs.{addon}.{choice}", Money.parse(text)


def _needed(service: Service, periods: dict[int, MappedPeriod], entry: MappingEntry) -> Iterable[str]:
    period = periods.get(service.period_months)
    if period is not None and not period.retired and service.period_months not in entry.periods:
        yield f"periods.{service.period_months}"
    known = PRODUCT_TYPES[service.product_type].parameters
    for parameter, value in service.parameters.items():
        if known[parameter].form is Form.TEMPLATE and value not in entry.templates:
            yield f"templates.{value}"
    for addon in service.addons:
        if addon not in entry.addons:
            yield f"addons.{addon}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _product_type(table: str, product_type: str) -> Iterable[Problem]:
    if product_type not in PRODUCT_TYPES:
        yield Problem(table, "product_type", f'"{product_type}" is not known; {_choice(PRODUCT_TYPES)}')


def _choice(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"known: {', '.join(names)}" if names else "there is none yet"
