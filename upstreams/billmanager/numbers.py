"""Whole numbers as an upstream writes them. Python refuses to read thousands of digits with an error of its own."""

DIGITS = 18
"""Digits of a number that columns of a database can hold."""


def whole(text: str, digits: int = DIGITS) -> int | None:
    """The number; None for anything else and for one of more digits than `digits`."""
    plain = text.removeprefix("-")
    return int(text) if len(plain) <= digits and plain.isascii() and plain.isdecimal() else None


def natural(text: str, digits: int = DIGITS) -> int | None:
    """The same, written without a sign."""
    return whole(text, digits) if text[:1] != "-" else None
