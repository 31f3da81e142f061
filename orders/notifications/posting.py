"""Sends a message through a channel, by Apprise, which knows the services."""

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from orders.notifications.channels import Channel
from telemetry.secrecy import without_secrets

if TYPE_CHECKING:
    import apprise

TIMEOUT_SECONDS = 60.0
"""For one attempt, whatever the service does."""
_NO_REASON = "the service refused it, or did not answer"
_MARGIN = 64
"""Characters that a service may add between title and body."""
_under_way: dict[str, threading.Thread] = {}
"""The last attempt of each address."""


async def post(channel: Channel, title: str, body: str) -> str | None:
    """None: the service has it. Otherwise why not, without secrets.

    Each attempt has a thread of its own, so that services that hang keep no other waiting. A service that hangs is not
    asked once more before it has let go of the last attempt.
    """
    address = channel.to.get_secret_value()
    last = _under_way.get(address)
    if last is not None and last.is_alive():
        return "the last attempt is still open: the service neither answers nor hangs up"
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def attempt() -> None:
        error = _send(address, title, body)
        with contextlib.suppress(RuntimeError):  # nobody waits any more, and the loop has ended
            loop.call_soon_threadsafe(_settle, answer, error)

    thread = _under_way[address] = threading.Thread(target=attempt, name=f"notify-{channel.name}", daemon=True)
    thread.start()
    try:
        return await asyncio.wait_for(answer, TIMEOUT_SECONDS)
    except TimeoutError:
        return f"no answer within {TIMEOUT_SECONDS:.0f} s"


def _settle(answer: "asyncio.Future[str | None]", error: str | None) -> None:
    if not answer.done():
        answer.set_result(error)


def _send(address: str, title: str, body: str) -> str | None:
    import apprise

    try:
        result = _service(address).notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        said = " ".join(entry.message.strip() for entry in result.logs())
    except Exception as error:  # whatever a service's code raises is this channel's reason
        return without_secrets(f"{type(error).__name__}: {error}")
    return None if result else without_secrets(said) or _NO_REASON


def _service(address: str) -> "apprise.Apprise":
    """Redirects are not followed: they would take the message, and what opens the channel, to another host. It is sent
    by the thread that asks: Apprise's own pool has so few that hanging services fill it."""
    import apprise

    asset = apprise.AppriseAsset(http_redirects=False, async_mode=False, service_timeout=0)
    service = apprise.Apprise(asset=asset)
    service.add(address)
    return service


def room(channel: Channel) -> int:
    """Characters that title and body may have together: a longer message is refused by the service."""
    return _service(channel.to.get_secret_value())[0].body_maxlen - _MARGIN


def service_of(channel: Channel) -> str:
    """`Telegram (tgram://…)`: an address without anything that might be a secret."""
    address = channel.to.get_secret_value()
    return f"{_service(address)[0].service_name} ({address.partition(':')[0]}://…)"
