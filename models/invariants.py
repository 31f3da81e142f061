"""What the program relies on and types cannot say."""

from typing import TypeVar

T = TypeVar("T")


def required(value: T | None, what: str) -> T:
    """The value, where the program guarantees that it is there. Raises RuntimeError: the guarantee is broken."""
    if value is None:
        raise RuntimeError(f"a fault of the program: {what} is missing")
    return value
