"""The audit after a run: our books against the upstream's, order by order and service by service."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sqlmodel import col, select

from benchmarks.soak.api import Json, Panel, Violation
from benchmarks.soak.customers import Ledger
from models.catalogue import PlanMapping, UpstreamAccount
from models.columns import of_units
from models.database import Database
from models.enums import IncidentKind, OperationKind, RefundState, ReservationState, ServiceStatus, Stage
from models.incident import Incident
from models.money import Money
from models.order import Intent, Operation, Reservation, Service
from models.refund import Refund
from orders.settlement.charges import NOT_CHARGED

CHARGED_AS = {
    "open": OperationKind.OPEN,
    "prolong": OperationKind.PROLONG,
    "setparam": OperationKind.SET_PARAMETERS,
    "changepricelist": OperationKind.CHANGE_PLAN,
}
PAID_BACK = "refund"
DELETED = 4
STATUS = {2: ServiceStatus.ACTIVE, 3: ServiceStatus.SUSPENDED, DELETED: ServiceStatus.CLOSED}
FOR_PEOPLE = frozenset({Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK})


@dataclass
class Books:
    """Everything that both sides have written down."""

    services: dict[int, Service]
    operations: dict[int, Operation]
    intents: dict[int, list[Intent]]
    reservations: dict[int, Reservation]
    accounts: dict[int, UpstreamAccount]
    tariffs: dict[tuple[int, int], str]
    incidents: list[Incident]
    refunds: list[Refund]
    items: dict[str, Json]
    charges: list[Json]


async def read_books(database: Database, panel: Panel) -> Books:
    async with database.read() as session:
        intents: dict[int, list[Intent]] = defaultdict(list)
        for intent in (await session.exec(select(Intent).order_by(col(Intent.id)))).all():
            intents[intent.operation_id].append(intent)
        return Books(
            services={one.id: one for one in (await session.exec(select(Service))).all()},
            operations={one.id: one for one in (await session.exec(select(Operation))).all()},
            intents=intents,
            reservations={one.operation_id: one for one in (await session.exec(select(Reservation))).all()},
            accounts={one.id: one for one in (await session.exec(select(UpstreamAccount))).all()},
            tariffs={
                (one.plan_id, one.module_id): one.tariff for one in (await session.exec(select(PlanMapping))).all()
            },
            incidents=list((await session.exec(select(Incident))).all()),
            refunds=list((await session.exec(select(Refund).where(Refund.state == RefundState.WRITTEN))).all()),
            items={str(item["id"]): item for item in await panel.items()},
            charges=await panel.charges(),
        )


def audit(books: Books, ledger: Ledger) -> list[Violation]:
    """All promises that did not hold."""
    return [
        *_nothing_lost(books, ledger),
        *_all_ended(books),
        *_charges(books),
        *_reservations(books),
        *_one_item_each(books),
        *_services(books),
    ]


def _nothing_lost(books: Books, ledger: Ledger) -> Iterator[Violation]:
    for number, service in ledger.operations.items():
        found = books.operations.get(number)
        if found is None or found.service_id != service:
            yield Violation(f"operation {number} was accepted and is lost", service)


def _all_ended(books: Books) -> Iterator[Violation]:
    blocked = {one.service_id for one in books.operations.values() if one.stage in FOR_PEOPLE}
    for operation in books.operations.values():
        if operation.stage.is_final:
            continue
        waits_for_people = operation.stage in FOR_PEOPLE
        behind_one = operation.stage is Stage.QUEUED and operation.service_id in blocked
        if not (waits_for_people or behind_one):
            what = f"operation {operation.id} ({operation.kind.value}) is {operation.stage.value}: {operation.reason}"
            yield Violation(what, operation.service_id)
        elif not (operation.waits_for and operation.next_step):
            yield Violation(f"operation {operation.id} waits without a reason or a next step", operation.service_id)


def _charges(books: Books) -> Iterator[Violation]:
    """To the cent, for each service and kind of operation, and for each account."""
    there: dict[tuple[int | None, OperationKind], list[Decimal]] = defaultdict(list)
    services = _by_item(books)
    by_mark = {one.mark: one.id for one in books.services.values()}
    for charge in books.charges:
        if charge["operation"] == PAID_BACK:
            continue
        owner = services.get(str(charge["item"])) or by_mark.get(charge["remoteid"])
        there[owner, CHARGED_AS[charge["operation"]]].append(Decimal(charge["amount"]))
    here: dict[tuple[int | None, OperationKind], list[Decimal]] = defaultdict(list)
    for number, reservation in books.reservations.items():
        if reservation.release_number is not None:
            operation = books.operations[number]
            here[operation.service_id, operation.kind].append(reservation.amount)
            if operation.cost_amount != reservation.amount:
                what = f"operation {number} says {operation.cost_amount}, {reservation.amount} was settled"
                yield Violation(what, operation.service_id)
    reported = list(_reported(books))
    for number, kind, amount in reported:
        there[number, kind].append(amount)
    undecided = _undecided(books)
    doubtful: dict[int, Decimal] = defaultdict(Decimal)
    for service, kind in sorted({*there, *here}, key=str):
        charged, settled = there[service, kind], here[service, kind]
        if (service, kind) in undecided and service is not None:
            doubtful[books.services[service].account_id or 0] += sum(charged, Decimal(0)) - sum(settled, Decimal(0))
        elif sum(charged) != sum(settled):
            what = f"{kind.value}: charged {_shown(charged)} at the upstream, settled {_shown(settled)} here"
            yield Violation(f"service {service}: {what}", service)
    for account in books.accounts.values():
        total = sum((Decimal(one["amount"]) for one in books.charges if one["account"] == account.name), Decimal(0))
        total += sum(
            amount for service, _, amount in _reported(books) if books.services[service].account_id == account.id
        )
        counted = of_units(account.charged - account.refunded)
        if total - doubtful[account.id] != counted:
            yield Violation(f"account {account.name}: {total} was charged and not paid back, we counted {counted}")
        written = sum((one.amount for one in books.refunds if _in_books(one, account)), Decimal(0))
        if written != of_units(account.refunded):
            what = f"{written} is written to operations as paid back, we counted {of_units(account.refunded)}"
            yield Violation(f"account {account.name}: {what}")


def _in_books(refund: Refund, account: UpstreamAccount) -> bool:
    return (refund.account_id, refund.currency) == (account.id, account.currency)


def _reported(books: Books) -> Iterator[tuple[int, OperationKind, Decimal]]:
    """What counts as charged, and an incident says that the upstream lists no charge for it."""
    for incident in books.incidents:
        if incident.kind is IncidentKind.OTHER_TERM and NOT_CHARGED in incident.detail and incident.operation_id:
            operation = books.operations[incident.operation_id]
            amount = Money.parse(str(incident.detail[NOT_CHARGED])).amount
            yield operation.service_id, operation.kind, amount


def _undecided(books: Books) -> set[tuple[int | None, OperationKind]]:
    """Where a person has yet to say whether a request was carried out."""
    return {
        (operation.service_id, operation.kind)
        for number, operation in books.operations.items()
        if not operation.stage.is_final and any(not one.state.is_settled for one in books.intents.get(number, ()))
    }


def _reservations(books: Books) -> Iterator[Violation]:
    held: dict[int, Decimal] = defaultdict(Decimal)
    for number, reservation in books.reservations.items():
        operation = books.operations[number]
        if reservation.state is ReservationState.GRANTED:
            held[reservation.account_id] += reservation.amount
        if operation.stage.is_final and reservation.state is not ReservationState.RELEASED:
            yield Violation(f"operation {number} has ended and holds {reservation.amount}", operation.service_id)
    for account in books.accounts.values():
        if of_units(account.set_aside) != held[account.id]:
            what = f"{of_units(account.set_aside)} is set aside, {held[account.id]} is held by operations"
            yield Violation(f"account {account.name}: {what}")
    for number, intents in books.intents.items():
        operation = books.operations[number]
        if operation.stage.is_final and any(not one.state.is_settled for one in intents):
            yield Violation(f"operation {number} has ended with an unsettled request", operation.service_id)


def _one_item_each(books: Books) -> Iterator[Violation]:
    """No duplicate, no orphan."""
    marks: dict[str, list[str]] = defaultdict(list)
    for number, item in books.items.items():
        if item["remoteid"]:
            marks[item["remoteid"]].append(number)
    opened = Counter(one["remoteid"] for one in books.charges if one["operation"] == "open")
    by_mark = {service.mark: service for service in books.services.values()}
    linked = _by_item(books)
    for mark, numbers in marks.items():
        service = by_mark.get(mark)
        if service is None:
            yield Violation(f"items {numbers} carry mark {mark}, which no service has")
            continue
        if opened[mark] > 1:
            yield Violation(f"service {service.id} was bought {opened[mark]} times: items {numbers}", service.id)
        for number in numbers:
            if linked.get(number) is None and books.items[number]["status"] != DELETED and not _is_open(books, service):
                yield Violation(f"item {number} of service {service.id} is an orphan", service.id)


def _services(books: Books) -> Iterator[Violation]:
    """Each is what the upstream has."""
    running = {one.service_id for one in books.operations.values() if not one.stage.is_final}
    for service in books.services.values():
        if service.id in running or service.account_id is None:
            continue
        if service.upstream_number is None:
            if service.status is not ServiceStatus.CLOSED:
                yield Violation(f"service {service.id} is {service.status.value} and has no item", service.id)
            continue
        item = books.items.get(service.upstream_number)
        for what, ours, theirs in _compared(service, item, books):
            if ours != theirs:
                yield Violation(f"service {service.id}: {what} is {ours!r}, at the upstream {theirs!r}", service.id)


def _compared(service: Service, item: Json | None, books: Books) -> Iterator[tuple[str, object, object]]:
    status = ServiceStatus.CLOSED if item is None else STATUS.get(item["status"])
    if status is None and _is_given_up(books, service):
        return  # the upstream's people have it in hand still, and an operator waits no longer
    yield "status", service.status, status
    if item is None or status is ServiceStatus.CLOSED:
        return
    yield "expiry", str(service.expires_on), item["expiredate"]
    yield "address", service.ip, item["ip"]
    yield "tariff", books.tariffs.get((service.plan_id, service.module_id)), str(item["pricelist"])
    if service.product_type == "vds":
        yield "name", service.name, item["domain"]


def _is_given_up(books: Books, service: Service) -> bool:
    """Whether its last operation was cancelled."""
    last = max((one for one in books.operations.values() if one.service_id == service.id), key=lambda one: one.id)
    return last.stage is Stage.CANCELLED


def _by_item(books: Books) -> dict[str, int]:
    return {one.upstream_number: one.id for one in books.services.values() if one.upstream_number is not None}


def _is_open(books: Books, service: Service) -> bool:
    return any(
        one.service_id == service.id and one.kind is OperationKind.OPEN and not one.stage.is_final
        for one in books.operations.values()
    )


def _shown(amounts: list[Decimal]) -> str:
    return " + ".join(map(str, amounts)) or "nothing"
