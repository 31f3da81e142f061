"""Amounts of money as upstreams write them."""

from decimal import Decimal

import pytest

from models.money import Money
from upstreams.billmanager.moneytext import UnreadableMoney, currency_code, number, parse_money

SPACES = [" ", "\u00a0", "\u202f", "\u2009", "\u2007"]


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("123.45 EUR", "123.45", "EUR"),
        ("123.45EUR", "123.45", "EUR"),
        ("EUR 123.45", "123.45", "EUR"),
        ("1 234,56 руб.", "1234.56", "RUB"),
        ("1 234,56 руб", "1234.56", "RUB"),
        ("1234,5 р.", "1234.5", "RUB"),
        ("1 234,56 ₽", "1234.56", "RUB"),
        ("10.00 RUR", "10.00", "RUB"),
        ("€5.00", "5.00", "EUR"),
        ("€ 5.00", "5.00", "EUR"),
        ("5.00 euro", "5.00", "EUR"),
        ("$0.99", "0.99", "USD"),
        ("US$ 0.99", "0.99", "USD"),
        ("7,50 usd", "7.50", "USD"),
        ("25,00 грн.", "25.00", "UAH"),
        ("25 ₴", "25", "UAH"),
        ("12 000 ₸", "12000", "KZT"),
        ("12000 тг.", "12000", "KZT"),
        ("£3.20", "3.20", "GBP"),
        ("3,20 zł", "3.20", "PLN"),
        ("5.0000", "5.0000", "EUR"),
        ("0", "0", "EUR"),
        ("0.00", "0.00", "EUR"),
        ("0.125", "0.125", "EUR"),
        ("1.234,56", "1234.56", "EUR"),
        ("1,234.56", "1234.56", "EUR"),
        ("1.234,567", "1234.567", "EUR"),
        ("1 234,567", "1234.567", "EUR"),
        ("1'234.50", "1234.50", "EUR"),
        ("1’234.50", "1234.50", "EUR"),
        ("1.234.567", "1234567", "EUR"),
        ("1,234,567", "1234567", "EUR"),
        ("1,234,567.8", "1234567.8", "EUR"),
        ("1234.567", "1234.567", "EUR"),
        ("-3,00 EUR", "-3.00", "EUR"),
        ("−3,00 EUR", "-3.00", "EUR"),
        ("-€3.00", "-3.00", "EUR"),
        ("€-3.00", "-3.00", "EUR"),
        ("+3.00 EUR", "3.00", "EUR"),
        ("  5.00 EUR  ", "5.00", "EUR"),
        ("5.00 XAU", "5.00", "XAU"),
        ("€ 5.00 EUR", "5.00", "EUR"),
    ],
)
def test_reads(text: str, amount: str, currency: str) -> None:
    assert parse_money(text, "EUR") == Money.of(amount, currency)


@pytest.mark.parametrize("group", SPACES)
@pytest.mark.parametrize("gap", SPACES)
@pytest.mark.parametrize("mark", [".", ","])
@pytest.mark.parametrize("sign", ["", "-"])
def test_reads_every_kind_of_space(group: str, gap: str, mark: str, sign: str) -> None:
    assert parse_money(f"{sign}1{group}234{group}567{mark}89{gap}EUR", "EUR") == Money.of(f"{sign}1234567.89", "EUR")


@pytest.mark.parametrize("whole", ["0", "7", "42", "999", "1000", "31415", "1234567"])
@pytest.mark.parametrize("cents", ["", "00", "05", "5", "5000"])
@pytest.mark.parametrize(
    ("group", "mark"), [("", "."), ("", ","), (" ", ","), (" ", "."), (".", ","), (",", "."), ("'", ".")]
)
def test_what_is_written_is_what_is_read_unless_it_is_ambiguous(whole: str, cents: str, group: str, mark: str) -> None:
    grouped = f"{int(whole):,}".replace(",", group)
    written = grouped + (mark + cents if cents else "")
    if not cents and group in (".", ",") and grouped.count(group) == 1:
        with pytest.raises(UnreadableMoney, match="two ways"):
            number(written)
    else:
        assert number(written) == Decimal(f"{whole}.{cents or '0'}")


@pytest.mark.parametrize(
    "text",
    [
        "1.234",
        "1,234 EUR",
        "12.345 EUR",
        "-999.999",
        "",
        "EUR",
        "n/a",
        "—",
        "5.",
        ".5",
        "5.00-",
        "5-",
        "1.2.3",
        "1,23,456.00",
        "12 34",
        "1 234 56",
        "1.234.56",
        "1.234,567.89",
        "1 234.567,89",
        "Balance: 5 EUR",
        "5 EUR 7 USD",
        "5.00 EUR (credit 10.00 EUR)",
        "€5.00 USD",
        "5 kr",
        "5 ¥",
        "5 abc",
        "1e5",
        "0x10",
        "nan",
        "Infinity",
        "٣٫٥",
        "--5",
        "5.00 EUR / month",
    ],
)
def test_refuses_what_it_would_have_to_guess(text: str) -> None:
    with pytest.raises(UnreadableMoney):
        parse_money(text, "EUR")


@pytest.mark.parametrize(
    ("text", "account"), [("$5.00", "CAD"), ("$5.00", "AUD"), ("5,00 руб.", "BYN"), ("5,00 р.", "BYN")]
)
def test_refuses_a_sign_that_may_be_the_accounts_own_currency_or_another(text: str, account: str) -> None:
    with pytest.raises(UnreadableMoney):
        parse_money(text, account)


def test_a_lower_case_code_of_the_account_is_known() -> None:
    assert currency_code("mxn", "MXN") == "MXN"


@pytest.mark.parametrize(
    "text", ["1" + "0" * 14, "1" + " 000" * 5, "9" * 5_000, "1" + "0" * 30 + " EUR", "5" + " " * 5_000 + "EUR"]
)
def test_what_no_column_holds_is_no_amount(text: str) -> None:
    with pytest.raises(UnreadableMoney):
        parse_money(text, "EUR")


def test_the_largest_amount_is_one() -> None:
    assert parse_money("99 999 999 999 999.99 EUR", "EUR").amount == Decimal("99999999999999.99")
