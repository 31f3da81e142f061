"""A client of the storefront API of Resellflow: `Client`, and `AsyncClient` for asyncio.

`models` has what is sent and read. Webhooks are verified with `webhooks.verified`.
"""

from resellflow_client import models, webhooks
from resellflow_client._async.client import AsyncClient
from resellflow_client._sync.client import Client
from resellflow_client._version import __version__
from resellflow_client.calls import Answer, Call, Retries
from resellflow_client.errors import (
    ConnectionFailed,
    FieldError,
    ProblemError,
    ResellflowError,
    UnexpectedAnswer,
    WaitedTooLong,
    WebhookRejected,
)

__all__ = [
    "Answer",
    "AsyncClient",
    "Call",
    "Client",
    "ConnectionFailed",
    "FieldError",
    "ProblemError",
    "ResellflowError",
    "Retries",
    "UnexpectedAnswer",
    "WaitedTooLong",
    "WebhookRejected",
    "__version__",
    "models",
    "webhooks",
]
