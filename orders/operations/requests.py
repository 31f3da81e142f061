"""What a caller may ask of a service: a route, and one request model for API, command line and Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError

from models.enums import OperationKind
from models.money import Money
from models.parameters import Parameters
from orders.access.roles import Right
from orders.errors import InvalidField
from orders.money.limits import LIMIT_DESCRIPTION, CostLimit
from orders.money.quoted import QUOTE_DESCRIPTION, QuoteName
from orders.references import OF_THE_SHOP, Referenced
from orders.text import Prose


class OperationRequest(Referenced):
    """The body of the request. Unknown fields are refused, so that a slip of the pen is not taken for consent."""

    kind: ClassVar[OperationKind]
    NOT_BOUGHT: ClassVar[frozenset[str]] = frozenset()
    """Fields that say nothing of what is bought: they may differ from those of the quote that a request names."""

    reason: Prose | None = Field(default=None, max_length=2000, description="why; written to the audit log")

    @classmethod
    def of(cls, **values: object) -> Self:
        """Raises InvalidField for the first value that is not right."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            message = first["msg"].removeprefix("Value error, ")
            raise InvalidField(".".join(map(str, first["loc"])), message) from error

    @property
    def limit(self) -> Money | None:
        """The most that the upstream may charge for it."""
        return None

    @property
    def named_quote(self) -> str | None:
        """The quote that it is asked for by."""
        return None

    @property
    def right(self) -> tuple[Right, str] | None:
        """What the caller needs beyond the right to order, and what for, in words."""
        return None

    def identity(self) -> dict[str, object]:
        """What must be the same in two requests with one idempotency key; hashed as JSON, and compared for ever. The
        limit, the reason and what is the shop's own are added where they were given."""
        return self.model_dump(mode="json", exclude={"agreed_cost_limit", "quote", "reason", *OF_THE_SHOP})

    @property
    def because(self) -> dict[str, str]:
        """For the hash of a request. One without a reason hashes as it did before requests had one."""
        return {"reason": self.reason} if self.reason else {}


class Charged(OperationRequest):
    """Asks for something that the upstream may charge for."""

    agreed_cost_limit: CostLimit | None = Field(default=None, description=LIMIT_DESCRIPTION)
    quote: QuoteName | None = Field(default=None, description=QUOTE_DESCRIPTION)

    @property
    def limit(self) -> Money | None:
        return self.agreed_cost_limit

    @property
    def named_quote(self) -> str | None:
        return self.quote


@dataclass(frozen=True)
class Option:
    """How a field is given on the command line, as metadata of the field.

    A field without it becomes an option of its own name; a limit and add-ons have options of their own.
    """

    name: str = ""
    """`--period`; a word without dashes is an argument. Empty: the field's name."""
    help: str = ""
    """Empty: the field's description."""
    metavar: str | None = None
    means: str | None = None
    """The option takes no value and stands for this one."""


@dataclass(frozen=True)
class Route:
    """Where the operation is asked for: the address below /v1/services/{number}, and the command `resell NAME`."""

    path: str
    name: str
    """Name of the route in the OpenAPI document (`operationId`)."""
    details: str
    """What the API's document says of it; its summary is the purpose of the kind."""
    present_participle: str
    """`prolonging`, for who waits at the command line."""
    method: Literal["POST", "PATCH", "DELETE"] = "POST"
    may_lack_body: bool = False
    """A request without a body is one with an empty body."""
    help: str = ""
    """What the command's help adds to the purpose of the kind."""
    bodies: Mapping[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Examples of the body: name -> (summary, body)."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The operation's parameters in the example of the answer."""
    cost: Mapping[str, str] | None = None


@dataclass(frozen=True)
class CheckedRequest:
    """The request after the check against service, plan and catalogue: what becomes the operation."""

    parameters: Parameters
    title: str
    """Title of its task."""
    cost: Money | None = None
    urgent: bool = False
    """Goes before everything else that waits for the service."""


@dataclass(frozen=True)
class Rules:
    """What the settings say about what may be asked."""

    manual_plan_changes: Mapping[str, Sequence[str]] | None = field(default_factory=dict)
    """Product type -> resources whose change only a person can carry out. None: those that the kind of upstream
    names."""
