"""What became of a payment, written down: for every order that it covered, in one transaction."""

from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database
from models.enums import FailureClass, IncidentKind, IntentState, Stage, UnpaidKind
from models.invariants import required
from models.messages import Submission, SubmitResult
from models.order import Intent, Operation, Service
from orders.carts import paying
from orders.carts.judging import Owned
from orders.errors import Refused
from orders.incidents.record import raise_incident
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds
from orders.operations.job import Job
from orders.services.history import Origin, origin_of
from orders.settlement import intents
from upstreams.carts import Payment
from upstreams.errors import UpstreamError


class CartLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def accepted(
        self, job: Job, covered: tuple[Owned, ...], written: dict[int, Intent], answer: Payment
    ) -> SubmitResult:
        """The upstream said yes. The other orders that it paid for hear of it when they look."""
        result = SubmitResult(outcome=Submission.UNPAID)
        async with self._database.write() as session:
            for one in sorted(covered, key=_operation):
                operation = await locked_operation(session, _operation(one))
                stored = await intents.current(session, written[_operation(one)])
                outcome = await self._take(session, operation, stored, one, answer)
                if _operation(one) == job.number:
                    result = outcome
            await paying.leave_cart(session, job.account_id, job.number)
        return result

    async def _take(
        self, session: AsyncSession, operation: Operation, stored: Intent, one: Owned, answer: Payment
    ) -> SubmitResult:
        if operation.stage.is_final or (stored.state.is_settled and stored.state is not IntentState.ACCEPTED):
            return await self._late_yes(session, operation, stored, one)
        if answer.unpaid is not None:
            await intents.accept_unpaid(session, stored, answer.unpaid.kind, answer.unpaid.number)
            return SubmitResult(outcome=Submission.UNPAID, reason=stored.message)
        return await self._charged(session, operation, stored, one.item, f"paid: {one.row.label}")

    async def _charged(
        self, session: AsyncSession, operation: Operation, stored: Intent, item: str, words: str
    ) -> SubmitResult:
        service = await session.get_one(Service, operation.service_id, populate_existing=True)
        number = item or service.upstream_number
        try:
            await intents.accept(session, stored, service, number, origin_of(operation))
        except Refused:
            number = None  # another service holds that item: it is not believed
        stage = Stage.AWAITING_CONFIRMATION if number else Stage.OUTCOME_UNKNOWN
        await enter(session, operation, stage, words if number else f"{words}; looking for the item")
        if number:
            return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=number)
        return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason=words)

    async def _late_yes(self, session: AsyncSession, operation: Operation, stored: Intent, one: Owned) -> SubmitResult:
        """Paid, and the order was given up meanwhile: people must know."""
        was = operation.stage.value if operation.stage.is_final else stored.state.value
        stored.late_yes = f"paid: {one.row.label}; given up as {was}"
        session.add(stored)
        message = (
            f"The upstream said late that it has paid {one.row.label} for operation {operation.id}, which counted as "
            f"{was}. Look at the item: close it, or adopt it."
        )
        await raise_incident(
            session,
            IncidentKind.LATE_YES,
            message,
            about=f"intent {stored.id}",
            account=stored.account_id,
            service=operation.service_id,
            operation=operation.id,
        )
        if operation.stage.is_final:
            return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)
        return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=message)

    async def paid_by_others(self, job: Job, unpaid_kind: UnpaidKind, item: str, reason: str) -> SubmitResult:
        """Nothing was sent: the upstream itself or a person has paid it. The charge is taken down like ours."""
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            service = await session.get_one(Service, operation.service_id, populate_existing=True)
            step = paying.STEPS[unpaid_kind]
            intent = await intents.prepare(
                session, operation, job.account_id, service.mark, {}, {}, step=step, is_sent=False
            )
            words = f"{reason}, and item {item} shows that it is paid; nothing was sent"
            result = await self._charged(session, operation, intent, item, words)
            intent.message = words
            await paying.leave_cart(session, job.account_id, job.number)
        return result

    async def unknown(self, written: dict[int, Intent], reason: str) -> SubmitResult:
        """It may be paid: nothing is sent until that is known. The cart stays held."""
        failure = FailureClass.OUTCOME_UNKNOWN
        async with self._database.write() as session:
            for number in sorted(written):
                operation = await locked_operation(session, number)
                stored = await intents.current(session, written[number])
                if await intents.settle(session, stored, IntentState.UNKNOWN, message=reason, failure=failure):
                    await enter(session, operation, Stage.OUTCOME_UNKNOWN, reason, failure=failure)
        return SubmitResult(outcome=Submission.UNKNOWN, failure=failure, reason=reason)

    async def not_paid(
        self, written: dict[int, Intent], state: IntentState, error: UpstreamError, *, balance: Decimal | None = None
    ) -> None:
        """Money stays set aside, unless the upstream says that there is too little: then `balance` is what there is."""
        async with self._database.write() as session:
            for number in sorted(written):
                await locked_operation(session, number)
                stored = await intents.current(session, written[number])
                await intents.settle(session, stored, state, message=error.message, failure=error.failure_class)
                if balance is not None:
                    await funds.release(session, number, refused_balance=balance)

    async def by_hand(
        self, job: Job, debt: Intent, reason: str, own: tuple[Owned, ...], *, incident: bool = False
    ) -> SubmitResult:
        """A person pays it (or clears the cart) at the upstream. Its item becomes the service's, so that it is seen."""
        what = "; ".join(one.row.label for one in own) or _without_row(debt)
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            service = await session.get_one(Service, operation.service_id, populate_existing=True)
            await _tie(session, service, own, origin_of(operation))
            await funds.release(session, job.number)
            await paying.leave_cart(session, job.account_id, job.number)
            if incident:
                await _report_strangers(session, job, reason)
        words = f"to be paid by hand at {job.account.name}: {what}. Why: {reason}"
        return SubmitResult(outcome=Submission.MANUAL, failure=FailureClass.FUNDS, reason=words)

    async def leave(self, job: Job) -> None:
        async with self._database.write() as session:
            await paying.leave_cart(session, job.account_id, job.number)


async def _tie(session: AsyncSession, service: Service, own: tuple[Owned, ...], origin: Origin) -> None:
    item = next((one.item for one in own if one.item), "")
    if not item or service.upstream_number:
        return
    try:
        await intents.link(session, service, item, origin)
    except Refused:
        return  # another service holds it: then a person finds out


async def _report_strangers(session: AsyncSession, job: Job, reason: str) -> None:
    message = (
        f"The cart of {job.account.name}: {reason}. Nothing was removed either. Pay or remove what is not ours at the "
        "upstream; until then every order in that cart waits for a person."
    )
    await raise_incident(
        session,
        IncidentKind.FOREIGN_CART,
        message,
        about=f"{job.account.name}|{reason}",
        account=job.account_id,
        service=job.service.id,
        operation=job.number,
    )


def _operation(one: Owned) -> int:
    return required(one.claim, "the owner of a row that is paid").operation


def _without_row(debt: Intent) -> str:
    name = "row" if debt.unpaid_kind is UnpaidKind.CART_ROW else "order"
    return f"{name} {debt.unpaid_number or '(its number is not known)'}, a sum that is not known"
