"""The price of an operation: charged ≤ reserved = shown (the quote) ≤ the agreed limit, or a person sees the numbers.

Pure: the same terms and the same quote give the same judgement. Every judgement comes with `price`, the row that people
read (`operation.price`): what was quoted and expected, which rate was used, which check could not be made and why.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import ROUND_UP, Decimal
from typing import Any

from models.enums import AbovePrice, FailureClass, Unquoted
from models.invariants import required
from models.money import Money
from models.order import Operation
from models.rates import NO_RATES, Rates
from orders.money import held_prices
from upstreams.answers import Quote

STORED = Decimal("0.0001")
"""Amounts are stored so exactly (models.columns.Amount)."""

BY_REFUSAL_ALONE = Decimal(200)
"""Per cent tolerated where an upstream that has no quotes named its price by refusing: the catalogue's cost can't be
kept as exact there, and the sum is set aside and shown before anything is charged."""

CART = "cart"
"""The price's source: a row of the upstream's cart, which is there and has yet to be paid."""

SOLD_BY_QUOTE = "sold_by_quote"
"""Entry of the row: what it is sold for by the quote of ours that the request named, whatever the catalogue says by
now."""

_KEPT = ("accepted", "accepted_by", "accepted_at", "accepted_unreadable", "refused_for", SOLD_BY_QUOTE)
"""Entries of the row that a new quote does not take away."""


@dataclass(frozen=True)
class Sum:
    """An amount put together from the catalogue, or the reason why there is none."""

    money: Money | None = None
    source: str = ""
    """Where it comes from, in words."""
    missing: str = ""
    """What is missing for it, in words."""


@dataclass(frozen=True)
class PriceTerms:
    """What an operation may cost: agreed, expected, sold for; as the database has it."""

    currency: str
    """The account's: what is charged is charged in it."""
    is_period: bool = False
    """A whole period is bought: its price is held against what is expected, and what we sell it for."""
    expected: Sum = Sum(missing="the catalogue says nothing of it")
    stand_in: Sum = Sum(missing="the catalogue says nothing of it")
    """What counts where the upstream shows no price."""
    selling: Sum = Sum(missing="it is not sold separately")
    tolerance: Decimal = Decimal(10)
    """Per cent by which a price may be dearer than expected."""
    unquoted: Unquoted = Unquoted.ASK
    above_price: AbovePrice = AbovePrice.ASK
    agreed: Money | None = None
    """The most that the caller agreed to."""
    row: dict[str, str] = field(default_factory=dict)
    """`operation.price` as it is: what a person has accepted, what the upstream said when it refused."""


@dataclass(frozen=True)
class Objection:
    """Nothing is sent until a person has seen the numbers."""

    reason: str
    failure: FailureClass


@dataclass(frozen=True)
class PriceJudgement:
    cost: Money | None
    """In the account's currency; what is set aside, and shown. None: nothing is known to be charged."""
    price: dict[str, str]
    """For `operation.price`."""
    objection: Objection | None = None

    @property
    def is_for_nothing(self) -> bool:
        """The operation is one that is never charged; otherwise a cost of None is one that nobody knows."""
        return self.cost is None and "source" not in self.price


@dataclass(frozen=True)
class _Price:
    """What it costs, as far as it is known."""

    cost: Money | None
    quoted: Money | None = None
    """The same in the currency in which it was named."""
    row: dict[str, str] = field(default_factory=dict)
    objection: Objection | None = None
    missing: str = ""
    """What the upstream lacks for a price, in its words."""


def judge(
    terms: PriceTerms,
    quote: Quote | None,
    today: date,
    rates: Rates = NO_RATES,
    *,
    refused: str = "",
    in_cart: str = "",
) -> PriceJudgement:
    """`quote` None: the operation costs nothing. `refused`: why the upstream would not quote; it will say so again.
    `in_cart`: the row of the upstream's cart, for people, whose sum the quote is."""
    kept = {name: terms.row[name] for name in _KEPT if name in terms.row}
    if quote is None:
        return PriceJudgement(None, kept)
    terms = _as_sold(terms)
    kept |= held_prices.of_quote(quote)
    found = _in_the_cart(terms, quote, in_cart, today, rates) or _price(terms, quote, today, rates, refused)
    row = kept | found.row
    if found.objection is not None:
        return PriceJudgement(found.cost, row, found.objection)
    skipped: list[str] = [row["skipped"]] if "skipped" in row else []
    against = list(_against(terms, found, today, rates, row, skipped))
    if skipped:
        row["skipped"] = "; ".join(skipped)
    if not against or _is_accepted(terms, found):
        return PriceJudgement(found.cost, row)
    return PriceJudgement(found.cost, row, Objection(_in_words(found, against), FailureClass.PRICE_CHANGED))


def _as_sold(terms: PriceTerms) -> PriceTerms:
    sold = terms.row.get(SOLD_BY_QUOTE)
    return terms if sold is None else replace(terms, selling=Sum(Money.parse(sold), "the quote"))


# What it costs.


def _in_the_cart(terms: PriceTerms, quote: Quote, row: str, today: date, rates: Rates) -> _Price | None:
    """What lies there costs what is shown there, whatever the upstream wanted when it refused an earlier request."""
    if not row or quote.price is None:
        return None
    return _converted(terms, quote.price, today, rates, {"source": CART, "quoted": str(quote.price), "row": row})


def _price(terms: PriceTerms, quote: Quote, today: date, rates: Rates, refused: str) -> _Price:
    quoted = quote.shown
    if quoted is not None:
        priced = _converted(terms, quoted, today, rates, {"source": "quote", "quoted": str(quoted)})
        return _after_refusal(terms, priced, today, rates)
    row = {"source": "catalogue"}
    if quote.unreadable:
        row["unreadable"] = quote.unreadable
        if terms.unquoted is Unquoted.ASK and terms.row.get("accepted_unreadable") != quote.unreadable:
            return _unreadable(terms, quote.unreadable, today, rates, row)
    row["skipped"] = _why_no_quote(quote, refused)
    money = terms.stand_in.money
    if money is None:
        nothing = _Price(None, row=row | {"source": "none"}, missing=quote.missing)
        return _after_refusal(terms, nothing, today, rates)
    row["stand_in"] = f"{money}, {terms.stand_in.source}"
    if terms.stand_in.missing:
        row["skipped"] += f"; {terms.stand_in.missing} is not in it"
    return _after_refusal(terms, _converted(terms, money, today, rates, row), today, rates)


def _why_no_quote(quote: Quote, refused: str) -> str:
    if refused:
        return f"the upstream did not quote: {refused}"
    if quote.unreadable:
        return "the upstream's price can't be read, which the mapping or a person allows"
    why = f", and names as missing: {quote.missing}" if quote.missing else ""
    return f"the upstream shows no price before the request{why}"


def _unreadable(terms: PriceTerms, text: str, today: date, rates: Rates, row: dict[str, str]) -> _Price:
    money = terms.stand_in.money
    stand_in = _converted(terms, money, today, rates, row) if money is not None else _Price(None, row=row)
    about = f"; the catalogue's cost is {money}" if money is not None else ""
    reason = (
        f"nothing is sent: the upstream shows a price that can't be read ({text}){about}. Look there; then accept it, "
        "or cancel"
    )
    return _Price(stand_in.cost, money, row, Objection(reason, FailureClass.PRICE_CHANGED))


def _converted(terms: PriceTerms, quoted: Money, today: date, rates: Rates, row: dict[str, str]) -> _Price:
    """In the account's currency. A part of what can be stored counts as a whole; money that comes back as nothing."""
    if quoted.currency == terms.currency:
        amount = max(quoted.amount, Decimal(0)).quantize(STORED, ROUND_UP)
        return _Price(Money(amount=amount, currency=quoted.currency), quoted, row)
    rate = rates.find(quoted.currency, terms.currency, today)
    if rate is None:
        reason = (
            f"nothing is sent: it costs {quoted} and the account is kept in {terms.currency}. Set a rate from "
            f"{quoted.currency} to {terms.currency}, with its date, in RESELL_EXCHANGE_RATES; restart the worker, retry"
        )
        return _Price(None, quoted, row, Objection(reason, FailureClass.SETUP_FAULT))
    cost = rate.of(Money(amount=max(quoted.amount, Decimal(0)), currency=quoted.currency))
    return _Price(cost, quoted, row | {"rate": str(rate)})


def _after_refusal(terms: PriceTerms, priced: _Price, today: date, rates: Rates) -> _Price:
    """The upstream once refused for want of money, and said what it wanted: it is believed if that is more."""
    if "refused_for" not in terms.row or priced.objection is not None:
        return priced
    wanted = Money.parse(terms.row["refused_for"])
    refused = _converted(terms, wanted, today, rates, priced.row)
    if refused.cost is None or (priced.cost is not None and refused.cost <= priced.cost):
        return priced
    return _Price(refused.cost, wanted, refused.row | {"source": "refusal"})


# What speaks against it.


def _against(
    terms: PriceTerms, found: _Price, today: date, rates: Rates, row: dict[str, str], skipped: list[str]
) -> Iterator[str]:
    yield from _above_agreed(terms, found, today, rates, row)
    if terms.is_period:
        yield from _dearer_than_expected(terms, found, today, rates, row, skipped)
        yield from _above_selling_price(terms, found, row, skipped)
    elif terms.selling.money is not None and not terms.selling.missing:
        row["selling"] = str(terms.selling.money)


def _above_agreed(terms: PriceTerms, found: _Price, today: date, rates: Rates, row: dict[str, str]) -> Iterator[str]:
    if terms.agreed is None:
        return
    row["agreed"] = str(terms.agreed)
    if found.cost is None:
        why = f" (the upstream names as missing: {found.missing})" if found.missing else ""
        yield f"at most {terms.agreed} is agreed, and no price is shown{why}"
        return
    limit = _comparable(terms.agreed, found, terms.currency, today, rates)
    if limit is None:
        yield f"the agreed limit of {terms.agreed} can't be compared without a rate to {terms.currency}"
    elif limit[1] > limit[0]:
        yield f"at most {terms.agreed} is agreed"


def _dearer_than_expected(
    terms: PriceTerms, found: _Price, today: date, rates: Rates, row: dict[str, str], skipped: list[str]
) -> Iterator[str]:
    expected = terms.expected.money
    if expected is None or terms.expected.missing:
        skipped.append(f"not compared with the expected cost: {terms.expected.missing}")
        return
    row["expected"] = str(expected)
    row["expected_from"] = terms.expected.source
    if found.cost is None:
        return
    tolerance = terms.tolerance
    if row.get("source") == "refusal" and "quoted" not in row:
        tolerance = max(tolerance, BY_REFUSAL_ALONE)
    row["tolerance"] = f"{tolerance.normalize():f} %"
    pair = _comparable(expected, found, terms.currency, today, rates)
    if pair is None:
        skipped.append(f"not compared with the expected cost: no rate from {expected.currency} to {terms.currency}")
    elif pair[1].amount > pair[0].amount * (100 + tolerance) / 100:
        yield f"{expected} is expected, {row['tolerance']} more is tolerated"


def _above_selling_price(terms: PriceTerms, found: _Price, row: dict[str, str], skipped: list[str]) -> Iterator[str]:
    selling = terms.selling.money
    if selling is None or terms.selling.missing:
        skipped.append(f"not compared with the selling price: {terms.selling.missing}")
        return
    row["selling"] = str(selling)
    if found.cost is None or terms.above_price is AbovePrice.ALLOW:
        return
    same = next((money for money in (found.quoted, found.cost) if money and money.currency == selling.currency), None)
    if same is None:
        skipped.append(f"not compared with the selling price: it is in {selling.currency}")
    elif selling < same:
        yield f"it is sold for {selling}"


def _comparable(limit: Money, found: _Price, currency: str, today: date, rates: Rates) -> tuple[Money, Money] | None:
    """Limit and price in one currency: that in which both are named, else the account's. None: there is no rate."""
    cost = required(found.cost, "the price to be compared")
    if found.quoted is not None and limit.currency == found.quoted.currency:
        return limit, found.quoted
    if limit.currency == currency:
        return limit, cost
    rate = rates.find(limit.currency, currency, today)
    return (rate.of(limit), cost) if rate is not None else None


def _is_accepted(terms: PriceTerms, found: _Price) -> bool:
    """A person has accepted this sum, or a higher one; or that no price is shown, and none is."""
    if "accepted" not in terms.row:
        return False
    limit = _accepted_sum(terms.row)
    if limit is None or found.cost is None:
        return limit is None and found.cost is None
    return limit.currency == found.cost.currency and found.cost <= limit


def _accepted_sum(row: dict[str, str]) -> Money | None:
    """None: a person accepted that no price is shown. The row then has words for people, of whatever version."""
    try:
        return Money.parse(row["accepted"])
    except ValueError:
        return None


def _in_words(found: _Price, against: list[str]) -> str:
    asked = f"the upstream asks {found.quoted}" if found.cost is not None else "the price is not known"
    if found.row.get("source") == "catalogue":
        asked = f"it costs {found.cost} by the catalogue"
    elif found.quoted is not None and found.cost is not None and found.quoted.currency != found.cost.currency:
        asked += f" ({found.cost})"
    if found.row.get("source") == CART:
        return (
            f"nothing is paid: {found.row['row']} in the upstream's cart costs {found.quoted}, but "
            f"{', and '.join(against)}. A person may accept this price: then that row is paid. Or cancel"
        )
    return f"nothing is sent: {asked}, but {', and '.join(against)}. A person may accept this price, or cancel"


# The row, and a person's word on it.


def shown_sum(operation: Operation) -> str:
    """What a person accepts, in words for people: the sum that the operation shows, or that it shows none."""
    return str(operation.cost) if operation.cost is not None else "a price that is not shown"


def is_the_same(shown: Money | None, named: str) -> bool:
    """Whether that is the sum, however many noughts it is written with."""
    try:
        return Money.parse(named) == shown
    except ValueError:
        return False


def accept(operation: Operation, *, actor: str, at: datetime) -> None:
    """Write down that the shown price is accepted. A dearer one will be asked for again."""
    entries = {"accepted": shown_sum(operation), "accepted_by": actor, "accepted_at": at.isoformat(timespec="seconds")}
    if "unreadable" in operation.price:
        entries["accepted_unreadable"] = operation.price["unreadable"]
    operation.price = {**operation.price, **entries}


def note(operation: Operation, judgement: PriceJudgement, quoted_at: datetime | None) -> None:
    """What is judged is what people see."""
    for name, value in noted(judgement, quoted_at).items():
        setattr(operation, name, value)


def noted(judgement: PriceJudgement, quoted_at: datetime | None) -> dict[str, Any]:
    """The same as columns of the operation."""
    cost = judgement.cost
    row = dict(judgement.price)
    if quoted_at is not None:
        row["quoted_at"] = quoted_at.isoformat(timespec="milliseconds")
    return {
        "cost_amount": cost.amount if cost else None,
        "cost_currency": cost.currency if cost else None,
        "price": row,
    }


def note_refusal(operation: Operation, required: Money | None) -> None:
    """The upstream refused for want of money; what it then said it wants is a price, too."""
    if required is not None and required.amount > 0:
        operation.price = {**operation.price, "refused_for": str(required)}


def forget_refusal(operation: Operation) -> None:
    """A person has looked, and it is tried again: what the upstream wanted then counts no more."""
    operation.price = {name: value for name, value in operation.price.items() if name != "refused_for"}
