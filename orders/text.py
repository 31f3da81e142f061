"""Text from outside, before it goes anywhere: no control characters, no halves of characters.

A NUL is refused by PostgreSQL and a lone surrogate by every encoder, each deep inside a transaction; here it is a field
with a sentence.
"""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field


def check_text(text: str) -> str:
    """Raises ValueError."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("contains a control character or an incomplete character")
    return text


def check_lines(text: str) -> str:
    """Text that may have several lines. Raises ValueError."""
    check_text(text.replace("\n", " ").replace("\r", " ").replace("\t", " "))
    return text


def check_prose(text: str) -> str:
    """Text that may have several lines, and says something. Raises ValueError."""
    return check_not_blank(check_lines(text))


def check_not_blank(text: str) -> str:
    """Raises ValueError."""
    if not text.strip():
        raise ValueError("is blank")
    return text


PlainText = Annotated[str, AfterValidator(check_text)]
"""One line, possibly empty."""
Lines = Annotated[str, AfterValidator(check_lines)]
"""One or more lines, possibly empty."""
Words = Annotated[str, Field(min_length=1), AfterValidator(check_text), AfterValidator(check_not_blank)]
"""One line that says something."""
Prose = Annotated[str, Field(min_length=1), AfterValidator(check_prose)]
"""One or more lines that say something."""
