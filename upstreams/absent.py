"""The methods of the port that an adapter may leave out."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NoReturn

from pydantic import SecretStr

from models.enums import UnpaidKind
from upstreams.answers import News, OnSale, ParametersAccepted, PlanChangeAccepted, PlanChangeQuote, ProlongQuote, Quote
from upstreams.capabilities import Capabilities
from upstreams.carts import Cart, Expenses, Payment
from upstreams.errors import CapabilityAbsent
from upstreams.ledger import LedgerEnd, TakeLedger
from upstreams.port import NO_SETTINGS, Balance, OrderSpec


class Absent:
    """Base of adapters: every method of `upstreams.port.Upstream` that needs a capability raises CapabilityAbsent and
    sends nothing. An adapter overrides those that it has. What the port gets later is absent at it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _absent(self, capability: str) -> NoReturn:
        said = Capabilities.model_fields[capability].description
        raise CapabilityAbsent(f"Upstream {self._name}: not sent, {said}.", function=capability)

    @property
    def carts(self) -> tuple[UnpaidKind, ...]:
        return ()

    async def balance(self) -> Balance:
        self._absent("balance")

    async def on_sale(self, product_type: str, location: str | None, period: int | None = None) -> OnSale:
        self._absent("price_list")

    async def news(self, cursor: str | None) -> News:
        self._absent("change_feed")

    async def quote(self, spec: OrderSpec) -> Quote:
        self._absent("quotes")

    async def quote_prolong(self, product_type: str, number: str, period: int) -> ProlongQuote:
        self._absent("quotes")

    async def quote_plan_change(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
    ) -> PlanChangeQuote:
        self._absent("quotes")

    async def quote_parameters(self, product_type: str, number: str, fields: Mapping[str, str]) -> Quote:
        self._absent("quotes")

    async def call_off(self, product_type: str, number: str, *, key: str) -> None:
        self._absent("call_off")

    async def delete_unpaid(self, product_type: str, number: str) -> None:
        self._absent("unpaid_items")

    async def read_cart(self, unpaid_kind: UnpaidKind) -> Cart:
        self._absent("cart")

    async def confirm_cart(self, rows: Sequence[str]) -> Payment:
        self._absent("cart")

    async def pay(self, order: str) -> Payment:
        self._absent("cart")

    async def expenses(self, since: date) -> Expenses:
        self._absent("cart")

    async def walk_ledger(self, since: date, until: date | None, take: TakeLedger) -> LedgerEnd:
        self._absent("refunds")

    async def remove_cart_row(self, unpaid_kind: UnpaidKind, number: str) -> None:
        self._absent("cart")

    async def set_mark(self, product_type: str, number: str, mark: str) -> None:
        self._absent("set_mark")

    async def set_renewal(self, product_type: str, number: str, period: int | None) -> None:
        self._absent("renewal_switch")

    async def change_password(self, number: str, password: SecretStr) -> None:
        self._absent("change_password")

    async def change_plan(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        key: str,
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
        quote: str = "",
    ) -> PlanChangeAccepted:
        self._absent("change_plan")

    async def set_parameters(
        self, product_type: str, number: str, fields: Mapping[str, str], *, key: str, quote: str = ""
    ) -> ParametersAccepted:
        self._absent("set_parameters")

    async def read_licence_key(self, product_type: str, number: str) -> SecretStr | None:
        self._absent("licence_keys")

    async def new_licence_key(self, product_type: str, number: str, *, key: str) -> None:
        self._absent("licence_keys")
