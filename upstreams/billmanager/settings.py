"""What the catalogue says of an account at a BILLmanager and of a plan's counterpart there, and what is learned."""

from typing import Annotated, Literal

from pydantic import Field

from models.enums import Dialect
from upstreams.adapter import AccountSettings, Connection, Learned, MappingSettings, SecretSource
from upstreams.values import Text, VariableName, address, same_place

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


class BillmanagerMapping(MappingSettings):
    """A plan's counterpart: a tariff, perhaps in a data centre."""

    pricelist: Text = Field(description='the number of the upstream\'s tariff as text, like "58"')
    datacenter: Text | None = Field(default=None, description='the number of the data centre as text, like "1"')


class BillmanagerLearned(Learned):
    balance_call: str | None = None
    """The balance call that worked last time, tried first."""


BillmanagerConnection = Connection[BillmanagerSettings, BillmanagerLearned]
