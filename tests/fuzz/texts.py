"""Texts as upstreams, people and attackers write them, for hypothesis."""

from hypothesis import strategies as some

from tests.fuzz.hostile import TEXTS

hostile = some.sampled_from(TEXTS)
digits = some.text("0123456789 .,'’-+eE\u00a0\u2009", max_size=40)
anything = hostile | digits | some.text(max_size=300)
in_xml = some.text(
    some.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n"),
    max_size=200,
)
"""What an XML document can hold."""
SHOWN = (
        "", "0", "1", "-100", "on", "off", "null", "2026-05-01", "0000-00-00", "2026-02-30", "20260501", "5.00 EUR",
        "1 234,56 руб.", "€5", "1e30 EUR", "1.234 EUR", "-5.00 EUR", "5.00 EUR / month", "v1.example.com", "::1", "17",
        "item_status_5_open", "item_status_3_abusesuspend", "active", "2", "3", "month", "year", "9" * 400, "9" * 5000,
)  # fmt: skip
"""What fields of the upstream show, and something beside it."""
shown = some.sampled_from(SHOWN)
