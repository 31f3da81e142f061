"""/v1/upstreams/{name}/hints: an upstream says that an item has changed. Signed by it; it has no token."""

import logging
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Request
from sqlmodel import select

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from orders.events import hints
from orders.events.hints import NotSigned, TooManyHints
from orders.views import Document
from storefront.context import Context, InContext
from storefront.problems import (
    DATABASE_UNAVAILABLE,
    INVALID_BODY,
    NOT_FOUND,
    TOO_LARGE,
    TOO_MANY_HINTS,
    UNAUTHENTICATED,
    ProblemResponse,
    answer,
    documented,
)
from storefront.upstreams import UpstreamName
from upstreams.hints import Hint
from upstreams.kinds import UnknownKind, adapter_of
from upstreams.secrets import SecretMissing, read_secret

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 60

router = APIRouter(prefix="/v1/upstreams", tags=["upstreams"])


class HintTaken(Document):
    """The items will be read as soon as the upstream is being watched."""

    numbers: list[str]


_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": Hint.model_json_schema()}}}}


@router.post(
    "/{name}/hints",
    status_code=HTTPStatus.ACCEPTED,
    response_model=HintTaken,
    summary="Say that items have changed at the upstream",
    responses=documented(UNAUTHENTICATED, NOT_FOUND, TOO_LARGE, INVALID_BODY, TOO_MANY_HINTS, DATABASE_UNAVAILABLE),
    openapi_extra=_BODY,
)
async def take_hint(
    name: UpstreamName,
    request: Request,
    context: InContext,
    identity: Annotated[str, Header(alias="webhook-id", description="made up by the sender")] = "",
    timestamp: Annotated[str, Header(alias="webhook-timestamp", description="seconds since 1970")] = "",
    signature: Annotated[
        str, Header(alias="webhook-signature", description="`v1,` and the base64 of HMAC-SHA256 over id.timestamp.body")
    ] = "",
) -> HintTaken | ProblemResponse:
    """It needs no token: it is signed with the secret of the upstream account (Standard Webhooks). Only the numbers are
    believed, and these items are read."""
    try:
        hints.check_stamp(identity, timestamp, signature, utc_now())
        body = await request.body()
        account_id, upstream_kind = await _signed_for(context, name, identity, timestamp, signature, body)
    except NotSigned as error:
        log.warning("a hint for upstream %r is refused: %s", name, error)
        return answer(UNAUTHENTICATED, f"The hint is refused: {error}.")
    try:
        hint = adapter_of(upstream_kind).read_hint(body)
    except (ValueError, UnknownKind):
        return answer(INVALID_BODY, 'The body is not a hint; it looks like {"numbers": ["900001"]}.', field="body")
    if hint is None:
        return HintTaken(numbers=[])
    try:
        await hints.write_down(context.database, account_id, hint)
    except TooManyHints as error:
        log.warning("upstream %s: %s", name, error)
        return answer(TOO_MANY_HINTS, f"{error}.", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return HintTaken(numbers=list(hint.numbers))


async def _signed_for(
    context: Context, name: str, identity: str, timestamp: str, signature: str, body: bytes
) -> tuple[int, str]:
    """Number and kind of the account whose secret it is signed with.

    Raises NotSigned, which shows a stranger nothing of our accounts.
    """
    async with context.database.read() as session:
        account = (await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == name))).one_or_none()
    if account is None or not (account.hint_secret_env or account.hint_secret_file):
        log.warning("a hint came for %r, which has no hint secret", name)
        raise NotSigned("no signature fits a secret of this upstream")
    try:
        secrets = read_secret("its hint secret", env=account.hint_secret_env, file=account.hint_secret_file)
        hints.check_signature(secrets, identity, timestamp, signature, body)
    except (SecretMissing, ValueError) as error:
        log.error("upstream %s accepts no hints: %s", name, error)
        raise NotSigned("no signature fits a secret of this upstream") from None
    return account.id, account.kind
