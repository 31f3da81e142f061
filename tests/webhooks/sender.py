"""What the tests of webhooks share: endpoints, messages, and the sender at work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.webhooks import WebhookActivities
from models.database import Database
from models.enums import MessageType
from models.messages import SendInput, SendLap
from models.webhooks import WebhookEndpoint
from orders.views import DeliveryDetail, DeliveryView, PageRequest, find_delivery, list_deliveries
from orders.webhooks import endpoints, outbox
from settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMDEyMzQ1"
SECRET_VARIABLE = "TEST_WEBHOOK_SECRET"
QUICK = {"webhook_private": True, "webhook_retry_delays": [0.05, 0.05, 0.05], "webhook_timeout": 1.0}


async def add_endpoint(
    database: Database, url: str, name: str = "shop", kinds: list[str] | None = None, secret_file: str | None = None
) -> None:
    async with database.write() as session:
        endpoint = WebhookEndpoint(
            name=name,
            url=url,
            kinds=kinds or [],
            secret_env=None if secret_file else SECRET_VARIABLE,
            secret_file=secret_file,
        )
        await endpoints.add_endpoint(session, endpoint, private=True, actor="tester")


async def tell(database: Database, *tasks: int, service: int | None = None, at: datetime | None = None) -> list[str]:
    """Messages as an overdue task writes them; their ids."""
    async with database.write() as session:
        told = []
        for task in tasks:
            news = outbox.TaskNews(service=7, operation=7, task=task, department="support", due_at=None)
            told.append(outbox.message(MessageType.TASK_OVERDUE, news, service=service))
        for one in told:
            one.at = at or one.at
        session.add_all(told)
    return [one.message_id for one in told]


async def deliveries(database: Database) -> list[DeliveryView]:
    """Oldest first."""
    async with database.read() as session:
        return (await list_deliveries(session, PageRequest(200))).items[::-1]


async def delivery(database: Database, number: int) -> DeliveryDetail:
    async with database.read() as session:
        return await find_delivery(session, number)


@asynccontextmanager
async def sending(database: Database, **settings: object) -> AsyncIterator[ActivityEnvironment]:
    """The sender's activity, without Temporal, until the block is left."""
    environment = ActivityEnvironment()
    chosen = Settings.model_validate(QUICK | settings)
    activity = WebhookActivities(database, chosen)
    running: asyncio.Task[SendLap] = asyncio.ensure_future(
        environment.run(activity.send_webhooks, SendInput(lap=timedelta(minutes=1)))
    )
    try:
        yield environment
    finally:
        environment.worker_shutdown()
        await running
