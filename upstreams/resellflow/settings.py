"""What the catalogue says of an account at another Resellflow, and of a plan's counterpart there."""

from typing import Annotated

from pydantic import Field

from upstreams.adapter import AccountSettings, Connection, MappingSettings, SecretSource
from upstreams.port import Learned
from upstreams.values import Text, VariableName, address, same_place

EXAMPLE = "https://orders.example.com"
_Url = Annotated[str, address(like=EXAMPLE, path=False)]


class ResellflowSettings(AccountSettings):
    """Our storefront account at a selling Resellflow."""

    url: _Url = Field(description=f'the address of its API without "/v1", like "{EXAMPLE}"')
    token_env: VariableName | None = Field(
        default=None, description='the name of the environment variable with our token there, like "MAIN_TOKEN"'
    )
    token_file: Text | None = Field(default=None, description="the path of a file that holds our token there")
    storefront: Text | None = Field(
        default=None, description="the name of our token there, so that the token of another one is noticed"
    )

    @property
    def secret(self) -> SecretSource:
        return SecretSource("token", env=self.token_env, file=self.token_file)

    @property
    def customer(self) -> dict[str, str]:
        """The address and the place of the token: the token itself says who we are, and is in no catalogue."""
        where = {"token_env": self.token_env, "token_file": self.token_file}
        return {"address": same_place(self.url)} | {key: value for key, value in where.items() if value}


class ResellflowMapping(MappingSettings):
    """A plan's counterpart: a tariff plan of theirs, by its name."""

    pricelist: Text = Field(description='the name of their tariff plan, like "VDS-1"')
    datacenter: None = Field(default=None, description="left out: their plan says where it is")
    resource_fields: dict[Text, Text] = Field(
        default_factory=dict, max_length=0, description="left out: they show no resources of a service"
    )


class ResellflowLearned(Learned):
    storefront: str | None = None
    """The holder of the first token that was used. None: it is not known yet."""


ResellflowConnection = Connection[ResellflowSettings, ResellflowLearned]
