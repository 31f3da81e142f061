"""The price list: the first step of an order, where data centre, period and tariff are chosen (seen in code).

Old forms have a table `tariflist` with the tariff's number in `pricelist`; new ones a table `pricelist` with it in
`id`. A tariff may be shown with `order_available` off. That a tariff which is withdrawn is left out is assumed.
"""

from upstreams.answers import OnSale
from upstreams.billmanager.periods import period_code
from upstreams.billmanager.products import period_field
from upstreams.billmanager.wire import Document

LOCATION = "datacenter"
_TABLES = ("tariflist", "pricelist")
_NUMBERS = ("pricelist", "id")
_OFF = frozenset({"off", "no", "0"})


def function(product_type: str, *, versioned: bool) -> str:
    return f"{'v2.' if versioned else ''}{product_type}.order.pricelist"


def fields(location: str | None, period: int | None, *, versioned: bool) -> dict[str, str]:
    chosen = {LOCATION: location} if location is not None else {}
    return chosen | ({period_field(versioned=versioned): period_code(period)} if period is not None else {})


def on_sale(answer: Document) -> OnSale:
    """No table of tariffs, or a row without a number: nothing is known."""
    names = set(answer.table_names("")) & {*_TABLES}
    if not names:
        return OnSale(tariffs=None)
    tariffs: set[str] = set()
    withheld: dict[str, str] = {}
    for row in (row for name in sorted(names) for row in answer.table_rows(name)):
        found = row.fields
        number = next((found[name].raw for name in _NUMBERS if name in found and found[name].raw), "")
        if not number:
            return OnSale(tariffs=None)
        available = found.get("order_available")
        if available is not None and available.raw.lower() in _OFF:
            withheld[number] = "its price list shows the tariff and says that it can't be ordered"
        else:
            tariffs.add(number)
    return OnSale(tariffs=frozenset(tariffs), withheld=withheld, locations=frozenset(answer.choices(LOCATION)))
