"""Text that others wrote, before it is shown or goes to Temporal: upstreams, people, whoever signals by hand.

`visible`: it does nothing to a terminal and can't pretend to be other text. `masked`: what is a customer's in it, or a
secret, is left out. `as_code`: Temporal UI renders details as Markdown, where links and images would be live.
"""

import re
from collections.abc import Collection
from typing import TypeVar

from models.messages import Message

M = TypeVar("M", bound=Message)

_SPACES = re.compile(r"\s+")
_LONGEST_WORD = 80
"""What is longer without a space is cut where it has to be."""
_MASKS = (
    (
        "certificate request",
        re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*?(?:-----END [A-Z ]{1,40}-----|\Z)", re.DOTALL),
    ),
    (
        "e-mail address",
        re.compile(
            r"[\w.%+-]{1,64}(?:[@＠]|%40|&#0{0,4}64;|&#[xX]0{0,4}40;|&commat;| ?(?:\(at\)|\[at\]) ?)"
            r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
            re.IGNORECASE,
        ),
    ),
    (
        "telephone number",
        re.compile(
            r"\+[0-9][0-9 ()./-]{6,20}[0-9]|(?<![\w(])8? ?\([0-9]{3,5}\) ?[0-9]{2,3}[ -]?[0-9]{2}[ -]?[0-9]{2,3}"
            r"|(?<![\w.:/-])0[0-9]{2,4}[ /-]{1,3}[0-9]{2,4}(?:[ /-]?[0-9]{2,4}){1,3}(?![\w:-])"  # 0170/555-12-34
            r"|(?<![\w.:/-])8[ -][0-9]{3}[ -][0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}(?![\w:-])"  # 8 800 555-35-35
            r"|(?<![\w.:/-])[0-9]{3}-[0-9]{3}-[0-9]{4}(?![\w:-])"  # 555-123-4567
        ),
    ),
    (
        "secret",
        re.compile(
            r"(?<=\bauthinfo=)[^\s&]+|(?<=\bauth=)[^\s&]+|(?<=\bpassword=)[^\s&]+|(?<=\bpasswd=)[^\s&]+"
            r"|(?<=\btoken=)[^\s&]+|(?<=\bsecret=)[^\s&]+|(?<=\blickey=)[^\s&]+|(?<=\bBearer )[^\s&]+"
            r"|(?<=\bpassword: )\S+|(?<=\bpasswort: )\S+|(?<=\bпароль: )\S+|(?<=\blickey: )\S+",
            re.IGNORECASE,
        ),
    ),
)


def visible(text: str) -> str:
    """One line of it, in which nothing is hidden: control characters, those that turn the direction of writing, and
    others without a shape become a dot."""
    plain = _SPACES.sub(" ", text).strip()
    return plain if plain.isprintable() else "".join(one if one.isprintable() else "·" for one in plain)


def shortened(text: str, most: int) -> str:
    """At most so many characters. A word that does not fit is left out whole, as far as that is a word: what is left of
    a name or an address could not be distinguished from other words any more."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    if not text[most - 1].isspace() and (before := kept.rfind(" ", max(0, len(kept) - _LONGEST_WORD))) > 0:
        kept = kept[:before]
    return f"{kept.rstrip()}…"


def visible_lines(text: str) -> str:
    """`visible` for each line of a text."""
    return "\n".join(one.rstrip() if one.isprintable() else _without_tricks(one) for one in text.split("\n"))


def _without_tricks(line: str) -> str:
    return "".join(one if one.isprintable() else " " if one == "\t" else "·" for one in line).rstrip()


def as_code(text: str) -> str:
    """In a line of Markdown: letter by letter as it is, with no link, image, emphasis or curly quotes made of it."""
    plain = visible(text).replace("`", "'")
    return f"`{plain}`" if plain else ""


def masked(text: str, names: Collection[str] = ()) -> str:
    """Without e-mail addresses, telephone numbers, certificate requests, passwords and these names; what each was is
    said."""
    for what, pattern in _MASKS:
        text = pattern.sub(f"‹{what}›", text)
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(
            rf"(?<![\w.-])(?:[\w-]{{1,63}}\.){{0,6}}{re.escape(name)}(?![\w-]|\.\w)",
            "‹name›",
            text,
            flags=re.IGNORECASE,
        )
    return text


def masked_message(message: M, names: Collection[str] = ()) -> M:
    """The same message, veiled in every text; the same object if there is nothing to veil."""
    changed: dict[str, object] = {}
    for name in type(message).model_fields:
        before = getattr(message, name)
        after = _masked_value(before, names)
        if after is not before and after != before:
            changed[name] = after
    return message.model_copy(update=changed) if changed else message


def _masked_value(value: object, names: Collection[str]) -> object:
    match value:
        case Message():
            return masked_message(value, names)
        case str() if type(value) is str:  # not the words of an enum
            return masked(value, names)
        case _:
            return value
