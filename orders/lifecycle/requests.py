"""Operations on a service that is there: what was asked for is checked, written down in one transaction, and queued."""

from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import OperationKind, ServiceStatus, Source, Stage
from models.order import Operation, Service
from orders.access.ownership import check_visible
from orders.access.roles import OPERATOR, Requester
from orders.decisions.facts import facts_of
from orders.errors import Refused
from orders.installation import held_column, raise_if_held
from orders.lifecycle import calling_off, queueing
from orders.lifecycle.acceptance import AcceptedOrder, Key, accepted_before, hash_of, known, write
from orders.money.limits import check_limit, limited
from orders.money.quoted import agreed_by, naming
from orders.operations.base import AnyOperation
from orders.operations.registry import operation_type
from orders.operations.requests import OperationRequest, Rules
from orders.services.addons import spelled_alike
from orders.services.history import Origin

NO_RULES = Rules()


async def ask(
    database: Database,
    service: int,
    asked: OperationRequest,
    *,
    client: str,
    key: str,
    rules: Rules = NO_RULES,
    requester: Requester = OPERATOR,
) -> AcceptedOrder:
    """The same client, key and request give the same operation, for ever.

    Raises NotFound, InvalidField, Refused, KeyReused or Held; NotTheirs where it would call off an opening that another
    shop asked for.
    """
    once = key_of(service, asked, client, key)
    try:
        async with database.write() as session:
            return await accept_in(session, service, asked, once, rules, requester)
    except IntegrityError:
        async with database.write() as session:  # the same key at once, or another operation began meanwhile
            return await accept_in(session, service, asked, once, rules, requester)


def key_of(service: int, asked: OperationRequest, client: str, key: str) -> Key:
    terms = limited(asked.limit) | naming(asked.named_quote)
    body = {**_body(service, asked), **terms, **asked.of_the_shop, **asked.because}
    return Key(client, key, hash_of(body))


def _body(service: int, asked: OperationRequest) -> dict[str, object]:
    return {"kind": asked.kind.value, "service": service, **asked.identity()}


def quoted_hash(service: int, asked: OperationRequest) -> str:
    """What a quote is of: all that is bought, whatever else the request says."""
    bought = {name: value for name, value in _body(service, asked).items() if name not in asked.NOT_BOUGHT}
    return hash_of(spelled_alike(bought))


def why_never(service: Service, operation: AnyOperation) -> str:
    """Why no request of this kind is accepted for the service as it is; empty: one may be."""
    if service.status is ServiceStatus.CLOSED:
        return f"service {service.id} is closed; nothing can be done to it any more"
    if service.product_type not in operation.product_types:
        what = f"a {service.product_type} can't be {operation.past_participle}"
        return f"{what}; prolong it, let it expire or close it"
    return ""


async def accept_in(
    session: AsyncSession,
    service_number: int,
    asked: OperationRequest,
    key: Key,
    rules: Rules,
    requester: Requester,
) -> AcceptedOrder:
    """The same within a transaction of the caller's, who may roll it back."""
    kind, operation_class, limit = asked.kind, operation_type(asked.kind), asked.limit
    running = await queueing.lock_running(session, service_number)  # before the service, as everywhere
    found = await session.exec(
        select(Service, held_column()).where(Service.id == service_number).with_for_update(of=Service)
    )
    there, held = found.one_or_none() or (None, None)
    service = check_visible(there, service_number, requester)
    earlier = await accepted_before(session, key)
    if earlier is not None:  # as it was then: what may be asked of the service can be something else by now
        return earlier
    raise_if_held(held)
    if why := why_never(service, operation_class):
        raise Refused(why)
    request = await operation_class.check(session, service, asked, rules)
    stage = Stage.QUEUED if running is not None else Stage.ACCEPTED
    stepped_aside: AcceptedOrder | None = None
    goes_first = request.urgent or (running is not None and operation_class.goes_before(running, service))
    if running is not None and goes_first and await queueing.may_step_aside(session, running):
        await queueing.step_aside(session, running, client=key.client)
        stage = Stage.ACCEPTED
        stepped_aside = known(running)
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    check_limit(limit, account)
    agreed = await agreed_by(
        session, asked.named_quote, quoted_hash(service_number, asked), requester.owner, account, limit
    )
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    is_opened = running is not None and running.kind is OperationKind.OPEN
    opening = running if is_opened and operation_class.ends_service else None
    follows = ""
    if opening is not None:
        facts = await facts_of(session, opening)
        calling_off.check_whose(opening, facts, requester)
        follows = calling_off.what_follows(facts)
    now = utc_now()
    operation = Operation(
        service_id=service_number,
        kind=kind,
        upstream_name=account.name if account else "",
        stage=stage,
        stage_since=now,
        created_at=now,
        reason=follows,
        parameters=request.parameters.row(),
        cost_amount=request.cost.amount if request.cost else None,
        cost_currency=request.cost.currency if request.cost else None,
        price=agreed.price,
        agreed_limit_amount=agreed.limit.amount if agreed.limit else None,
        agreed_limit_currency=agreed.limit.currency if agreed.limit else None,
        actor=key.client,
        urgent=request.urgent,
        quote=asked.named_quote,
        reference=asked.reference or "",
        shop_metadata=asked.metadata,
    )
    number = await write(
        session,
        operation,
        key,
        department=module.department,
        title=request.title,
        facts={"service": service_number, "kind": kind.value, "reason": asked.reason},
        because=follows,
    )
    called_off: AcceptedOrder | None = None
    if opening is not None:
        origin = Origin(key.client, kind.value, number, "its opening is called off", Source.OPERATION)
        if await calling_off.not_wanted(session, opening, origin):
            called_off = known(opening)
    return AcceptedOrder(
        service_number,
        number,
        kind,
        operation.upstream_name,
        created=True,
        queued=stage is Stage.QUEUED,
        stepped_aside=stepped_aside,
        called_off=called_off,
        request_id=operation.request_id,
        traceparent=operation.traceparent,
    )
