"""Finds the owner of each row of the cart, and whether it was paid. Reads what orders.carts.judging judges."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.columns import utc_now
from models.database import Database
from models.enums import OperationKind, UnpaidKind, UpstreamStatus
from models.invariants import required
from models.money import Money
from models.order import Intent, Service
from orders.accounts.pausing import unrecorded_change
from orders.carts import paying
from orders.carts.judging import Claim, Holder, Owned, PaymentEvidence, by_item, by_number, judge_payment
from orders.lifecycle.stages import locked_operation
from orders.operations.base import Sent
from orders.operations.job import Job
from orders.operations.registry import operation_type
from orders.services.history import origin_of
from orders.services.naming import same_name
from orders.settlement import intents
from orders.settlement.gathering import REMOVED, listed
from orders.settlement.lookup import leftover_of
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.answers import Unpaid
from upstreams.carts import Cart, CartRow, Expenses
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown, Rejected, Scope, SetupFault, UpstreamError
from upstreams.port import Upstream, UpstreamItem

log = logging.getLogger(__name__)

A_DAY = timedelta(days=1)
ONLY_WHAT_IS_THERE = timedelta(days=3650)
"""A window that never ends: the kind's own look then says done, or nothing."""


async def owners(upstream: Upstream, cart: Cart, claims: Sequence[Claim]) -> list[Owned]:
    """Each row with whose it is: by its number in our own answer, by its item, or by the mark in its item's form."""
    return [await _owner(upstream, row, cart.rows, claims) for row in cart.rows]


async def by_the_other_list(upstream: Upstream, owned: list[Owned], claims: Sequence[Claim]) -> list[Owned]:
    """Rows that the cart does not distinguish may be orders of ours, which the basket names with the same numbers."""
    if all(one.claim is not None for one in owned):
        return owned
    try:
        basket = await upstream.read_cart(UnpaidKind.ORDER)
    except (Rejected, SetupFault):
        return owned
    by_number = {one.row.number: one for one in await owners(upstream, basket, claims) if one.claim and one.row.number}
    return [
        Owned(one.row, by_number[one.row.number].claim, by_number[one.row.number].item)
        if one.claim is None and one.row.number in by_number and by_number[one.row.number].row.amount == one.row.amount
        else one
        for one in owned
    ]


async def with_holders(database: Database, job: Job, owned: list[Owned]) -> list[Owned]:
    """Rows that no operation claims, and whose item is a service of ours, are that service's."""
    items = {one.row.item for one in owned if one.claim is None and one.row.item}
    if not items:
        return owned
    async with database.read() as session:
        known = await paying.holders(session, job.account_id, items)
    return [one if one.claim is not None else replace(one, holder=_holder(one.row, known)) for one in owned]


def _holder(row: CartRow, known: Sequence[tuple[Service, Holder]]) -> Holder | None:
    return next(
        (
            holder
            for service, holder in known
            if service.upstream_number == row.item and row.product_type in ("", service.product_type)
        ),
        None,
    )


async def _owner(upstream: Upstream, row: CartRow, rows: Sequence[CartRow], claims: Sequence[Claim]) -> Owned:
    claim = by_number(row, claims, rows) or by_item(row, claims)
    if claim is not None and claim.item:
        return Owned(row, claim, claim.item)
    types = {claim.product_type} if claim else {other.product_type for other in claims if not other.item}
    form = await _form(upstream, row, types)
    if form is None:
        return Owned(row, claim)
    marked = next((other for other in claims if other.mark == form.mark), None)
    if claim is None:
        marked = marked or _by_order_and_name(row, form, claims)
        return Owned(row, marked, row.item if marked else "")
    if marked not in (None, claim):
        return Owned(row, None)  # the number says one order of ours and the form another: nobody's until a person looks
    borne_out = marked is claim or (not form.mark and same_name(form.name, claim.name))
    return Owned(row, claim, row.item if borne_out else "")


def _by_order_and_name(row: CartRow, form: UpstreamItem, claims: Sequence[Claim]) -> Claim | None:
    """Several orders of ours share the order that is to be paid, and forms show no marks: its number and the name."""
    if form.mark or not row.order:
        return None
    found = [
        claim
        for claim in claims
        if claim.kind is UnpaidKind.ORDER and claim.number == row.order and same_name(form.name, claim.name)
    ]
    return found[0] if len(found) == 1 else None


async def _form(upstream: Upstream, row: CartRow, product_types: set[str]) -> UpstreamItem | None:
    if not row.item:
        return None
    for product_type in sorted(product_types) if not row.product_type else [row.product_type]:
        try:
            return await upstream.read_item(product_type, row.item)
        except Rejected:
            continue  # no such item of that type, or no right to its form
        except ConnectionUnhealthy as error:
            if error.scope is Scope.ACCOUNT:
                raise
    return None


@dataclass(frozen=True)
class Left:
    """What a request left in the cart."""

    ours: tuple[tuple[UnpaidKind, CartRow], ...] = ()
    strangers: tuple[CartRow, ...] = ()
    """Rows that could be this order's, and nothing says whose they are."""
    others: tuple[CartRow, ...] = ()
    """The other rows of that cart."""
    refused: frozenset[UnpaidKind] = frozenset()
    """What the upstream does not show to this account."""

    @property
    def unpaid(self) -> Unpaid | None:
        if not self.ours:
            return None
        unpaid_kind, row = self.ours[0]
        return Unpaid(kind=unpaid_kind, number=row.number if unpaid_kind is UnpaidKind.CART_ROW else row.order)

    @property
    def labels(self) -> str:
        return "; ".join(row.label for row in (*(row for _, row in self.ours), *self.strangers))


async def left_in_cart(
    database: Database, job: Job, upstream: Upstream, item: str = "", *, first: UnpaidKind | None = None
) -> Left:
    """What may be of this order in the cart, apart from what other orders of ours claim. Empty where there is no cart.

    `item`: the order's item, where it was found. `first`: where to look first.
    """
    number = item or job.service.upstream_number or ""
    refused: set[UnpaidKind] = set()
    for unpaid_kind in sorted(upstream.carts, key=lambda one: one is not first):
        try:
            cart = await upstream.read_cart(unpaid_kind)
        except (Rejected, SetupFault):
            refused.add(unpaid_kind)
            continue
        if cart.unreadable:
            raise OutcomeUnknown(f"the cart at {job.account.name} can't be read: {cart.unreadable}")
        async with database.read() as session:
            claims = await paying.claims(session, job.account_id)
        others = [claim for claim in claims if claim.operation != job.number]
        mine = [claim for claim in claims if claim.operation == job.number]
        rows = [row for row in cart.rows if by_number(row, others, cart.rows) is None and not by_item(row, others)]
        whose = [
            (row, by_number(row, mine, cart.rows) is not None or await _is_ours(upstream, job, row, number))
            for row in rows
        ]
        ours = tuple((unpaid_kind, row) for row, is_ours in whose if is_ours)
        strangers = tuple(row for row, is_ours in whose if is_ours is None)
        if ours or strangers:
            rest = tuple(row for row in cart.rows if all(row is not own for _, own in ours))
            return Left(ours, strangers, rest, frozenset(refused))
    return Left(refused=frozenset(refused))


async def _is_ours(upstream: Upstream, job: Job, row: CartRow, number: str) -> bool | None:
    """None: nothing says whose it is."""
    if number and not row.item and job.operation.kind is not OperationKind.OPEN:
        return None
    if number:
        return row.item == number and row.product_type in ("", job.service.product_type)
    form = await _form(upstream, row, {job.service.product_type})
    if form is not None and form.mark:
        return form.mark == job.service.mark
    name = (form.name if form is not None else "") or row.name
    if not name:
        return None
    if not same_name(name, job.service.name):
        return False
    return True if job.service.name_is_ours else None


async def unpaid_after_all(database: Database, job: Job, upstream: Upstream, sent: Sent) -> Sent:
    """A bare yes to something that costs and should be done by now: it may only have gone into the cart.

    A renewal whose answer brings the new date is done. An opening is looked at once its item is found.
    """
    costs = job.operation.cost is not None and job.operation.cost.amount > 0
    if sent.unpaid is not None or sent.announced or not costs or job.operation.kind is OperationKind.OPEN:
        return sent
    try:
        left = await left_in_cart(database, job, upstream)
    except UpstreamError as error:
        log.info("operation %s: the cart can't be read after a yes: %s", job.number, error)
        return sent
    return replace(sent, unpaid=left.unpaid)


async def remove_own_row(database: Database, job: Job, upstream: Upstream) -> bool:
    """Take the unpaid row of an opening out of the cart, because the opening is called off. True: none is there now.

    Only a row whose item's form, read just before, shows our mark and the status ordered; its name never suffices.
    """
    removed = (await left_in_cart(database, job, upstream)).ours
    for unpaid_kind, row in removed:
        form = await _form(upstream, row, {job.service.product_type})
        if form is None or form.mark != job.service.mark or form.status is not UpstreamStatus.ORDERED:
            return False
        async with unrecorded_change(database, job.account_id):
            await _note_removed(database, job, form.number)
            await upstream.remove_cart_row(unpaid_kind, row.number or row.order)
    left = await left_in_cart(database, job, upstream)
    if left.ours or left.strangers:
        return False
    async with database.write() as session:
        operation = await locked_operation(session, job.number)
        await paying.forget_row(session, job.number, "its row was taken out of the cart, unpaid")
        service = await session.get_one(Service, job.service.id, populate_existing=True)
        if service.upstream_number in {row.item for _, row in removed}:
            await intents.unlink(session, service, origin_of(operation))
    return True


async def _note_removed(database: Database, job: Job, item: str) -> None:
    """Its item may stay listed as deleted, with our mark: it counts as gone then. Written down before it is removed,
    because nobody could say afterwards who did it."""
    async with database.write() as session:
        await locked_operation(session, job.number)
        call = await intents.latest(session, job.number)
        if call is not None:
            call.evidence = {**call.evidence, REMOVED: [*listed(call.evidence.get(REMOVED)), item]}
            session.add(call)


async def find_out_payment(
    database: Database, job: Job, upstream: Upstream, debt: Intent, window: timedelta, *, sent: Intent | None
) -> Judgement:
    """Was it paid: by `sent`, whose answer was lost, or (None) by somebody else?

    The reads come one after the other. A payment that is carried out between two of them makes them contradict each
    other. So all is read once more before a person is asked.
    """
    found = judge_payment(await _payment_evidence(database, job, upstream, debt, window, sent))
    if found.verdict is Verdict.CANNOT_TELL:
        found = judge_payment(await _payment_evidence(database, job, upstream, debt, window, sent))
    return found


async def _payment_evidence(
    database: Database, job: Job, upstream: Upstream, debt: Intent, window: timedelta, sent: Intent | None
) -> PaymentEvidence:
    unpaid_kind = required(debt.unpaid_kind, "the kind of a debt")
    request = sent.request if sent is not None else {}
    item, effect, still_ordered = await _effect(database, job, upstream, request.get("item", ""))
    row, order = _of(debt, request)
    price = _price(request.get("sum") or str(debt.evidence.get("to_pay", "")))
    return PaymentEvidence(
        effect=effect,
        in_cart=await _in_cart(upstream, unpaid_kind, row, order),
        charged=await _charged(upstream, item, price, sent),
        still_ordered=still_ordered,
        unknown_since=(sent.unknown_since or sent.created_at) if sent is not None else debt.settled_at or utc_now(),
        now=utc_now(),
        window=window,
        item=item,
        what=f"{'row' if row else 'order'} {row or order or '(without a number)'} ({price or 'sum not known'})",
    )


def _of(debt: Intent, request: dict[str, str]) -> tuple[str, str]:
    """Number of the row and of the order: as they were seen when it was sent, else as the answer named them."""
    if debt.unpaid_kind is UnpaidKind.CART_ROW:
        return request.get("row") or debt.unpaid_number or "", ""
    return "", request.get("order") or debt.unpaid_number or ""


def _price(text: str) -> Money | None:
    return Money.parse(text) if text else None


async def _effect(database: Database, job: Job, upstream: Upstream, number: str) -> tuple[str, bool, bool]:
    """The item, whether it shows what was paid for, and whether it is certainly still unpaid."""
    if job.operation.kind is not OperationKind.OPEN:
        judgement = await operation_type(job.operation.kind).find_out(database, job, upstream, ONLY_WHAT_IS_THERE)
        return job.service.upstream_number or "", judgement.verdict is Verdict.DONE, False
    try:
        if number:
            found: UpstreamItem | None = await upstream.read_item(job.service.product_type, number)
        else:
            found = await leftover_of(database, job, upstream)
    except (Rejected, OutcomeUnknown):
        found = None
    if found is None or found.status is UpstreamStatus.DELETED:
        return number, False, False
    ordered = found.status is UpstreamStatus.ORDERED
    return found.number, not ordered and found.status is not UpstreamStatus.UNKNOWN, ordered


async def _in_cart(upstream: Upstream, unpaid_kind: UnpaidKind, row: str, order: str) -> bool | None:
    try:
        cart = await upstream.read_cart(unpaid_kind)
    except (Rejected, SetupFault, OutcomeUnknown):
        return None
    there = any((row and one.number == row) or (order and one.order == order) for one in cart.rows)
    if there or (not cart.unreadable and (row or order)):
        return there
    return None


async def charges_before(upstream: Upstream, item: str) -> list[str] | None:
    """Charges for that item that are listed already, so that a new one is known for new. None: that can't be known."""
    listed = await _charges(upstream, item, utc_now() - A_DAY)
    return None if listed is None or not listed.complete else [entry.number for entry in listed.entries]


async def _charged(upstream: Upstream, item: str, price: Money | None, sent: Intent | None) -> bool | None:
    """Whether a charge of that sum is listed for the item that was not before."""
    if sent is None or price is None or paying.CHARGES_BEFORE not in sent.before:
        return None
    listed = await _charges(upstream, item, sent.created_at - A_DAY)
    if listed is None:
        return None
    known = sent.before[paying.CHARGES_BEFORE]
    if any(entry.amount in (price, None) for entry in listed.entries if entry.number not in known):
        return True
    return False if listed.complete else None


async def _charges(upstream: Upstream, item: str, since: datetime) -> Expenses | None:
    """By the upstream's calendar, which may be a day off ours."""
    if not item:
        return None
    try:
        listed = await upstream.expenses(since.date())
    except (Rejected, SetupFault, OutcomeUnknown):
        return None
    return Expenses(entries=tuple(one for one in listed.entries if one.item == item), complete=listed.complete)


async def debt_of(database: Database, job: Job) -> Intent | None:
    async with database.read() as session:
        return await intents.owed(session, job.number)
