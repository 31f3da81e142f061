"""Transactions of paying what the upstream put into its cart: who holds it, what is claimed, which intents.

The judgements are in orders.carts.judging.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import (
    FINAL_STAGES,
    FailureClass,
    IntentState,
    IntentStep,
    OperationKind,
    ReservationState,
    Stage,
    UnpaidKind,
)
from models.money import Money
from models.order import Intent, Operation, Service
from orders.carts.judging import Claim, Holder, Owned
from orders.lifecycle.stages import locked_operation
from orders.money import funds
from orders.operations.registry import OPERATIONS
from orders.settlement import intents

HELD_AT_MOST = timedelta(minutes=2)
"""Who holds the cart and has nothing under way after so long has gone away."""
TRIES_AT_MOST = 3
"""A payment that is refused, or proven not done, so often is left to a person."""
WAITS_ANEW_AFTER = timedelta(minutes=2)
"""An order that did not look at the cart for so long had other troubles: its waiting there begins anew."""
STEPS = {UnpaidKind.CART_ROW: IntentStep.CONFIRM_CART, UnpaidKind.ORDER: IntentStep.PAY}
CHARGES_BEFORE = "charges"
"""In an intent's `before`: numbers of the charges for its item that were listed before it was sent."""
TO_PAY, ROW = "to_pay", "row"
"""In the evidence of what is unpaid: the sum that the cart shows, and the row as people are notified of it."""
CHARGED_FOR = [kind for kind, one in OPERATIONS.items() if one.charges]
_WORKED_ON = (Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.SUBMITTING, Stage.RETRYING)


async def take_cart(session: AsyncSession, account_id: int, operation: int) -> int | None:
    """Hold the account's cart for this operation. Else the operation that has it, which is at work there."""
    account = await funds.locked_account(session, account_id)
    holder = account.cart_holder
    if holder not in (None, operation) and await _at_the_cart(session, holder or 0, account.cart_held_since):
        return holder
    account.cart_holder, account.cart_held_since = operation, utc_now()
    session.add(account)
    await session.flush()
    return None


async def leave_cart(session: AsyncSession, account_id: int, operation: int) -> None:
    account = await funds.locked_account(session, account_id)
    if account.cart_holder == operation:
        account.cart_holder = account.cart_held_since = None
        session.add(account)
        await session.flush()


async def _at_the_cart(session: AsyncSession, holder: int, since: datetime | None) -> bool:
    operation = await session.get(Operation, holder, populate_existing=True)
    if operation is None or operation.stage.is_final:
        return False
    call = await intents.latest(session, holder)
    if call is not None and call.step is not IntentStep.SEND and not call.state.is_settled:
        return True
    return operation.stage in _WORKED_ON and since is not None and utc_now() < since + HELD_AT_MOST


async def claims(session: AsyncSession, account_id: int) -> list[Claim]:
    """All operations of the account that have something unpaid at the upstream, and have not ended."""
    found = await session.exec(
        select(Operation, Service)
        .join(Service, col(Operation.service_id) == col(Service.id))
        .where(
            col(Operation.stage).not_in([Stage.COMPLETED, Stage.CANCELLED]),
            col(Operation.id).in_(
                select(Intent.operation_id).where(
                    Intent.account_id == account_id,
                    Intent.state == IntentState.ACCEPTED,
                    col(Intent.unpaid_kind).is_not(None),
                )
            ),
        )
        .order_by(col(Operation.id))
        .execution_options(populate_existing=True)
    )
    all_of_them = []
    for operation, service in found.all():
        claim = await claim_of(session, operation, service)
        if claim is not None:
            all_of_them.append(claim)
    return all_of_them


async def claim_of(session: AsyncSession, operation: Operation, service: Service) -> Claim | None:
    """None if nothing of it is unpaid."""
    debt = await intents.owed(session, operation.id)
    latest = await intents.latest(session, operation.id)
    if debt is None or latest is None or debt.unpaid_kind is None:
        return None
    return Claim(
        operation=operation.id,
        service=service.id,
        kind=debt.unpaid_kind,
        number=debt.unpaid_number or "",
        product_type=service.product_type,
        item=service.upstream_number or "",
        mark=service.mark,
        name=service.name,
        set_aside=await _set_aside(session, operation),
        busy=_busy(operation, latest),
    )


def _busy(operation: Operation, latest: Intent) -> str:
    if not latest.state.is_settled:
        return "is being paid, or its payment's answer is not known yet"
    return "" if operation.stage in _WORKED_ON else f"is in the stage {operation.stage.value}"


async def _set_aside(session: AsyncSession, operation: Operation) -> Money | None:
    entry = await funds.reservation_of(session, operation.id)
    if entry is None or entry.state is not ReservationState.GRANTED or operation.cost_currency is None:
        return None
    return Money(amount=entry.amount, currency=operation.cost_currency)


async def under_way(session: AsyncSession, account_id: int, but_not: int) -> list[int]:
    """Operations whose request may have put something into the cart that is not known yet.

    An opening that was answered by a bare yes is one of them until its item is found.
    """
    without_item = and_(
        col(Intent.state) == IntentState.ACCEPTED,
        col(Intent.unpaid_kind).is_(None),
        col(Operation.kind) == OperationKind.OPEN,
        col(Operation.stage).not_in(FINAL_STAGES),
        col(Service.upstream_number).is_(None),
    )
    found = await session.exec(
        select(Intent.operation_id)
        .join(Operation, col(Operation.id) == col(Intent.operation_id))
        .join(Service, col(Service.id) == col(Operation.service_id))
        .where(
            Intent.account_id == account_id,
            Intent.step == IntentStep.SEND,
            or_(col(Intent.state).in_([IntentState.PREPARED, IntentState.UNKNOWN]), without_item),
            col(Operation.kind).in_(CHARGED_FOR),
            Intent.operation_id != but_not,
        )
        .order_by(col(Intent.operation_id))
    )
    return list(found.all())


async def holders(session: AsyncSession, account_id: int, items: Collection[str]) -> list[tuple[Service, Holder]]:
    """The services of ours that these items are."""
    found = await session.exec(
        select(Service).where(Service.account_id == account_id, col(Service.upstream_number).in_(items))
    )
    services = found.all()
    running = await session.exec(
        select(Operation.service_id, Operation.id).where(
            col(Operation.service_id).in_([service.id for service in services]),
            col(Operation.stage).not_in([*FINAL_STAGES, Stage.QUEUED]),
            col(Operation.kind).in_(CHARGED_FOR),
        )
    )
    working: dict[int, int | None] = dict(running.all())
    return [(one, Holder(one.id, working.get(one.id))) for one in services]


async def note_price(session: AsyncSession, operation: int, price: Money, row: str) -> bool:
    """What the upstream shows that paying costs: from now on that is the price that is asked for and set aside.

    False if it has been so too often: the upstream shows another sum each time, or nobody sets aside what it shows.
    """
    debt = await intents.owed(session, operation)
    if debt is None:
        return True
    await _note_sum(session, debt, price, row)
    times = len(str(debt.evidence.get("seen", "")).split(", ")) if "seen" in debt.evidence else 0
    seen = f"{debt.evidence['seen']}, {price}" if times else str(price)
    debt.evidence = {**debt.evidence, "seen": seen}
    session.add(debt)
    await funds.release(session, operation)
    await session.flush()
    return times < TRIES_AT_MOST


async def _note_sum(session: AsyncSession, debt: Intent, price: Money, row: str) -> None:
    debt.evidence = {**debt.evidence, TO_PAY: str(price), ROW: row}
    session.add(debt)
    await session.flush()


async def note_wait(session: AsyncSession, operation: int, *, at_most: timedelta) -> timedelta:
    """An order waits at the cart: for how long by now. Begins anew after a pause, and once it has been long enough."""
    debt = await intents.owed(session, operation)
    if debt is None:
        return timedelta(0)
    now = utc_now()
    since, last = (_moment(debt.evidence.get(name)) for name in ("waits_since", "waits_at"))
    if since is None or last is None or now - last > WAITS_ANEW_AFTER:
        since = now
    waited = now - since
    kept = {name: value for name, value in debt.evidence.items() if name not in ("waits_since", "waits_at")}
    if waited < at_most:
        kept |= {"waits_since": since.isoformat(), "waits_at": now.isoformat()}
    debt.evidence = kept
    session.add(debt)
    await session.flush()
    return waited


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


@dataclass(frozen=True)
class ToPay:
    """An order or row that is there already and has yet to be paid."""

    price: Money | None
    """The row as the upstream's cart shows it. None: it was not seen there yet."""
    row: str
    """For people."""


async def to_pay(session: AsyncSession, operation: int) -> ToPay | None:
    """None: nothing of it is unpaid."""
    debt = await intents.owed(session, operation)
    if debt is None:
        return None
    price = debt.evidence.get(TO_PAY)
    return ToPay(Money.parse(price) if isinstance(price, str) else None, str(debt.evidence.get(ROW, "")))


async def forget_row(session: AsyncSession, operation: int, reason: str) -> None:
    """What was to be paid is not there any more, by proof: the request had no effect in the end."""
    debt = await intents.owed(session, operation)
    if debt is not None:
        await intents.settle(session, debt, IntentState.NOT_DONE, message=reason, reopen=True)


async def tries(session: AsyncSession, operation: int) -> int:
    """How often paying what is unpaid now was tried in vain.

    A refusal for want of money is no try, because more money is waited for then; unless it costs nothing.
    """
    debt = await intents.owed(session, operation)
    found = await session.exec(
        select(Intent).where(
            Intent.operation_id == operation,
            col(Intent.id) > (debt.id if debt is not None else 0),
            col(Intent.state).in_([IntentState.REFUSED, IntentState.NOT_DONE]),
        )
    )
    return sum(1 for intent in found.all() if intent.failure_class is not FailureClass.FUNDS or _is_free(intent))


def _is_free(payment: Intent) -> bool:
    price = payment.request.get("sum", "")
    return bool(price) and Money.parse(price).amount == 0


async def write_intents(
    session: AsyncSession,
    account_id: int,
    covered: Sequence[Owned],
    request: dict[str, str],
    before: Mapping[str, list[str] | None],
    *,
    lease: timedelta,
    flight: timedelta,
) -> dict[int, Intent] | None:
    """The intents of everything that one payment covers, in one transaction; None if anything is not as it was weighed.

    `before`: item -> the charges for it that the upstream listed before; none if not known. Every operation
    is locked, in the order of their numbers: none of them ends, or is given up, meanwhile.
    """
    weighed = {one.claim.operation: one for one in covered if one.claim is not None}
    written: dict[int, Intent] = {}
    for number in sorted(weighed):
        one = weighed[number]
        operation = await locked_operation(session, number)
        service = await session.get_one(Service, operation.service_id, populate_existing=True)
        now = await claim_of(session, operation, service)
        if now is None or now != one.claim or now.busy or not operation.stage.is_running:
            return None
        debt = await intents.owed(session, number)
        if debt is not None and one.row.amount is not None:
            # Should this payment be done and answered with a no, nobody else can tell any more what it cost.
            await _note_sum(session, debt, one.row.amount, one.row.title)
        written[number] = await intents.prepare(
            session,
            operation,
            account_id,
            service.mark,
            request | {"row": one.row.number, "order": one.row.order, "item": one.item, "sum": str(one.row.amount)},
            _listed_before(before.get(one.item)),
            lease=lease,
            flight=flight,
            step=STEPS[now.kind],
        )
    return written


def _listed_before(charges: list[str] | None) -> dict[str, list[str]]:
    return {} if charges is None else {CHARGES_BEFORE: charges}
