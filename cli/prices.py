"""The price check of an operation, in words: what the upstream asks, and what that was compared with."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from cli.printing import shown

_SOURCES = {
    "quote": "quoted by the upstream",
    "catalogue": "computed from the catalogue",
    "refusal": "named by the upstream when it refused",
    "cart": "shown in the upstream's cart",
    "none": "no price is known",
}


UPSTREAM_PRICE = "upstream price"
EXPECTED_PRICE = "expected price (catalogue)"


def price_label(price: Mapping[str, str]) -> str:
    """What the sum of an operation is. `price`: its price check; without one, nobody has asked the upstream yet."""
    named = "quoted" in price or "item_costs" in price or price.get("source") == "refusal"
    return UPSTREAM_PRICE if named else EXPECTED_PRICE


def price_in_words(price: Mapping[str, str]) -> str:
    """The entries of `price` as one sentence; empty if there is none. docs/prices.md explains each entry."""
    known = dict(price)
    return "; ".join(_parts(known) if known else ())


def _parts(price: dict[str, str]) -> Iterator[str]:
    def take(name: str, words: str) -> Iterator[str]:
        if value := price.pop(name, ""):
            yield words.format(value)

    source, quoted, at = price.pop("source", ""), price.pop("quoted", ""), _at(price.pop("quoted_at", ""))
    if source or quoted:
        yield _SOURCES.get(source, source or "quoted") + f": {quoted}" * bool(quoted) + at
    yield from take("row", "it is the price of {}")
    yield from take("stand_in", "used instead of a quote: {}")
    origin, tolerance = price.pop("expected_from", ""), price.pop("tolerance", "")
    within = f" ({origin})" * bool(origin) + f", {tolerance} more is tolerated" * bool(tolerance)
    yield from take("expected", f"expected {{}}{within}")
    yield from take("selling", "sold for {}")
    yield from take("agreed", "at most {} agreed")
    yield from take("rate", "exchange rate {}")
    yield from take("skipped", "remark: {}")
    by, at = price.pop("accepted_by", ""), _at(price.pop("accepted_at", ""))
    yield from take("accepted", "accepted: {}" + f" by {by}" * bool(by) + at)
    yield from (f"{name.replace('_', ' ')}: {value}" for name, value in price.items() if value)


def _at(moment: str) -> str:
    return f" at {shown(datetime.fromisoformat(moment))} UTC" if moment else ""
