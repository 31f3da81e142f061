"""What the class of a kind of operation owns. Everything elsewhere that depends on the kind asks its class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping
from models.database import Database
from models.enums import EventKind, OperationKind, ServiceStatus, UpstreamStatus
from models.events import UpstreamSnapshot
from models.messages import SubmitResult
from models.order import Operation, Service
from models.parameters import Parameters
from orders.errors import Refused
from orders.money.expectation import plain_terms
from orders.money.prices import PriceTerms
from orders.operations.job import Job
from orders.operations.requests import CheckedRequest, OperationRequest, Route, Rules
from orders.operations.seen import Seen
from orders.services.addons import AddonValue
from orders.settlement.verdicts import Judgement
from upstreams.answers import Quote, Unpaid
from upstreams.port import Upstream

NOT_AT_WORK = frozenset(UpstreamStatus) - {UpstreamStatus.PROCESSING}
"""The goal of an operation that changes no status: the upstream is not at work on the item any more."""

A = TypeVar("A", bound=OperationRequest)
P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class Request:
    """What is about to be sent, flat and without secrets, and the state before; both go into the intent."""

    fields: dict[str, str]
    before: dict[str, list[str]] = field(default_factory=dict)
    target: dict[str, str] = field(default_factory=dict)
    """Facts that show later whether it was done; added to the operation's parameters."""


@dataclass(frozen=True)
class Obstacle:
    """Nothing is to be sent; this is the outcome."""

    result: SubmitResult


@dataclass(frozen=True)
class Sent:
    """The upstream said yes."""

    number: str | None
    """The item's, where the answer (or we) know it."""
    unpaid: Unpaid | None = None
    """What the upstream made of it and did not charge to the account."""
    announced: str = ""
    """What the answer says that will be so, e.g. the new expiry."""


@dataclass(frozen=True)
class Ending:
    """What the end of an operation touches."""

    session: AsyncSession
    service: Service
    operation: Operation
    snapshot: UpstreamSnapshot | None
    """The service's item as it was last seen."""


@dataclass(frozen=True)
class Correction:
    """What a person says instead of what was asked for."""

    service: Service
    mapping: PlanMapping | None
    """Mapping of the service's plan, as the catalogue has it now."""
    parameters: dict[str, str]
    """Parameters of the order, and `domain`; not checked yet."""
    addons: dict[str, AddonValue]


@dataclass(frozen=True)
class Difference:
    """A value that a person changes at the upstream. Empty: not known."""

    what: str
    before: str
    after: str
    field: str = ""
    """Name of the field of the item's form that shows it."""


class OperationType(ABC, Generic[A, P]):
    """Stateless. What calls the upstream raises the errors of `upstreams.errors` and no others.

    A class must bring `kind`, `prepare`, `send` and `find_out`, and, to be asked for, `request_model`,
    `route`, `product_types` and `check`.
    """

    kind: ClassVar[OperationKind]
    request_model: type[A]
    """The request model."""
    route: ClassVar[Route | None] = None
    """None: it is not asked of a service that is there."""
    parameters: type[P]
    """How its part of the operation's row is read."""

    product_types: ClassVar[frozenset[str]] = frozenset()
    """Types of the services that it is possible for (`ALL_TYPES`, `SWITCHED_TYPES`, or named)."""
    charges: ClassVar[bool] = False
    """The upstream may charge for it."""
    buys_term: ClassVar[bool] = False
    """It pays for a whole period of the service, and what the upstream quotes is what it charges."""
    refunds_difference: ClassVar[bool] = False
    """The upstream may pay back for it although the service lives on."""
    done_twice: ClassVar[str] = "it was probably done twice, which costs nothing"
    """What a second yes to the same request means."""
    goal: ClassVar[frozenset[UpstreamStatus]] = frozenset({UpstreamStatus.ACTIVE})
    """Statuses of the item that confirm it."""
    seen_in_form: ClassVar[bool] = False
    """Lists do not show well enough whether it is done: the item's form is read."""
    sets_addons: ClassVar[bool] = False
    """While it runs, a change of the item's add-ons is its own."""
    goal_proves_it: ClassVar[bool] = False
    """The item shows the goal only if the operation was done, so the poller may end it before anybody's yes. False: the
    item may show the goal anyway, and only what the upstream has accepted or a person has reported is done."""
    ends_service: ClassVar[bool] = False
    """Its goal is that the item is gone."""
    leaves_usable: ClassVar[bool] = True
    """The customer should be able to use the service afterwards."""
    event: ClassVar[EventKind] = EventKind.PARAMETERS_CHANGED
    """What is reported when the item shows that it is done, and shows no other change."""
    correctable: ClassVar[bool] = False
    """A person may correct what it asks for before it is tried again."""
    past_participle: ClassVar[str] = "changed so"
    """`suspended`, for texts such as "a domain can't be suspended"."""
    if_silent: ClassVar[str] = "ask the upstream's staff"
    """What to do about an answer *ok* that changed nothing."""
    checklist: ClassVar[tuple[str, ...]] = ("Do what the title says.", "See that it runs.")
    """The steps of the manual task, if they are always the same."""
    status_by_hand: ClassVar[ServiceStatus | None] = None
    """The service's status once a person has done it where no upstream shows it. None: as it was."""

    begins: ClassVar[bool] = False
    """The service begins with it, so the price of a first period is paid."""

    # What may be asked.

    async def check(self, session: AsyncSession, service: Service, asked: A, rules: Rules) -> CheckedRequest:
        """Check it against the service, its plan and the catalogue. Raises InvalidField or Refused."""
        raise Refused(f"service {service.id} is there already")

    def goes_before(self, running: Operation, service: Service) -> bool:
        """It is what the running operation waits for, so it does not wait for that one."""
        return False

    async def at_its_turn(self, session: AsyncSession, service: Service, operation: Operation) -> None:
        """Bring a queued operation's parameters up to what the service has when its turn comes. Raises InvalidField or
        Refused if it can't be had any more: then it ends, and what waits behind it goes on."""

    def has_values(self, asked: P) -> bool:
        """It asks for at least one value that a person may correct."""
        return self.correctable

    async def correct(self, operation: Operation, asked: P, correction: Correction) -> None:
        """Put other values in place of those asked for. Raises InvalidField or Refused."""
        raise Refused(
            f"a {self.kind.value} has nothing that can be corrected; try it again as it is, or cancel it and ask for "
            "another one"
        )

    # What must be so at the upstream.

    def outcome(self, row: Mapping[str, str], seen: Seen) -> bool | None:
        """True: the goal is reached; False: it can't be any more; None: neither yet. `row`: the operation's."""
        if seen.status is UpstreamStatus.DELETED and not self.ends_service:
            return False
        if self.is_met(self.parameters.of(row), seen):
            return True
        return False if seen.called_off else None

    def is_met(self, asked: P, seen: Seen) -> bool:
        return seen.status in self.goal and not self.missing(asked, seen)

    def goal_proves_manual_work(self, asked: P) -> bool:
        """While a person has the task, the poller may end it when the item shows the goal. False: the person's word
        ends it, once the item shows the goal. Where it is True, `handed_over` may note what was so before."""
        return self.goal_proves_it

    def missing(self, asked: P, seen: Seen) -> str:
        """What the item does not show (yet), in words; empty: its status says it all."""
        return ""

    def sets_tariff(self, asked: P) -> str | None:
        """The upstream's tariff that the item is to have."""
        return None

    # What it costs.

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        """What it will cost as the upstream says, None where it costs nothing."""
        return None

    def addons_after(self, asked: P, service: Service) -> dict[str, AddonValue]:
        """The add-ons that the service has once it is done."""
        return service.addons

    def needs_person(self, asked: P) -> str:
        """Why only a person can do it at the upstream, as far as the request shows; empty: nobody is needed."""
        return ""

    def terms(self, job: Job) -> PriceTerms:
        """What it may cost, as catalogue and caller say."""
        return plain_terms(job)

    # Sending it, once in effect.

    @abstractmethod
    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        """Look before sending: what stands in the way, what is to be sent, what is so before."""

    @abstractmethod
    async def send(self, job: Job, upstream: Upstream) -> Sent:
        """Send it, once."""

    @abstractmethod
    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        """After a lost answer: was it done?"""

    # What a person does by hand.

    async def steps(self, session: AsyncSession, service: Service, asked: P) -> list[str]:
        """The checklist of the manual task."""
        return list(self.checklist)

    async def differences(self, session: AsyncSession, service: Service, asked: P) -> list[Difference]:
        """The values that the checklist changes, one by one; of an operation without any: none."""
        return []

    def handed_over(self, row: dict[str, str], service: Service) -> dict[str, str]:
        """The operation's row when it becomes a manual task, with notes of what is so before a person does it."""
        return row

    def new_term(self, asked: P, service: Service) -> tuple[date, int] | None:
        """From which day on, and for how many months, the service runs once a person has done it. None: as it was."""
        return None

    # The end.

    async def apply(self, ending: Ending, asked: P) -> None:
        """What the upstream does not show in our words; and what follows from the operation."""

    async def compare(self, ending: Ending) -> None:
        """Report what was done and is not what was announced."""

    def asked(self, operation: Operation) -> P:
        """What the operation was asked to do, and has noted."""
        return self.parameters.of(operation.parameters)


AnyOperation = OperationType[Any, Any]
