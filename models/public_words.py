"""Names that people and programs outside have always seen, where the code has a neutral name for the same thing.

They stand in events, in histories, in the data of webhooks and in the calls of an operation, and stay.
"""

from collections.abc import Mapping
from typing import TypeVar

FIELDS: Mapping[str, str] = {
    "mark": "remoteid",
    "tariff": "pricelist",
    "tariff_id": "pricelist_id",
    "renewal": "autoprolong",
}
"""Field of an item -> its name outside."""
REQUEST: Mapping[str, str] = {
    **FIELDS,
    "location": "datacenter",
    "item": "elid",
    "rows": "elid",
    "order": "billorder",
    "password": "passwd",
}
"""What an intent notes of its request -> its name in the documents of the API."""
_NEW_KEY = {"licence_key": ("clicked_button", "newkey")}
"""A note whose value is called otherwise outside, too."""
UPSTREAM_TARIFF = "upstream_pricelist"
"""Name of a service's `upstream_tariff` outside."""


def public(field: str) -> str:
    """The name under which a field of an item is seen outside."""
    return FIELDS.get(field, field)


T = TypeVar("T")


def public_request(request: Mapping[str, T]) -> dict[str, T | str]:
    """What an intent notes, under the names that the API has always used; notes of earlier versions have them."""
    shown: dict[str, T | str] = {}
    for field, value in request.items():
        name, word = _NEW_KEY.get(field, (REQUEST.get(field, field), value))
        shown[name] = word
    return shown
