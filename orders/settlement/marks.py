"""Our marks as an upstream shows them: whole, in other letters, or cut short by a narrow column."""

from collections.abc import Iterable

AT_LEAST = 6
"""Fewer letters of a mark name nobody."""


def same_mark(shown: str, mark: str) -> bool:
    return _plain(shown) == _plain(mark)


def is_cut(shown: str, mark: str, *, significant: bool = True) -> bool:
    """`shown` is a beginning of the mark. `significant`: one that is long enough to prove something alone."""
    start, whole = _plain(shown).rstrip(".…"), _plain(mark)
    if not start or start == whole or not whole.startswith(start):
        return False
    return not significant or len(start) >= max(AT_LEAST, len(whole) // 2)


def may_be_cut_of(shown: str, others: Iterable[str]) -> bool:
    """Whether it may be the beginning of one of these: then even the whole mark alone proves nothing."""
    return any(is_cut(shown, mark, significant=False) for mark in others)


def _plain(text: str) -> str:
    return text.strip().casefold()
