"""Periods in words: what a price is for ("127.50 RUB / month"), what a list calls a renewal ("Month", "Off").

Words come in the language of the panel, in spite of `lang=en` at some (seen in code), so both of its languages are
understood. A word that is not known stays unknown.
"""

import re

from models.periods import DAY, FOR_EVER, TRIAL
from upstreams.billmanager.numbers import whole

NOT_MONTHS = -1
"""A unit that is no number of months, or none that is known: a day, an hour, a piece."""

CHARACTERS = 200
"""Characters of a text that is read as a period or as a price with one; a longer text is neither."""
_COUNT_DIGITS = 6

_UNITS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), months)
    for pattern, months in (
        (r"half[ -]?(?:a[ -])?year|semi-?annual|полугод|полгода", 6),
        (r"quarter|квартал", 3),
        (r"month|\bmon?\b|мес(?:\b|яц|\.)|ежемесяч", 1),
        (r"year|\byr\b|annual|\bгод|\bлет\b|ежегод", 12),
        (r"day|daily|hour|week|minute|день|дня|дней|сут|час|недел|ежедневн", NOT_MONTHS),
    )
)
_COUNT = re.compile(r"\d+")
_FOR = re.compile(r"/|\(|(?<!\w)(?:per|each|every|a|в|за|каждый)\s+(?=\S)", re.IGNORECASE)
_ADVERB = re.compile(r"(?<![\s,])[\s,]+(?=\w*(?:ly|annual|ежемесячно|ежегодно|ежедневно)\b)", re.IGNORECASE)

_CODES = frozenset({"on", "off", "null"})
_OFF_CODES = frozenset({"off", "null", "0", "no", "false", "none"})
_ON = frozenset({"yes", "enabled", "active", "да", "вкл", "включено", "включен", "включена"})
_OFF = frozenset(
    {"no", "none", "disabled", "inactive", "not set", "never", "do not renew", "manual", "manually"}
    | {"нет", "выкл", "выключено", "отключено", "отключен", "отключена", "не задано", "не продлевать", "вручную"}
)


def months(text: str) -> int | None:
    """The months of `12`, `Month`, `3 months`, `Полгода`; the special values as they are; None for anything else."""
    plain = text.strip()
    if len(plain) > CHARACTERS:
        return None
    if (number := whole(plain)) is not None:
        return number
    for pattern, unit in _UNITS:
        if pattern.search(plain):
            count = _COUNT.search(plain)
            if unit == NOT_MONTHS or count is None:
                return unit
            times = whole(count[0], _COUNT_DIGITS)
            return None if times is None else unit * times
    return None


def price_and_unit(text: str) -> tuple[str, int | None]:
    """The amount and what it is for, in months: None where no unit is written, NOT_MONTHS for any other unit."""
    if len(text) > CHARACTERS:
        return text, None
    split = _FOR.search(text) or _ADVERB.search(text)
    if split is None or not any(character.isdigit() for character in text[: split.start()]):
        return text, None
    unit = text[split.end() :].strip(" .)")
    if not unit:
        return text[: split.start()], None
    found = months(unit)
    return text[: split.start()], NOT_MONTHS if found is None else found


def renewal(shown: str) -> str:
    """The upstream's renewal as a code: a period in months, `on`, `off`, `null`; empty where a word is not known.

    Codes stay as they are. Lists show a localised word instead (GCOREAD, TSCONN, seen in code), which says by what
    period it is renewed.
    """
    word = shown.strip().lower().rstrip(".")
    if word in _CODES or whole(word) is not None:
        return shown.strip()
    if word in _OFF:
        return "off"
    if word in _ON:
        return "on"
    found = months(word)
    return "" if found is None or found == NOT_MONTHS else str(found)


def renews(code: str) -> bool | None:
    """Whether a code of `renewal` says that the upstream renews automatically; None: it can't be known."""
    if not code:
        return None
    word = code.lower()
    if word in _OFF_CODES:
        return False
    return True if word in ("on", "yes", "true") or re.fullmatch(r"-?[0-9]{1,4}", word) else None


def period_code(period: int) -> str:
    """A period as the upstream has it: the months, or its number for what is none (SITE, SVCAPI documented)."""
    return {TRIAL: "-100", DAY: "-50", FOR_EVER: "0"}.get(period, str(period))
