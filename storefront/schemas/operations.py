"""Operations: the parameters of lists, bodies of decisions, and answers."""

from pydantic import Field

from models.enums import OperationKind, Stage
from models.messages import Decision
from models.parameters import ADDON
from orders.days import Moment
from orders.errors import InvalidField
from orders.lifecycle.views import OperationSort
from orders.money.limits import CostLimit
from orders.references import SoughtReference
from orders.services.addons import AskedAddon
from orders.services.addons import text as addon_text
from orders.text import Lines, PlainText, Prose
from orders.views import AuditView, Document, IntentView, OperationView, Page
from storefront.schemas.common import Name, Number, Paging, Strict, Wanted


class OperationFilter(Paging):
    stage: Wanted[Stage] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    kind: Wanted[OperationKind] = None
    upstream: Wanted[Name] = Field(default=None, description="name of an upstream account")
    slow: Wanted[bool] = Field(default=None, description="whether its confirmation takes longer than usual")
    reference: Wanted[SoughtReference] = Field(default=None, description="the shop's own name of the request, exactly")
    created_after: Moment | None = Field(default=None, description="accepted at this time or later")
    created_before: Moment | None = Field(default=None, description="accepted earlier")
    ended_after: Moment | None = Field(default=None, description="ended at this time or later")
    ended_before: Moment | None = Field(default=None, description="ended earlier")
    sort: OperationSort = Field(default="-created_at", description="`-`: newest first")


class _Decision(Strict):
    reason: Prose = Field(max_length=2000, description="why; written to the audit log", examples=["topped up by hand"])


class Vouched(_Decision):
    nothing_was_bought: bool = Field(
        default=False,
        strict=True,
        description="you have looked at the upstream and vouch that the earlier request had no effect",
    )

    def by(self, actor: str) -> Decision:
        return Decision(actor=actor, reason=self.reason, nothing_was_bought=self.nothing_was_bought)


class LookAsked(Strict):
    reason: Prose | None = Field(default=None, max_length=2000, description="why; written to the audit log")

    def by(self, actor: str) -> Decision:
        return Decision(actor=actor, reason=self.reason or "looked")


class Cancellation(Strict):
    reason: Prose | None = Field(
        default=None, max_length=2000, description="why; written to the audit log. Optional for a shop"
    )
    nothing_was_bought: bool = Field(
        default=False,
        strict=True,
        description="operators only: you have looked at the upstream and vouch that the earlier request had no effect",
    )

    what_is_paid_stays: bool = Field(
        default=False,
        strict=True,
        description="operators only, once the upstream has accepted it: you know that this ends only the waiting here; "
        "what the upstream has charged and done stays so",
    )

    def by(self, actor: str, otherwise: str) -> Decision:
        """`otherwise`: the reason, if none is given."""
        return Decision(
            actor=actor,
            reason=self.reason or otherwise,
            nothing_was_bought=self.nothing_was_bought,
            what_is_paid_stays=self.what_is_paid_stays,
        )


class Correction(Vouched):
    parameters: dict[PlainText, Lines] = Field(
        default_factory=dict,
        description="the parameters to change, and `domain`",
        examples=[{"template": "debian-12"}],
    )
    addons: dict[PlainText, AskedAddon] = Field(
        default_factory=dict, description="the add-ons to change, written as in an order", examples=[{"ram": 4}]
    )

    def by(self, actor: str) -> Decision:
        if not self.parameters and not self.addons:
            raise InvalidField("parameters", "name at least one parameter or add-on to correct")
        values = ADDON.written({name: addon_text(value) for name, value in self.addons.items()})
        return super().by(actor).model_copy(update={"parameters": {**self.parameters, **values}})


class PriceAccepted(_Decision):
    price: CostLimit | None = Field(
        default=None,
        description="the `cost` that the operation shows; refused if it is another one. Left out: whatever it shows",
    )

    def by(self, actor: str) -> Decision:
        parameters = {} if self.price is None else {"price": str(self.price)}
        return Decision(actor=actor, reason=self.reason, parameters=parameters)


class DoneByHand(_Decision):
    upstream_number: PlainText = Field(
        default="",
        max_length=64,
        pattern=r"^\S*$",
        description="number of the item at the upstream; needed for an opening",
        examples=["4711"],
    )
    it_is_paid: bool = Field(
        default=False,
        strict=True,
        description="what the upstream had put into its cart is paid there; needed if `allowed_decisions` says so",
    )

    def by(self, actor: str) -> Decision:
        return Decision(
            actor=actor, reason=self.reason, upstream_number=self.upstream_number, it_is_paid=self.it_is_paid
        )


class DecisionTaken(Document):
    """A decision that was stored and carried out."""

    operation: int = Field(description="number of the operation")
    stage: Stage = Field(description="where the operation is now")
    message: str


class Operations(Page[OperationView]):
    """Operations, newest first."""


class Audit(Page[AuditView]):
    """What was done, newest first."""


class Intents(Document):
    """The calls of an operation, oldest first."""

    items: list[IntentView]
