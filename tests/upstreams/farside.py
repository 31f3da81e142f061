"""A real Resellflow as the selling side: its API on loopback, its database on SQLite. What its worker would do is
written into the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlmodel import col, select

from models.columns import utc_now
from models.enums import ServiceStatus, Stage
from models.order import Operation, Service
from orders.lifecycle.stages import enter, locked_operation
from tests.infrastructure.databases import copy_of
from tests.storefront.api import SHOP_TOKEN, Api, client_of_nothing, stocked_api
from upstreams.port import OrderSpec
from upstreams.resellflow import ResellflowConnection, ResellflowLearned, ResellflowSettings, ResellflowUpstream

MARK = "rf-k3x9a-1042"
OPENED_UNTIL = date(2031, 5, 1)


def spec(mark: str = MARK, **changes: Any) -> OrderSpec:
    asked: dict[str, Any] = {
        "product_type": "vds",
        "tariff": "VDS-1",
        "location": None,
        "period": 1,
        "name": "v1.example.com",
        "mark": mark,
        "parameters": {"template": "debian-12"},
        "addons": {"ram": "4"},
    }
    return OrderSpec(**{**asked, **changes})


def connection(
    url: str,
    token: str = SHOP_TOKEN,
    seconds: float = 5.0,
    storefront: str | None = None,
    learned: str | None = None,
) -> ResellflowConnection:
    return ResellflowConnection(
        name="distributor",
        currency="EUR",
        settings=ResellflowSettings(url=url, token_env="DISTRIBUTOR_TOKEN", storefront=storefront),
        secret=SecretStr(token),
        learned=ResellflowLearned(storefront=learned),
        read_timeout=seconds,
        order_timeout=seconds,
    )


@dataclass
class FarSide:
    """The distributor. `upstream`: our adapter to it."""

    api: Api
    upstream: ResellflowUpstream

    async def open(self, mark: str = MARK, **changes: Any) -> str:
        """An order of ours that the distributor has carried out; the item's number."""
        accepted = await self.upstream.order(spec(mark, **changes), key=f"{mark}.1")
        assert accepted.upstream_number is not None
        await self.finish(accepted.upstream_number, status=ServiceStatus.ACTIVE, expires_on=OPENED_UNTIL)
        return accepted.upstream_number

    async def finish(self, number: str, **changes: object) -> None:
        """The distributor's worker completes what runs for the service, which then has these values."""
        async with self.api.database.write() as session:
            service = await session.get_one(Service, int(number))
            for name, value in changes.items():
                setattr(service, name, value)
            service.status_since = utc_now()
            session.add(service)
            for operation in await self._running(session, number):
                await enter(session, operation, Stage.COMPLETED)

    async def stand(self, number: str, stage: Stage, reason: str) -> None:
        """What runs for the service stands here."""
        async with self.api.database.write() as session:
            for operation in await self._running(session, number):
                await enter(session, operation, stage, reason)

    async def _running(self, session: Any, number: str) -> list[Operation]:
        found = await session.exec(
            select(Operation.id).where(
                Operation.service_id == int(number), col(Operation.stage).not_in([Stage.COMPLETED, Stage.CANCELLED])
            )
        )
        return [await locked_operation(session, one) for one in found.all()]

    async def services(self) -> int:
        async with self.api.database.read() as session:
            return len((await session.exec(select(Service))).all())

    async def operations(self, number: str) -> list[str]:
        async with self.api.database.read() as session:
            found = await session.exec(
                select(Operation.kind).where(Operation.service_id == int(number)).order_by(col(Operation.id))
            )
            return [str(kind) for kind in found.all()]


@asynccontextmanager
async def running_far_side(template: Path, directory: Path) -> AsyncIterator[FarSide]:
    """Without Temporal: orders are accepted, and nothing is carried out."""
    async with (
        stocked_api(copy_of(template, directory), await client_of_nothing()) as api,
        ResellflowUpstream(connection(api.address)) as upstream,
    ):
        yield FarSide(api, upstream)
