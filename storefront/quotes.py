"""/v1/quotes: what a request would cost, when the service would end, and what stands in the way."""

from typing import Annotated, Any, Literal, Union

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.status import HTTP_200_OK

from models.enums import OperationKind
from orders.lifecycle.intake import ServiceRequest
from orders.operations.registry import OPERATIONS
from orders.operations.requests import OperationRequest
from orders.quotes.views import QuoteRules, QuoteView, quote_change, quote_order
from storefront import examples
from storefront.auth import Orderer
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, documented
from storefront.schemas.common import Number
from upstreams.connections import Connections

router = APIRouter(prefix="/v1/quotes", tags=["plans"])


class _AnyQuote(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str


def _model(kind: OperationKind, request: type[BaseModel], **own: Any) -> type[_AnyQuote]:
    """The request's body with its kind. A quote of a quote there is none."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in request.model_fields.items() if name != "quote"
    }
    name = f"{''.join(word.title() for word in kind.value.split('_'))}Quote"
    described = Field(description=kind.purpose)
    fields |= own | {"kind": (Literal[kind.value], described)}
    return create_model(name, __base__=_AnyQuote, **fields)


_SERVICE = (Number, Field(description="number of the service"))
_REQUESTS: dict[str, type[OperationRequest]] = {
    kind.value: operation.request_model
    for kind, operation in OPERATIONS.items()
    if operation.charges and operation.route is not None
}
_MODELS = [
    _model(OperationKind.OPEN, ServiceRequest),
    *(_model(OperationKind(kind), model, service=_SERVICE) for kind, model in _REQUESTS.items()),
]
_Quote: Any = Union[tuple(_MODELS)]  # noqa: UP007  # a type that is made above is no type to a checker
QuoteRequest = Annotated[_Quote, Field(discriminator="kind")]


@router.post(
    "",
    status_code=HTTP_200_OK,
    summary="See what a request would cost",
    responses=documented(INVALID_FIELD, INVALID_BODY, FORBIDDEN, NOT_FOUND),
)
async def quote_request(
    wanted: Annotated[QuoteRequest, Body(openapi_examples=examples.QUOTES)],
    caller: Orderer,
    context: InContext,
) -> QuoteView:
    """Nothing is ordered and nothing is reserved. The upstream is asked for its price, for five seconds at most. What
    would make the order refused is in `problems`, each with its field. An order that names the quote (`quote`) costs no
    more at the upstream than was quoted."""
    asked: _AnyQuote = wanted
    body = asked.model_dump(exclude_unset=True, exclude={"kind", "service"})
    service: int | None = getattr(asked, "service", None)
    if service is None:
        return await quote(ServiceRequest.model_validate(body), None, caller, context)
    return await quote(_REQUESTS[asked.kind].of(**body), service, caller, context)


async def quote(
    asked: ServiceRequest | OperationRequest, service: int | None, caller: Caller, context: Context
) -> QuoteView:
    """`service`: None for an order. Raises NotFound for a service that the caller may not see."""
    rules = QuoteRules.of(context.settings)
    async with Connections.of(context.settings, gates=context.gates) as connections:
        if isinstance(asked, ServiceRequest):
            return await quote_order(context.database, connections, rules, asked, caller.requester)
        return await quote_change(context.database, connections, rules, service or 0, asked, caller.requester)
