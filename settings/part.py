"""What all parts of the settings share."""

from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from environment import Environment

HIGHEST_PORT = 65535
SHORTEST_INTERVAL = 0.01
"""Seconds between two looks. A shorter interval only burdens the upstream."""
LONGEST_SECONDS = 100 * 366 * 86400.0
LONGEST_DAYS = 100 * 366.0
"""A time that is added to a date must leave a date."""


def _an_address(host: str) -> str:
    if not host.strip():
        raise ValueError("is an address, for example 127.0.0.1; all of this machine's are 0.0.0.0")
    return host


Host = Annotated[str, AfterValidator(_an_address)]


class Part(BaseSettings):
    """Some of the settings: `Settings` is made of all parts."""

    model_config = SettingsConfigDict(
        env_prefix="RESELL_", frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls)
