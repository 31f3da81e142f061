"""Names that people and programs outside have always seen, where the code has a neutral name for the same thing.

They stand in events, in histories and in the data of webhooks, and stay.
"""

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "mark": "remoteid",
    "tariff": "pricelist",
    "tariff_id": "pricelist_id",
    "renewal": "autoprolong",
}
"""Field of an item -> its name outside."""
UPSTREAM_TARIFF = "upstream_pricelist"
"""Name of a service's `upstream_tariff` outside."""


def public(field: str) -> str:
    """The name under which a field of an item is seen outside."""
    return FIELDS.get(field, field)
