"""`resell operations show` says in words what the upstream asks and what that was compared with."""

from cli.prices import price_in_words


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
    }
    assert price_in_words(price) == (
        "quoted by the upstream: 40.00 EUR at 2031-05-17T12:30:00+00:00; expected 5.00 EUR (the catalogue), "
        "10 % more is tolerated; sold for 7.90 EUR; at most 6.00 EUR agreed; accepted: 40.00 EUR by ann"
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
