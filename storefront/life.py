"""/v1/services/{number}: what can be done to a service that is there. Each request is an operation, accepted once.

One handler serves every kind; addresses and bodies are those that the classes of operations have.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from fastapi.openapi.models import Example
from starlette.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from models.enums import AtEndOfTerm
from orders.errors import InvalidField, existing
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.base import AnyOperation
from orders.operations.registry import OPERATIONS
from orders.operations.requests import OperationRequest, Route
from orders.renewals.stopping import RenewalChange, change_renewal
from orders.views import ServiceView, find_operation, find_service
from storefront import examples
from storefront.auth import Orderer, check
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    INVALID_KEY,
    KEY_REUSED,
    NOT_FOUND,
    REFUSED,
    documented,
)
from storefront.schemas.services import OrderAccepted
from storefront.services import DryRun, IdempotencyKey, showing

router = APIRouter(prefix="/v1/services/{number}", tags=["services"])


def _possible(number: Annotated[int, Path(description="number of the service", examples=[1042])]) -> int:
    return existing("service", number)


ServiceNumber = Annotated[int, Depends(_possible)]

_When = Literal["now", "end_of_term"]
_LOCATION: dict[str, Any] = {"Location": {"description": "the operation", "schema": {"type": "string"}}}


def _answers(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {
        HTTP_201_CREATED: {
            "description": "The operation is accepted and cannot be lost any more. `queued`: another one of the same "
            "service runs; it starts automatically.",
            "headers": _LOCATION,
            "content": {"application/json": {"example": example}},
        },
        HTTP_200_OK: {
            "model": OrderAccepted,
            "description": "This key and body made an operation before: this one, as it is now. Or it was a dry run.",
            "headers": _LOCATION,
        },
        **documented(INVALID_KEY, INVALID_FIELD, INVALID_BODY, KEY_REUSED, FORBIDDEN, NOT_FOUND, REFUSED),
    }


async def _answer(context: Context, caller: Caller, accepted: AcceptedOrder, response: Response) -> OrderAccepted:
    async with context.database.read() as session:
        service = await find_service(session, accepted.service, caller.requester)
        operation = await find_operation(session, context.links, accepted.operation, caller.requester)
    response.status_code = HTTP_201_CREATED if accepted.created else HTTP_200_OK
    response.headers["Location"] = f"/v1/operations/{accepted.operation}"
    return OrderAccepted(service=service, operation=operation)


def _body(model: type[OperationRequest], route: Route) -> Callable[..., OperationRequest]:
    """The dependency that reads the body of a request; FastAPI takes its model from the annotation."""
    examples_of_body: dict[str, Example] = {
        name: {"summary": summary, "value": body} for name, (summary, body) in route.bodies.items()
    }
    body = Body(openapi_examples=examples_of_body)

    # FastAPI reads the model from the annotation when the route is made; a type checker knows no class that is a value.
    def optional(wanted: Annotated[model | None, body] = None) -> OperationRequest:  # type: ignore[valid-type]
        return wanted or model()

    def required(wanted: Annotated[model, body]) -> OperationRequest:  # type: ignore[valid-type]
        return wanted

    return optional if route.may_lack_body else required


async def ask_for(
    number: int,
    key: str,
    caller: Caller,
    context: Context,
    response: Response,
    asked: OperationRequest,
    dry_run: bool = False,
) -> OrderAccepted:
    """What the address of every operation does. Raises NotFound, InvalidField, Refused, KeyReused or Forbidden."""
    if asked.right is not None:
        right, what = asked.right
        check(caller, right, what)
    if dry_run:
        response.status_code = HTTP_200_OK
        return await context.resellflow.try_asking(
            number, asked, showing(context, caller), key=key, client=caller.name, requester=caller.requester
        )
    accepted = await context.resellflow.ask(number, asked, key=key, client=caller.name, requester=caller.requester)
    return await _answer(context, caller, accepted, response)


def _route(operation: AnyOperation, route: Route) -> None:
    """Put the operation's address into the router; its body is the request model of its class."""
    read_body = Depends(_body(operation.request_model, route))

    async def ask(
        number: ServiceNumber,
        key: IdempotencyKey,
        caller: Orderer,
        context: InContext,
        response: Response,
        asked: OperationRequest = read_body,
        dry_run: DryRun = False,
    ) -> OrderAccepted:
        return await ask_for(number, key, caller, context, response, asked, dry_run)

    async def close(
        number: ServiceNumber,
        key: IdempotencyKey,
        caller: Orderer,
        context: InContext,
        response: Response,
        at: Annotated[
            _When, Query(description="`end_of_term`: nothing is done now; it is closed when its term ends")
        ] = "now",
        asked: OperationRequest = read_body,
        dry_run: DryRun = False,
    ) -> OrderAccepted | Response:
        if at == "now":
            return await ask(number, key, caller, context, response, asked, dry_run)
        if dry_run:
            raise InvalidField("dry_run", "is for what is done now; leave out at=end_of_term, or dry_run")
        for name in asked.of_the_shop:
            raise InvalidField(
                name, "is written on an operation, and none is made now; leave it out, or PATCH …/reference"
            )
        change = RenewalChange(at_end_of_term=AtEndOfTerm.CLOSE, reason=asked.reason)
        await change_renewal(context.database, number, change, actor=caller.name, requester=caller.requester)
        async with context.database.read() as session:
            view = await find_service(session, number, caller.requester)
        return Response(view.model_dump_json(), HTTP_202_ACCEPTED, media_type="application/json")

    answers = _answers(examples.accepted(route, operation.kind))
    if operation.ends_service:
        words = "With `at=end_of_term`: the service, which is closed when its term ends, unless that is taken back."
        answers |= {HTTP_202_ACCEPTED: {"model": ServiceView, "description": words}}
    router.add_api_route(
        route.path,
        close if operation.ends_service else ask,
        methods=[route.method],
        name=route.name,
        status_code=HTTP_201_CREATED,
        summary=operation.kind.purpose,
        description=route.details,
        response_model=OrderAccepted,
        responses=answers,
    )


for _operation in OPERATIONS.values():
    if _operation.route is not None:
        _route(_operation, _operation.route)
