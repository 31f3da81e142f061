"""Where Temporal is, by its own standard variables (`temporalio.envconfig`); what is wrong with them, in a sentence."""

import os
from urllib.parse import urlsplit

from temporalio.envconfig import ClientConfig, ClientConnectConfig

from environment import is_utf8


class TemporalMisconfigured(Exception):
    """Which variable is wrong, and how it is written. Never its value."""


def temporal_settings() -> ClientConnectConfig:
    """The variables as they are written, with or without an address. Raises TemporalMisconfigured."""
    try:
        return ClientConfig.load_client_connect_config(override_env_vars=_environment())
    except (RuntimeError, ValueError, TypeError, OSError):  # their words may hold what is written in the file
        raise TemporalMisconfigured(
            "the settings TEMPORAL_…, or the file that TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE name, can't be read"
        ) from None


def connect_config() -> ClientConnectConfig:
    """What leads to a Temporal server. Raises TemporalMisconfigured."""
    config = temporal_settings()
    address = config.get("target_host")
    if not address:
        raise TemporalMisconfigured("TEMPORAL_ADDRESS is not set: HOST:PORT of Temporal, for example 127.0.0.1:7233")
    if not _is_address(address):
        raise TemporalMisconfigured("TEMPORAL_ADDRESS is not HOST:PORT, for example 127.0.0.1:7233")
    return config


def _environment() -> dict[str, str]:
    """The SDK reads all of the environment, and panics at one variable, whosever it is, that is not UTF-8."""
    return {name: value for name, value in os.environ.items() if name.startswith("TEMPORAL_") or is_utf8(name + value)}


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        return bool(parts.hostname and parts.port) and not parts.path.strip("/") and parts.username is None
    except ValueError:
        return False
