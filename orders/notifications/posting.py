"""Sends a message through a channel, by Apprise, which knows the services."""

import asyncio
import logging

from orders.notifications.channels import Channel
from telemetry.secrecy import without_secrets

TIMEOUT_SECONDS = 60.0
"""For one attempt, whatever the service does."""
_NO_REASON = "the service refused it, or did not answer"


async def post(channel: Channel, title: str, body: str) -> str | None:
    """None: the service has it. Otherwise why not, without secrets."""
    import apprise

    service = apprise.Apprise()
    service.add(channel.to.get_secret_value())
    try:
        capture = apprise.LogCapture(level=logging.WARNING, fmt="%(message)s")  # type: ignore[no-untyped-call]  # theirs
        with capture as said:
            sent = await asyncio.wait_for(
                service.async_notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT), TIMEOUT_SECONDS
            )
            lines = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
    except TimeoutError:
        return f"no answer within {TIMEOUT_SECONDS:.0f} s"
    if sent:
        return None
    return without_secrets(" ".join(lines)) or _NO_REASON
