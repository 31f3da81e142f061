"""Domain names, and the ways to spell them."""

from __future__ import annotations

from simulator.knobs import Names


def ascii_name(name: str) -> str:
    """A name in ASCII (punycode); as it is where that cannot be."""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def unicode_name(name: str) -> str:
    """A name in the letters of its language."""
    try:
        return ascii_name(name).encode("ascii").decode("idna")
    except UnicodeError:
        return name


def spelled(name: str, how: Names) -> str:
    """A domain name as the panel shows it."""
    if not name:
        return name
    match how:
        case Names.AS_SENT:
            return name
        case Names.UNICODE:
            return unicode_name(name)
        case Names.PUNYCODE:
            return ascii_name(name)
        case Names.UPPER:
            return name.upper()
        case Names.TRAILING_DOT:
            return f"{name}."
        case Names.WITHOUT_WWW:
            return name.removeprefix("www.")
