"""Which quote of the upstream's a request names, and how long its price counts."""

from datetime import timedelta
from decimal import Decimal

import pytest

from models.columns import utc_now
from models.enums import FailureClass, IntentState
from models.money import Money
from models.order import Intent
from orders.money import held_prices, prices
from orders.money.prices import PriceTerms, Sum
from upstreams.answers import Quote

NOW = utc_now()
EUR = Money.of("7.90", "EUR")
HELD = {"held_as": "q-2", "held_until": (NOW + timedelta(minutes=15)).isoformat()}


def sent(state: IntentState, quote: str = "q-1", failure: FailureClass | None = None) -> Intent:
    request = {"quote": quote} if quote else {}
    return Intent(
        operation_id=1, account_id=1, attempt=1, mark="m", request=request, state=state, failure_class=failure
    )


@pytest.mark.parametrize(
    ("earlier", "named"),
    [
        (None, "q-2"),
        (sent(IntentState.NOT_SENT), "q-2"),
        (sent(IntentState.REFUSED, failure=FailureClass.REJECTED), "q-2"),
        (sent(IntentState.REFUSED, failure=FailureClass.NOT_YET), ""),
        (sent(IntentState.REFUSED, "", failure=FailureClass.NOT_YET), "q-2"),
        (sent(IntentState.NOT_DONE, failure=FailureClass.NOT_YET), ""),
        (sent(IntentState.NOT_DONE), "q-1"),
        (sent(IntentState.NOT_DONE, failure=FailureClass.OUTCOME_UNKNOWN), "q-1"),
        (sent(IntentState.ABANDONED), "q-1"),
        (sent(IntentState.NOT_DONE, ""), ""),
    ],
)
def test_a_request_that_may_arrive_late_is_sent_again_word_for_word(earlier: Intent | None, named: str) -> None:
    assert held_prices.to_name(HELD, earlier).get("quote", "") == named
    assert held_prices.is_held(HELD, earlier, NOW) == bool(named)


def test_a_price_is_relied_on_while_the_request_can_still_arrive_in_time() -> None:
    assert held_prices.is_held(HELD, None, NOW + timedelta(minutes=14))
    assert not held_prices.is_held(HELD, None, NOW + timedelta(minutes=14, seconds=40))
    assert not held_prices.is_held({"quoted": "7.90 EUR"}, None, NOW)


def test_a_judgement_notes_the_quote_and_a_later_one_without_forgets_it() -> None:
    terms = PriceTerms(currency="EUR", expected=Sum(EUR), selling=Sum(EUR))
    quote = Quote(price=EUR, held_as="q-2", held_until=NOW + timedelta(minutes=15))
    row = prices.judge(terms, quote, NOW.date()).price
    assert row["held_as"] == "q-2"
    again = prices.judge(PriceTerms(currency="EUR", row=row), Quote(price=EUR), NOW.date())
    assert "held_as" not in again.price


def test_what_it_is_sold_for_by_a_quote_counts_and_not_the_catalogue_of_now() -> None:
    row = {prices.SOLD_BY_QUOTE: "7.90 EUR"}
    dearer = Sum(Money(amount=Decimal("11.90"), currency="EUR"), "selling price")
    terms = PriceTerms(currency="EUR", is_period=True, expected=Sum(EUR), selling=dearer, row=row)
    found = prices.judge(terms, Quote(price=Money.of("8.00", "EUR")), NOW.date())
    assert found.price["selling"] == "7.90 EUR"
    assert found.price[prices.SOLD_BY_QUOTE] == "7.90 EUR"
    assert found.objection is not None
    assert "it is sold for 7.90 EUR" in found.objection.reason
