"""An upstream in memory, behind the port: what it holds, what it has charged, and how it may fail."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from models.enums import Knowledge, SuspendReason, UpstreamStatus
from models.money import Money
from upstreams.absent import Absent
from upstreams.answers import (
    OrderAccepted,
    ParametersAccepted,
    PlanChangeAccepted,
    PlanChangeQuote,
    ProlongAccepted,
    ProlongQuote,
    Quote,
)
from upstreams.errors import (
    ConnectionUnhealthy,
    NoSuchItem,
    NotAllowed,
    NotEnoughMoney,
    NotSent,
    NotYet,
    OutcomeUnknown,
    Rejected,
)
from upstreams.port import (
    NO_SETTINGS,
    Balance,
    Findings,
    Head,
    Learned,
    ListedRow,
    ListEnd,
    Listing,
    OrderSpec,
    TakeRows,
    UpstreamItem,
)

CURRENCY = "EUR"
PRICES = {"58": Decimal(5), "59": Decimal(10), "3541": Decimal(4)}
ADDON = "addon_61"
ADDON_PRICE = Decimal(1)


class Fault(StrEnum):
    """What becomes of the next request that changes or costs."""

    NOT_SENT = "it never leaves"
    LOST_BEFORE = "it is lost on its way there"
    LOST_AFTER = "its answer is lost"
    LATE = "its answer is lost, and it is carried out a moment later"
    KILLED_BEFORE = "the worker dies before it leaves"
    KILLED_AFTER = "the worker dies before the answer is there"
    REFUSED = "it is refused"
    NOT_ALLOWED = "it is not allowed"
    NO_MONEY = "it is refused for lack of money"
    NOT_YET = "it is put off"
    LIE_REFUSED = "it is carried out, and refused"
    LIE_NO_MONEY = "it is carried out, and refused for lack of money"
    UNHEALTHY = "the account is refused"


class WorkerKilled(BaseException):
    """The worker dies here: nothing that follows is executed, and nobody hears of it."""


@dataclass
class Item:
    number: str
    product_type: str
    tariff: str
    name: str
    mark: str
    expires_on: date
    status: UpstreamStatus = UpstreamStatus.PROCESSING
    suspended_by: SuspendReason | None = None
    addons: dict[str, str] = field(default_factory=dict)
    dead_end: bool = False


@dataclass(frozen=True)
class Charge:
    key: str
    """Of the request that was charged; empty: somebody else's."""
    amount: Decimal
    number: str


class ModelUpstream(Absent):
    """What is carried out is carried out at once, but for `Fault.LATE`. Each item is opened when staff does it."""

    def __init__(self) -> None:
        super().__init__("main")
        self.items: dict[str, Item] = {}
        self.charges: list[Charge] = []
        self.held = Decimal(0)
        self.foreign = Decimal(0)
        """What others have spent of the account's money."""
        self.next_fault: Fault | None = None
        self.failing_reads = 0
        self.narrowed = False
        """Somebody's filter hides all but the newest row of each list, and the upstream says that there is one."""
        self.slow = False
        """New items stay as they are until staff has opened them."""
        self.sent: list[tuple[str, str]] = []
        """Key and call of each request that has reached it, whatever became of it."""
        self._late: list[tuple[object, ...]] = []
        self._count = 100

    # What happens at the upstream.

    def arrive(self) -> None:
        """What was under way arrives, late."""
        late, self._late = self._late, []
        for call, *arguments in late:
            assert callable(call)
            with suppress(NotEnoughMoney):
                call(*arguments)

    def living(self) -> list[Item]:
        return [one for one in self.items.values() if one.status is not UpstreamStatus.DELETED]

    def open_all(self) -> None:
        for one in self.items.values():
            if one.status is UpstreamStatus.PROCESSING:
                one.status, one.dead_end = UpstreamStatus.ACTIVE, False

    def charged_for(self, key: str) -> list[Charge]:
        return [one for one in self.charges if one.key == key]

    def spent_by_others(self, amount: Decimal, number: str = "") -> None:
        self.held -= amount
        self.foreign += amount
        self.charges.append(Charge("", amount, number))

    def under_way(self, key: str) -> bool:
        return any(key in late for late in self._late)

    # Reading.

    @property
    def learned(self) -> Learned:
        return Learned()

    async def check(self, product_types: tuple[str, ...]) -> Findings:
        return Findings()

    async def balance(self) -> Balance:
        self._read()
        return Balance(amount=Money(amount=self.held, currency=CURRENCY), read_by="model")

    async def quote(self, spec: OrderSpec) -> Quote:
        self._read()
        return Quote(price=_money(_price(spec.tariff, spec.addons)))

    async def quote_prolong(self, product_type: str, number: str, period: int) -> ProlongQuote:
        self._read()
        one = self._there(number)
        later = one.expires_on + relativedelta(months=period)
        return ProlongQuote(
            price=_money(PRICES[one.tariff]), expires_on=one.expires_on, new_expires_on=later, periods=()
        )

    async def quote_plan_change(
        self, number: str, tariff: str, period: int, *, settings: object = NO_SETTINGS, drop_addons: bool = False
    ) -> PlanChangeQuote:
        self._read()
        self._there(number)
        return PlanChangeQuote(price=_money(Decimal(3)), new_expires_on=None, tariffs=())

    async def quote_parameters(self, product_type: str, number: str, fields: object) -> Quote:
        self._read()
        return Quote(price=_money(ADDON_PRICE))

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        self._read()
        found = self.items.get(number)
        if found is None or found.product_type != product_type:
            raise NoSuchItem(f"no item {number}")
        return _shown(found)

    async def list_items(self, product_type: str) -> Listing:
        rows = self._rows(product_type)
        items = tuple(_shown(self.items[row.number]) for row in rows)
        return Listing(items=items, **self._end(rows).model_dump())

    async def walk_items(self, product_type: str, take: TakeRows) -> ListEnd:
        rows = self._rows(product_type)
        await take(rows, len(rows))
        return self._end(rows)

    async def newest_items(self, product_type: str, count: int) -> Head:
        rows = self._rows(product_type)
        return Head(rows=tuple(reversed(rows))[:count], in_order=True, because="")

    def _rows(self, product_type: str) -> list[ListedRow]:
        self._read()
        found = [one for one in self.items.values() if one.product_type == product_type]
        found.sort(key=lambda one: int(one.number))
        if self.narrowed:
            found = found[-1:]
        return [_row(_shown(one)) for one in found]

    def _end(self, rows: Sequence[ListedRow]) -> ListEnd:
        complete = not self.narrowed
        because = "" if complete else "somebody's filter is active"
        known = Knowledge.YES if rows else Knowledge.UNKNOWN
        return ListEnd(complete=complete, incomplete_because=because, pages=1, shows_marks=known)

    def _read(self) -> None:
        if self.failing_reads:
            self.failing_reads -= 1
            raise OutcomeUnknown("no answer in time")

    def _there(self, number: str) -> Item:
        found = self.items.get(number)
        if found is None or found.status is UpstreamStatus.DELETED:
            raise NoSuchItem(f"no item {number}")
        return found

    # What changes or costs.

    async def order(self, spec: OrderSpec, *, key: str, quote: str = "") -> OrderAccepted:
        return OrderAccepted(upstream_number=self._carried_out(key, "order", self._order, key, spec))

    async def prolong(self, number: str, period: int, *, key: str, quote: str = "") -> ProlongAccepted:
        self._carried_out(key, "prolong", self._prolong, key, number, period)
        return ProlongAccepted(new_expires_on=self.items[number].expires_on)

    async def change_plan(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        key: str,
        settings: object = NO_SETTINGS,
        drop_addons: bool = False,
        quote: str = "",
    ) -> PlanChangeAccepted:
        self._carried_out(key, "change_plan", self._change_plan, key, number, tariff)
        return PlanChangeAccepted()

    async def set_parameters(
        self, product_type: str, number: str, fields: "object", *, key: str, quote: str = ""
    ) -> ParametersAccepted:
        assert isinstance(fields, dict)
        self._carried_out(key, "set_parameters", self._set_parameters, key, number, dict(fields))
        return ParametersAccepted()

    async def suspend(self, product_type: str, number: str, *, key: str) -> None:
        self._carried_out(key, "suspend", self._switch, number, UpstreamStatus.SUSPENDED)

    async def resume(self, product_type: str, number: str, *, key: str) -> None:
        if self._there(number).suspended_by is SuspendReason.STAFF:
            raise NotAllowed("suspended by staff")
        self._carried_out(key, "resume", self._switch, number, UpstreamStatus.ACTIVE)

    async def delete(self, product_type: str, number: str, *, key: str) -> None:
        self._carried_out(key, "delete", self._switch, number, UpstreamStatus.DELETED)

    async def aclose(self) -> None:
        return

    def _carried_out(self, key: str, name: str, call: "object", *arguments: object) -> str:
        """Raises what the fault says."""
        assert callable(call)
        fault, self.next_fault = self.next_fault, None
        match fault:
            case Fault.NOT_SENT:
                raise NotSent("connection refused")
            case Fault.KILLED_BEFORE:
                raise WorkerKilled
            case Fault.UNHEALTHY:
                raise ConnectionUnhealthy("the password is wrong")
            case _:
                self.sent.append((key, name))
        match fault:
            case Fault.LOST_BEFORE:
                raise OutcomeUnknown("no answer in time")
            case Fault.LATE:
                self._late.append((call, *arguments))
                raise OutcomeUnknown("no answer in time")
            case Fault.REFUSED:
                raise Rejected("no", field="domain")
            case Fault.NOT_ALLOWED:
                raise NotAllowed("no right to that")
            case Fault.NO_MONEY:
                raise NotEnoughMoney("not enough money")
            case Fault.NOT_YET:
                raise NotYet("not now", not_before=datetime.now(UTC) + timedelta(minutes=5))
            case _:
                number = call(*arguments)
        match fault:
            case Fault.LOST_AFTER:
                raise OutcomeUnknown("the connection was cut")
            case Fault.KILLED_AFTER:
                raise WorkerKilled
            case Fault.LIE_REFUSED:
                raise Rejected("no", field="domain")
            case Fault.LIE_NO_MONEY:
                raise NotEnoughMoney("not enough money")
            case _:
                return str(number)

    def _pay(self, key: str, amount: Decimal, number: str) -> None:
        if amount > self.held:
            raise NotEnoughMoney("not enough money")
        self.held -= amount
        self.charges.append(Charge(key, amount, number))

    def _order(self, key: str, spec: OrderSpec) -> str:
        number = str(self._count + 1)
        self._pay(key, _price(spec.tariff, spec.addons), number)
        self._count += 1
        self.items[number] = Item(
            number,
            spec.product_type,
            spec.tariff,
            spec.name,
            spec.mark,
            datetime.now(UTC).date() + relativedelta(months=spec.period),
            UpstreamStatus.PROCESSING if self.slow else UpstreamStatus.ACTIVE,
            addons=dict(spec.addons),
        )
        return number

    def _prolong(self, key: str, number: str, period: int) -> str:
        one = self._there(number)
        self._pay(key, PRICES[one.tariff], number)
        one.expires_on += relativedelta(months=period)
        return number

    def _change_plan(self, key: str, number: str, tariff: str) -> str:
        one = self._there(number)
        self._pay(key, Decimal(3), number)
        one.tariff = tariff
        return number

    def _set_parameters(self, key: str, number: str, fields: dict[str, str]) -> str:
        one = self._there(number)
        self._pay(key, ADDON_PRICE, number)
        one.addons |= {name: value for name, value in fields.items() if name == ADDON}
        one.name = fields.get("domain", one.name)
        return number

    def _switch(self, number: str, status: UpstreamStatus) -> str:
        one = self._there(number)
        one.status, one.suspended_by = status, None
        return number


def _money(amount: Decimal) -> Money:
    return Money(amount=amount, currency=CURRENCY)


def _price(tariff: str, addons: dict[str, str]) -> Decimal:
    return PRICES[tariff] + ADDON_PRICE * int(addons.get(ADDON, 0))


def _shown(one: Item) -> UpstreamItem:
    raw = {"id": one.number, "status": str(int(one.status)), "domain": one.name, "pricelist": one.tariff, **one.addons}
    return UpstreamItem(
        number=one.number,
        product_type=one.product_type,
        status=one.status,
        dead_end=one.dead_end,
        suspend_reason=one.suspended_by,
        name=one.name,
        mark=one.mark,
        expires_on=one.expires_on,
        tariff=one.tariff,
        tariff_id=one.tariff,
        period="1",
        cost=_money(_price(one.tariff, one.addons)),
        renewal="",
        renews=False,
        raw=raw,
    )


def _row(shown: UpstreamItem) -> ListedRow:
    digest = hashlib.sha256(shown.model_dump_json().encode()).hexdigest()
    return ListedRow(shown.number, digest, lambda: shown)
