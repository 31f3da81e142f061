"""All settings in one class."""

from datetime import timedelta
from typing import Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from environment import Unusable, is_utf8
from models.watch_limits import Limits
from settings.api import ApiSettings
from settings.beside import SideSettings
from settings.console import ConsoleSettings
from settings.database import DatabaseSettings
from settings.logs import LogSettings
from settings.messages import MessageSettings
from settings.part import LONGEST_DAYS, LONGEST_SECONDS
from settings.renewals import RenewalSettings
from settings.retention import RetentionSettings
from settings.tokens import TokenSettings
from settings.upstream import UpstreamSettings
from settings.work import WorkSettings
from telemetry.logs import configure
from telemetry.secrecy import keep_out


class Settings(
    RetentionSettings,
    MessageSettings,
    RenewalSettings,
    UpstreamSettings,
    LogSettings,
    ConsoleSettings,
    SideSettings,
    ApiSettings,
    TokenSettings,
    WorkSettings,
    DatabaseSettings,
):
    """The fields of the last part come first, in docs/settings.md and in messages."""

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        for name in type(self).model_fields:
            value, longest = getattr(self, name), LONGEST_DAYS if name.endswith("_days") else LONGEST_SECONDS
            if isinstance(value, float) and value > longest:
                raise ValueError(f"RESELL_{name.upper()} is longer than a hundred years")
        return self

    def watch_limits(self) -> Limits:
        """How long something may take before the watch reports it."""
        return Limits(
            settle_window=timedelta(seconds=self.settle_window),
            idle_interval=timedelta(seconds=self.idle_interval),
            sweep_interval=timedelta(seconds=self.sweep_interval),
            forecast=timedelta(hours=self.forecast_hours),
            rates=self.rates(),
            renewal=self.renewal_terms(),
        )

    def configure_logging(self) -> None:
        """From now on this process writes its log as set, without the secrets of the settings."""
        tokens = [token for _, _, token in self.callers()]
        codec = [self.codec_token.get_secret_value()] if self.codec_token else []
        codec.append(self.oidc_client_secret.get_secret_value())
        keep_out(*tokens, *codec, urlsplit(self.database_url).password or "")
        configure(self.log_level, self.log_format)

    @field_validator("*", mode="before")  # the last one is the first to run
    @classmethod
    def _text(cls, value: object) -> object:
        if isinstance(value, Unusable):
            raise ValueError(value.words)
        if isinstance(value, str) and not is_utf8(value):
            raise ValueError("is not text in UTF-8")
        return value
