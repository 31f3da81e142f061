"""What differs from one product type to another, as data: its name's field, its order function, what comes later."""

import re
from dataclasses import dataclass, replace

from models.enums import UpstreamStatus
from upstreams.billmanager.settings import Dialect
from upstreams.errors import SetupFault

_SECRET = re.compile(r"passw|secret|token|keys?$|keydata|auth_?code|epp_?code|^auth(info)?$", re.IGNORECASE)


@dataclass(frozen=True)
class ProductType:
    """One product type."""

    name_fields: tuple[str, ...] = ("domain",)
    """Fields that carry the service's name, the one to order with first."""
    versioned: bool = True
    """Whether dialect 6 orders it through a `v2.` function with `order_period` (SVCAPI, documented for servers and
    hosting). Licences keep the old form in both dialects (LICAPI documented; WHMCS-NOC, UPMIND seen in code), so do
    certificates and domains (SVCAPI, NEWORDER)."""
    order_button: str = "finish"
    """`clicked_button` that ends the order."""
    order_fields: tuple[tuple[str, str], ...] = ()
    """Parameter of an order -> its field, where that is called otherwise."""
    order_extras: tuple[tuple[str, str], ...] = ()
    """Fields that every order of this type carries besides those of all types; a parameter of that name wins."""
    key_field: str = ""
    """Field of the form in which a key arrives, some time after the order (WHMCS-NOC, UPMIND, seen in code)."""
    own_status: str = ""
    """Column with a status of this type alone. It counts where none of those of all types is shown."""
    own_statuses: tuple[tuple[str, UpstreamStatus], ...] = ()
    """What its values mean."""

    def order_field(self, parameter: str) -> str:
        """The field that a parameter of an order goes into."""
        return dict(self.order_fields).get(parameter, parameter)


_SERVER = ProductType(order_fields=(("template", "ostempl"),))
_LICENCE = ProductType(name_fields=("licname",), versioned=False, key_field="lickey")
TABLE: dict[str, ProductType] = {
    "vds": _SERVER,
    "vhost": ProductType(),
    "dedic": _SERVER,
    "soft": _LICENCE,
    "softexternal": _LICENCE,
    "platform": _LICENCE,
    "addition": replace(_LICENCE, order_fields=(("licence", "item"),)),
    # The name is the common name. `domain` for it is assumed; so are the other columns it may be shown in.
    "certificate": ProductType(
        name_fields=("domain", "common_name", "commonname", "name"),
        versioned=False,
        order_button="quickbasket",
        # Requested, enrolled, issued; a failed one (6) needs a person (GSIGN, seen in code).
        own_status="service_status",
        own_statuses=(
            ("3", UpstreamStatus.PROCESSING),
            ("4", UpstreamStatus.PROCESSING),
            ("5", UpstreamStatus.ACTIVE),
            ("6", UpstreamStatus.PROCESSING),
        ),
    ),
    # One domain per order: as the version-4 dialect has it (RUTLD, seen in code); that later ones heed it is assumed.
    "domain": ProductType(
        name_fields=("domain", "name"),
        versioned=False,
        order_button="quickbasket",
        order_fields=tuple((f"nameserver{number + 1}", f"ns{number}") for number in range(4)),
        order_extras=(("operation", "register"), ("countdomain", "1")),
        # As lists of the version-4 dialect have it (RUTLD, ARDIS, seen in code): gone, delegated, not delegated.
        own_status="domainstatus",
        own_statuses=(
            ("0", UpstreamStatus.DELETED),
            ("2", UpstreamStatus.ACTIVE),
            ("3", UpstreamStatus.ACTIVE),
        ),
    ),
    # How these are ordered is not known: assumed to be as hosting is.
    "colocation": ProductType(),
    "storage": ProductType(),
    "dnshost": ProductType(),
}
_DEFAULT = ProductType()


def product(product_type: str) -> ProductType:
    """How an item is read. Hosters invent product types of their own; theirs are read like a virtual server."""
    return TABLE.get(product_type, _DEFAULT)


def ordered(product_type: str, account: str) -> ProductType:
    """How a service is ordered. Raises SetupFault for a type without a row: how it is asked for would be a guess."""
    if product_type not in TABLE:
        raise SetupFault(
            f"Upstream {account}: not sent, how a {product_type[:40]} is ordered is not known; its product type has no "
            "row in upstreams/billmanager/products.py."
        )
    return TABLE[product_type]


def is_versioned(product_type: str, dialect: Dialect) -> bool:
    """It is ordered by a form of version 6, with `order_period` and a flag for `autoprolong`."""
    return dialect is Dialect.SIX and product(product_type).versioned


def order_function(product_type: str, *, versioned: bool) -> str:
    """The function of the order, as a form of version 6 or as an old one."""
    return f"{'v2.' if versioned else ''}{product_type}.order.param"


def period_field(*, versioned: bool) -> str:
    return "order_period" if versioned else "period"


def is_secret(name: str) -> bool:
    """A field whose value must not be kept or shown: passwords, keys, transfer codes."""
    return _SECRET.search(name) is not None
