"""Endpoints as callers of the API add, change and remove them: operators any, a storefront its own.

A storefront is trusted less: nothing private can be reached by an address that it chose, it has a few endpoints only,
and their names begin with its own, so that none of them says what others have.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import MessageType
from models.webhooks import WebhookEndpoint
from orders.access.roles import Requester
from orders.access.tokens import check_storefront
from orders.errors import InvalidField, KeyReused, Refused
from orders.text import PlainText
from orders.webhooks import endpoints, replay
from orders.webhooks.endpoints import NOUN, EndpointChange, endpoint_named
from orders.webhooks.sealing import SealedSecret, Sealer
from orders.webhooks.targets import Reach

MOST_OF_A_STOREFRONT = 10
SHOWN_AGAIN_FOR = timedelta(hours=1)
"""How long a repeated request is answered with the secret, in case its answer was lost."""
LONGEST_URL = 2000
LONGEST_OVERLAP_HOURS = 7 * 24


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookRequest(_Body):
    """An endpoint that is to be notified."""

    name: PlainText = Field(
        max_length=64,
        description="letters, digits, '.', '_' and '-'. A storefront's gets the storefront's name and ':' before it",
        examples=["hooks"],
    )
    url: PlainText = Field(max_length=LONGEST_URL, examples=["https://shop.example.com/hooks"])
    types: list[MessageType] = Field(
        default_factory=list, max_length=100, description="only messages of these types; none: all of them"
    )
    owner: PlainText | None = Field(
        default=None,
        max_length=64,
        description="for operators: only messages about the services of this storefront, as it may see them",
    )


class WebhookChange(_Body):
    """What is to be different; what is left out stays."""

    url: PlainText | None = Field(default=None, max_length=LONGEST_URL, description="what waits is sent there at once")
    types: list[MessageType] | None = Field(default=None, max_length=100, description="an empty list: all types")
    active: bool | None = Field(
        default=None,
        strict=True,
        description="false: nothing is sent, and messages are kept for it. true: what waits is sent at once",
    )


class NewSecret(_Body):
    overlap_hours: int = Field(
        default=24,
        ge=0,
        le=LONGEST_OVERLAP_HOURS,
        description="how long messages are signed with the secrets before it, too",
    )


class ReplayRequest(_Body):
    """Which messages are sent once more: one of both."""

    since: AwareDatetime | None = Field(default=None, description="all that happened at this time or later")
    given_up: Literal[True] | None = Field(default=None, description="all that were given up")

    @model_validator(mode="after")
    def _one_of_both(self) -> "ReplayRequest":
        if (self.since is None) == (self.given_up is None):
            raise ValueError("name `since` or `given_up`, one of them")
        return self


@dataclass(frozen=True)
class ApiCaller:
    """Who asks, and what the settings allow."""

    requester: Requester
    reach: Reach

    @property
    def is_shop(self) -> bool:
        return not self.requester.is_staff

    @property
    def private(self) -> bool:
        return self.reach.private(by_shop=self.is_shop)


@dataclass(frozen=True)
class Added:
    name: str
    secret: str | None
    created: bool
    """False: the same request was made before."""


async def add(
    session: AsyncSession, asked: WebhookRequest, caller: ApiCaller, *, key: str, sealer: Sealer, shops: Collection[str]
) -> Added:
    """`shops`: the storefronts of the settings. Raises InvalidField, KeyReused, or Refused for one too many."""
    requester, owner = caller.requester, asked.owner
    if caller.is_shop:
        if owner not in (None, requester.name):
            raise InvalidField("owner", "is your own name, or left out")
        owner = requester.name
    await endpoints.one_at_a_time(session)
    request_key, request_hash = f"{requester.name} {key}", hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
    known = (await session.exec(select(WebhookEndpoint).where(WebhookEndpoint.request_key == request_key))).first()
    if known is not None:
        if known.request_hash != request_hash:
            raise KeyReused(key, f"{NOUN} {known.name}", "a new webhook")
        return Added(known.name, _still_shown(known, sealer), created=False)
    if caller.is_shop:
        await _check_count(session, requester.name)
    await check_storefront(session, owner, shops)
    endpoint = WebhookEndpoint(
        name=f"{owner}:{asked.name}" if caller.is_shop else asked.name,
        url=asked.url,
        owner=owner,
        kinds=[one.value for one in asked.types],
        address_by_shop=caller.is_shop,
        request_key=request_key,
        request_hash=request_hash,
    )
    secret = await endpoints.add_with_secret(
        session, endpoint, sealer=sealer, private=caller.private, actor=requester.name
    )
    return Added(endpoint.name, secret, created=True)


def _still_shown(endpoint: WebhookEndpoint, sealer: Sealer) -> str | None:
    """The first secret, while it is the only one and new."""
    several = endpoint.sealed_secrets or []
    if len(several) != 1 or endpoint.created_at < utc_now() - SHOWN_AGAIN_FOR:
        return None
    return sealer.open(SealedSecret.model_validate(several[0]).sealed, endpoint.id)


async def _check_count(session: AsyncSession, owner: str) -> None:
    query = select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.owner == owner)
    if (await session.exec(query)).one() >= MOST_OF_A_STOREFRONT:
        raise Refused(f"{owner} has {MOST_OF_A_STOREFRONT} webhooks already; remove one first")


async def change(session: AsyncSession, name: str, asked: WebhookChange, caller: ApiCaller) -> None:
    """Raises NotFound or InvalidField."""
    endpoint = await endpoint_named(session, name, caller.requester)
    actor = caller.requester.name
    types = None if asked.types is None else [one.value for one in asked.types]
    wanted = EndpointChange(asked.url, types, by_shop=caller.is_shop)
    await endpoints.change_endpoint(session, endpoint, wanted, private=caller.private, actor=actor)
    if asked.active is False:
        await endpoints.pause(session, endpoint, actor=actor)
    elif asked.active:
        await endpoints.resume(session, endpoint, actor=actor)


async def replay_many(session: AsyncSession, name: str, asked: ReplayRequest, requester: Requester) -> int:
    """Returns how many are on their way once more. Raises NotFound or InvalidField."""
    endpoint = await endpoint_named(session, name, requester)
    if asked.since is None:
        return await replay.replay_given_up(session, endpoint, actor=requester.name)
    return await replay.replay_since(session, endpoint, asked.since, actor=requester.name)
