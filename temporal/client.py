"""Connecting to Temporal."""

from temporalio.client import Client

from payloads.codec import data_converter
from settings import Settings, load_settings
from telemetry import tracing
from temporal.following import Following
from temporal.outage import sdk_runtime
from temporalconfig import TemporalMisconfigured, connect_config


async def connect_client(settings: Settings | None = None, *, lazy: bool = False, metrics: str = "") -> Client:
    """A Temporal client by the standard settings (`temporalio.envconfig`). It speaks pydantic, and encrypts if there
    is a key file.

    A lazy client connects at its first call, so a process starts while Temporal is away. `metrics`: where the SDK shows
    its own metrics. Raises KeyFileError and
    TemporalMisconfigured.
    """
    settings = settings or load_settings()
    config = connect_config()
    converter = data_converter(settings.payload_key_file)
    try:
        return await Client.connect(
            **config,
            data_converter=converter,
            runtime=sdk_runtime(metrics),
            lazy=lazy,
            interceptors=[*tracing.interceptors(), Following()],
        )
    except (ValueError, TypeError):
        raise TemporalMisconfigured("the settings TEMPORAL_… are not right: look at address, TLS and API key") from None
