"""What the routes work with, given to them by FastAPI's dependencies."""

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request

from models.database import Database
from models.readiness import Readiness
from orders.installation import source_of
from orders.views import WorkflowLinks
from settings import Settings
from starter import Resellflow
from storefront.callers import Callers
from storefront.following import Following
from upstreams.gate import Gates


@dataclass(frozen=True)
class Context:
    resellflow: Resellflow
    settings: Settings
    callers: Callers
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server stops: streams end."""
    gates: Gates = field(default_factory=Gates)
    """Gates of the upstream accounts: what one request has learned of an account, the next one heeds."""
    _sources: list[str] = field(default_factory=list)

    async def source(self) -> str:
        """`source` of every event: this installation."""
        if not self._sources:
            self._sources.append(await source_of(self.database))
        return self._sources[0]

    @cached_property
    def following(self) -> Following:
        return Following(self.database)

    @cached_property
    def readiness(self) -> Readiness:
        return Readiness(self.database.url)

    async def close(self) -> None:
        """What is its own; the resellflow stays open."""
        await self.following.close()
        await self.callers.close()
        await self.readiness.close()

    @property
    def database(self) -> Database:
        return self.resellflow.database

    @property
    def links(self) -> WorkflowLinks:
        return WorkflowLinks(self.settings.temporal_ui_url, self.resellflow.client.namespace)


def _context(request: Request) -> Context:
    context: Context = request.app.state.context  # of create_app
    return context


InContext = Annotated[Context, Depends(_context)]
