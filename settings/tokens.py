"""The tokens that stand in the environment."""

import re
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from models.enums import Role
from settings.part import Part

TOKENS_OF_A_NAME = 2
"""Tokens of a name that are valid at a time: the new one and the one that it replaces."""
LIKE_A_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z+/_-]{32,}={0,2}")
"""At least 32 letters and digits: a generated token, not a name that a person chose."""
PLACEHOLDERS = frozenset({"replace-me", "replace_me", "replaceme", "change-me", "change_me", "changeme", "password"})
"""The placeholder for a secret in examples. Everybody knows it, so it is refused."""


def _several(value: object) -> object:
    return [value] if isinstance(value, str | SecretStr) else value


Tokens = Annotated[tuple[SecretStr, ...], BeforeValidator(_several)]


class TokenSettings(Part):
    storefront_tokens: Annotated[dict[str, Tokens], NoDecode] = Field(default_factory=dict)
    """`NAME=TOKEN,…`: tokens of [role](access.md) `storefront`: they place orders, and see and change what is theirs
    ([tenancy.md](tenancy.md)). A name may have two tokens. `resell tokens` makes more tokens, also for other roles."""
    operator_tokens: Annotated[dict[str, Tokens], NoDecode] = Field(default_factory=dict)
    """`NAME=TOKEN,…`: tokens of role `admin`: they may do everything."""

    @field_validator("storefront_tokens", "operator_tokens", mode="before")
    @classmethod
    def _read_tokens(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        tokens: dict[str, list[str]] = {}
        for entry in filter(None, (part.strip() for part in value.split(","))):
            name, separator, token = entry.partition("=")
            if not separator or not 0 < len(name.strip()) <= 64 or len(token.strip()) < 8:
                raise ValueError(
                    "tokens are written NAME=TOKEN,NAME=TOKEN; a name has at most 64 characters, a token at least 8"
                )
            tokens.setdefault(name.strip(), []).append(token.strip())
        return tokens

    @model_validator(mode="after")
    def _check_that_tokens_are_distinct(self) -> Self:
        """Raises ValueError. The message contains neither token nor name, because somebody may write TOKEN=NAME."""
        of = {"RESELL_STOREFRONT_TOKENS": self.storefront_tokens, "RESELL_OPERATOR_TOKENS": self.operator_tokens}
        for place, name in enumerate(self.storefront_tokens, start=1):
            if name in self.operator_tokens:
                raise ValueError(
                    f"name {place} of RESELL_STOREFRONT_TOKENS is in RESELL_OPERATOR_TOKENS, too: a shop and an "
                    "operator need names of their own"
                )
        holders: dict[str, str] = {}
        for setting, tokens in of.items():
            for place, (name, several) in enumerate(tokens.items(), start=1):
                holder = f"name {place} of {setting}"
                if LIKE_A_TOKEN.fullmatch(name):
                    raise ValueError(f"{holder} looks like a token; they are written NAME=TOKEN,NAME=TOKEN")
                if len(several) > TOKENS_OF_A_NAME:
                    raise ValueError(
                        f"{holder} has more than two tokens: the new one and the one that it replaces are enough"
                    )
                for secret in several:
                    token = secret.get_secret_value()
                    if token.lower() in PLACEHOLDERS:
                        raise ValueError(
                            f"the token of {holder} is the placeholder of the example: make one, for example with "
                            "`openssl rand -hex 32`"
                        )
                    if token in holders:
                        raise ValueError(
                            f"{holders[token]} and {holder} have the same token: nobody could tell them apart"
                        )
                    holders[token] = holder
        return self

    def roles_by_name(self) -> dict[str, list[Role]]:
        """The roles of the tokens in the settings."""
        roles: dict[str, list[Role]] = {}
        for name, role, _ in self.callers():
            roles.setdefault(name, []).append(role)
        return roles

    def callers(self) -> Iterator[tuple[str, Role, str]]:
        """Name, role and token of all tokens in the settings."""
        for role, tokens in ((Role.STOREFRONT, self.storefront_tokens), (Role.ADMIN, self.operator_tokens)):
            for name, several in tokens.items():
                for secret in several:
                    yield name, role, secret.get_secret_value()
