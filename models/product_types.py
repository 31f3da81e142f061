"""What a product type needs, as data: where it carries its name, which parameters an order may have.

A type not listed here can't be put into the catalogue; add a row to sell it.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ProductType:
    """`name_field`: what people call the field that holds its name. `parameters`: ours -> the upstream's field.

    The parameter `template` is special: its value is looked up in the mapping's templates.
    """

    intname: str
    name_field: str
    parameters: dict[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()

    @property
    def takes_domain(self) -> bool:
        return self.name_field == "domain"


_SERVER_PARAMETERS = {"template": "ostempl", "recipe": "recipe"}

PRODUCT_TYPES: dict[str, ProductType] = {
    kind.intname: kind
    for kind in (
        ProductType("vds", "domain", _SERVER_PARAMETERS),
        ProductType("dedic", "domain", _SERVER_PARAMETERS),
        ProductType("vhost", "domain"),
        ProductType("soft", "licname", {"ip": "ip"}, frozenset({"ip"})),
    )
}
