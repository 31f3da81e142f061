"""The console, and the OpenID provider by which people log in there."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from models.enums import Role
from settings.part import Part

STAFF = tuple(role.value for role in Role if role is not Role.STOREFRONT)


def is_safe_address(url: str) -> bool:
    """By https, or http to this machine itself: nobody on the way can read or change what is sent there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and host in {"localhost", "127.0.0.1", "::1"}


class ConsoleSettings(Part):
    console_url: str = ""
    """Address of the [console](console.md) in people's browsers, `https://shop.example/console`. Needed for the OpenID
    provider."""
    oidc_issuer: str = ""
    """Issuer of [the OpenID provider](console.md#log-in-by-an-openid-provider) by which people may log in at the
    console, an https address exactly as the provider writes it. None: they log in with passwords alone."""
    oidc_client_id: str = Field(default="", max_length=255)
    """The console's id at the provider. Its redirect address there is `RESELL_CONSOLE_URL` and `/oidc/answer`."""
    oidc_client_secret: SecretStr = SecretStr("")
    """The console's secret at the provider."""
    oidc_roles: Annotated[dict[str, Role], NoDecode] = Field(default_factory=dict)
    """`GROUP=ROLE,…`: the provider's groups and the [roles](access.md) that they have here. Who is in none of them is
    not let in."""
    oidc_groups_claim: str = Field(default="groups", min_length=1)
    """The claim of the ID token that has the groups, a list or one name."""
    oidc_name_claim: str = Field(default="preferred_username", min_length=1)
    """The claim that has the name, under which the audit log shows the person."""
    oidc_department_claim: str = ""
    """The claim that has the [department](console.md#tasks-of-a-department) of the person, one name or a list whose
    first is taken. None: departments are given by `resell users department`."""
    oidc_label: str = Field(default="single sign-on", min_length=1, max_length=60)
    """What the button of the log-in page calls the provider."""

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _read_roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        roles: dict[str, str] = {}
        for entry in filter(None, (part.strip() for part in value.split(","))):
            group, separator, role = (part.strip() for part in entry.rpartition("="))
            if not (separator and group) or role not in STAFF:
                raise ValueError(f"is written GROUP=ROLE,GROUP=ROLE; a role is one of {', '.join(STAFF)}")
            roles[group] = role
        return roles

    @field_validator("console_url", "oidc_issuer")
    @classmethod
    def _on_the_way(cls, url: str) -> str:
        if url and not is_safe_address(url):
            raise ValueError("is an address that begins with https://; on this machine itself http://127.0.0.1 will do")
        return url

    @model_validator(mode="after")
    def _check_the_provider(self) -> Self:
        if self.oidc_issuer:
            names = ("console_url", "oidc_client_id", "oidc_client_secret", "oidc_roles")
            missing = [f"RESELL_{name.upper()}" for name in names if not getattr(self, name)]
            if missing:
                raise ValueError(f"RESELL_OIDC_ISSUER needs {', '.join(missing)}, too")
        return self
