"""The log, and the encryption of what Temporal stores."""

from pydantic import Field, SecretStr, field_validator

from settings.part import HIGHEST_PORT, Host, Part
from telemetry.logs import LogFormat, LogLevel

SHORTEST_CODEC_TOKEN = 32


class LogSettings(Part):
    log_level: LogLevel = LogLevel.INFO
    """`debug`, `info`, `warning` or `error`: what the [log](logs.md) shows at least."""
    log_format: LogFormat = LogFormat.AUTO
    """`json`, `text`, or `auto`: text on a terminal, JSON elsewhere."""

    payload_key_file: str = ""
    """File: keys that [encrypt what Temporal stores](encryption.md). None: nothing is encrypted."""
    codec_host: Host = "127.0.0.1"
    """Address of `resell codec-server`, which decrypts for Temporal UI."""
    codec_port: int = Field(default=8082, ge=0, le=HIGHEST_PORT)
    """Port of `resell codec-server`."""
    codec_token: SecretStr | None = None
    """At least 32 characters: the bearer token that the codec server asks for; needed to listen on anything but
    loopback."""

    @field_validator("codec_token")
    @classmethod
    def _long_enough(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < SHORTEST_CODEC_TOKEN:
            raise ValueError(f"has at least {SHORTEST_CODEC_TOKEN} characters, for example of `openssl rand -hex 32`")
        return token

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _in_small_letters(cls, word: object) -> object:
        return word.strip().lower() if isinstance(word, str) else word
