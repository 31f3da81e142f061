"""What the catalogue says of an account at a BILLmanager and of a plan's counterpart there, and what is learned."""

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from models.periods import SPECIAL_PERIODS
from upstreams.adapter import AccountSettings, Connection, MappingSettings, SecretSource
from upstreams.port import Learned
from upstreams.values import Text, VariableName, address, same_place


class Dialect(IntEnum):
    """The generation that a BILLmanager speaks."""

    FIVE = 5
    SIX = 6


_Url = Annotated[str, address(like="https://billing.example.com:1500/billmgr", path=True)]


class BillmanagerSettings(AccountSettings):
    """Our customer account at a selling BILLmanager."""

    url: _Url = Field(description='the address with its path, like "https://billing.example.com:1500/billmgr"')
    dialect: Literal[5, 6] = Field(description="the BILLmanager's generation, 5 or 6")
    username: Text = Field(description="the name of our account there, as text")
    password_env: VariableName | None = Field(
        default=None, description='the name of the environment variable with the password, like "MAIN_PASSWORD"'
    )
    password_file: Text | None = Field(default=None, description="the path of a file that holds the password")

    @property
    def secret(self) -> SecretSource:
        return SecretSource("password", env=self.password_env, file=self.password_file)

    @property
    def customer(self) -> dict[str, str]:
        return {"address": same_place(self.url), "username": self.username}

    @property
    def generation(self) -> Dialect:
        return Dialect(self.dialect)


def _period(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value < 1 and value not in SPECIAL_PERIODS:
        raise ValueError(f"{value} is no period of a BILLmanager; it is months, or -100 trial, -50 day, 0 for ever")
    return value


class BillmanagerMapping(MappingSettings):
    """A plan's counterpart: a tariff, perhaps in a data centre."""

    pricelist: Text = Field(description='the number of the upstream\'s tariff as text, like "58"')
    datacenter: Text | None = Field(default=None, description='the number of the data centre as text, like "1"')
    periods: dict[int, Annotated[int, BeforeValidator(_period)]] = Field(
        description='our months = the upstream\'s period, like { "1" = 1, "12" = 12 }'
    )


class BillmanagerLearned(Learned):
    balance_call: str | None = None
    """The balance call that worked last time, tried first."""


BillmanagerConnection = Connection[BillmanagerSettings, BillmanagerLearned]
