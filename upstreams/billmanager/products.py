"""What differs from one product type to another: where its name goes, and how its order function is called."""

from dataclasses import dataclass

from models.enums import Dialect


@dataclass(frozen=True)
class ProductType:
    """`name_fields`: fields that carry the service's name, the one to order with first.

    `versioned`: whether dialect 6 orders it through a `v2.` function with `order_period`; licences keep the old form in
    both dialects (SVCAPI documented for servers and hosting; LICAPI documented and WHMCS-NOC, UPMIND seen in code for
    licences).
    """

    name_fields: tuple[str, ...] = ("domain",)
    versioned: bool = True


_LICENCE = ProductType(name_fields=("licname",), versioned=False)
_TABLE: dict[str, ProductType] = {
    "soft": _LICENCE,
    "softexternal": _LICENCE,
    "platform": _LICENCE,
    "addition": _LICENCE,
    "domain": ProductType(name_fields=("domain", "name")),
}
_DEFAULT = ProductType()


def product(product_type: str) -> ProductType:
    """Hosters invent product types of their own; one that is not in the table is like a virtual server."""
    return _TABLE.get(product_type, _DEFAULT)


def order_function(product_type: str, dialect: Dialect) -> str:
    prefix = "v2." if dialect is Dialect.SIX and product(product_type).versioned else ""
    return f"{prefix}{product_type}.order.param"


def period_field(product_type: str, dialect: Dialect) -> str:
    return "order_period" if dialect is Dialect.SIX and product(product_type).versioned else "period"
