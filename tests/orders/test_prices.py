"""The price of an operation: what is sent automatically, what a person has to see. Nothing dearer than shown is sent.

Pure: no database, no upstream.
"""

import itertools
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from models.columns import utc_now
from models.enums import AbovePrice, FailureClass, OperationKind, Stage, Unquoted
from models.money import Money
from models.order import Operation
from models.rates import ExchangeRate, Rates
from orders.money import prices
from orders.money.addonprices import UnitPrice, addon_price, addons_total
from orders.money.prices import PriceJudgement, PriceTerms, Sum, judge
from upstreams.answers import Quote

TODAY = date(2026, 11, 26)
EURO_IN_ROUBLES = ExchangeRate.model_validate({"from": "EUR", "to": "RUB", "rate": "100.50", "date": "2026-11-01"})


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


def quoted(amount: str) -> Quote:
    return Quote(price=eur(amount))


NO_QUOTE = Quote(price=None)
GARBLED = Quote(price=None, unreadable="total_summary: 'from 4 to 9 EUR'")
COST = Sum(eur("5.00"), "cost of the catalogue")
OPENING = PriceTerms("EUR", is_period=True, expected=COST, stand_in=COST, selling=Sum(eur("7.90"), "selling price"))
PROLONGING = OPENING
CHANGING_PLAN = PriceTerms("EUR")
UNBOUNDED = replace(OPENING, selling=Sum(missing="the plan has no selling price for this period"))


def judged(terms: PriceTerms, quote: Quote | None, *rates: ExchangeRate) -> PriceJudgement:
    return judge(terms, quote, TODAY, Rates(rates))


GO = [
    pytest.param(OPENING, "5.00", "5.00", id="as expected"),
    pytest.param(OPENING, "5.50", "5.50", id="dearer, and just tolerated"),
    pytest.param(OPENING, "1.00", "1.00", id="a fifth of the expected cost: a discount is nobody's harm"),
    pytest.param(OPENING, "0", "0", id="a trial costs nothing"),
    pytest.param(OPENING, "4.99991", "5.0000", id="what can't be stored so exactly counts as more, never as less"),
    pytest.param(replace(OPENING, tolerance=Decimal(50)), "7.50", "7.50", id="the mapping tolerates half as much more"),
    pytest.param(replace(OPENING, tolerance=Decimal(100)), "7.90", "7.90", id="as dear as it is sold for"),
    pytest.param(
        replace(OPENING, tolerance=Decimal(100), above_price=AbovePrice.ALLOW), "9.00", "9.00", id="sold at a loss"
    ),
    pytest.param(replace(OPENING, expected=Sum(missing="the cost of ram")), "7.00", "7.00", id="no cost of an add-on"),
    pytest.param(
        replace(OPENING, expected=Sum(eur("5.00"), "", "the cost of ram")), "7.00", "7.00", id="a part of the cost only"
    ),
    pytest.param(
        replace(OPENING, tolerance=Decimal(900), selling=Sum(eur("7.90"), "", "the price of ram")),
        "9.00",
        "9.00",
        id="a part of the selling price only",
    ),
    pytest.param(
        replace(OPENING, tolerance=Decimal(900), selling=Sum(Money.of("1", "USD"), "selling price")),
        "9.00",
        "9.00",
        id="sold in another currency",
    ),
    pytest.param(PROLONGING, "5.50", "5.50", id="a renewal, a little dearer"),
    pytest.param(CHANGING_PLAN, "400.00", "400.00", id="a change of plan costs what the upstream says"),
    pytest.param(CHANGING_PLAN, "-3.00", "0", id="money that comes back is not charged"),
    pytest.param(replace(CHANGING_PLAN, agreed=eur("3.00")), "3.00", "3.00", id="just what is agreed"),
]


@pytest.mark.parametrize(("terms", "quote", "cost"), GO)
def test_goes_by_itself_for_exactly_what_is_quoted(terms: PriceTerms, quote: str, cost: str) -> None:
    found = judged(terms, quoted(quote))
    assert found.objection is None
    assert found.cost == eur(cost)
    assert found.price["quoted"] == str(eur(quote))


STOPS = [
    pytest.param(OPENING, "400.00", ["400.00 EUR", "5.00 EUR is expected", "sold for 7.90 EUR"], id="eighty times"),
    pytest.param(UNBOUNDED, "5.51", ["5.51 EUR", "5.00 EUR is expected, 10 % more"], id="a cent above the tolerance"),
    pytest.param(replace(UNBOUNDED, tolerance=Decimal(0)), "5.0001", ["5.0001 EUR"], id="nothing is tolerated"),
    pytest.param(
        replace(OPENING, tolerance=Decimal(900)), "7.91", ["sold for 7.90 EUR"], id="dearer than it is sold for"
    ),
    pytest.param(PROLONGING, "6.00", ["5.00 EUR is expected"], id="a renewal"),
    pytest.param(replace(OPENING, agreed=eur("4.99")), "5.00", ["at most 4.99 EUR"], id="an opening above its limit"),
    pytest.param(replace(CHANGING_PLAN, agreed=eur("3.00")), "3.01", ["3.01 EUR", "at most 3.00 EUR"], id="plan"),
]


@pytest.mark.parametrize(("terms", "quote", "words"), STOPS)
def test_waits_for_a_person_who_sees_the_numbers(terms: PriceTerms, quote: str, words: list[str]) -> None:
    found = judged(terms, quoted(quote))
    assert found.objection is not None
    assert found.objection.failure is FailureClass.PRICE_CHANGED
    for word in words:
        assert word in found.objection.reason[:200]
    assert found.cost == eur(quote), "what is shown is what would be charged, and not what was hoped for"


def test_what_costs_nothing_has_no_price() -> None:
    assert judged(CHANGING_PLAN, None) == PriceJudgement(None, {})


# No quote.


def test_without_a_quote_the_catalogue_s_cost_stands_in_and_the_row_says_so() -> None:
    found = judged(OPENING, NO_QUOTE)
    assert (found.cost, found.objection) == (eur("5.00"), None)
    assert found.price["source"] == "catalogue"
    assert "no price" in found.price["skipped"]


def test_a_refused_quote_is_said_and_the_request_says_it_again() -> None:
    found = judge(OPENING, NO_QUOTE, TODAY, refused="ostempl: there is no such template")
    assert (found.cost, found.objection) == (eur("5.00"), None)
    assert "no such template" in found.price["skipped"]


def test_the_catalogue_s_cost_is_held_against_the_selling_price_too() -> None:
    found = judged(replace(OPENING, selling=Sum(eur("4.00"), "selling price")), NO_QUOTE)
    assert found.objection is not None
    assert "it costs 5.00 EUR by the catalogue" in found.objection.reason


def test_a_change_of_plan_that_nobody_prices_goes_unless_a_limit_is_agreed() -> None:
    assert judged(CHANGING_PLAN, NO_QUOTE).objection is None
    limited = judged(replace(CHANGING_PLAN, agreed=eur("3.00")), NO_QUOTE)
    assert limited.objection is not None
    assert "no price is shown" in limited.objection.reason


def test_what_the_upstream_lacks_for_a_price_is_named() -> None:
    lacking = Quote(price=None, missing="the price of ram")
    assert "the price of ram" in judged(CHANGING_PLAN, lacking).price["skipped"]
    limited = judged(replace(CHANGING_PLAN, agreed=eur("3.00")), lacking)
    assert limited.objection is not None
    assert "(the upstream names as missing: the price of ram)" in limited.objection.reason


@pytest.mark.parametrize("terms", [OPENING, CHANGING_PLAN], ids=["a period", "no period"])
def test_a_price_that_can_t_be_read_is_for_a_person_unless_the_mapping_allows_it(terms: PriceTerms) -> None:
    found = judged(terms, GARBLED)
    assert found.objection is not None
    assert found.objection.failure is FailureClass.PRICE_CHANGED
    assert "from 4 to 9 EUR" in found.objection.reason
    allowed = judged(replace(terms, unquoted=Unquoted.ALLOW), GARBLED)
    assert allowed.objection is None
    assert allowed.cost == terms.stand_in.money
    assert allowed.price["unreadable"] == GARBLED.unreadable


def test_a_cost_of_the_catalogue_s_that_lacks_a_part_says_so() -> None:
    found = judged(replace(OPENING, stand_in=Sum(eur("5.00"), "cost of the catalogue", "the cost of ram")), NO_QUOTE)
    assert "the cost of ram is not in it" in found.price["skipped"]
    assert "is not in it" not in judged(OPENING, NO_QUOTE).price["skipped"]


def test_a_stand_in_that_is_dearer_than_expected_is_for_a_person() -> None:
    assert judged(replace(UNBOUNDED, stand_in=Sum(eur("6.00"), "s")), NO_QUOTE).objection is not None


@pytest.mark.parametrize(
    ("selling", "shown"),
    [
        (Sum(eur("15.80"), "selling price"), "15.80 EUR"),
        (Sum(eur("15.80"), "selling price", "the price of ram"), None),
        (Sum(missing="the plan has no selling price for this period"), None),
    ],
)
def test_beside_what_is_no_period_the_selling_price_is_shown_and_not_compared(selling: Sum, shown: str | None) -> None:
    found = judged(replace(CHANGING_PLAN, selling=selling), quoted("400.00"))
    assert found.objection is None
    assert found.price.get("selling") == shown
    assert "skipped" not in found.price


# In the upstream's cart.


def in_cart(terms: PriceTerms, quote: Quote) -> PriceJudgement:
    return judge(terms, quote, TODAY, in_cart="row 8")


def test_what_lies_in_the_cart_costs_what_is_shown_there() -> None:
    found = in_cart(replace(OPENING, row={"refused_for": "40.00 EUR"}), quoted("5.00"))
    assert (found.cost, found.objection) == (eur("5.00"), None), "whatever was wanted for an earlier request"
    assert (found.price["source"], found.price["row"], found.price["quoted"]) == ("cart", "row 8", "5.00 EUR")
    dear = in_cart(OPENING, quoted("40.00"))
    assert dear.cost == eur("40.00")
    assert dear.objection is not None
    assert dear.objection.reason.startswith("nothing is paid: row 8 in the upstream's cart costs 40.00 EUR, but")


def test_a_row_of_the_cart_that_shows_no_price_is_judged_by_the_catalogue() -> None:
    assert in_cart(OPENING, NO_QUOTE).price["source"] == "catalogue"


# Another currency.

IN_ROUBLES = replace(OPENING, currency="RUB")


def test_a_tariff_in_another_currency_is_set_aside_in_the_account_s() -> None:
    shown = Quote(price=None, unreadable="5.00 EUR, and the account is kept in RUB", foreign=eur("5.00"))
    found = judged(IN_ROUBLES, shown, EURO_IN_ROUBLES)
    assert (found.cost, found.objection) == (Money.of("502.50", "RUB"), None)
    assert found.price["rate"] == "1 EUR = 100.50 RUB of 2026-11-01"
    assert found.price["quoted"] == "5.00 EUR"


@pytest.mark.parametrize("quote", [quoted("5.00"), NO_QUOTE], ids=["quoted", "by the catalogue"])
@pytest.mark.parametrize(
    "rate",
    [
        None,
        {"from": "RUB", "to": "EUR", "rate": "0.01", "date": "2026-11-01"},
        {"from": "EUR", "to": "RUB", "rate": "100.50", "date": "2026-11-27"},
    ],
    ids=["none", "the other way", "of tomorrow"],
)
def test_without_a_rate_nothing_is_sent_and_the_setting_is_named(quote: Quote, rate: dict[str, str] | None) -> None:
    found = judged(IN_ROUBLES, quote, *([ExchangeRate.model_validate(rate)] if rate else []))
    assert found.objection is not None
    assert found.objection.failure is FailureClass.SETUP_FAULT
    assert "RESELL_EXCHANGE_RATES" in found.objection.reason


def test_of_several_rates_the_latest_counts() -> None:
    older = ExchangeRate.model_validate({"from": "EUR", "to": "RUB", "rate": "90", "date": "2026-10-01"})
    assert judged(IN_ROUBLES, quoted("1.00"), EURO_IN_ROUBLES, older).cost == Money.of("100.50", "RUB")


def test_a_price_in_the_account_s_currency_is_compared_with_a_cost_in_the_tariff_s() -> None:
    assert judged(IN_ROUBLES, Quote(price=Money.of("502.50", "RUB")), EURO_IN_ROUBLES).objection is None
    dear = judged(IN_ROUBLES, Quote(price=Money.of("4000", "RUB")), EURO_IN_ROUBLES)
    assert dear.objection is not None
    assert dear.objection.failure is FailureClass.PRICE_CHANGED


def test_a_cost_that_can_t_be_compared_for_want_of_a_rate_stops_nothing() -> None:
    found = judged(replace(IN_ROUBLES, selling=Sum(missing="x")), Quote(price=Money.of("4000", "RUB")))
    assert found.objection is None
    assert "no rate from EUR to RUB" in found.price["skipped"]


@pytest.mark.parametrize("amount", ["0", "-3.00"])
def test_nothing_and_money_that_comes_back_are_nothing_in_any_currency(amount: str) -> None:
    found = judged(IN_ROUBLES, Quote(price=None, foreign=eur(amount)), EURO_IN_ROUBLES)
    assert (found.cost, found.objection) == (Money.of("0", "RUB"), None)


def test_a_limit_in_another_currency_is_converted_and_without_a_rate_a_person_is_asked() -> None:
    """The account's currency was changed in the catalogue since the limit was agreed."""
    limited = replace(CHANGING_PLAN, currency="RUB", agreed=eur("3.00"))
    assert judged(limited, Quote(price=Money.of("301.50", "RUB")), EURO_IN_ROUBLES).objection is None
    assert judged(limited, Quote(price=Money.of("301.51", "RUB")), EURO_IN_ROUBLES).objection is not None
    stopped = judged(limited, Quote(price=Money.of("1.00", "RUB")))
    assert stopped.objection is not None
    assert "without a rate" in stopped.objection.reason


def test_a_limit_in_the_account_s_currency_holds_for_a_tariff_in_another() -> None:
    limit = Money.of("502.50", "RUB")
    foreign = Quote(price=None, foreign=eur("5.00"))
    assert judged(replace(IN_ROUBLES, agreed=limit), foreign, EURO_IN_ROUBLES).objection is None
    stopped = judged(replace(IN_ROUBLES, agreed=Money.of("502.49", "RUB")), foreign, EURO_IN_ROUBLES).objection
    assert stopped is not None
    assert "at most 502.49 RUB is agreed" in stopped.reason


def test_without_a_rate_nothing_is_sent_whatever_the_upstream_wanted_when_it_refused() -> None:
    found = judged(replace(IN_ROUBLES, row={"refused_for": "600.00 RUB"}), quoted("5.00"))
    assert found.objection is not None
    assert found.objection.failure is FailureClass.SETUP_FAULT


def test_a_dearer_price_in_another_currency_is_said_in_both() -> None:
    foreign = judged(IN_ROUBLES, Quote(price=None, foreign=eur("40.00")), EURO_IN_ROUBLES)
    assert foreign.objection is not None
    assert "asks 40.00 EUR (4020.00 RUB), but" in foreign.objection.reason
    own = judged(OPENING, quoted("40.00"))
    assert own.objection is not None
    assert "asks 40.00 EUR, but" in own.objection.reason


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (replace(OPENING, expected=Sum(missing="the cost of ram")), "with the expected cost: the cost of ram"),
        (replace(OPENING, selling=Sum(missing="the price of ram")), "with the selling price: the price of ram"),
        (replace(OPENING, selling=Sum(Money.of("9", "USD"), "s")), "with the selling price: it is in USD"),
    ],
)
def test_a_check_that_could_not_be_made_is_said(terms: PriceTerms, words: str) -> None:
    assert words in judged(terms, quoted("5.00")).price["skipped"]
    assert "skipped" not in judged(OPENING, quoted("5.00")).price


# A person's word, and the upstream's.


def waiting(judgement: PriceJudgement) -> Operation:
    operation = Operation(service_id=1, kind=OperationKind.OPEN, stage=Stage.NEEDS_ATTENTION)
    prices.note(operation, judgement, utc_now())
    operation.failure_class = judgement.objection.failure if judgement.objection else None
    return operation


def accepted(terms: PriceTerms, quote: Quote) -> PriceTerms:
    """The terms after a person has accepted what was shown."""
    operation = waiting(judged(terms, quote))
    prices.accept(operation, actor="ann", at=utc_now())
    return replace(terms, row=operation.price)


def test_an_accepted_price_goes_and_a_dearer_one_is_asked_for_again() -> None:
    terms = accepted(OPENING, quoted("40.00"))
    same, cheaper, dearer = (judged(terms, quoted(amount)) for amount in ("40.00", "39.00", "40.01"))
    assert (same.objection, cheaper.objection) == (None, None)
    assert (same.cost, cheaper.cost) == (eur("40.00"), eur("39.00"))
    assert same.price["accepted_by"] == "ann"
    assert dearer.objection is not None
    assert "quoted_at" in terms.row, "so nothing is sent for a price that is old"
    assert "quoted_at" not in prices.noted(same, None)["price"], "nobody was asked"


def test_an_accepted_price_that_can_t_be_read_is_accepted_as_it_was_written() -> None:
    terms = accepted(OPENING, GARBLED)
    assert judged(terms, GARBLED).objection is None
    assert judged(terms, Quote(price=None, unreadable="total_summary: 'from 4 to 90 EUR'")).objection is not None


def test_accepting_that_no_price_is_shown_does_not_accept_one_that_is() -> None:
    terms = accepted(replace(CHANGING_PLAN, agreed=eur("3.00")), NO_QUOTE)
    assert judged(terms, NO_QUOTE).objection is None
    assert judged(terms, quoted("9.00")).objection is not None


@pytest.mark.parametrize("words", ["a price that is not shown", "ein Preis, der nicht genannt wird"])
def test_a_row_says_in_any_words_that_no_price_was_accepted(words: str) -> None:
    terms = replace(CHANGING_PLAN, agreed=eur("3.00"), row={"accepted": words})
    assert judged(terms, NO_QUOTE).objection is None
    assert judged(terms, quoted("9.00")).objection is not None


def test_a_sum_that_was_accepted_does_not_accept_that_none_is_shown() -> None:
    terms = replace(CHANGING_PLAN, agreed=eur("3.00"), row={"accepted": "9.00 EUR"})
    assert judged(terms, NO_QUOTE).objection is not None
    assert judged(terms, quoted("9.00")).objection is None


def test_a_sum_that_was_accepted_in_another_currency_accepts_nothing() -> None:
    """The account's currency was changed in the catalogue since."""
    assert judged(replace(OPENING, row={"accepted": "90.00 USD"}), quoted("40.00")).objection is not None


@pytest.mark.parametrize(
    ("named", "same"),
    [("40 EUR", True), ("40.0000 EUR", True), ("40.01 EUR", False), ("40.00 USD", False), ("40", False)],
)
def test_who_names_another_sum_has_seen_another_one(named: str, same: bool) -> None:
    assert prices.is_the_same(eur("40.00"), named) is same
    assert not prices.is_the_same(None, named)


def test_what_the_upstream_wanted_when_it_refused_is_believed_if_it_is_more() -> None:
    operation = Operation(service_id=1, kind=OperationKind.OPEN)
    prices.note_refusal(operation, eur("40.00"))
    terms = replace(OPENING, row=operation.price)
    found = judged(terms, quoted("5.00"))
    assert found.objection is not None, "5.00 are quoted, and 40.00 would be charged"
    assert found.cost == eur("40.00")
    assert judged(terms, quoted("0")).cost == eur("40.00"), "it costs something after all, and waits for money"
    prices.forget_refusal(operation)
    assert judged(replace(OPENING, row=operation.price), quoted("5.00")).cost == eur("5.00")


@pytest.mark.parametrize("wanted", ["4.00 EUR", "5.00 EUR", "40.00 USD"])
def test_what_the_upstream_wanted_when_it_refused_takes_nothing_from_what_it_quotes(wanted: str) -> None:
    found = judged(replace(OPENING, row={"refused_for": wanted}), quoted("5.00"))
    assert (found.cost, found.price["source"]) == (eur("5.00"), "quote")


def test_where_nobody_names_a_price_but_the_refusal_that_one_is_set_aside() -> None:
    found = judged(replace(CHANGING_PLAN, row={"refused_for": "7.00 EUR"}), NO_QUOTE)
    assert (found.cost, found.price["source"]) == (eur("7.00"), "refusal")
    unknown = judged(replace(CHANGING_PLAN, row={"refused_for": "7.00 USD"}), NO_QUOTE)
    assert unknown.cost is None


@pytest.mark.parametrize(
    ("required", "noted"),
    [(None, None), (eur("0"), None), (eur("-1.00"), None), (eur("0.50"), "0.50 EUR"), (eur("9.00"), "9.00 EUR")],
)
def test_a_refusal_that_names_no_sum_names_no_price(required: Money | None, noted: str | None) -> None:
    operation = Operation(service_id=1, kind=OperationKind.OPEN)
    prices.note_refusal(operation, required)
    assert operation.price.get("refused_for") == noted


@pytest.mark.parametrize(("wanted", "goes"), [("7.90", True), ("8.00", False), ("15.00", False)])
def test_where_only_a_refusal_tells_the_price_it_is_waited_for_unless_it_is_far_off_or_a_loss(
    wanted: str, goes: bool
) -> None:
    terms = replace(OPENING, row={"refused_for": f"{wanted} EUR"})
    found = judged(terms, NO_QUOTE)
    assert found.cost == eur(wanted), "set aside and shown, before it is charged"
    assert (found.objection is None) is goes
    assert judged(terms, quoted("5.00")).objection is not None, "an upstream that quotes has to keep to its word"
    far_off = judged(replace(UNBOUNDED, row={"refused_for": "15.01 EUR"}), NO_QUOTE)
    assert far_off.objection is not None


def test_whatever_is_sent_is_covered_by_what_is_shown_and_agreed() -> None:
    """Random terms and quotes: what is sent automatically costs what was quoted, and no more than anybody agreed to."""
    chance = Random(3)  # noqa: S311 - repeatable, not a secret
    amounts = ["0", "0.01", "4.50", "5.00", "5.50", "5.51", "7.90", "8", "40", "400.0001"]

    def some(sums: list[str]) -> Sum:
        amount = chance.choice([*sums, ""])
        return Sum(eur(amount), "s", chance.choice(["", "", "ram"])) if amount else Sum(missing="m")

    outcomes = set()
    for is_period, _ in itertools.product((True, False), range(1400)):
        agreed = chance.choice([None, *amounts])
        terms = PriceTerms(
            "EUR",
            is_period=is_period,
            expected=some(amounts),
            stand_in=some(amounts),
            selling=some(amounts),
            agreed=eur(agreed) if agreed is not None else None,
            row={"accepted": "5.50 EUR"} if chance.random() < 0.2 else {},
        )
        quote = chance.choice([NO_QUOTE, GARBLED, *(quoted(amount) for amount in amounts)])
        found = judged(terms, quote)
        outcomes.add(found.objection is None)
        if found.objection is not None:
            assert "nothing is sent" in found.objection.reason
            continue
        if quote.price is not None:
            assert found.cost is not None
            assert found.cost >= quote.price
        by_a_person = "accepted" in terms.row and found.cost is not None and found.cost <= eur("5.50")
        if terms.agreed is not None and not by_a_person:
            assert found.cost is not None
            assert found.cost <= terms.agreed
        if quote is GARBLED:
            raise AssertionError("an operation was sent automatically although its price can't be read")
    assert outcomes == {True, False}


# Add-ons.


@pytest.mark.parametrize(
    ("entry", "value", "months", "price"),
    [
        ("1.00 EUR", 4, 1, "4.00"),
        ("1.00 EUR above 2", 4, 12, "24.00"),
        ("1.00 EUR above 2", 2, 1, "0"),
        ("1.00 EUR above 2", 1, 1, "0"),
        ("0.0050 EUR", "3", 1, "0.015"),
        ("2.00 EUR", "on", 3, "6.00"),
        ("2.00 EUR", "off", 3, "0"),
        ({"lite": "0.00 EUR", "pro": "1.50 EUR"}, "pro", 2, "3.00"),
        ({"lite": "0.00 EUR", "pro": "1.50 EUR"}, "lite", 2, "0"),
        ({"2": "1.50 EUR"}, 2, 1, "1.50"),
    ],
)
def test_what_an_add_on_costs(entry: str | dict[str, str], value: int | str, months: int, price: str) -> None:
    assert addon_price(entry, value, months) == eur(price)


@pytest.mark.parametrize(
    ("entry", "value", "months"),
    [
        (None, 1, 1),
        ("1.00 EUR", "pro", 1),
        ("1.00 EUR", "²", 1),
        ({"pro": "1.50 EUR"}, "max", 1),
        ("1.00 EUR", 1, 0),
        ("1.00 EUR", 1, -100),
    ],
)
def test_what_the_catalogue_does_not_say_is_not_made_up(
    entry: str | dict[str, str] | None, value: int | str, months: int
) -> None:
    assert addon_price(entry, value, months) is None


def test_the_sum_names_what_is_missing_in_it() -> None:
    known = {"ram": "1.00 EUR above 2", "disk": "1.00 USD"}
    assert addons_total(known, {"ram": 4, "backup": "off", "cpu": 0}, 1, "EUR") == (eur("2.00"), [])
    assert addons_total(known, {"ram": 4, "disk": 1, "cpu": 1}, 1, "EUR") == (eur("2.00"), ["cpu", "disk"])


@pytest.mark.parametrize("text", ["1", "1.00", "EUR 1.00", "1.00 EUR above", "1.00 EUR above -1", "-1.00 EUR"])
def test_a_unit_price_that_is_none_is_told_how_to_be_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"1\.00 EUR above 2"):
        UnitPrice.parse(text)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("5", "5.00 EUR"), ("1530.0000", "1530.00 EUR"), ("0.0050", "0.005 EUR"), ("1E+3", "1000.00 EUR")],
)
def test_sums_are_shown_as_exactly_as_they_are_compared(amount: str, shown: str) -> None:
    assert str(eur(amount)) == shown
