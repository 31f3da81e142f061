"""Periods: a number of months, or one of three numbers that stand for what is no number of months.

They are those of the catalogue file, and stored. An adapter translates them into its upstream's.
"""

TRIAL, DAY, FOR_EVER = -100, -50, 0
SPECIAL_PERIODS = (TRIAL, DAY, FOR_EVER)


def has_next_term(months: int) -> bool:
    """Whether a service of this period is ever renewed."""
    return months not in (TRIAL, FOR_EVER)


def never_renewed(months: int) -> str:
    """Why nothing of this period can be renewed automatically, and what to write instead."""
    what = "a trial" if months == TRIAL else "a service for ever"
    return f'{what} has no next term, so it can\'t be "automatic"; write "storefront", or leave it out'


def term_days(months: int) -> int:
    """Days of the shortest term of so many months."""
    return 1 if months == DAY else 28 * months


def period_of_sale(months: int) -> str:
    """Behind the name of a plan: " for 1 month", " for ever", " as a trial"."""
    words = {FOR_EVER: " for ever", TRIAL: " as a trial"}
    return words.get(months, f" for {period_in_words(months)}")


def period_in_words(months: int | str) -> str:
    """How long a period is, for people: "1 month", "12 months"."""
    words = {FOR_EVER: "for ever", 1: "1 month", TRIAL: "a trial", DAY: "a day"}
    return words.get(int(months), f"{months} months")
