"""What a product type needs, as data: the name it carries, the parameters of an order, whether it can be switched.

A type not listed here can't be put into the catalogue; add a row to sell it. How an upstream wants to be asked for it
is the adapter's (`upstreams/<kind>/`).
"""

from dataclasses import dataclass, field
from enum import StrEnum, auto


class NameKind(StrEnum):
    """What the name of a service is."""

    HOST = auto()
    """A host or domain name; made up when the order brings none."""
    COMMON_NAME = auto()
    """What a certificate is for: a host name, also `*.example.com`. Nobody can make it up, and it stays."""
    DOMAIN = auto()
    """The domain that is bought. It must be given and never changes."""
    LABEL = auto()
    """A word of ours that customers never see."""

    @property
    def is_chosen(self) -> bool:
        """The customer may say it."""
        return self is not NameKind.LABEL

    @property
    def is_the_thing(self) -> bool:
        """It is what is bought: an order must bring it, and it never changes."""
        return self in (NameKind.COMMON_NAME, NameKind.DOMAIN)


class Form(StrEnum):
    """What a parameter must look like; the checks are in `orders.services.forms`."""

    TEXT = auto()
    TEMPLATE = auto()
    """One of the mapping's templates; the mapping says what it is at the upstream."""
    ADDRESS = auto()
    HOST = auto()
    EMAIL = auto()
    NUMBER = auto()
    CSR = auto()
    """A certificate signing request in PEM; the only one of several lines."""


@dataclass(frozen=True)
class Parameter:
    """What an order may say of a service. How an upstream calls it is its adapter's."""

    form: Form = Form.TEXT
    required: bool = False
    of_item: bool = False
    """It names an item at the upstream: a storefront may give those of its own services only."""
    meaning: str = ""
    """What it is, for those who order."""


@dataclass(frozen=True)
class ProductType:
    intname: str
    name: NameKind = NameKind.HOST
    parameters: dict[str, Parameter] = field(default_factory=dict)
    """Ours -> what it is."""
    can_be_switched: bool = True
    """It can be suspended, resumed and given another plan. False: what is bought is a fact elsewhere, at a registrar
    or in a certificate, and no switch of the upstream's takes it away."""
    has_password: bool = False
    has_key: bool = False
    """A licence: its key comes some time after it is open (`orders.services.keys`)."""

    @property
    def required(self) -> frozenset[str]:
        return frozenset(name for name, parameter in self.parameters.items() if parameter.required)


_SERVER = {
    "template": Parameter(Form.TEMPLATE, meaning="the system that is installed"),
    "recipe": Parameter(meaning="what is installed besides the system, as the upstream calls it"),
}
_ADDRESS = "the address of the server that the licence is for"
_BOUND_TO_ADDRESS = {"ip": Parameter(Form.ADDRESS, required=True, meaning=_ADDRESS)}
_MAYBE_BOUND_TO_ADDRESS = {"ip": Parameter(Form.ADDRESS, meaning=_ADDRESS)}
_NAME_SERVERS = {f"nameserver{number}": Parameter(Form.HOST, meaning="a name server") for number in range(1, 5)}
_CONTACTS = {
    name: Parameter(Form.NUMBER, meaning=f"the number of the {words} contact at the upstream")
    for name, words in (("owner", "owner"), ("admin", "administrative"), ("tech", "technical"), ("bill", "billing"))
}

PRODUCT_TYPES: dict[str, ProductType] = {
    one.intname: one
    for one in (
        ProductType("vds", parameters=_SERVER, has_password=True),
        ProductType("dedic", parameters=_SERVER, has_password=True),
        ProductType("vhost", has_password=True),
        ProductType("soft", NameKind.LABEL, _BOUND_TO_ADDRESS, has_key=True),
        ProductType("softexternal", NameKind.LABEL, _MAYBE_BOUND_TO_ADDRESS, has_key=True),
        ProductType("platform", NameKind.LABEL, _MAYBE_BOUND_TO_ADDRESS, has_key=True),
        ProductType(
            "addition",
            NameKind.LABEL,
            {
                "licence": Parameter(
                    Form.NUMBER,
                    required=True,
                    of_item=True,
                    meaning="the number, at the upstream, of the licence that the module is for",
                ),
                **_MAYBE_BOUND_TO_ADDRESS,
            },
            has_key=True,
        ),
        ProductType(
            "certificate",
            NameKind.COMMON_NAME,
            {
                "approver_email": Parameter(
                    Form.EMAIL, required=True, meaning="the mailbox that approves the certificate"
                ),
                "csr": Parameter(Form.CSR, meaning="the certificate signing request"),
            },
            can_be_switched=False,
        ),
        ProductType("domain", NameKind.DOMAIN, _NAME_SERVERS | _CONTACTS, can_be_switched=False),
        ProductType("colocation"),
        ProductType("storage", has_password=True),
        ProductType("dnshost", has_password=True),
    )
}
ALL_TYPES = frozenset(PRODUCT_TYPES)
SWITCHED_TYPES = frozenset(name for name, one in PRODUCT_TYPES.items() if one.can_be_switched)
