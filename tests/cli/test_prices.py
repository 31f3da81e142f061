"""`resell operations show` says in words what the upstream asks and what that was compared with."""

import pytest

from cli.prices import price_in_words, price_label


def test_a_quote_is_shown_with_what_it_was_compared_with() -> None:
    price = {
        "source": "quote",
        "quoted": "40.00 EUR",
        "quoted_at": "2031-05-17T12:30:00+00:00",
        "expected": "5.00 EUR",
        "expected_from": "the catalogue",
        "tolerance": "10 %",
        "selling": "7.90 EUR",
        "agreed": "6.00 EUR",
        "accepted": "40.00 EUR",
        "accepted_by": "ann",
        "accepted_at": "2031-05-17T14:30:00.250+02:00",
    }
    assert price_in_words(price) == (
        "quoted by the upstream: 40.00 EUR at 2031-05-17 12:30:00 UTC; expected 5.00 EUR (the catalogue), "
        "10 % more is tolerated; sold for 7.90 EUR; at most 6.00 EUR agreed; accepted: 40.00 EUR by ann "
        "at 2031-05-17 12:30:00 UTC"
    )


def test_nothing_is_left_out() -> None:
    price = {
        "source": "catalogue",
        "stand_in": "5.00 EUR, the catalogue",
        "skipped": "no quote",
        "refused_for": "9.00 EUR",
    }
    assert price_in_words(price) == (
        "computed from the catalogue; used instead of a quote: 5.00 EUR, the catalogue; remark: no quote; "
        "refused for: 9.00 EUR"
    )
    assert price_in_words({}) == ""


@pytest.mark.parametrize(
    ("price", "label"),
    [
        ({}, "expected price (catalogue)"),
        ({"source": "catalogue", "stand_in": "5.00 EUR, the catalogue"}, "expected price (catalogue)"),
        ({"source": "quote", "quoted": "5.00 EUR"}, "upstream price"),
        ({"source": "cart", "quoted": "5.00 EUR", "row": "row 7"}, "upstream price"),
        ({"source": "refusal", "refused_for": "9.00 EUR"}, "upstream price"),
        ({"source": "catalogue", "item_costs": "6.00 EUR"}, "upstream price"),
    ],
)
def test_a_sum_is_the_upstreams_only_if_the_upstream_has_named_it(price: dict[str, str], label: str) -> None:
    assert price_label(price) == label
